/**
 * Adds members to the text of a JSON object without reading it: the bytes up to the last brace, then the members. What is
 * in the object is neither parsed nor written anew, which is most of what a transform of JSON text costs; and the bytes
 * are put together once, when somebody asks for them, however many transforms have added something. Until then nobody
 * even looks whether the object has such members already.
 */

import { type AddAll, addAll, type Fields, type HasNone, hasNone } from './member-code.ts';
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

/** Members as one transform adds them, written once for many records. */
export class JsonMembers {
  /** `,"a":1,"b":2`: a comma before each. */
  readonly text: Buffer;
  readonly names: readonly string[];
  readonly #json: readonly string[];
  #values: readonly ConnectValue[] | null = null;
  /** What `behind` answered last: the transforms of a chain add the same to every record. */
  #added: AddedMembers | null = null;

  /** Names, and their values as JSON. At least one, none twice. */
  constructor(members: readonly (readonly [name: string, json: string])[]) {
    this.text = Buffer.from(members.map(([name, json]) => `,${JSON.stringify(name)}:${json}`).join(''));
    this.names = members.map(([name]) => name);
    this.#json = members.map(([, json]) => json);
  }

  /** The values, parsed once. */
  values(parse: Parse): readonly ConnectValue[] {
    this.#values ??= this.#json.map((json) => parse(Buffer.from(json)));
    return this.#values;
  }

  /** These behind what was added before. */
  behind(before: AddedMembers | null): AddedMembers {
    if (this.#added === null || this.#added.before !== before) this.#added = new AddedMembers(before, this);
    return this.#added;
  }
}

/** All that was added to a text: the members of one transform behind those of another. */
export class AddedMembers {
  readonly before: AddedMembers | null;
  readonly #last: JsonMembers;
  #together: Together | null = null;
  #hasNone: HasNone | null = null;
  #addAll: AddAll | null = null;
  #values: readonly ConnectValue[] = [];

  constructor(before: AddedMembers | null, last: JsonMembers) {
    this.before = before;
    this.#last = last;
  }

  #all(): readonly JsonMembers[] {
    return this.before === null ? [this.#last] : [...this.before.#all(), this.#last];
  }

  get together(): Together {
    this.#together ??= new Together(this.#all());
    return this.#together;
  }

  /** Whether their text may stand behind that of an object: it has none of them, and no JSON of its own making. */
  mayFollow(fields: Fields): boolean {
    if (this.together.isOneTwice) return false;
    this.#hasNone ??= hasNone([...this.#all().flatMap(({ names }) => names), 'toJSON']);
    return this.#hasNone(fields);
  }

  /** A copy of an object with them. */
  onto(fields: Fields, parse: Parse): Record<string, ConnectValue> {
    const copy = { ...fields };
    this.addTo(copy, parse);
    return copy;
  }

  /** Adds them to an object that has just been made and is nobody's yet. */
  addTo(object: Record<string, ConnectValue>, parse: Parse): void {
    if (this.#addAll === null) {
      const all = this.#all();
      this.#values = all.flatMap((members) => members.values(parse));
      this.#addAll = addAll(all.flatMap(({ names }) => names));
    }
    this.#addAll(object, this.#values);
  }
}

/** What has to be known of members to write them into a text. */
class Together {
  readonly text: Buffer;
  /** Names in quotes, and their bits in the marks of a text. */
  readonly #quoted: readonly Buffer[];
  readonly #bits: readonly number[];
  readonly isOneTwice: boolean;

  constructor(all: readonly JsonMembers[]) {
    const names = all.flatMap((members) => members.names);
    this.text = all.length === 1 ? all[0]!.text : Buffer.concat(all.map(({ text }) => text));
    this.#quoted = names.map((name) => Buffer.from(JSON.stringify(name)));
    this.#bits = this.#quoted.map((name) => bitBehind(name, 0));
    this.isOneTwice = new Set(names).size < names.length;
  }

  /** True also where a name is only below, or inside a text: then parsing is slower, not wrong. */
  mayBeIn(text: Buffer, start: number, end: number): boolean {
    const marks = Marks.of(text, start, end);
    for (let index = 0; index < this.#bits.length; index++) {
      if (marks.mayHave(this.#bits[index]!) && text.includes(this.#quoted[index]!)) return true;
    }
    return false;
  }
}

/** Whether this may be the text of an object: it begins and ends like one. */
export function isObjectText(bytes: Uint8Array): boolean {
  let start = 0;
  let end = bytes.length - 1;
  while (start < end && bytes[start]! <= BLANK_MAX) start++;
  while (end > start && bytes[end]! <= BLANK_MAX) end--;
  return start < end && bytes[start] === OPEN && bytes[end] === CLOSE;
}

/**
 * The text of an object (see {@link isObjectText}) with these behind its last member. Null where one of the names may be
 * there already, or is added twice: then the object has to be parsed, and written anew.
 */
export function joined(bytes: Uint8Array, { together }: AddedMembers): Buffer | null {
  const text = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let end = text.length - 1;
  while (text[start] !== OPEN) start++;
  while (text[end] !== CLOSE) end--;
  if (together.isOneTwice || together.mayBeIn(text, start, end)) return null;
  let last = end - 1;
  while (last > start && text[last]! <= BLANK_MAX) last--;
  // An empty object takes no comma: its brace comes to stand there.
  const from = last === start ? end - 1 : end;
  const whole = Buffer.allocUnsafe(from + together.text.length + 1);
  whole.set(together.text, from);
  text.copy(whole, 0, 0, end);
  whole[whole.length - 1] = CLOSE;
  return whole;
}
