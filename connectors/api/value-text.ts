/**
 * Values as text and back, by the rules of org.apache.kafka.connect.data.Values: what SimpleHeaderConverter writes and
 * reads, and what a literal in a config means.
 *
 * Where Java's parser stops in the middle of a text ("1,000" is 1, "10:15:30" is 10) ours takes the text as text.
 */
import { type ConnectValue, isFields, LogicalNames, type Schema, Schemas } from './schema.ts';

export interface InferredValue {
  readonly schema: Schema | null;
  readonly value: ConnectValue;
}

const DAY_MS = 86_400_000;
const date: Schema = { type: 'int32', name: LogicalNames.date, version: 1 };
const time: Schema = { type: 'int32', name: LogicalNames.time, version: 1 };
const timestamp: Schema = { type: 'int64', name: LogicalNames.timestamp, version: 1 };
const nothing: InferredValue = { schema: null, value: null };

/** What a text looks like: null, boolean, number, date, list, map; else the text itself. */
export function parseValueText(text: string): InferredValue {
  const parser = new Parser(text);
  const found = parser.value();
  return found === null || !parser.isAtEnd ? { schema: Schemas.string, value: text } : found;
}

/** The smallest type that holds a number exactly, as Java chooses; null where the text is no number. */
function parseNumber(text: string): InferredValue | null {
  const match = /^([+-]?)(\d+|(?=\.))\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (match === null || text.startsWith('.') || !/\d/.test(text)) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const scale = fraction.length - Number(exponent);
  const unscaled = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const integer = integerOf(unscaled, scale);
  const bits = integer === null ? undefined : integers.find(([width]) => BigInt.asIntN(width, integer) === integer);
  if (integer !== null && bits !== undefined) {
    return { schema: bits[1], value: Number.isSafeInteger(Number(integer)) ? Number(integer) : integer };
  }
  if (scale !== 0 && Number.isFinite(Math.fround(Number(text)))) {
    return { schema: Schemas.float32, value: Math.fround(Number(text)) };
  }
  if (scale !== 0 && Number.isFinite(Number(text))) return { schema: Schemas.float64, value: Number(text) };
  const schema: Schema = {
    type: 'bytes',
    name: LogicalNames.decimal,
    version: 1,
    parameters: { scale: String(scale) },
  };
  return { schema, value: decimalText(unscaled, scale) };
}

const integers = [
  [8, Schemas.int8],
  [16, Schemas.int16],
  [32, Schemas.int32],
  [64, Schemas.int64],
] as const;

/** The number without a fraction, or null where it has one (or is far beyond a long). */
function integerOf(unscaled: bigint, scale: number): bigint | null {
  if (scale <= 0) return scale < -30 ? null : unscaled * 10n ** BigInt(-scale);
  const divisor = 10n ** BigInt(scale);
  return unscaled % divisor === 0n ? unscaled / divisor : null;
}

/** The digits of a decimal, in full. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled * 10n ** BigInt(-scale));
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Recursive descent over one text; every method answers null where the text is nothing it knows. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  value(): InferredValue | null {
    const first = this.#text[this.#at];
    if (first === '[') return this.#list();
    if (first === '{') return this.#map();
    return this.#plain(/.*/sy);
  }

  #element(): InferredValue | null {
    this.#blanks();
    const first = this.#text[this.#at];
    const element =
      first === '['
        ? this.#list()
        : first === '{'
          ? this.#map()
          : first === '"'
            ? this.#quoted()
            : this.#plain(/[^,\]}:]*/y);
    this.#blanks();
    return element;
  }

  #blanks(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  #plain(pattern: RegExp): InferredValue | null {
    const moment = this.#moment();
    if (moment !== null) return moment;
    const word = this.#take(pattern)!.trim();
    if (word === 'null') return nothing;
    if (word === 'true' || word === 'false') return { schema: Schemas.boolean, value: word === 'true' };
    return parseNumber(word);
  }

  /** The three forms that {@link valueText} writes. */
  #moment(): InferredValue | null {
    const word = this.#take(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\d{4}-\d\d-\d\d(?![\dT])|\d\d:\d\d:\d\d\.\d{3}Z/y);
    if (word === null) return null;
    const schema = word.length === 10 ? date : word.includes('T') ? timestamp : time;
    const value = new Date(schema === time ? `1970-01-01T${word}` : word);
    return Number.isNaN(value.getTime()) ? null : { schema, value };
  }

  #quoted(): InferredValue | null {
    const word = this.#take(/"((?:[^"\\]|\\.)*)"/y);
    return word === null ? null : { schema: Schemas.string, value: word.replace(/\\(.)/g, '$1') };
  }

  #list(): InferredValue | null {
    const items: InferredValue[] = [];
    if (
      !this.#items(
        ']',
        () => this.#element(),
        (item) => items.push(item),
      )
    )
      return null;
    if (items.length > 1 && items.some(({ value }) => value === null)) return null;
    const valueSchema = commonSchema(items);
    const schema: Schema = valueSchema === null ? { type: 'array' } : { type: 'array', valueSchema };
    return { schema, value: items.map(({ value }) => value) };
  }

  #map(): InferredValue | null {
    const entries: [InferredValue, InferredValue][] = [];
    const entry = (): [InferredValue, InferredValue] | null => {
      const key = this.#element();
      if (key === null || this.#take(/:/y) === null) return null;
      const value = this.#element();
      return value === null ? null : [key, value];
    };
    if (!this.#items('}', entry, (each) => entries.push(each))) return null;
    const keySchema = commonSchema(entries.map(([key]) => key));
    const valueSchema = commonSchema(entries.map(([, value]) => value));
    const schema: Schema = {
      type: 'map',
      ...(keySchema === null ? {} : { keySchema }),
      ...(valueSchema === null ? {} : { valueSchema }),
    };
    const pairs = entries.map(([key, value]) => [key.value, value.value] as const);
    const hasNames = pairs.every(([key]) => typeof key === 'string');
    return { schema, value: hasNames ? Object.fromEntries(pairs) : new Map(pairs) };
  }

  /** `open item, item close`; false where that is not what is there. */
  #items<T>(close: string, item: () => T | null, add: (item: T) => void): boolean {
    this.#at++;
    this.#blanks();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return true;
    }
    for (;;) {
      const found = item();
      if (found === null) return false;
      add(found);
      const next = this.#text[this.#at++];
      if (next === close) return true;
      if (next !== ',') return false;
    }
  }
}

