/**
 * Tells whether bytes are JSON (RFC 8259) without building anything of them: steps 3 and 9, where a bad record must be
 * found out while nobody needs its fields yet. Not a parser: values, duplicate members and UTF-8 are not judged, as by
 * `JSON.parse` after decoding.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

/** Where nested values end, innermost last; one stack for all calls, which never overlap. */
const closers: number[] = [];

/** True exactly where `JSON.parse` of the decoded text would not throw. */
export function isJson(bytes: Uint8Array): boolean {
  const { length } = bytes;
  closers.length = 0;
  let at = afterSpace(bytes, 0);
  for (;;) {
    // Here a value begins.
    const first = bytes[at];
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      const isObject = first === OPEN_BRACE;
      const closer = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
      at = afterSpace(bytes, at + 1);
      if (bytes[at] !== closer) {
        closers.push(closer);
        if (isObject) at = afterName(bytes, at);
        if (at < 0) return false;
        continue;
      }
      at++;
    } else {
      at = afterScalar(bytes, at);
      if (at < 0) return false;
    }
    // Here a value has ended, and perhaps those around it.
    at = afterSpace(bytes, at);
    while (closers.length > 0 && bytes[at] === closers[closers.length - 1]) {
      closers.pop();
      at = afterSpace(bytes, at + 1);
    }
    if (closers.length === 0) return at === length;
    if (bytes[at] !== COMMA) return false;
    at = afterSpace(bytes, at + 1);
    if (closers[closers.length - 1] === CLOSE_BRACE) at = afterName(bytes, at);
    if (at < 0) return false;
  }
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let code = bytes[at]; code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; code = bytes[++at]);
  return at;
}

/** Behind `"name":` and space, or -1. */
function afterName(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  const end = afterString(bytes, from + 1);
  if (end < 0) return -1;
  const at = afterSpace(bytes, end);
  return bytes[at] === COLON ? afterSpace(bytes, at + 1) : -1;
}

/** Behind the string, the number or the word that begins here, or -1. */
function afterScalar(bytes: Uint8Array, from: number): number {
  switch (bytes[from]) {
    case QUOTE:
      return afterString(bytes, from + 1);
    case TRUE[0]:
      return afterWord(bytes, from, TRUE);
    case FALSE[0]:
      return afterWord(bytes, from, FALSE);
    case NULL[0]:
      return afterWord(bytes, from, NULL);
    default:
      return afterNumber(bytes, from);
  }
}

function afterWord(bytes: Uint8Array, from: number, word: Uint8Array): number {
  for (let index = 1; index < word.length; index++) if (bytes[from + index] !== word[index]) return -1;
  return from + word.length;
}

/** Behind the closing quote, or -1. */
function afterString(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  for (let at = from; at < length; at++) {
    const code = bytes[at]!;
    if (code === QUOTE) return at + 1;
    if (code < 0x20) return -1;
    if (code !== BACKSLASH) continue;
    at++;
    const escaped = bytes[at];
    if (escaped === undefined || !ESCAPES.includes(escaped)) return -1;
    if (escaped !== UNICODE_ESCAPE) continue;
    for (let digit = 1; digit <= 4; digit++) if (!isHex(bytes[at + digit])) return -1;
    at += 4;
  }
  return -1;
}

const ESCAPES = Buffer.from('"\\/bfnrtu');
const UNICODE_ESCAPE = 0x75;

function isHex(code: number | undefined): boolean {
  if (code === undefined) return false;
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= ZERO && code <= 0x39;
}

function afterNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (!isDigit(bytes[at])) return -1;
  // No leading zeros.
  if (bytes[at] === ZERO) at++;
  else at = afterDigits(bytes, at);
  if (bytes[at] === DOT) {
    if (!isDigit(bytes[at + 1])) return -1;
    at = afterDigits(bytes, at + 1);
  }
  const exponent = bytes[at];
  if (exponent !== 0x65 && exponent !== 0x45) return at;
  const sign = bytes[at + 1];
  at += sign === MINUS || sign === 0x2b ? 2 : 1;
  return isDigit(bytes[at]) ? afterDigits(bytes, at) : -1;
}

function afterDigits(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at;
}
