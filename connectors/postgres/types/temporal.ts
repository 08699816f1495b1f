/**
 * Dates and times: from the text Postgres sends (DateStyle ISO, TimeZone UTC, IntervalStyle postgres) to numbers and
 * RFC 3339. Years before Christ, beyond 9999 and the infinities are part of the world.
 */

const MICROS_PER_DAY = 86_400_000_000n;
/** Debezium's stand-ins for infinity in microseconds: the driver's largest and smallest dates. */
export const INFINITY_MICROS = 9_223_372_036_825_200_000n;
export const MINUS_INFINITY_MICROS = -9_223_372_036_832_400_000n;
/** In microseconds Debezium 3 sends the ends of a Java long, and for days those dates' days cut to 32 bits. */
export const LONG_MAX = 9_223_372_036_854_775_807n;
export const LONG_MIN = -9_223_372_036_854_775_808n;
export const INFINITY_DAYS = 2_146_033_979;
export const MINUS_INFINITY_DAYS = -2_147_472_691;
/** Debezium counts 365.25 days to a year in durations. */
const MICROS_PER_MONTH = 2_629_800_000_000n;

/** Days since 1970-01-01 of a date of the Gregorian calendar; `year` 0 is 1 BC. */
function epochDays(year: number, month: number, day: number): number {
  // Howard Hinnant's days_from_civil: years begin in March, eras have 400 years.
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** `2024-02-29`, `0044-03-15 BC`; null for the infinities. */
export function dateToDays(text: string): number | null {
  const parts = /^(\d+)-(\d\d)-(\d\d)( BC)?$/.exec(text);
  if (parts === null) return null;
  const year = parts[4] === undefined ? Number(parts[1]) : 1 - Number(parts[1]);
  return epochDays(year, Number(parts[2]), Number(parts[3]));
}

/** `23:59:59.999999` as microseconds since midnight. `24:00:00` is one day. */
export function timeToMicros(text: string): number {
  const [hours, minutes, seconds] = text.split(':');
  const [whole, fraction = ''] = seconds!.split('.');
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(whole)) * 1e6 + Number(fraction.padEnd(6, '0'));
}

/** `0044-03-15 12:00:00 BC` as `-0043-03-15 12:00:00`, and `12024-…` as `+12024-…`: ISO 8601's years. */
export function isoYear(text: string): string {
  const parts = /^(\d+)(-.*?)( BC)?$/.exec(text);
  if (parts === null) return text;
  const [, year, rest, era] = parts;
  if (era !== undefined) {
    const before = 1 - Number(year);
    return `${before < 0 ? '-' : ''}${String(-before).padStart(4, '0')}${rest}`;
  }
  return year!.length > 4 ? `+${text}` : text;
}

/** `2024-02-29 12:00:00.5`, with `+00` and ` BC` where they occur, as microseconds since the epoch. */
export function timestampToMicros(text: string): bigint {
  if (text === 'infinity') return LONG_MAX;
  if (text === '-infinity') return LONG_MIN;
  const parts = /^(\d+-\d\d-\d\d) ([\d:.]+)([+-][\d:]+)?( BC)?$/.exec(text);
  if (parts === null) throw new Error(`"${text}" is no timestamp.`);
  const days = dateToDays(parts[1]! + (parts[4] ?? ''))!;
  return BigInt(days) * MICROS_PER_DAY + BigInt(timeToMicros(parts[2]!)) - BigInt(zoneMicros(parts[3] ?? '+00'));
}

/** `+05:30` as microseconds east of UTC. */
function zoneMicros(zone: string): number {
  const [hours, minutes = '0', seconds = '0'] = zone.slice(1).split(':');
  const micros = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e6;
  return zone[0] === '-' ? -micros : micros;
}

/** `10:00:00.5+02` as `08:00:00.5Z`. The end of the day, which Postgres writes as 24:00, is not its beginning. */
export function zonedTimeToUtc(text: string): string {
  const at = text.search(/[+-]/);
  const day = 86_400e6;
  if (text.startsWith('24:') && zoneMicros(text.slice(at)) === 0) return '24:00:00Z';
  const micros = (timeToMicros(text.slice(0, at)) - zoneMicros(text.slice(at)) + day) % day;
  return `${microsToTime(micros)}Z`;
}

function microsToTime(micros: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const fraction = String(micros % 1e6)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const clock = `${two(micros / 3600e6)}:${two((micros / 60e6) % 60)}:${two((micros / 1e6) % 60)}`;
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

/** `1 year 2 mons -3 days -04:05:06.789`. */
function parseInterval(text: string): Interval {
  let months = 0;
  let days = 0;
  let micros = 0n;
  for (const [, amount, unit] of text.matchAll(/([+-]?\d+) (year|mon|day)s?/g)) {
    if (unit === 'year') months += Number(amount) * 12;
    else if (unit === 'mon') months += Number(amount);
    else days += Number(amount);
  }
  const clock = /([+-]?)(\d+:\d\d:[\d.]+)$/.exec(text);
  if (clock !== null) micros = BigInt(timeToMicros(clock[2]!)) * (clock[1] === '-' ? -1n : 1n);
  return { months, days, micros };
}

/** Since Postgres 17. */
const isInfinite = (interval: string) => interval.endsWith('infinity');

/** Microseconds, with Debezium's average month. Infinity is the end of a Java long, as for timestamps. */
export function intervalToMicros(text: string): bigint {
  if (isInfinite(text)) return text.startsWith('-') ? LONG_MIN : LONG_MAX;
  const { months, days, micros } = parseInterval(text);
  return BigInt(months) * MICROS_PER_MONTH + BigInt(days) * MICROS_PER_DAY + micros;
}

/** `P1Y2M-3DT-4H5M6.789S`, in the form of Debezium's `io.debezium.time.Interval`. Infinity stays the word of Postgres. */
export function intervalToIso(text: string): string {
  if (isInfinite(text)) return text;
  const { months, days, micros } = parseInterval(text);
  const rest = micros < 0n ? -micros : micros;
  const signed = (amount: string) => (micros < 0n && /[1-9]/.test(amount) ? `-${amount}` : amount);
  const seconds = `${(rest / 1_000_000n) % 60n}.${String(rest % 1_000_000n).padStart(6, '0')}`.replace(/\.?0+$/, '');
  const hours = signed(String(rest / 3_600_000_000n));
  const minutes = signed(String((rest / 60_000_000n) % 60n));
  const clock = `${hours}H${minutes}M${signed(seconds || '0')}S`;
  return `P${Math.trunc(months / 12)}Y${months % 12}M${days}DT${clock}`;
}
