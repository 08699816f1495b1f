/**
 * Dates and times by `time.precision.mode`. A timestamp without zone is taken as UTC, as Debezium takes it.
 *
 * `isostring`, our default, is RFC 3339 text at full precision; infinity and years before Christ stay the words
 * Postgres uses, because RFC 3339 has none for them and the sink understands these.
 */
import { LogicalNames, type Schema } from '../../api/index.ts';
import type { JsonWriter } from './json-writer.ts';
import { type ColumnMapping, type TypeModes, type WriteValue, writeConverted, writeText } from './mapping.ts';
import {
  dateToDays,
  INFINITY_DAYS,
  INFINITY_MICROS,
  intervalToIso,
  intervalToMicros,
  isoYear,
  LONG_MAX,
  LONG_MIN,
  MINUS_INFINITY_DAYS,
  MINUS_INFINITY_MICROS,
  timestampToMicros,
  timeToMicros,
  zonedTimeToUtc,
} from './temporal.ts';

/** The precision up to which milliseconds hold everything; -1 is the full six digits. */
const MILLIS_DIGITS = 3;
const MICROS_DIGITS = 6;

/** The mapping of a date or time type, or null for any other type. */
export function temporalMapping(name: string, modifier: number, modes: TypeModes): ColumnMapping | null {
  const unit = unitOf(modes, modifier, name === 'time');
  switch (name) {
    case 'date':
      return dateMapping(modes);
    case 'time':
      return timeMapping(modes, unit);
    case 'timestamp':
      return timestampMapping(modes, unit);
    case 'timestamptz':
      return zonedTimestampMapping(modes, modifier);
    case 'timetz':
      return {
        schema: { type: 'string', name: 'io.debezium.time.ZonedTime', version: 1 },
        write: writeConverted((text) => `"${zonedTimeToUtc(text)}"`),
        zero: '"00:00:00Z"',
      };
    case 'interval':
      return intervalMapping(modes);
    default:
      return null;
  }
}

type Unit = 'millis' | 'micros' | 'nanos';

function unitOf(modes: TypeModes, modifier: number, isTime: boolean): Unit {
  if (modes.time === 'nanoseconds') return 'nanos';
  if (modes.time === 'connect') return 'millis';
  const adapts = modes.time === 'adaptive' || (modes.time === 'adaptive_time_microseconds' && !isTime);
  return adapts && modifier >= 0 && modifier <= MILLIS_DIGITS ? 'millis' : 'micros';
}

function dateMapping(modes: TypeModes): ColumnMapping {
  if (modes.time === 'isostring') {
    const schema: Schema = { type: 'string', name: 'io.debezium.time.IsoDate', version: 1 };
    if (!modes.isCompatible) return { schema, write: writeText, zero: '"1970-01-01"' };
    return { schema, write: writeConverted((text) => `"${isoYear(text)}Z"`), zero: '"1970-01-01Z"' };
  }
  const name = modes.time === 'connect' ? LogicalNames.date : 'io.debezium.time.Date';
  return {
    schema: { type: 'int32', name, version: 1 },
    write: writeConverted((text) =>
      String(dateToDays(text) ?? (text.startsWith('-') ? MINUS_INFINITY_DAYS : INFINITY_DAYS)),
    ),
    zero: '0',
  };
}

function timeMapping(modes: TypeModes, unit: Unit): ColumnMapping {
  if (modes.time === 'isostring') {
    const schema: Schema = { type: 'string', name: 'io.debezium.time.IsoTime', version: 1 };
    if (!modes.isCompatible) return { schema, write: writeText, zero: '"00:00:00"' };
    const clock = (text: string) => `"${text.replace('24:', '00:')}Z"`;
    return { schema, write: writeConverted(clock), zero: '"00:00:00Z"' };
  }
  const names = {
    millis: 'io.debezium.time.Time',
    micros: 'io.debezium.time.MicroTime',
    nanos: 'io.debezium.time.NanoTime',
  };
  const name = modes.time === 'connect' ? LogicalNames.time : names[unit];
  return {
    schema: { type: unit === 'millis' ? 'int32' : 'int64', name, version: 1 },
    write: writeConverted((text) => scaled(BigInt(timeToMicros(text)), unit)),
    zero: '0',
  };
}