/** One schema for all elements: the same, or the widest number; null where they have nothing in common. */
function commonSchema(items: readonly InferredValue[]): Schema | null {
  const [first, ...rest] = items.map(({ schema }) => schema);
  let common = first ?? null;
  for (const schema of rest) common = common === null || schema === null ? null : wider(common, schema);
  return common;
}

const numbers: readonly Schema[] = [
  Schemas.int8,
  Schemas.int16,
  Schemas.int32,
  Schemas.int64,
  Schemas.float32,
  Schemas.float64,
];

function wider(a: Schema, b: Schema): Schema | null {
  if (a === b || JSON.stringify(a) === JSON.stringify(b)) return a;
  const [rankA, rankB] = [numbers.indexOf(a), numbers.indexOf(b)];
  return rankA < 0 || rankB < 0 ? null : numbers[Math.max(rankA, rankB)]!;
}

/** As Java's `Values.convertToString` writes it: what {@link parseValueText} reads. */
export function valueText(value: ConnectValue, schema: Schema | null = null, isInside = false): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return isInside && schema?.name !== LogicalNames.decimal ? quoted(value) : value;
  if (typeof value === 'number') return numberText(value, schema);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return momentText(value, schema);
  if (Array.isArray(value)) return `[${value.map((item) => valueText(item, schema?.valueSchema, true)).join(',')}]`;
  if (value instanceof Map) return mapText([...value], schema);
  if (isFields(value))
    return schema?.type === 'struct' ? structText(value, schema) : mapText(Object.entries(value), schema);
  return String(value);
}

const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`;

function mapText(entries: readonly (readonly [ConnectValue, ConnectValue])[], schema: Schema | null): string {
  const written = entries.map(
    ([key, value]) => `${valueText(key, schema?.keySchema, true)}:${valueText(value, schema?.valueSchema, true)}`,
  );
  return `{${written.join(',')}}`;
}

function structText(value: { readonly [field: string]: ConnectValue }, schema: Schema): string {
  const fields = (schema.fields ?? []).map(({ name, schema: each }) => {
    const member = value[name] ?? each.defaultValue ?? null;
    return `${quoted(name)}:${valueText(member, each, true)}`;
  });
  return `{${fields.join(',')}}`;
}

/** Without a schema a date is what its milliseconds look like: a time of the first day, a whole day, or a moment. */
function momentText(value: Date, schema: Schema | null): string {
  const [day, clock] = value.toISOString().split('T') as [string, string];
  const ms = value.getTime();
  const isTime = schema === null ? ms >= 0 && ms < DAY_MS : schema.name === LogicalNames.time;
  if (isTime) return clock;
  const isDay = schema === null ? ms % DAY_MS === 0 : schema.name === LogicalNames.date;
  return isDay ? day : value.toISOString();
}

/** Whole numbers as they are; others, and those of a float schema, as Java writes a double. */
function numberText(value: number, schema: Schema | null): string {
  const isFloat = schema?.type === 'float32' || schema?.type === 'float64' || !Number.isSafeInteger(value);
  return isFloat ? javaDoubleText(value, schema?.type === 'float32') : String(value);
}

/** `Double.toString` (or `Float.toString`): always a fraction; an exponent from 10⁷ up and below 10⁻³. */
export function javaDoubleText(value: number, isFloat32 = false): string {
  if (!Number.isFinite(value)) return String(value);
  const shortest = isFloat32 ? shortestFloat(value) : value;
  const size = Math.abs(shortest);
  if (size === 0 || (size >= 1e-3 && size < 1e7)) {
    const text = String(shortest);
    return text.includes('.') ? text : `${Object.is(shortest, -0) ? '-0' : text}.0`;
  }
  const [mantissa, exponent] = shortest.toExponential().split('e') as [string, string];
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

/** The double whose text is the shortest that is still this float. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
