/**
 * JSON read as bytes, where it is known to be JSON and mostly known how it looks: members' places, and comparisons with the
 * record before. Judges nothing: what it does not recognise it leaves to somebody else. No I/O.
 */

/** A member of an object, without a space anywhere around it. */
export interface MemberBytes {
  /** Only names without escapes are read. */
  readonly name: string;
  /** From the brace or comma before it up to its value. */
  readonly head: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The members of the object at `from`; null where there is none, or spaces or escapes in its names. Slow: for learning. */
export function memberBytes(bytes: Uint8Array, from: number): MemberBytes[] | null {
  if (bytes[from] !== OPEN_BRACE) return null;
  const members: MemberBytes[] = [];
  let at = from;
  while (bytes[at] === OPEN_BRACE || bytes[at] === COMMA) {
    if (bytes[at + 1] !== QUOTE) return null;
    const nameEnd = bytes.indexOf(QUOTE, at + 2);
    if (nameEnd < 0 || bytes[nameEnd + 1] !== COLON) return null;
    const name = Buffer.from(bytes.subarray(at + 2, nameEnd)).toString();
    const start = nameEnd + 2;
    const end = endOfValue(bytes, start);
    if (name.includes('\\') || end < 0 || members.some((before) => before.name === name)) return null;
    members.push({ name, head: Buffer.from(bytes.subarray(at, start)), start, end });
    at = end;
  }
  return bytes[at] === CLOSE_BRACE ? members : null;
}

/** Behind the closing brace of an object that has members. */
export function endOfObject(members: readonly MemberBytes[]): number {
  return (members.at(-1)?.end ?? 0) + 1;
}

/** Behind the value at `from`; -1 where it does not end, or begins with a space. */
function endOfValue(bytes: Uint8Array, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (code === QUOTE) {
      at = closingQuote(bytes, at + 1);
      if (at < 0) return -1;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 0) return at;
      depth--;
    } else if (code === COMMA && depth === 0) return at;
    else if (code <= SPACE && depth === 0) return -1;
  }
  return -1;
}

function closingQuote(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) at++;
  }
  return -1;
}

export function startsWith(bytes: Uint8Array, from: number, start: Uint8Array): boolean {
  const { length } = start;
  if (from + length > bytes.length) return false;
  for (let index = 0; index < length; index++) if (bytes[from + index] !== start[index]) return false;
  return true;
}

/**
 * Whether the rest from `from` on is `known`, where one run of digits is as good as another. Of JSON that is known to be
 * JSON, with no escapes in `known`, both then have the same members with the same words in them.
 */
export function isEqualButForDigits(bytes: Uint8Array, from: number, known: Uint8Array): boolean {
  const end = bytes.length;
  let at = from;
  let place = 0;
  for (;;) {
    const last = at + Math.min(known.length - place, end - at);
    while (at < last && bytes[at] === known[place]) {
      at++;
      place++;
    }
    if (place === known.length && !(at < end && place > 0 && isDigit(known[place - 1]!))) return at === end;
    const code = known[place] ?? 0;
    // A run may be longer in one of them: then it has ended in the other.
    if (!isDigit(code) && !(place > 0 && isDigit(known[place - 1]!) && at < end && isDigit(bytes[at]!))) return false;
    if (isDigit(code) && !(at < end && isDigit(bytes[at]!)) && !(at > from && isDigit(bytes[at - 1]!))) return false;
    while (place < known.length && isDigit(known[place]!)) place++;
    while (at < end && isDigit(bytes[at]!)) at++;
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
