/**
 * java.text.SimpleDateFormat in UTC, as far as numbers go: y M d H k K h m s S D E u F w G a z Z X, and text in quotes.
 */
import { ConfigError, DataError } from '../api/index.ts';

type Part = { readonly letter: string; readonly width: number } | { readonly text: string };
export type DateFormat = readonly Part[];

const LETTERS = 'yMdHkKhmsSDEuFwGaZXz';
const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
/** Letters up to three stand for a short name, more for the whole one. */
const named = (name: string, width: number) => (width > 3 ? name : name.slice(0, 3));
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
      return width === 2 ? String(date.getUTCFullYear() % 100).padStart(2, '0') : padded(date.getUTCFullYear());
    case 'M':
      return width >= 3 ? named(MONTHS[date.getUTCMonth()]!, width) : padded(date.getUTCMonth() + 1);
    case 'd':
      return padded(date.getUTCDate());
    case 'D':
      return padded(dayOfYear(date));
    case 'u':
      return padded(date.getUTCDay() || 7);
    case 'F':
      return padded(Math.ceil(date.getUTCDate() / 7));
    case 'w':
      return padded(weekOfYear(date));
    case 'G':
      return 'AD';
    case 'k':
      return padded(date.getUTCHours() || 24);
    case 'K':
      return padded(date.getUTCHours() % 12);
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
      return named(DAYS[date.getUTCDay()]!, width);
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

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}

/** As in Java's default locale: weeks begin on Sunday, the first is the one with January 1. */
function weekOfYear(date: Date): number {
  const firstDay = new Date(Date.UTC(date.getUTCFullYear(), 0, 1)).getUTCDay();
  return Math.floor((dayOfYear(date) + firstDay - 1) / 7) + 1;
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
    if ('letter' in part) found[part.letter] = part.letter === 'y' ? wholeYear(match[0], part.width) : match[0];
    at = pattern.lastIndex;
  }
  return new Date(instant(found));
}

const literal = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'y');

function partPattern(letter: string, width: number, next: Part | undefined): RegExp {
  if (letter === 'M' && width >= 3) return /[A-Za-z]{3,}/y;
  if (letter === 'E') return /[A-Za-z]{3,}/y;
  if (letter === 'a') return /[AaPp][Mm]/y;
  if ('ZXz'.includes(letter)) return /Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2}/y;
  // Digits that touch the next number are counted, others are taken as they come.
  return next !== undefined && 'letter' in next ? new RegExp(`\\d{${width}}`, 'y') : /\d+/y;
}

/** Where the pattern has one or two letters, two digits are a year between 80 years ago and in 20 years. */
function wholeYear(digits: string, width: number): string {
  if (width > 2 || digits.length !== 2) return digits;
  const latest = new Date().getUTCFullYear() + 20;
  const year = latest - (latest % 100) + Number(digits);
  return String(year > latest ? year - 100 : year);
}

/** From 0. A name may be short or whole. */
function monthOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d+$/.test(text)) return Number(text) - 1;
  const month = MONTHS.findIndex((name) =>
    [name, name.slice(0, 3)].some((each) => each.toLowerCase() === text.toLowerCase()),
  );
  if (month < 0) throw new DataError(`"${text}" is no month.`);
  return month;
}

function instant(found: Record<string, string>): number {
  const number = (letter: string, fallback: number) => (found[letter] === undefined ? fallback : Number(found[letter]));
  const year = number('y', 1970);
  const month = monthOf(found.M);
  const isAfternoon = found.a?.toLowerCase() === 'pm';
  const hour = found.h === undefined ? number('H', 0) : (number('h', 0) % 12) + (isAfternoon ? 12 : 0);
  const zone = found.Z ?? found.X ?? found.z ?? 'Z';
  const offset = /([+-])(\d{2}):?(\d{2})?/.exec(zone);
  const shift = offset === null ? 0 : (Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * (offset[1] === '-' ? -1 : 1);
  const days = found.D === undefined ? number('d', 1) : number('D', 1);
  const date = new Date(0);
  // Not Date.UTC, which takes years below 100 for others.
  date.setUTCFullYear(year, month, days);
  date.setUTCHours(hour, number('m', 0), number('s', 0), number('S', 0));
  return date.getTime() - shift * 60_000;
}
