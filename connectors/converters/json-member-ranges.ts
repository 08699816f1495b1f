/**
 * Finds the members of an object in its JSON text without parsing their values. For text that is JSON, as sources write it; what is
 * none gives ranges that mean nothing.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const SPACE = 0x20;

/** Where each member's value begins and ends (exclusive), by its name as written. Null where the text is no object. */
export function memberRanges(bytes: Uint8Array): Map<string, readonly [start: number, end: number]> | null {
  let at = behindSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) return null;
  const ranges = new Map<string, readonly [number, number]>();
  at = behindSpace(bytes, at + 1);
  while (bytes[at] === QUOTE) {
    const nameEnd = behindString(bytes, at);
    const name = Buffer.from(bytes.subarray(at + 1, nameEnd - 1)).toString();
    const colon = behindSpace(bytes, nameEnd);
    const start = behindSpace(bytes, bytes[colon] === COLON ? colon + 1 : colon);
    const end = behindValue(bytes, start);
    ranges.set(name, [start, end]);
    at = behindSpace(bytes, end);
    if (bytes[at] === COMMA) at = behindSpace(bytes, at + 1);
  }
  return ranges;
}

function behindSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! <= SPACE) at++;
  return at;
}

/** Behind the closing quote of the string that begins here. */
function behindString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at + 1, bytes.length);
}

function behindValue(bytes: Uint8Array, from: number): number {
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = behindString(bytes, at);
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte <= SPACE))
      return at;
    else {
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
      if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
      at++;
    }
  }
  return at;
}
