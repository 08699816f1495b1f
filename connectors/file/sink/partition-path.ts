/**
 * The folder a record belongs to: `country=DE/2026/11/21`, from its fields and its time. Pure.
 *
 * Values come from outside, so that nothing in them may lead elsewhere: what is not a letter, digit, dot, dash, colon, at
 * or underscore is percent-encoded, as Hive does it.
 */
import { DataError, parseRecordTemplate, plainValue, type SinkRecord } from '../../api/index.ts';
import { badValue } from '../errors.ts';

/** Hive's name for a value that is null or absent. */
const NULL_FOLDER = '__HIVE_DEFAULT_PARTITION__';
/** A name of a folder on Linux is at most 255 bytes; the field's name and an equals sign need some. */
const valueBytesMax = 180;

/** Which time `time:` is about. */
export type TimeSource =
  | { readonly kind: 'record' }
  | { readonly kind: 'wall' }
  | { readonly kind: 'field'; readonly field: string };

/** The folder of a record, without slashes at its ends; empty for none. */
export type PathOf = (record: SinkRecord) => string;

type Part = (record: SinkRecord) => string;

export interface PartitionRules {
  /** `field:NAME`, `field:/json/pointer` or `time:PATTERN`. */
  readonly by: readonly string[];
  readonly timezone: string;
  readonly time: TimeSource;
}

/** Null where files are not put into folders. Throws a plain Error with a sentence for a rule that makes no sense. */
export function partitionPath({ by, timezone, time }: PartitionRules): PathOf | null {
  if (by.length === 0) return null;
  const parts = by.map((rule): Part => {
    if (rule.startsWith('field:')) return fieldPart(rule.slice('field:'.length));
    if (rule.startsWith('time:')) return timePart(rule.slice('time:'.length), timezone, time);
    throw new Error(`"${rule}" is neither field:NAME nor time:PATTERN`);
  });
  return (record) => parts.map((part) => part(record)).join('/');
}

function fieldPart(field: string): Part {
  const pointer = pointerOf(field);
  const name = encoded(pointer.slice(pointer.lastIndexOf('/') + 1));
  if (name === '') throw new Error('"field:" needs the name of a field');
  const template = parseRecordTemplate(`{value:${pointer}}`);
  return (record) => {
    const value = lookedUp(() => template.tryRender(record));
    if (value === null || value === '') return `${name}=${NULL_FOLDER}`;
    const text = encoded(value);
    if (text.length > valueBytesMax)
      throw badValue(`has ${text.length} characters in "${field}", too many for a folder`);
    return `${name}=${text}`;
  };
}

function pointerOf(field: string): string {
  return field.startsWith('/') ? field : `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** A value that is no JSON has no fields either, and says so. */
function lookedUp<T>(get: () => T): T {
  try {
    return get();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw badValue(`is no JSON: ${(cause as Error).message}`, cause);
  }
}

/** Every character that may lead out of the folder or mean something in a path. */
function encoded(text: string): string {
  return text.replace(/[^\w.:@-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

const units = ['yyyy', 'MM', 'dd', 'HH', 'mm'] as const;
type Unit = (typeof units)[number];
const fieldOfUnit = { yyyy: 'year', MM: 'month', dd: 'day', HH: 'hour', mm: 'minute' } as const;

/** `yyyy/MM/dd/HH`, with text in apostrophes as in Java: `'year'=yyyy`. */
function timePart(pattern: string, timezone: string, time: TimeSource): Part {
  const pieces = piecesOf(pattern);
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const render = (minute: number): string => {
    const parts = new Map(format.formatToParts(minute * 60_000).map(({ type, value }) => [type, value]));
    return pieces
      .map((piece) => (typeof piece === 'string' ? piece : parts.get(fieldOfUnit[piece.unit])!.padStart(2, '0')))
      .join('');
  };
  // Records come in order of time nearly always: the last minute is the next one.
  let lastMinute = Number.NaN;
  let last = '';
  return (record) => {
    const minute = Math.floor(timeOf(record, time) / 60_000);
    if (minute !== lastMinute) {
      last = render(minute);
      lastMinute = minute;
    }
    return last;
  };
}

function piecesOf(pattern: string): (string | { readonly unit: Unit })[] {
  const pieces: (string | { readonly unit: Unit })[] = [];
  for (const [piece] of pattern.matchAll(/'[^']*'|[A-Za-z]+|[^A-Za-z']+|'/g)) {
    if (piece.startsWith("'") && piece.length > 1) pieces.push(piece.slice(1, -1));
    else if ((units as readonly string[]).includes(piece)) pieces.push({ unit: piece as Unit });
    else if (/[A-Za-z']/.test(piece)) throw new Error(`"time:${pattern}" has ${piece}; known are ${units.join(', ')}`);
    else pieces.push(piece);
  }
  const example = pieces.map((piece) => (typeof piece === 'string' ? piece : '0')).join('');
  const isPath = example !== '' && example.split('/').every((folder) => /^[\w=-][\w=.:-]*$/.test(folder));
  if (!isPath) throw new Error(`"time:${pattern}" makes no folder names`);
  return pieces;
}

function timeOf(record: SinkRecord, time: TimeSource): number {
  if (time.kind === 'wall') return Date.now();
  if (time.kind === 'record') {
    if (record.timestamp !== null) return record.timestamp;
    throw badValue('comes in a record without a timestamp; set "partition.timestamp" to wall or to a field');
  }
  const value = lookedUp(() => (plainValue(record.value) as Record<string, unknown> | null)?.[time.field]);
  const ms =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'string'
        ? Date.parse(value)
        : Number(value ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  throw badValue(`has no time in the field "${time.field}", which "partition.timestamp" names`);
}
