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

/** The names of the members that one transform adds, the same for many records whatever the values are. */
export class MemberNames {
  readonly names: readonly string[];
  /** Each as its member begins: a comma, the name, a colon. */
  readonly heads: readonly string[];
  /** What `behind` answered last: the transforms of a chain add the same to every record. */
  #all: AllNames | null = null;

  /** At least one, none twice. */
  constructor(names: readonly string[]) {
    this.names = names;
    this.heads = names.map((name) => `,${JSON.stringify(name)}:`);
  }

  behind(before: AllNames | null): AllNames {
    if (this.#all === null || this.#all.before !== before) this.#all = new AllNames(before, this.names);
    return this.#all;
  }
}

/** What has to be known of all names together to write members into a text, or give them to an object. */
class AllNames {
  readonly before: AllNames | null;
  readonly names: readonly string[];
  readonly isOneTwice: boolean;
  /** In quotes, and their bits in the marks of a text. */
  readonly #quoted: readonly Buffer[];
  readonly #bits: readonly number[];
  #addAll: AddAll | null = null;
  #hasNone: HasNone | null = null;

  constructor(before: AllNames | null, names: readonly string[]) {
    this.before = before;
    this.names = [...(before?.names ?? []), ...names];
    this.isOneTwice = new Set(this.names).size < this.names.length;
    this.#quoted = this.names.map((name) => Buffer.from(JSON.stringify(name)));
    this.#bits = this.#quoted.map((name) => bitBehind(name, 0));
  }

  /** True also where a name is only below, or inside a text: then parsing is slower, not wrong. */
  mayBeIn(text: Buffer, start: number, end: number): boolean {
    const marks = Marks.of(text, start, end);
    for (let index = 0; index < this.#bits.length; index++) {
      if (marks.mayHave(this.#bits[index]!) && text.includes(this.#quoted[index]!)) return true;
    }
    return false;
  }

  get addAll(): AddAll {
    this.#addAll ??= addAll(this.names);
    return this.#addAll;
  }

  get hasNone(): HasNone {
    this.#hasNone ??= hasNone([...this.names, 'toJSON']);
    return this.#hasNone;
  }
}

/** Members as one transform adds them: written once for many records where their values are the same. */
export class JsonMembers {
  readonly names: MemberNames;
  readonly #json: readonly string[];
  #tail: string | null = null;
  #values: readonly ConnectValue[] | null = null;
  /** What `behind` answered last. */
  #added: AddedMembers | null = null;

  /** The values as JSON, as many as there are names. */
  constructor(names: MemberNames, json: readonly string[]) {
    this.names = names;
    this.#json = json;
  }

  /** `,"a":1,"b":2`: a comma before each. */
  get tail(): string {
    if (this.#tail === null) {
      this.#tail = '';
      for (let index = 0; index < this.#json.length; index++)
        this.#tail += this.names.heads[index]! + this.#json[index]!;
    }
    return this.#tail;
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
  readonly names: AllNames;
  readonly #last: JsonMembers;
  #text: Buffer | null = null;
  #values: readonly ConnectValue[] | null = null;

  constructor(before: AddedMembers | null, last: JsonMembers) {
    this.before = before;
    this.#last = last;
    this.names = last.names.behind(before === null ? null : before.names);
  }

  /** `,"a":1,"b":2`: a comma before each. */
  get text(): Buffer {
    if (this.#text === null) {
      let tail = '';
      for (let each: AddedMembers | null = this; each !== null; each = each.before) tail = each.#last.tail + tail;
      this.#text = Buffer.from(tail);
    }
    return this.#text;
  }

  /** Whether their text may stand behind that of an object: it has none of them, and no JSON of its own making. */
  mayFollow(fields: Fields): boolean {
    return !this.names.isOneTwice && this.names.hasNone(fields);
  }

  /** A copy of an object with them. */
  onto(fields: Fields, parse: Parse): Record<string, ConnectValue> {
    const copy = { ...fields };
    this.addTo(copy, parse);
    return copy;
  }

  /** Adds them to an object that has just been made and is nobody's yet. */
  addTo(object: Record<string, ConnectValue>, parse: Parse): void {
    this.names.addAll(object, this.#valuesBy(parse));
  }

  #valuesBy(parse: Parse): readonly ConnectValue[] {
    const last = this.#last.values(parse);
    this.#values ??= this.before === null ? last : [...this.before.#valuesBy(parse), ...last];
    return this.#values;
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
export function joined(bytes: Uint8Array, added: AddedMembers): Buffer | null {
  const text = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let end = text.length - 1;
  while (text[start] !== OPEN) start++;
  while (text[end] !== CLOSE) end--;
  if (added.names.isOneTwice || added.names.mayBeIn(text, start, end)) return null;
  let last = end - 1;
  while (last > start && text[last]! <= BLANK_MAX) last--;
  // An empty object takes no comma: its brace comes to stand there.
  const from = last === start ? end - 1 : end;
  const whole = Buffer.allocUnsafe(from + added.text.length + 1);
  whole.set(added.text, from);
  text.copy(whole, 0, 0, end);
  whole[whole.length - 1] = CLOSE;
  return whole;
}
