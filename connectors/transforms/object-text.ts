/**
 * Where the members of a JSON object stand in its text, for transforms that take, drop or rename some of them: what they
 * leave alone is copied as it is, neither parsed nor written anew, which is most of what such a transform costs. Step 2.
 *
 * Not a check: what stands inside values is not looked at, because sources hand over JSON. Whoever is in doubt answers
 * null, and the text is parsed.
 */
import { type ConnectRecord, JsonText, RecordDraft, type RecordValue } from '../api/index.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SPACE = 0x20;

/** Of each member: where its name begins and ends (between the quotes), where its value begins and ends. */
const PLACES = 4;

/** The text of an object, and where in it each member stands. */
export class ObjectText {
  readonly bytes: Uint8Array;
  readonly #places: readonly number[];

  private constructor(bytes: Uint8Array, places: readonly number[]) {
    this.bytes = bytes;
    this.#places = places;
  }

  /** Null where a value is no text, has been parsed already, or is not plainly an object. */
  static of(value: RecordValue): ObjectText | null {
    return value instanceof JsonText && !value.isParsed ? ObjectText.in(value.bytes) : null;
  }

  static in(bytes: Uint8Array): ObjectText | null {
    const places = placesIn(bytes);
    return places === null ? null : new ObjectText(bytes, places);
  }

  get count(): number {
    return this.#places.length / PLACES;
  }

  /** Whether the member of this number is called so; the name as UTF-8, without quotes. */
  isCalled(member: number, name: Uint8Array): boolean {
    const start = this.#places[member * PLACES]!;
    if (this.#places[member * PLACES + 1]! - start !== name.length) return false;
    for (let index = 0; index < name.length; index++) {
      if (this.bytes[start + index] !== name[index]) return false;
    }
    return true;
  }

  /** The name of the member of this number. */
  name(member: number): string {
    const at = member * PLACES;
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength).toString(
      'utf8',
      this.#places[at],
      this.#places[at + 1],
    );
  }

  /** The text of its value. */
  valueAt(member: number): Uint8Array {
    return this.bytes.subarray(this.#places[member * PLACES + 2], this.#places[member * PLACES + 3]);
  }

  /** The text of a member's value; null where there is none of this name. Of two with one name the last counts. */
  value(name: Uint8Array): Uint8Array | null {
    for (let member = this.count - 1; member >= 0; member--) {
      if (!this.isCalled(member, name)) continue;
      return this.valueAt(member);
    }
    return null;
  }

  /** The text with other values for some members: undefined leaves the member of that number as it is. */
  withValues(values: readonly (Uint8Array | undefined)[]): Buffer {
    const parts: Uint8Array[] = [];
    let from = 0;
    for (const [member, value] of values.entries()) {
      if (value === undefined) continue;
      parts.push(this.bytes.subarray(from, this.#places[member * PLACES + 2]), value);
      from = this.#places[member * PLACES + 3]!;
    }
    return Buffer.concat([...parts, this.bytes.subarray(from)]);
  }

  /**
   * The text with some members only, each under its name or another. `names` holds one for each member: null drops it,
   * undefined leaves it as it is, else it is the new name in quotes.
   */
  rewritten(names: readonly (Uint8Array | null | undefined)[]): Buffer {
    let length = this.bytes.length;
    for (const name of names) if (name != null) length += name.length;
    const text = Buffer.allocUnsafe(length);
    let at = 0;
    text[at++] = OPEN;
    for (let member = 0; member < names.length; member++) {
      const name = names[member];
      if (name === null) continue;
      if (at > 1) text[at++] = COMMA;
      const place = member * PLACES;
      const end = this.#places[place + 3]!;
      let from = this.#places[place]! - 1;
      if (name !== undefined) {
        text.set(name, at);
        at += name.length;
        from = this.#places[place + 1]! + 1;
      }
      at = copied(this.bytes, from, end, text, at);
    }
    text[at++] = CLOSE;
    return text.subarray(0, at);
  }
}

/** A later transform of the chain asks for fields: then parsing once, now, costs less than text that is parsed later. */
export function isParsedAnyway(record: ConnectRecord): boolean {
  return record instanceof RecordDraft && record.fieldsFollow;
}

/** Up to here a loop is quicker than a view and a call. */
const LOOP_BYTES_MAX = 48;

function copied(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > LOOP_BYTES_MAX) to.set(from.subarray(start, end), at);
  else for (let index = start; index < end; index++) to[at + index - start] = from[index]!;
  return at + end - start;
}

function placesIn(bytes: Uint8Array): number[] | null {
  let at = afterBlanks(bytes, 0);
  if (bytes[at] !== OPEN) return null;
  at = afterBlanks(bytes, at + 1);
  const places: number[] = [];
  while (bytes[at] !== CLOSE || places.length > 0) {
    if (bytes[at] !== QUOTE) return null;
    const name = at + 1;
    at = endOfPlainString(bytes, at);
    if (at < 0) return null;
    const nameEnd = at - 1;
    at = afterBlanks(bytes, at);
    if (bytes[at] !== COLON) return null;
    const value = afterBlanks(bytes, at + 1);
    const valueEnd = endOfValue(bytes, value);
    if (valueEnd <= value) return null;
    places.push(name, nameEnd, value, valueEnd);
    at = afterBlanks(bytes, valueEnd);
    if (bytes[at] === CLOSE) break;
    if (bytes[at] !== COMMA) return null;
    at = afterBlanks(bytes, at + 1);
  }
  return afterBlanks(bytes, at + 1) === bytes.length ? places : null;
}

function afterBlanks(bytes: Uint8Array, at: number): number {
  while (at < bytes.length && bytes[at]! <= SPACE) at++;
  return at;
}

/** Behind the closing quote; -1 where an escape stands before it, or there is none. */
function endOfPlainString(bytes: Uint8Array, at: number): number {
  for (let next = at + 1; next < bytes.length; next++) {
    if (bytes[next] === QUOTE) return next + 1;
    if (bytes[next] === BACKSLASH) return -1;
  }
  return -1;
}

function endOfString(bytes: Uint8Array, at: number): number {
  for (let next = at + 1; next < bytes.length; next++) {
    if (bytes[next] === BACKSLASH) next++;
    else if (bytes[next] === QUOTE) return next + 1;
  }
  return -1;
}

/** -1 where the text ends before the value does. */
function endOfValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  if (first !== OPEN && first !== OPEN_BRACKET) return endOfScalar(bytes, at);
  let depth = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if (byte === OPEN || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE || byte === CLOSE_BRACKET) && --depth === 0) return at;
  }
  return -1;
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === COMMA || byte === CLOSE || byte === CLOSE_BRACKET || byte <= SPACE) break;
    at++;
  }
  return at;
}
