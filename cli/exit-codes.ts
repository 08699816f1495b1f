/**
 * What a Millrace command tells the shell when it ends: a closed list, the same for every command.
 *
 * Part of the public surface (design.md section 2); a script may rely on each number.
 */

/** Sysexits' EX_CONFIG (78), `timeout`'s 124 and the shell's 130 (128 + SIGINT) are kept where they exist. */
export const ExitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  refused: 5,
  conflict: 6,
  badConfiguration: 78,
  timeout: 124,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCodes)[keyof typeof ExitCodes];
