/**
 * Values of a schema to and from the JSON that Kafka Connect's JsonConverter writes, compiled once per schema.
 *
 * | schema | JSON |
 * |---|---|
 * | bytes | base64 text |
 * | Decimal | base64 of the unscaled two's-complement number, or a number (`decimal.format=NUMERIC`) |
 * | Date · Time · Timestamp | days · milliseconds of the day · milliseconds since the epoch |
 * | map | object when the keys are text, else an array of pairs |
 */
import { type ConnectValue, JsonText, LogicalNames, plainValue, type RecordValue, type Schema } from '../api/index.ts';
import { decimalFromBytes, decimalToBytes } from './decimal.ts';
import { badData, shown } from './errors.ts';

const DAY_MS = 86_400_000;

export interface JsonValueOptions {
  readonly decimalFormat: 'BASE64' | 'NUMERIC';
  /** A null where the schema has a default becomes the default. */
  readonly replaceNullWithDefault: boolean;
}

type Convert = (value: ConnectValue) => unknown;
type Revive = (json: unknown) => ConnectValue;

export class JsonValues {
  readonly #options: JsonValueOptions;
  readonly #writers = new WeakMap<Schema, Convert>();
  readonly #readers = new WeakMap<Schema, Revive>();
  readonly #decimals = new WeakMap<Schema, boolean>();

  constructor(options: JsonValueOptions) {
    this.#options = options;
  }

  /** What `JSON.stringify` shall see. Throws a DataError when the value does not fit the schema. */
  toJson(schema: Schema, value: RecordValue): unknown {
    return this.#writer(schema)(plainValue(value));
  }

  /** The Connect value behind parsed JSON. Throws a DataError when it does not fit the schema. */
  fromJson(schema: Schema, json: unknown): ConnectValue {
    return this.#reader(schema)(json);
  }

  /**
   * JSON text holds its decimals as base64, Connect's default; where numbers are wanted instead it has to be read. All
   * else is left as it is.
   */
  inFormat(schema: Schema | null, value: RecordValue): RecordValue {
    const isForeign = value instanceof JsonText && schema !== null && this.#options.decimalFormat === 'NUMERIC';
    return isForeign && this.#hasDecimals(schema) ? this.fromJson(schema, value.parse()) : value;
  }

  #hasDecimals(schema: Schema): boolean {
    let found = this.#decimals.get(schema);
    if (found === undefined) {
      const parts = [schema.valueSchema, schema.keySchema, ...(schema.fields ?? []).map((field) => field.schema)];
      const isInside = parts.some((part) => part !== undefined && this.#hasDecimals(part));
      found = schema.name === LogicalNames.decimal || isInside;
      this.#decimals.set(schema, found);
    }
    return found;
  }

  #writer(schema: Schema): Convert {
    let writer = this.#writers.get(schema);
    if (writer === undefined) {
      const convert = this.#compileWriter(schema);
      writer = (value) => (value == null ? this.#absent(schema, convert) : convert(value));
      this.#writers.set(schema, writer);
    }
    return writer;
  }

  #absent(schema: Schema, convert: Convert): unknown {
    const fallback = schema.defaultValue;
    if (fallback != null && this.#options.replaceNullWithDefault) return convert(fallback);
    if (schema.optional === true) return null;
    throw badData(`A required value is null: ${describe(schema)}.`);
  }

