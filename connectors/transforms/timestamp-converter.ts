/** TimestampConverter: one field (or the whole value) between text, epoch numbers, Date, Time and Timestamp. */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  JsonText,
  LogicalNames,
  type Schema,
  type Transform,
} from '../api/index.ts';
import { type DateFormat, formatJavaDate, javaDateFormat, parseJavaDate } from './java-date.ts';
import {
  asMember,
  fieldsOf,
  likeOriginal,
  onBothSides,
  perSchema,
  replaceNullWithDefault,
  type Side,
  withDefaults,
  writable,
} from './side.ts';

type Target = 'string' | 'unix' | 'Date' | 'Time' | 'Timestamp';
type Precision = 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds';

const DAY_MS = 86_400_000;
/** Units per millisecond, as a fraction of two whole numbers so that nanoseconds stay exact. */
const units: Record<Precision, readonly [bigint, bigint]> = {
  seconds: [1n, 1000n],
  milliseconds: [1n, 1n],
  microseconds: [1000n, 1n],
  nanoseconds: [1_000_000n, 1n],
};

const targetSchemas: Record<Target, Schema> = {
  string: { type: 'string' },
  unix: { type: 'int64' },
  Date: { type: 'int32', name: LogicalNames.date, version: 1 },
  Time: { type: 'int32', name: LogicalNames.time, version: 1 },
  Timestamp: { type: 'int64', name: LogicalNames.timestamp, version: 1 },
};

class TimestampConverter implements Transform {
  readonly #side: Side;
  #field = '';
  #target: Target = 'Timestamp';
  #format: DateFormat | null = null;
  #precision: Precision = 'milliseconds';
  #replacesNull = true;
  readonly #schemaOf = perSchema((schema): Schema => {
    if (this.#field === '') return this.#converted(schema);
    const fields = (schema.fields ?? []).map((field) =>
      field.name === this.#field ? { name: field.name, schema: this.#converted(field.schema) } : field,
    );
    return { ...schema, fields };
  });

  constructor(side: Side) {
    this.#side = side;
  }

  configure(config: Config): void {
    this.#replacesNull = config.boolean('replace.null.with.default');
    this.#field = config.string('field');
    this.#target = config.string('target.type') as Target;
    this.#precision = config.string('unix.precision') as Precision;
    const format = config.string('format');
    this.#format = format === '' ? null : javaDateFormat(format);
    if (this.#target === 'string' && this.#format === null) {
      throw new ConfigError('TimestampConverter needs "format" when the target is a string.');
    }
  }

  apply<R extends ConnectRecord>(record: R): R {
    const value = this.#side.value(record);
    const schema = this.#side.schema(record);
    const newSchema = schema === null ? null : this.#schemaOf(schema);
    if (value === null) return newSchema === schema ? record : this.#side.with(record, newSchema, null);
    if (this.#field === '') {
      const plain = value instanceof JsonText ? value.parse() : value;
      return this.#side.with(record, newSchema, this.#convert(plain, schema));
    }
    const fields = withDefaults(fieldsOf(value, 'formatting timestamp')!, schema, this.#replacesNull, value);
    const memberSchema = schema === null ? null : (fieldSchema(schema, this.#field) ?? null);
    if (schema !== null && memberSchema === null) return this.#side.with(record, newSchema, value);
    const member = this.#convert(fields[this.#field] ?? null, memberSchema);
    const converted = writable(this.#side, record, fields);
    converted[this.#field] = asMember(value, member);
    return this.#side.with(record, newSchema, likeOriginal(value, converted, newSchema));
  }

  #converted(schema: Schema): Schema {
    return { ...targetSchemas[this.#target], ...(schema.optional === true ? { optional: true } : {}) };
  }

  #convert(value: ConnectValue, schema: Schema | null): ConnectValue {
    if (value === null) return null;
    const ms = this.#toMs(value, schema);
    switch (this.#target) {
      case 'string':
        return formatJavaDate(this.#format!, new Date(ms));
      case 'unix':
        return this.#toUnix(ms);
      case 'Date':
        return new Date(Math.floor(ms / DAY_MS) * DAY_MS);
      case 'Time':
        return new Date(((ms % DAY_MS) + DAY_MS) % DAY_MS);
      case 'Timestamp':
        return new Date(ms);
    }
  }

  #toMs(value: ConnectValue, schema: Schema | null): number {
    if (value instanceof Date) return value.getTime();
    if (typeof value === 'string') {
      if (this.#format === null) throw new DataError('TimestampConverter needs "format" to read text.');
      return parseJavaDate(this.#format, value).getTime();
    }
    if (typeof value !== 'number' && typeof value !== 'bigint') throw new DataError('The value is no time.');
    // A logical type that came as JSON is still the number it is written as.
    if (schema?.name === LogicalNames.date) return Number(value) * DAY_MS;
    if (schema?.name === LogicalNames.timestamp || schema?.name === LogicalNames.time) return Number(value);
    if (schema !== null && schema.type !== 'int64') {
      throw new DataError(`TimestampConverter reads epoch numbers of type int64, this is ${schema.type}.`);
    }
    if (typeof value === 'number' && !Number.isInteger(value)) throw new DataError('A time must be a whole number.');
    const [numerator, denominator] = units[this.#precision];
    return Number((BigInt(value) * denominator) / numerator);
  }

  #toUnix(ms: number): ConnectValue {
    const [numerator, denominator] = units[this.#precision];
    const value = (BigInt(ms) * numerator) / denominator;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
}

export const timestampConverterPlugins = onBothSides(
  'TimestampConverter',
  {
    field: { type: 'string', default: '', doc: 'The field; empty is the whole value.', importance: 'high' },
    'target.type': { type: 'string', oneOf: Object.keys(targetSchemas), doc: 'What it becomes.', importance: 'high' },
    format: {
      type: 'string',
      default: '',
      doc: 'Format of text, as of java.text.SimpleDateFormat, in UTC.',
      importance: 'medium',
    },
    'unix.precision': {
      type: 'string',
      default: 'milliseconds',
      oneOf: Object.keys(units),
      doc: 'The unit of epoch numbers.',
    },
    'replace.null.with.default': replaceNullWithDefault,
  },
  (side) => new TimestampConverter(side),
);