function timestampMapping(modes: TypeModes, unit: Unit): ColumnMapping {
  if (modes.time === 'isostring') {
    const schema: Schema = { type: 'string', name: 'io.debezium.time.IsoTimestamp', version: 1 };
    const zero = '"1970-01-01T00:00:00Z"';
    if (!modes.isCompatible) return { schema, write: writeUtcTimestamp, zero };
    const iso = (text: string) => (text.endsWith('infinity') ? `"${text}"` : `"${isoYear(text).replace(' ', 'T')}Z"`);
    return { schema, write: writeConverted(iso), zero };
  }
  const names = {
    millis: 'io.debezium.time.Timestamp',
    micros: 'io.debezium.time.MicroTimestamp',
    nanos: 'io.debezium.time.NanoTimestamp',
  };
  const name = modes.time === 'connect' ? LogicalNames.timestamp : names[unit];
  return {
    schema: { type: 'int64', name, version: 1 },
    write: writeConverted((text) => {
      if (text === 'infinity') return String(unit === 'micros' ? LONG_MAX : INFINITY_MICROS);
      if (text === '-infinity') return String(unit === 'micros' ? LONG_MIN : MINUS_INFINITY_MICROS);
      return scaled(timestampToMicros(text), unit);
    }),
    zero: '0',
  };
}

/** Debezium writes every digit the column has; we leave out zeros at the end. */
function zonedTimestampMapping(modes: TypeModes, modifier: number): ColumnMapping {
  const schema: Schema = { type: 'string', name: 'io.debezium.time.ZonedTimestamp', version: 1 };
  if (!modes.isCompatible) return { schema, write: writeZonedTimestamp, zero: '"1970-01-01T00:00:00Z"' };
  const digits = modifier < 0 ? MICROS_DIGITS : modifier;
  const padded = (text: string) => {
    const parts = /^(.*?) ([\d:]+)(?:\.(\d+))?\+00( BC)?$/.exec(text);
    if (parts === null) return `"${text}"`;
    // Only defaults have more digits than the column; a column without any cuts none.
    const fraction = digits === 0 ? (parts[3] ?? '') : (parts[3] ?? '').padEnd(digits, '0').slice(0, digits);
    return `"${isoYear(parts[1]! + (parts[4] ?? ''))}T${parts[2]}${fraction === '' ? '' : `.${fraction}`}Z"`;
  };
  return { schema, write: writeConverted(padded), zero: '"1970-01-01T00:00:00Z"' };
}

/**
 * Milliseconds round down, before 1970 too. Microseconds that 64 bits do not hold stand at their end; nanoseconds that they
 * do not hold (before 1678, after 2262) are no value at all, as in Debezium.
 */
function scaled(micros: bigint, unit: Unit): string {
  if (unit === 'nanos') return within64Bits(micros * 1000n) === micros * 1000n ? String(micros * 1000n) : 'null';
  if (unit === 'micros') return String(within64Bits(micros));
  return String(micros >= 0n ? micros / 1000n : -((-micros + 999n) / 1000n));
}

function within64Bits(value: bigint): bigint {
  if (value > LONG_MAX) return LONG_MAX;
  return value < LONG_MIN ? LONG_MIN : value;
}

function intervalMapping(modes: TypeModes): ColumnMapping {
  return modes.interval === 'numeric'
    ? {
        schema: { type: 'int64', name: 'io.debezium.time.MicroDuration', version: 1 },
        write: writeConverted((text) => String(intervalToMicros(text))),
        zero: '0',
      }
    : {
        schema: { type: 'string', name: 'io.debezium.time.Interval', version: 1 },
        write: writeConverted((text) => `"${intervalToIso(text)}"`),
        zero: '"P0Y0M0DT0H0M0S"',
      };
}

const QUOTE = 0x22;
const DASH = 0x2d;
const PLUS = 0x2b;
const SPACE = 0x20;
const LETTER_C = 0x43;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;
/** `YYYY-MM-DD` */
const DATE_BYTES = 10;

/** `2024-02-29 12:00:00.5` as `"2024-02-29T12:00:00.5Z"`; what does not look like that stays as it is. */
const writeUtcTimestamp: WriteValue = (out, source, start, end) => writeRfc3339(out, source, start, end, end);

/** The same with `+00` behind it (the session's TimeZone is UTC). */
const writeZonedTimestamp: WriteValue = (out, source, start, end) => {
  const zone = end - 3;
  if (source[zone] === PLUS) writeRfc3339(out, source, start, zone, end);
  else out.string(source, start, end);
};

function writeRfc3339(out: JsonWriter, source: Buffer, start: number, clockEnd: number, end: number): void {
  const isPlain = source[start + 4] === DASH && source[start + DATE_BYTES] === SPACE && source[end - 1] !== LETTER_C;
  if (!isPlain) {
    out.string(source, start, end);
    return;
  }
  out.byte(QUOTE);
  out.copy(source, start, start + DATE_BYTES);
  out.byte(LETTER_T);
  out.copy(source, start + DATE_BYTES + 1, clockEnd);
  out.byte(LETTER_Z);
  out.byte(QUOTE);
}