  #compileWriter(schema: Schema): Convert {
    const logical = this.#logicalWriter(schema);
    if (logical !== null) return logical;
    switch (schema.type) {
      case 'int8':
      case 'int16':
      case 'int32':
      case 'int64':
        return (value) => wholeNumber(schema, value);
      case 'float32':
      case 'float64':
        return (value) =>
          typeof value === 'number' || typeof value === 'bigint' ? finite(value) : misfit(schema, value);
      case 'boolean':
        return (value) => (typeof value === 'boolean' ? value : misfit(schema, value));
      case 'string':
        return (value) => (typeof value === 'string' ? value : misfit(schema, value));
      case 'bytes':
        return (value) => (value instanceof Uint8Array ? base64(value) : misfit(schema, value));
      case 'array':
        return this.#arrayWriter(schema);
      case 'map':
        return this.#mapWriter(schema);
      case 'struct':
        return this.#structWriter(schema);
    }
  }

  #logicalWriter(schema: Schema): Convert | null {
    switch (schema.name) {
      case LogicalNames.decimal: {
        const scale = scaleOf(schema);
        if (this.#options.decimalFormat === 'NUMERIC') return (value) => decimalNumber(schema, value);
        return (value) => base64(decimalToBytes(decimalText(schema, value), scale));
      }
      case LogicalNames.date:
        return (value) => (value instanceof Date ? wholeDays(schema, value) : wholeNumber(schema, value));
      case LogicalNames.time:
      case LogicalNames.timestamp:
        return (value) => (value instanceof Date ? value.getTime() : wholeNumber(schema, value));
      default:
        return null;
    }
  }

  #arrayWriter(schema: Schema): Convert {
    const element = this.#writer(required(schema.valueSchema, schema));
    return (value) => (Array.isArray(value) ? value.map(element) : misfit(schema, value));
  }

  #mapWriter(schema: Schema): Convert {
    const [key, element] = [required(schema.keySchema, schema), this.#writer(required(schema.valueSchema, schema))];
    const keyWriter = this.#writer(key);
    const hasTextKeys = key.type === 'string';
    return (value) => {
      if (typeof value !== 'object' || value === null) return misfit(schema, value);
      const entries = value instanceof Map ? [...value] : Object.entries(value as Record<string, ConnectValue>);
      const written = entries.map(([each, member]) => [keyWriter(each), element(member)] as const);
      return hasTextKeys ? Object.fromEntries(written) : written;
    };
  }

  #structWriter(schema: Schema): Convert {
    const fields = (schema.fields ?? []).map(({ name, schema: each }) => ({ name, write: this.#writer(each) }));
    return (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return misfit(schema, value);
      const members = value as { readonly [field: string]: ConnectValue };
      const json: Record<string, unknown> = {};
      for (const { name, write } of fields) {
        try {
          json[name] = write(members[name] ?? null);
        } catch (error) {
          throw badData(`Field "${name}": ${(error as Error).message}`, error);
        }
      }
      return json;
    };
  }

  #reader(schema: Schema): Revive {
    let reader = this.#readers.get(schema);
    if (reader === undefined) {
      const revive = this.#compileReader(schema);
      reader = (json) => (json == null ? this.#absentOnRead(schema) : revive(json));
      this.#readers.set(schema, reader);
    }
    return reader;
  }

  #absentOnRead(schema: Schema): ConnectValue {
    if (schema.defaultValue != null && this.#options.replaceNullWithDefault) return schema.defaultValue;
    if (schema.optional === true) return null;
    throw badData(`A required value is null: ${describe(schema)}.`);
  }

  #compileReader(schema: Schema): Revive {
    switch (schema.name) {
      case LogicalNames.decimal:
        return (json) => readDecimal(schema, json);
      case LogicalNames.date:
        return (json) => new Date(Number(wholeNumber(schema, json)) * DAY_MS);
      case LogicalNames.time:
      case LogicalNames.timestamp:
        return (json) => new Date(Number(wholeNumber(schema, json)));
    }
    switch (schema.type) {
      case 'float32':
      case 'float64': {
        // JSON has no number for these; Jackson, and with it Debezium, writes the words.
        const check = this.#compileWriter(schema);
        return (json) => floatWords.get(json) ?? (check(json as ConnectValue) as ConnectValue);
      }
      case 'bytes':
        return (json) =>
          typeof json === 'string' && isBase64(json) ? Buffer.from(json, 'base64') : misfit(schema, json);
      case 'array': {
        const element = this.#reader(required(schema.valueSchema, schema));
        return (json) => (Array.isArray(json) ? json.map(element) : misfit(schema, json));
      }
      case 'map':
        return this.#mapReader(schema);
      case 'struct':
        return this.#structReader(schema);
      default: {
        const check = this.#compileWriter(schema);
        return (json) => check(json as ConnectValue) as ConnectValue;
      }
    }
  }

  #mapReader(schema: Schema): Revive {
    const key = this.#reader(required(schema.keySchema, schema));
    const element = this.#reader(required(schema.valueSchema, schema));
    return (json) => {
      if (Array.isArray(json)) return new Map(json.map(([each, member]) => [key(each), element(member)]));
      if (typeof json !== 'object' || json === null) return misfit(schema, json);
      return Object.fromEntries(Object.entries(json).map(([each, member]) => [each, element(member)]));
    };
  }

  #structReader(schema: Schema): Revive {
    const fields = (schema.fields ?? []).map(({ name, schema: each }) => ({ name, read: this.#reader(each) }));
    return (json) => {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) return misfit(schema, json);
      const value: Record<string, ConnectValue> = {};
      for (const { name, read } of fields) value[name] = read((json as Record<string, unknown>)[name]);
      return value;
    };
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** Whole-number ranges of Connect's integer types. */
const ranges: Partial<Record<Schema['type'], bigint>> = {
  int8: 1n << 7n,
  int16: 1n << 15n,
  int32: 1n << 31n,
  int64: 1n << 63n,
};

/** Node skips what is no base64, and would read something else. */
const isBase64 = (text: string) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);

/** A date has no time of day. */
function wholeDays(schema: Schema, value: Date): number {
  const days = value.getTime() / DAY_MS;
  return Number.isInteger(days) ? days : misfit(schema, value);
}

function wholeNumber(schema: Schema, value: unknown): number | bigint {
  const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (!isWhole) return misfit(schema, value);
  const bound = ranges[schema.type];
  if (bound !== undefined && (value >= bound || value < -bound)) return misfit(schema, value);
  return value;
}

/** JSON has no NaN or infinity; Kafka Connect's serializer writes them as text. */
function finite(value: number | bigint): number | bigint | string {
  return typeof value === 'bigint' || Number.isFinite(value) ? value : String(value);
}

function scaleOf(schema: Schema): number {
  const scale = Number(schema.parameters?.scale);
  if (Number.isInteger(scale)) return scale;
  throw badData(`A Decimal schema needs a whole number as its parameter "scale": ${describe(schema)}.`);
}

function decimalText(schema: Schema, value: ConnectValue): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : misfit(schema, value);
}

function decimalNumber(schema: Schema, value: ConnectValue): unknown {
  const text = decimalText(schema, value);
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text.replace(/^(-?)\./, '$10.'));
}

function readDecimal(schema: Schema, json: unknown): string {
  if (typeof json === 'number' || typeof json === 'bigint') {
    return decimalFromBytes(decimalToBytes(String(json), scaleOf(schema)), scaleOf(schema));
  }
  if (typeof json !== 'string' || !isBase64(json)) return misfit(schema, json);
  return decimalFromBytes(Buffer.from(json, 'base64'), scaleOf(schema));
}

function required(schema: Schema | undefined, parent: Schema): Schema {
  if (schema !== undefined) return schema;
  throw badData(`A schema of type ${parent.type} does not say what it holds: ${describe(parent)}.`);
}

function describe(schema: Schema): string {
  return schema.name === undefined ? schema.type : `${schema.type} ${schema.name}`;
}

function misfit(schema: Schema, value: unknown): never {
  throw badData(`${shown(value instanceof JsonText ? value.parse() : value)} is no ${describe(schema)}.`);
}

const floatWords: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);
