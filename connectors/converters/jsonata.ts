/**
 * JSONata, the language of Confluent's migration rules (docs.jsonata.org), behind an interface of our own.
 *
 * Bounded: an expression that runs too long, nests too deep or makes too much fails, and its patterns are matched in
 * linear time (RE2's syntax), so that a schema's rule cannot hold up who reads.
 */
import { createRequire } from 'node:module';

/** Resolves with the message that the expression makes of one; undefined where it makes nothing. Rejects when it fails. */
export type JsonataProgram = (message: unknown) => Promise<unknown>;

/** Milliseconds for one message; a realistic migration takes a tenth of one, but a busy machine is not the rule's fault. */
const TIMEOUT_MS = 5000;
/** Calls within calls. */
const STACK_MAX = 500;
/** Longest list an expression may make. */
const SEQUENCE_MAX = 100_000;

const load = createRequire(import.meta.url);

/** Throws with the engine's sentence for a text that is no expression. The engine is loaded with the first one. */
export function openJsonata(text: string, timeoutMs = TIMEOUT_MS): JsonataProgram {
  const jsonata = load('jsonata') as typeof import('jsonata');
  const expression = jsonata(text, {
    timeout: timeoutMs,
    stack: STACK_MAX,
    sequence: SEQUENCE_MAX,
    RegexEngine: LinearRegExp as unknown as RegExpConstructor,
  });
  return async (message) => expression.evaluate(message);
}

/** As much of a RegExp as JSONata asks for: the next match from `lastIndex` on, with its groups. */
class LinearRegExp {
  lastIndex = 0;
  readonly #regex: ReturnType<typeof import('re2js')['RE2JS']['compile']>;

  constructor({ source, flags }: RegExp) {
    const { RE2JS } = load('re2js') as typeof import('re2js');
    const ignoreCase = flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0;
    const multiline = flags.includes('m') ? RE2JS.MULTILINE : 0;
    this.#regex = RE2JS.compile(RE2JS.translateRegExp(source), ignoreCase | multiline);
  }

  exec(text: string): (string[] & { index: number }) | null {
    const matcher = this.#regex.matcher(text);
    if (this.lastIndex > text.length || !matcher.find(this.lastIndex)) {
      this.lastIndex = 0;
      return null;
    }
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, i) => matcher.group(i) ?? undefined);
    this.lastIndex = matcher.end();
    return Object.assign(groups as string[], { index: matcher.start() });
  }
}
