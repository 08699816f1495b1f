/**
 * The CLI's errors: a stable code, one sentence, its cause and the next step, each with the exit code it ends in.
 *
 * Every command throws these; `main.ts` alone prints them. Codes are listed in docs/errors.md.
 */
import { type ExitCode, ExitCodes } from './exit-codes.ts';

/** Code → the exit code it ends in. */
export const cliErrorCodes = {
  USAGE: ExitCodes.usage,
  NOT_FOUND: ExitCodes.notFound,
  UNREACHABLE: ExitCodes.unreachable,
  REFUSED: ExitCodes.refused,
  CONFLICT: ExitCodes.conflict,
  BAD_CONFIGURATION: ExitCodes.badConfiguration,
  TIMEOUT: ExitCodes.timeout,
  PORT_TAKEN: ExitCodes.conflict,
  DATA_DIRECTORY_HELD: ExitCodes.conflict,
  BAD_INPUT: ExitCodes.failed,
  FAILED: ExitCodes.failed,
} as const satisfies Record<string, ExitCode>;

export type CliErrorCode = keyof typeof cliErrorCodes;

export interface CliErrorOptions {
  /** What the reader should do now: a command or a setting. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** A command that could not do what it was asked. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly next: string | null;

  constructor(code: CliErrorCode, message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.code = code;
    this.next = options.next ?? null;
  }

  get exitCode(): ExitCode {
    return cliErrorCodes[this.code];
  }
}

/** An error's chain of causes as sentences, the outermost first, without repeating itself. */
export function causes(error: unknown): string[] {
  const sentences: string[] = [];
  // A chain that refers to itself must not hang the printer; ten links are more than anybody reads.
  for (let link = error, depth = 0; link != null && depth < 10; depth++) {
    const message = link instanceof Error ? link.message || link.name : String(link);
    if (!sentences.some((sentence) => sentence.includes(message))) sentences.push(message);
    link = link instanceof Error ? link.cause : undefined;
  }
  return sentences;
}

/** True for the errors of a server that is not there or went away, from any of the libraries below us. */
export function isUnreachable(error: unknown): boolean {
  for (let link = error; link instanceof Error; link = link.cause as Error) {
    const code = (link as NodeJS.ErrnoException).code ?? '';
    if (/^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EPIPE|UND_ERR_SOCKET)$/.test(code)) {
      return true;
    }
    if (link instanceof AggregateError && link.errors.some(isUnreachable)) return true;
  }
  return false;
}
