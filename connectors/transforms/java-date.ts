/**
 * java.text.SimpleDateFormat in UTC, as far as numbers go: y M d H h m s S D E a Z X, and text in quotes.
 */
import { ConfigError, DataError } from '../api/index.ts';

type Part = { readonly letter: string; readonly width: number } | { readonly text: string };
export type DateFormat = readonly Part[];

const LETTERS = 'yMdHhmsSDEaZXzu';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const DAY_MS = 86_400_000;

/** Throws a ConfigError for a letter it does not know. */
export function javaDateFormat(pattern: string): DateFormat {
  const parts: Part[] = [];
  for (const match of pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+/g)) {
    const [whole, quoted, letter] = match;
    if (quoted !== undefined) parts.push({ text: quoted === '' ? "'" : quoted.replaceAll("''", "'") });
    else if (letter === undefined) parts.push({ text: whole });
    else if (LETTERS.includes(letter)) parts.push({ letter, width: whole.length });
    else throw new ConfigError(`The date format "${pattern}" has the letter "${letter}", which is not supported.`);
  }
  return parts;
}

export function formatJavaDate(format: DateFormat, date: Date): string {
  return format.map((part) => ('text' in part ? part.text : formatPart(part.letter, part.width, date))).join('');
}

function formatPart(letter: string, width: number, date: Date): string {
  const padded = (value: number) => String(value).padStart(width, '0');
  switch (letter) {
    case 'y':
    case 'u':
      return width === 2 ? String(date.getUTCFullYear() % 100).padStart(2, '0') : padded(date.getUTCFullYear());
    case 'M':
      return width >= 3 ? MONTHS[date.getUTCMonth()]! : padded(date.getUTCMonth() + 1);
    case 'd':
      return padded(date.getUTCDate());
    case 'D':
      return padded(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1);
    case 'H':
      return padded(date.getUTCHours());
    case 'h':
      return padded(date.getUTCHours() % 12 || 12);
    case 'm':
      return padded(date.getUTCMinutes());
    case 's':
      return padded(date.getUTCSeconds());
    case 'S':
      return padded(date.getUTCMilliseconds());
    case 'E':
      return DAYS[date.getUTCDay()]!;
    case 'a':
      return date.getUTCHours() < 12 ? 'AM' : 'PM';
    case 'z':
      return 'UTC';
    case 'X':
      return 'Z';
    default:
      return '+0000';
  }
}

/** Throws a DataError when the text does not have the format. */
export function parseJavaDate(format: DateFormat, text: string): Date {
  const found: Record<string, string> = {};
  let at = 0;
  for (const [index, part] of format.entries()) {
    const next = format[index + 1];
    const pattern = 'text' in part ? literal(part.text) : partPattern(part.letter, part.width, next);
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      throw new DataError(`"${text}" does not have the date format it should: see character ${at + 1}.`);
    if ('letter' in part) found[part.letter] = match[0];
    at = pattern.lastIndex;
  }
  return new Date(instant(found));
}

const literal = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'y');

function partPattern(letter: string, width: number, next: Part | undefined): RegExp {
  if (letter === 'M' && width >= 3) return /[A-Za-z]{3}/y;
  if (letter === 'E') return /[A-Za-z]{3,}/y;
  if (letter === 'a') return /[AaPp][Mm]/y;
  if ('ZXz'.includes(letter)) return /Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}/y;
  // Digits that touch the next number are counted, others are taken as they come.
  return next !== undefined && 'letter' in next ? new RegExp(`\\d{${width}}`, 'y') : /\d+/y;
}

function instant(found: Record<string, string>): number {
  const number = (letter: string, fallback: number) => (found[letter] === undefined ? fallback : Number(found[letter]));
  const year = number('y', number('u', 1970));
  const named = MONTHS.findIndex((name) => name.toLowerCase() === found.M?.toLowerCase());
  const month = named >= 0 ? named : number('M', 1) - 1;
  const isAfternoon = found.a?.toLowerCase() === 'pm';
  const hour = found.h === undefined ? number('H', 0) : (number('h', 0) % 12) + (isAfternoon ? 12 : 0);
  const zone = found.Z ?? found.X ?? found.z ?? 'Z';
  const offset = /([+-])(\d{2}):?(\d{2})?/.exec(zone);
  const shift = offset === null ? 0 : (Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * (offset[1] === '-' ? -1 : 1);
  const days = found.D === undefined ? number('d', 1) : number('D', 1);
  return (
    Date.UTC(
      year < 100 && found.y?.length === 2 ? 2000 + year : year,
      month,
      days,
      hour,
      number('m', 0),
      number('s', 0),
      number('S', 0),
    ) -
    shift * 60_000
  );
}
