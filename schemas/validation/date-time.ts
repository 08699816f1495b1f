/**
 * `date-time` in a twentieth of the time: most timestamps have the one usual layout, which a look at each place confirms.
 *
 * Only says yes, and only to what is certainly right; everything else is the format's own judge's.
 *
 *     2026-01-31T12:00:00.000Z    2026-01-31T12:00:00+02:00
 *     0    5  8  11 14 17 19
 */

/** Days that a month has at least; the 29th of February is left to the format's judge. */
const DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const SHORTEST = '2026-01-31T12:00:00Z'.length;
const ZERO = 0x30;
const DASH = 0x2d;
const COLON = 0x3a;

/** Whether the text is a date and time in the usual layout. False is no verdict. */
export function isUsualDateTime(text: string): boolean {
  if (text.length < SHORTEST || text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return false;
  if (text.charCodeAt(10) !== 0x54 || text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return false;
  const [month, day] = [two(text, 5), two(text, 8)];
  if (two(text, 0) < 0 || two(text, 2) < 0 || month < 1 || month > 12 || day < 1 || day > DAYS[month]!) return false;
  if (!isUpTo(two(text, 11), 23) || !isUpTo(two(text, 14), 59) || !isUpTo(two(text, 17), 59)) return false;
  let at = 19;
  if (text.charCodeAt(at) === 0x2e) {
    const first = ++at;
    while (isDigit(text.charCodeAt(at))) at++;
    if (at === first) return false;
  }
  const zone = text.charCodeAt(at);
  if (zone === 0x5a) return text.length === at + 1;
  if ((zone !== 0x2b && zone !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return false;
  return isUpTo(two(text, at + 1), 23) && isUpTo(two(text, at + 4), 59);
}

/**
 * The same of bytes from `from` to `end`. Written out a second time: one function over both, told how to get at a
 * character, takes three times as long.
 */
export function isUsualDateTimeIn(bytes: Buffer, from: number, end: number): boolean {
  if (end - from < SHORTEST || bytes[from + 4] !== DASH || bytes[from + 7] !== DASH) return false;
  if (bytes[from + 10] !== 0x54 || bytes[from + 13] !== COLON || bytes[from + 16] !== COLON) return false;
  const [month, day] = [twoIn(bytes, from + 5), twoIn(bytes, from + 8)];
  if (twoIn(bytes, from) < 0 || twoIn(bytes, from + 2) < 0) return false;
  if (month < 1 || month > 12 || day < 1 || day > DAYS[month]!) return false;
  if (!isUpTo(twoIn(bytes, from + 11), 23) || !isUpTo(twoIn(bytes, from + 14), 59)) return false;
  if (!isUpTo(twoIn(bytes, from + 17), 59)) return false;
  let at = from + 19;
  if (bytes[at] === 0x2e) {
    const first = ++at;
    while (isDigit(bytes[at]!)) at++;
    if (at === first) return false;
  }
  const zone = bytes[at];
  if (zone === 0x5a) return end === at + 1;
  if ((zone !== 0x2b && zone !== DASH) || end !== at + 6 || bytes[at + 3] !== COLON) return false;
  return isUpTo(twoIn(bytes, at + 1), 23) && isUpTo(twoIn(bytes, at + 4), 59);
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= ZERO + 9;
}

function isUpTo(number: number, most: number): boolean {
  return number >= 0 && number <= most;
}

/** The number that two digits make; -1 where they are none. */
function two(text: string, at: number): number {
  return pair(text.charCodeAt(at), text.charCodeAt(at + 1));
}

function twoIn(bytes: Buffer, at: number): number {
  return pair(bytes[at]!, bytes[at + 1]!);
}

function pair(tens: number, ones: number): number {
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + ones - ZERO : -1;
}
