/** Cast: whole values, or fields, to another primitive type. Narrowing a number wraps, as in Java. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  decimalText,
  fieldSchema,
  isFields,
  JsonText,
  LogicalNames,
  type RecordValue,
  type Schema,
  type SchemaType,
  type Transform,
  valueText,
} from '../api/index.ts';
import {
  fieldsOf,
  likeOriginal,
  onBothSides,
  perSchema,
  replaceNullWithDefault,
  type Side,
  withDefaults,
  writable,
} from './side.ts';

const targets: readonly SchemaType[] = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'];
const DAY_MS = 86_400_000;
const bits: Partial<Record<SchemaType, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

class Cast implements Transform {
  readonly #side: Side;
  #whole: SchemaType | null = null;
  #fields: ReadonlyMap<string, SchemaType> = new Map();
  #replacesNull = true;
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
    this.#replacesNull = config.boolean('replace.null.with.default');
    const fields = new Map<string, SchemaType>();
    for (const entry of config.list('spec')) {
      const at = entry.lastIndexOf(':');
      const type = entry.slice(at + 1).trim() as SchemaType;
      if (!targets.includes(type))
        throw new ConfigError(`Cast cannot make "${type}". Types are ${targets.join(', ')}.`);
      if (at < 0) this.#whole = type;
      else if (entry.indexOf(':') !== at) throw new ConfigError(`Cast takes pairs like a:int8, "${entry}" is none.`);
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
    return this.#side.with(record, newSchema, this.#cast(record, value, schema, newSchema));
  }

  #cast(
    record: ConnectRecord,
    value: Exclude<RecordValue, null>,
    schema: Schema | null,
    newSchema: Schema | null,
  ): RecordValue {
    if (this.#whole !== null) {
      const plain = value instanceof JsonText ? value.parse() : value;
      if (isFields(plain)) throw new DataError('Cast to one type takes primitive values, this has fields.');
      return castValue(plain, this.#whole, schema);
    }
    const fields = fieldsOf(value, 'type casting')!;
    const cast = writable(this.#side, record, withDefaults(fields, schema, this.#replacesNull, value));
    for (const [name, type] of this.#fields) {
      const member = cast[name];
      if (member != null)
        cast[name] = castValue(member, type, schema === null ? null : (fieldSchema(schema, name) ?? null));
      else if (schema === null) cast[name] = null;
    }
    return likeOriginal(value, cast, newSchema);
  }
}

function castSchema(schema: Schema, type: SchemaType): Schema {
  return {
    type,
    ...(schema.optional === true ? { optional: true } : {}),
    ...(schema.defaultValue == null ? {} : { defaultValue: castValue(schema.defaultValue, type, schema) }),
  };
}

/** `schema` is that of the value, or null; it tells a date from a number and a float from a whole number. */
export function castValue(given: ConnectValue, type: SchemaType, schema: Schema | null = null): ConnectValue {
  if (given === null) return null;
  if (type === 'string') return castToText(given, schema);
  const value = encoded(given, schema);
  if (type === 'boolean') return castToBoolean(value);
  const width = bits[type];
  return width === undefined ? castToFloat(value, type) : castToWhole(value, width, type, schema);
}

/** A logical value as the number it is written as: days, milliseconds, the decimal's own. */
function encoded(value: ConnectValue, schema: Schema | null): ConnectValue {
  if (value instanceof Date)
    return schema?.name === LogicalNames.date ? Math.floor(value.getTime() / DAY_MS) : value.getTime();
  return schema?.name === LogicalNames.decimal && typeof value === 'string' ? Number(decimalOf(value, schema)) : value;
}

/** JSON text holds a decimal in base64 where its source says so; else it is the number's own text. */
function decimalOf(text: string, schema: Schema): string {
  if (/^[+-]?\d*\.?\d*$/.test(text) || schema.parameters?.scale === undefined) return text;
  const bytes = Buffer.from(text, 'base64');
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex') || '0'}`));
  return decimalText(unscaled, Number(schema.parameters.scale));
}

function castToText(value: ConnectValue, schema: Schema | null): string {
  if (value instanceof Uint8Array || value instanceof Date) return valueText(value, schema);
  if (typeof value === 'object') throw new DataError('Cast makes text of primitive values only.');
  if (typeof value === 'string') return schema?.name === LogicalNames.decimal ? decimalOf(value, schema) : value;
  const ms = typeof value === 'number' ? logicalMs(value, schema) : null;
  return valueText(ms === null ? value : new Date(ms), schema);
}

/** A date that came as JSON is the number it is written as. */
function logicalMs(value: number, schema: Schema | null): number | null {
  if (schema?.name === LogicalNames.date) return value * DAY_MS;
  return schema?.name === LogicalNames.time || schema?.name === LogicalNames.timestamp ? value : null;
}

/** Java's `Number.longValue() != 0`: a fraction below 1 is false. */
function castToBoolean(value: ConnectValue): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return Math.trunc(value) !== 0 && !Number.isNaN(value);
  if (typeof value === 'string') return value.toLowerCase() === 'true';
  throw new DataError('Cast makes booleans of primitive values only.');
}

function castToFloat(value: ConnectValue, type: SchemaType): number {
  const number = numberOf(value, type);
  return type === 'float32' ? Math.fround(Number(number)) : Number(number);
}

/** Java: a whole number wraps; a float saturates at 32 (64) bits first. */
function castToWhole(value: ConnectValue, width: number, type: SchemaType, schema: Schema | null): number | bigint {
  const number = numberOf(value, type, true);
  const isFloat = schema?.type === 'float32' || schema?.type === 'float64' || !Number.isSafeInteger(number);
  const whole =
    typeof number === 'bigint' ? number : isFloat ? saturated(number, width === 64 ? 64 : 32) : BigInt(number);
  const wrapped = BigInt.asIntN(width, whole);
  return Number.isSafeInteger(Number(wrapped)) ? Number(wrapped) : wrapped;
}

function saturated(number: number, width: 32 | 64): bigint {
  if (Number.isNaN(number)) return 0n;
  const bound = 1n << BigInt(width - 1);
  const whole = Math.trunc(number);
  if (whole >= Number(bound)) return bound - 1n;
  return whole < -Number(bound) ? -bound : BigInt(whole);
}

function numberOf(value: ConnectValue, type: SchemaType, mustBeWhole = false): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') {
    if (/^[+-]?\d+$/.test(value)) return inRange(BigInt(value.replace('+', '')), type, value);
    const float = mustBeWhole ? null : javaFloat(value);
    if (float !== null) return float;
  }
  throw new DataError(`Cast cannot make ${type} of ${JSON.stringify(value)}.`);
}

/** What `Double.parseDouble` reads: spaces around, an exponent, `NaN` and `Infinity`, a suffix d or f. */
function javaFloat(text: string): number | null {
  const match = /^([+-]?)(?:(NaN|Infinity)|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)[dDfF]?$/.exec(text.trim());
  if (match === null) return null;
  return Number(`${match[1]}${match[2] ?? `${match[3]}${match[4] ?? ''}`}`);
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
