/** Cast: whole values, or fields, to another primitive type. Narrowing a number wraps, as in Java. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  isFields,
  JsonText,
  type RecordValue,
  type Schema,
  type SchemaType,
  type Transform,
} from '../api/index.ts';
import { fieldsOf, likeOriginal, onBothSides, perSchema, replaceNullWithDefault, type Side } from './side.ts';

const targets: readonly SchemaType[] = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'];
const bits: Partial<Record<SchemaType, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

class Cast implements Transform {
  readonly #side: Side;
  #whole: SchemaType | null = null;
  #fields: ReadonlyMap<string, SchemaType> = new Map();
  readonly #schemaOf = perSchema((schema): Schema => {
    if (this.#whole !== null) return castSchema(schema, this.#whole);
    const fields = (schema.fields ?? []).map((field) => {
      const type = this.#fields.get(field.name);
      return type === undefined ? field : { name: field.name, schema: castSchema(field.schema, type) };
    });
    return { ...schema, fields };
  });

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    const fields = new Map<string, SchemaType>();
    for (const entry of config.list('spec')) {
      const at = entry.lastIndexOf(':');
      const type = entry.slice(at + 1).trim() as SchemaType;
      if (!targets.includes(type))
        throw new ConfigError(`Cast cannot make "${type}". Types are ${targets.join(', ')}.`);
      if (at < 0) this.#whole = type;
      else fields.set(entry.slice(0, at).trim(), type);
    }
    if (this.#whole !== null && fields.size > 0)
      throw new ConfigError('Cast takes one type, or fields with types, not both.');
    if (this.#whole === null && fields.size === 0)
      throw new ConfigError('Cast needs a spec such as "int32" or "a:int32,b:string".');
    this.#fields = fields;
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    if (value === null) return record;
    const schema = this.#side.schema(record);
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    return this.#side.with(record, newSchema, this.#cast(value, newSchema));
  }

  #cast(value: Exclude<RecordValue, null>, schema: Schema | null): RecordValue {
    if (this.#whole !== null) {
      const plain = value instanceof JsonText ? value.parse() : value;
      if (isFields(plain)) throw new DataError('Cast to one type takes primitive values, this has fields.');
      return castValue(plain, this.#whole);
    }
    const fields = fieldsOf(value, 'type casting')!;
    const cast: Record<string, ConnectValue> = { ...fields };
    for (const [name, type] of this.#fields) if (cast[name] != null) cast[name] = castValue(cast[name], type);
    return likeOriginal(value, cast, schema);
  }
}

function castSchema(schema: Schema, type: SchemaType): Schema {
  return {
    type,
    ...(schema.optional === true ? { optional: true } : {}),
    ...(schema.defaultValue == null ? {} : { defaultValue: castValue(schema.defaultValue, type) }),
  };
}

export function castValue(value: ConnectValue, type: SchemaType): ConnectValue {
  if (value === null) return null;
  if (type === 'string') return castToText(value);
  if (type === 'boolean') return castToBoolean(value);
  const width = bits[type];
  return width === undefined ? castToFloat(value, type) : castToWhole(value, width, type);
}

function castToText(value: ConnectValue): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Date) return String(value.getTime());
  if (typeof value === 'object') throw new DataError('Cast makes text of primitive values only.');
  return String(value);
}

function castToBoolean(value: ConnectValue): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value) !== 0;
  if (typeof value === 'string') return value.toLowerCase() === 'true';
  throw new DataError('Cast makes booleans of primitive values only.');
}

function castToFloat(value: ConnectValue, type: SchemaType): number {
  const number = numberOf(value, type);
  return type === 'float32' ? Math.fround(Number(number)) : Number(number);
}

/** Java: float to int saturates at 32 (64) bits, then narrowing wraps. */
function castToWhole(value: ConnectValue, width: number, type: SchemaType): number | bigint {
  const number = numberOf(value, type, true);
  const whole = typeof number === 'bigint' ? number : saturated(number, width === 64 ? 64 : 32);
  const wrapped = BigInt.asIntN(width, whole);
  return Number.isSafeInteger(Number(wrapped)) ? Number(wrapped) : wrapped;
}

function saturated(number: number, width: 32 | 64): bigint {
  if (Number.isNaN(number)) return 0n;
  if (Number.isInteger(number)) return Number.isSafeInteger(number) ? BigInt(number) : clamp(number, width);
  return clamp(Math.trunc(number), width);
}

function clamp(number: number, width: 32 | 64): bigint {
  const bound = 1n << BigInt(width - 1);
  if (number >= Number(bound)) return bound - 1n;
  return number < -Number(bound) ? -bound : BigInt(number);
}

function numberOf(value: ConnectValue, type: SchemaType, mustBeWhole = false): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'string') {
    const text = value.trim();
    if (/^[+-]?\d+$/.test(text)) return inRange(BigInt(text.replace('+', '')), type, value);
    if (!mustBeWhole && text !== '' && !Number.isNaN(Number(text))) return Number(text);
  }
  throw new DataError(`Cast cannot make ${type} of ${JSON.stringify(value)}.`);
}

/** Parsing does not wrap: Java's parsers refuse what does not fit. */
function inRange(number: bigint, type: SchemaType, text: string): bigint {
  const width = bits[type];
  if (width === undefined || BigInt.asIntN(width, number) === number) return number;
  throw new DataError(`Cast cannot make ${type} of "${text}": it is out of range.`);
}

export const castPlugins = onBothSides(
  'Cast',
  {
    spec: { type: 'list', doc: 'One type, or field:type pairs.', importance: 'high' },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new Cast(side),
);
