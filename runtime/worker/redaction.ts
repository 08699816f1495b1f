/**
 * Keeps what references have resolved to out of everything that is said: statuses, logs, answers, dead letters. A plugin's
 * error may quote its password in any form a client library gives it.
 *
 * A value is found again as it is, trimmed, and as JSON, URLs and base64 write it. One of few letters is found as a word
 * of its own only, or it would eat parts of other words.
 */
const HIDDEN = '[hidden]';
/** A value this long is no part of another word by accident. */
const ANYWHERE_LENGTH_MIN = 6;
/** More values than any house has references; the oldest is then forgotten. */
const VALUES_MAX = 10_000;
/** Words that a boolean key resolves to: they are no secrets, and every other sentence has them. */
const plainWords: ReadonlySet<string> = new Set(['', 'true', 'false']);
/** Deeper objects are noise in a log line. */
const DEPTH_MAX = 6;

export class Redaction {
  readonly #values = new Set<string>();
  #pattern: RegExp | null = null;

  remember(value: string): void {
    if (plainWords.has(value.trim()) || this.#values.has(value)) return;
    this.#values.add(value);
    if (this.#values.size > VALUES_MAX) this.#values.delete(this.#values.values().next().value!);
    this.#pattern = null;
  }

  /** The text without any of the values. */
  hide(text: string): string {
    if (this.#values.size === 0) return text;
    this.#pattern ??= patternOf([...this.#values].flatMap(formsOf));
    return text.replace(this.#pattern, HIDDEN);
  }

  /** A log line's fields, or an error with all it carries, without any of the values; itself where there are none in it. */
  clean(value: unknown, depth = 0): unknown {
    if (this.#values.size === 0 || depth > DEPTH_MAX) return value;
    if (typeof value === 'string') return this.hide(value);
    if (value instanceof Error) return this.#cleanError(value, depth);
    if (Array.isArray(value)) return this.#cleanList(value, depth);
    return isPlain(value) ? this.#cleanMembers(value, depth) : value;
  }

  #cleanList(list: readonly unknown[], depth: number): readonly unknown[] {
    const cleaned = list.map((each) => this.clean(each, depth + 1));
    return cleaned.every((each, index) => each === list[index]) ? list : cleaned;
  }

  #cleanMembers(members: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
    const entries = Object.entries(members);
    const cleaned = entries.map(([key, each]) => [key, this.clean(each, depth + 1)] as const);
    return cleaned.every(([, each], index) => each === entries[index]![1]) ? members : Object.fromEntries(cleaned);
  }

  /** The error itself where there is nothing to hide, along its chain of causes; else one that says the rest. */
  #cleanError(error: Error, depth: number): Error {
    const cause = this.clean(error.cause, depth + 1);
    const [message, stack] = [this.hide(error.message), this.hide(error.stack ?? '')];
    const own = { ...error } as Record<string, unknown>;
    const members = this.#cleanMembers(own, depth + 1);
    const isClean = message === error.message && stack === (error.stack ?? '') && cause === error.cause;
    if (isClean && members === own) return error;
    const cleaned = new Error(message, cause === undefined ? undefined : { cause });
    return Object.assign(cleaned, members, { name: error.name, stack });
  }
}

/** How a client library may quote a value. */
function formsOf(value: string): string[] {
  const trimmed = value.trim();
  const lines = trimmed.split(/\s*\r?\n\s*/).filter((line) => line.length >= ANYWHERE_LENGTH_MIN);
  const forms = [value, trimmed, JSON.stringify(value).slice(1, -1), encoded(value)];
  if (trimmed.length >= ANYWHERE_LENGTH_MIN) {
    forms.push(base64(value), base64(trimmed), ...[0, 1, 2].map((before) => stem(trimmed, before)));
  }
  return [...forms, ...lines];
}

const base64 = (value: string) => Buffer.from(value).toString('base64');
/**
 * What base64 makes of a value inside other text (`Authorization: Basic` has user and password in one), `before` bytes
 * after a group of three began: without the letters that depend on what stands before and behind.
 */
const stem = (value: string, before: number) =>
  base64('x'.repeat(before) + value)
    .replace(/=+$/, '')
    .slice(before === 0 ? 0 : before + 1, -1);

function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

/** Longer ones first, so that none leaves a part of another behind. */
function patternOf(forms: readonly string[]): RegExp {
  const sorted = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return new RegExp(sorted.map(patternOfOne).join('|'), 'gu');
}

function patternOfOne(form: string): string {
  const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  if (form.length >= ANYWHERE_LENGTH_MIN) return literal;
  return `(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
