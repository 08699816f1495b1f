/**
 * Adds members to the text of a JSON object without reading it: the bytes up to the last brace, then the members. What is
 * in the object is neither parsed nor written anew, which is most of what a transform of JSON text costs; and the bytes
 * are put together once, when somebody asks for them, however many transforms have added something.
 */

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const CLOSE_BRACKET = 0x5d;
/** Space, tab and line ends; JSON has no other blanks. */
const BLANK_MAX = 0x20;

/**
 * The strings that a text may hold, as 64 bits: one for the two bytes behind each quote. A name whose bit is not set is
 * nowhere in the text, which spares most texts the search for it.
 */
let low = 0;
let high = 0;

/** Which of the 64; neighbouring letters get bits that are far apart. */
function bitOf(first: number, second: number): number {
  return (Math.imul(first, 0x9e3779b1) + Math.imul(second, 0x85ebca6b)) >>> 26;
}

/** What stands behind a quote that closes: such quotes have no bit, and names that begin so are always searched for. */
function isBehindString(code: number): boolean {
  return code === COLON || code === COMMA || code === CLOSE || code === CLOSE_BRACKET || code <= BLANK_MAX;
}

function markStrings(text: Buffer, from: number, end: number): void {
  for (let at = from; at < end; at++) {
    if (text[at] !== QUOTE) continue;
    const first = text[at + 1]! | 0;
    if (isBehindString(first)) continue;
    const bit = bitOf(first, text[at + 2]! | 0);
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
}

/** Members as they are added, written once for many records. */
export class JsonMembers {
  /** `,"a":1,"b":2`: a comma before each. */
  readonly text: Buffer;
  /** In quotes. */
  readonly names: readonly Buffer[];
  readonly low: number;
  readonly high: number;

  /** Names, and their values as JSON. At least one. */
  constructor(members: readonly (readonly [name: string, json: string])[]) {
    this.names = members.map(([name]) => Buffer.from(JSON.stringify(name)));
    this.text = Buffer.from(members.map(([name, json]) => `,${JSON.stringify(name)}:${json}`).join(''));
    low = 0;
    high = 0;
    markStrings(this.text, 0, this.text.length);
    this.low = low;
    this.high = high;
  }
}

/** The text of an object with members behind its last. Made by {@link extend}. */
export class ExtendedObject {
  readonly #text: Buffer;
  /** Where the object's own brace is. */
  readonly #end: number;
  /** An empty object takes no comma: 1, else 0. */
  readonly #skipped: number;
  readonly #before: ExtendedObject | null;
  readonly #members: JsonMembers;
  readonly #low: number;
  readonly #high: number;

  constructor(
    text: Buffer,
    end: number,
    skipped: number,
    before: ExtendedObject | null,
    members: JsonMembers,
    lowBits: number,
    highBits: number,
  ) {
    this.#text = text;
    this.#end = end;
    this.#skipped = skipped;
    this.#before = before;
    this.#members = members;
    this.#low = lowBits | members.low;
    this.#high = highBits | members.high;
  }

  /** The same with more members; null where it may have one of that name. */
  with(members: JsonMembers): ExtendedObject | null {
    for (const name of members.names) {
      if (mayHold(name, this.#low, this.#high) && this.#holds(name)) return null;
    }
    return new ExtendedObject(this.#text, this.#end, this.#skipped, this, members, this.#low, this.#high);
  }

  #holds(name: Buffer): boolean {
    if (this.#text.includes(name)) return true;
    for (let each: ExtendedObject | null = this; each !== null; each = each.#before) {
      if (each.#members.text.includes(name)) return true;
    }
    return false;
  }

  /** Puts the bytes together, from the end. */
  bytes(): Buffer {
    let length = this.#end - this.#skipped + 1;
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
    this.#text.copy(bytes, 0, 0, this.#end);
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
  low = 0;
  high = 0;
  markStrings(text, start, end);
  const [lowBits, highBits] = [low, high];
  for (const name of members.names) {
    // Also where it is only below, or inside a text: then parsing is slower, not wrong.
    if (mayHold(name, lowBits, highBits) && text.includes(name)) return null;
  }
  let last = end - 1;
  while (last > start && text[last]! <= BLANK_MAX) last--;
  return new ExtendedObject(text, end, last === start ? 1 : 0, null, members, lowBits, highBits);
}

function mayHold(name: Buffer, lowBits: number, highBits: number): boolean {
  // Behind `""` stands whatever follows, so its bit is not known.
  if (name.length < 3 || isBehindString(name[1]!)) return true;
  const bit = bitOf(name[1]!, name[2]!);
  return ((bit < 32 ? lowBits >> bit : highBits >> (bit - 32)) & 1) === 1;
}
