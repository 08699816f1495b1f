/**
 * Adds members to the text of a JSON object without reading it: the bytes up to the last brace, then the members. What is
 * in the object is neither parsed nor written anew, which is most of what a transform of JSON text costs; and the bytes
 * are put together once, when somebody asks for them, however many transforms have added something.
 */

import type { ConnectValue } from './schema.ts';

type Parse = (json: Uint8Array) => ConnectValue;

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE_BRACKET = 0x5d;
/** Space, tab and line ends; JSON has no other blanks. */
const BLANK_MAX = 0x20;

/**
 * The strings that a text may hold, as 128 bits: one for the first bytes behind each quote. A name whose bit is not set is
 * nowhere in the text, which spares most texts the search for it.
 */
class Marks {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;

  constructor(a: number, b: number, c: number, d: number) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /** Of all strings of a text. */
  static of(text: Buffer, from: number, end: number): Marks {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let at = from; at < end; at++) {
      if (text[at] !== QUOTE) continue;
      const bit = bitBehind(text, at);
      if (bit < 0) continue;
      if (bit < 32) a |= 1 << bit;
      else if (bit < 64) b |= 1 << (bit - 32);
      else if (bit < 96) c |= 1 << (bit - 64);
      else d |= 1 << (bit - 96);
    }
    return new Marks(a, b, c, d);
  }

  /** True also where nobody can tell (-1). */
  mayHave(bit: number): boolean {
    if (bit < 0) return true;
    const word = bit < 64 ? (bit < 32 ? this.a : this.b) : bit < 96 ? this.c : this.d;
    return ((word >> (bit & 31)) & 1) === 1;
  }
}

/** Names that begin alike (`kafka_topic`, `kafka_offset`) must differ in as many bytes. */
const MARKED_BYTES = 10;

/**
 * The bit of the string behind a quote. -1 for what stands behind a quote that closes, and for strings that begin like
 * that: those are always searched for.
 */
function bitBehind(text: Buffer, quote: number): number {
  const first = text[quote + 1]! | 0;
  if (first === COLON || first === COMMA || first === CLOSE || first === CLOSE_BRACKET || first <= BLANK_MAX) return -1;
  // Behind the quotes of an empty string stands whatever follows.
  if (first === QUOTE) return -1;
  let hash = first;
  for (let at = quote + 2; at <= quote + MARKED_BYTES && text[at] !== QUOTE; at++) {
    hash = (Math.imul(hash, 31) + (text[at]! | 0)) | 0;
  }
  return Math.imul(hash, 0x9e3779b1) >>> 25;
}

/** Members as they are added, written once for many records. */
export class JsonMembers {
  /** `,"a":1,"b":2`: a comma before each. */
  readonly text: Buffer;
  readonly names: readonly string[];
  /** In quotes, and their bits in the marks of a text. */
  readonly quoted: readonly Buffer[];
  readonly bits: readonly number[];
  readonly #json: readonly string[];
  #values: readonly ConnectValue[] | null = null;

  /** Names, and their values as JSON. At least one, none twice. */
  constructor(members: readonly (readonly [name: string, json: string])[]) {
    this.text = Buffer.from(members.map(([name, json]) => `,${JSON.stringify(name)}:${json}`).join(''));
    this.names = members.map(([name]) => name);
    this.#json = members.map(([, json]) => json);
    this.quoted = this.names.map((name) => Buffer.from(JSON.stringify(name)));
    this.bits = this.quoted.map((name) => bitBehind(name, 0));
  }

  /** Adds them to an object that has just been parsed and is nobody's yet. */
  addTo(object: Record<string, ConnectValue>, parse: Parse): void {
    this.#values ??= this.#json.map((json) => parse(Buffer.from(json)));
    for (let index = 0; index < this.names.length; index++) {
      const name = this.names[index]!;
      const value = this.#values[index]!;
      if (name === '__proto__') Object.defineProperty(object, name, { value, ...ordinary });
      else object[name] = value;
    }
  }
}

const ordinary = { writable: true, enumerable: true, configurable: true };

/** The object as it came. */
class Original {
  readonly text: Buffer;
  /** Where its last brace is. */
  readonly end: number;
  /** An empty object takes no comma: 1, else 0. */
  readonly skipped: number;
  readonly #marks: Marks;

  constructor(text: Buffer, start: number, end: number) {
    let last = end - 1;
    while (last > start && text[last]! <= BLANK_MAX) last--;
    this.text = text;
    this.end = end;
    this.skipped = last === start ? 1 : 0;
    this.#marks = Marks.of(text, start, end);
  }

  /** True also where a name is only below, or inside a text: then parsing is slower, not wrong. */
  mayHave({ quoted, bits }: JsonMembers): boolean {
    for (let index = 0; index < bits.length; index++) {
      if (this.#marks.mayHave(bits[index]!) && this.text.includes(quoted[index]!)) return true;
    }
    return false;
  }
}

/** The text of an object with members behind its last. Made by {@link extend}. */
export class ExtendedObject {
  readonly #original: Original;
  readonly #before: ExtendedObject | null;
  readonly #members: JsonMembers;

  constructor(original: Original, before: ExtendedObject | null, members: JsonMembers) {
    this.#original = original;
    this.#before = before;
    this.#members = members;
  }

  /** The same with more members; null where it may have one of that name. */
  with(members: JsonMembers): ExtendedObject | null {
    for (const name of members.names) if (this.#hasAdded(name)) return null;
    return this.#original.mayHave(members) ? null : new ExtendedObject(this.#original, this, members);
  }

  #hasAdded(name: string): boolean {
    for (let each: ExtendedObject | null = this; each !== null; each = each.#before) {
      if (each.#members.names.includes(name)) return true;
    }
    return false;
  }

  /** What parsing the bytes would give; the added members are not written to be read. */
  parse(parse: Parse): ConnectValue {
    const object = parse(this.#original.text) as Record<string, ConnectValue>;
    this.#addTo(object, parse);
    return object;
  }

  #addTo(object: Record<string, ConnectValue>, parse: Parse): void {
    if (this.#before !== null) this.#before.#addTo(object, parse);
    this.#members.addTo(object, parse);
  }

  /** Puts the bytes together, from the end. */
  bytes(): Buffer {
    const { text, end, skipped } = this.#original;
    let length = end - skipped + 1;
    for (let each: ExtendedObject | null = this; each !== null; each = each.#before)
      length += each.#members.text.length;
    const bytes = Buffer.allocUnsafe(length);
    let at = length - 1;
    bytes[at] = CLOSE;
    for (let each: ExtendedObject | null = this; each !== null; each = each.#before) {
      at -= each.#members.text.length;
      bytes.set(each.#members.text, at);
    }
    // In an empty object the first comma is below the last of these.
    text.copy(bytes, 0, 0, end);
    return bytes;
  }
}

/** Null where the bytes are no object, or may have a member of such a name: then it has to be parsed. */
export function extend(bytes: Uint8Array, members: JsonMembers): ExtendedObject | null {
  const text = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let end = text.length - 1;
  while (start < end && text[start]! <= BLANK_MAX) start++;
  while (end > start && text[end]! <= BLANK_MAX) end--;
  if (text[start] !== OPEN || text[end] !== CLOSE) return null;
  const original = new Original(text, start, end);
  return original.mayHave(members) ? null : new ExtendedObject(original, null, members);
}
