/**
 * Tells whether bytes are JSON (RFC 8259) without building anything of them: steps 3 and 9, where a bad record must be
 * found out while nobody needs its fields yet. Not a parser: values, duplicate members and UTF-8 are not judged, as by
 * `JSON.parse` after decoding.
 *
 * Every byte of every record of a sink comes through here, so the common path is one function: a call per member would
 * cost as much as its bytes.
 */

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SMALL_E = 0x65;
/** A capital letter is the small one without this bit. */
const SMALL = 0x20;
const SPACE = 0x20;

/** Both brackets and both braces stand two apart in ASCII. */
const TO_CLOSER = 2;

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** Where the values around the innermost end, outermost first; one stack for all calls, which never overlap. */
const closers: number[] = [];

/** True exactly where `JSON.parse` of the decoded text would not throw. */
export function isJson(bytes: Uint8Array): boolean {
  const end = bytes.length;
  closers.length = 0;
  let closer = 0;
  let isName = false;
  let at = 0;
  while (at < end) {
    // Here a value begins, or the name of a member.
    const first = bytes[at]!;
    if (first === QUOTE) {
      let code = 0;
      while (++at < end) {
        code = bytes[at]!;
        if (code === QUOTE || code === BACKSLASH || code < SPACE) break;
      }
      if (code !== QUOTE || at >= end) at = endOfEscaped(bytes, at);
      if (at < 0) return false;
      at++;
      if (isName) {
        if (at < end && bytes[at]! <= SPACE) at = afterBlanks(bytes, at);
        if (at >= end || bytes[at] !== COLON) return false;
        at++;
        isName = false;
        continue;
      }
    } else if (first <= SPACE) {
      const behind = afterBlanks(bytes, at);
      if (behind === at) return false;
      at = behind;
      continue;
    } else if (isName) {
      return false;
    } else if (first <= NINE) {
      at = afterNumber(bytes, at);
    } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      at++;
      if (at < end && bytes[at]! <= SPACE) at = afterBlanks(bytes, at);
      if (at >= end) return false;
      if (bytes[at] !== first + TO_CLOSER) {
        closers.push(closer);
        closer = first + TO_CLOSER;
        isName = first === OPEN_BRACE;
        continue;
      }
      at++;
    } else {
      at = afterWord(bytes, at);
    }
    if (at < 0) return false;
    // Here a value has ended, and perhaps those around it.
    for (;;) {
      if (at < end && bytes[at]! <= SPACE) at = afterBlanks(bytes, at);
      if (closer === 0) return at === end;
      if (at >= end) return false;
      const code = bytes[at++]!;
      if (code === COMMA) break;
      if (code !== closer) return false;
      closer = closers.pop()!;
    }
    isName = closer === CLOSE_BRACE;
  }
  return false;
}

function afterBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  for (; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

/** Behind the number that begins here, or -1. */
function afterNumber(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (at >= length) return -1;
  const first = bytes[at]!;
  if (first < ZERO || first > NINE) return -1;
  at++;
  // No leading zeros.
  if (first !== ZERO) at = afterDigits(bytes, at);
  if (at < length && bytes[at] === DOT) {
    const fraction = at + 1;
    at = afterDigits(bytes, fraction);
    if (at === fraction) return -1;
  }
  if (at >= length || (bytes[at]! | SMALL) !== SMALL_E) return at;
  at++;
  if (at < length && (bytes[at] === MINUS || bytes[at] === PLUS)) at++;
  const behind = afterDigits(bytes, at);
  return behind === at ? -1 : behind;
}

function afterDigits(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at < length && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

/** Behind `true`, `false` or `null`, or -1. */
function afterWord(bytes: Uint8Array, from: number): number {
  const word = bytes[from] === TRUE[0] ? TRUE : bytes[from] === FALSE[0] ? FALSE : NULL;
  if (from + word.length > bytes.length) return -1;
  for (let index = 0; index < word.length; index++) if (bytes[from + index] !== word[index]) return -1;
  return from + word.length;
}

/** Where the closing quote is of a string that has a backslash (or a wrong byte) at `from`, or -1. */
function endOfEscaped(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from; at < length; at++) {
    const code = bytes[at]!;
    if (code === QUOTE) return at;
    if (code < SPACE) return -1;
    if (code !== BACKSLASH) continue;
    at++;
    if (at >= length || !ESCAPES.includes(bytes[at]!)) return -1;
    if (bytes[at] !== UNICODE_ESCAPE) continue;
    for (let digit = 1; digit <= 4; digit++) if (at + digit >= length || !isHex(bytes[at + digit]!)) return -1;
    at += 4;
  }
  return -1;
}

const ESCAPES = Buffer.from('"\\/bfnrtu');
const UNICODE_ESCAPE = 0x75;

function isHex(code: number): boolean {
  return (code >= ZERO && code <= NINE) || ((code | SMALL) >= 0x61 && (code | SMALL) <= 0x66);
}
