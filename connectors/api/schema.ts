/**
 * Connect's data model: what a value is, told apart from how it is written down.
 *
 * The names are Kafka Connect's (org.apache.kafka.connect.data). A source hands over values with their schemas, a
 * converter turns the pair into bytes, a sink gets the pair back. Step 1 and step 9 of the record's journey.
 */
import { type AddedMembers, isObjectText, type JsonMembers, joined } from './json-members.ts';

/** The physical types of Kafka Connect. */
export const schemaTypes = [
  'int8',
  'int16',
  'int32',
  'int64',
  'float32',
  'float64',
  'boolean',
  'string',
  'bytes',
  'array',
  'map',
  'struct',
] as const;

export type SchemaType = (typeof schemaTypes)[number];

/**
 * A value as connectors, transforms and converters see it.
 *
 * | schema type | JavaScript value |
 * |---|---|
 * | int8, int16, int32, float32, float64 | `number` |
 * | int64 | `number` while safe, else `bigint` |
 * | boolean, string | `boolean`, `string` |
 * | bytes | `Uint8Array` |
 * | array | `ConnectValue[]` |
 * | map | plain object when keys are strings, else `Map` |
 * | struct | plain object, one member per field |
 *
 * Logical types (by `Schema.name`): `…connect.data.Decimal` is its exact text (`"12.50"`), `…Date`, `…Time` and
 * `…Timestamp` are `Date`. A transform never changes a value in place: it builds another.
 */
export type ConnectValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly ConnectValue[]
  | ReadonlyMap<ConnectValue, ConnectValue>
  | { readonly [field: string]: ConnectValue };

/** One member of a struct. */
export interface Field {
  readonly name: string;
  readonly schema: Schema;
}

/**
 * What a value may be. Immutable; compare by reference first (`===`) and cache by it: sources reuse one object for all
 * records of a table.
 */
export interface Schema {
  readonly type: SchemaType;
  /** True when null is a value of this schema. */
  readonly optional?: boolean;
  /** A semantic or record name, for example `io.debezium.time.Timestamp` or `shop.public.orders.Value`. */
  readonly name?: string;
  readonly version?: number;
  readonly doc?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly defaultValue?: ConnectValue;
  /** Members, in order; present on structs only. */
  readonly fields?: readonly Field[];
  /** Present on maps only. */
  readonly keySchema?: Schema;
  /** Present on arrays (the element) and maps (the value). */
  readonly valueSchema?: Schema;
}

/** A value and, where it has one, its schema. A null schema means "schemaless": the value speaks for itself. */
export interface SchemaAndValue {
  readonly schema: Schema | null;
  readonly value: RecordValue;
}

/**
 * A value that is already JSON text and stays so until somebody needs its fields.
 *
 * CDC rows, MQTT payloads and file lines are JSON (or become it without building an object). The JSON converters write
 * these bytes as they are; a transform that needs fields calls {@link plainValue}, which parses once.
 */
export class JsonText {
  /** Null while nobody has asked for them: then they are the original's with the members, or those of the value. */
  #bytes: Uint8Array | null;
  #parsed: ConnectValue | undefined = undefined;
  #original: JsonText | null = null;
  #added: AddedMembers | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * JSON text for a value that was parsed and changed (by a transform); written when somebody asks for the bytes. The
   * value is what JSON can hold: bytes as base64, dates as numbers.
   */
  static of(value: ConnectValue): JsonText {
    const text = new JsonText(noBytes);
    text.#bytes = null;
    text.#parsed = value;
    return text;
  }

  /** UTF-8 JSON, borrowed for as long as the record lives; never written to. */
  get bytes(): Uint8Array {
    return this.#bytes ?? this.#written();
  }

  #written(): Uint8Array {
    const whole = this.#added === null ? null : joined(this.#original!.bytes, this.#added);
    this.#bytes = whole ?? Buffer.from(stringifyJson(this.parse()));
    return this.#bytes;
  }

  /**
   * This object with more members at its end, in the place of those it may have under the same names. Nothing is parsed
   * and nothing put together before somebody asks. Null where this is no object.
   */
  withMembers(members: JsonMembers): JsonText | null {
    // What has been put together, or parsed, is not asked for the same again.
    const isWhole = this.#added === null || this.#bytes !== null || this.#parsed !== undefined;
    if (isWhole && !isObjectText(this.bytes)) return null;
    const text = new JsonText(noBytes);
    text.#bytes = null;
    text.#original = isWhole ? this : this.#original;
    text.#added = members.behind(isWhole ? null : this.#added);
    return text;
  }

  /** True while the text is there, or can be put together without writing a value: then adding to it is a shortcut. */
  get isText(): boolean {
    return this.#bytes !== null || this.#added !== null;
  }

  /** True once somebody has asked for the value: then its fields cost nothing. */
  get isParsed(): boolean {
    return this.#parsed !== undefined;
  }

  /** The parsed value; parsed at the first call. Throws SyntaxError when the bytes are not JSON. */
  parse(): ConnectValue {
    if (this.#parsed === undefined) {
      const isWritten = this.#added === null || this.#bytes !== null;
      this.#parsed = isWritten ? parseJson(this.bytes) : this.#parseWithMembers(this.#added!);
    }
    return this.#parsed;
  }

  #parseWithMembers(added: AddedMembers): ConnectValue {
    const original = this.#original!;
    // What the original was parsed to is its own, and stays as it is.
    const object = original.isParsed ? { ...(original.parse() as object) } : parseJson(original.bytes);
    added.addTo(object as Record<string, ConnectValue>, parseJson);
    return object as ConnectValue;
  }
}

const noBytes = new Uint8Array(0);

/** ECMA-262 JSON.rawJSON, which the compiler's library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** `JSON.stringify` for values that may hold bigints, which become whole numbers. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? rawJSON(each.toString()) : each));
  }
}

/** ECMA-262 JSON.parse source text access, which the compiler's library does not know yet. */
const sourceParse = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => ConnectValue;

/**
 * Parses UTF-8 JSON; whole numbers that a double cannot hold become bigints. Throws SyntaxError when it is not JSON.
 * Only a text with 16 digits in a row pays for looking.
 */
export function parseJson(bytes: Uint8Array): ConnectValue {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  if (!mayHoldDigits(buffer) || !/[0-9]{16}/.test(text)) return JSON.parse(text);
  return sourceParse(text, (_, value, { source }) => {
    const isUnsafe = typeof value === 'number' && !Number.isSafeInteger(value);
    return isUnsafe && source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
  });
}

/** Whether 16 digits in a row may be there: one of them would be among every sixteenth byte. */
function mayHoldDigits(bytes: Uint8Array): boolean {
  for (let at = 15; at < bytes.length; at += 16) if (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) return true;
  return false;
}

/** What a record's key or value may hold: a value, or JSON text that is not parsed yet. */
export type RecordValue = ConnectValue | JsonText;

/** The value behind a record's key or value, parsing JSON text if that is what it holds. */
export function plainValue(value: RecordValue): ConnectValue {
  return value instanceof JsonText ? value.parse() : value;
}

/** True for a struct or string-keyed map: a plain object whose members are fields. */
export function isFields(value: RecordValue): value is { readonly [field: string]: ConnectValue } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date) &&
    !(value instanceof Map) &&
    !(value instanceof JsonText)
  );
}

/** Builds a struct schema. */
export function struct(name: string | undefined, fields: readonly Field[], optional = false): Schema {
  return name === undefined ? { type: 'struct', optional, fields } : { type: 'struct', optional, name, fields };
}

/** The schema of a struct's field, or undefined when the struct has none of that name. */
export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  return schema.fields?.find((field) => field.name === name)?.schema;
}

/** Primitive schemas, shared so that reference comparison works. */
export const Schemas = {
  int8: { type: 'int8' },
  int16: { type: 'int16' },
  int32: { type: 'int32' },
  int64: { type: 'int64' },
  float32: { type: 'float32' },
  float64: { type: 'float64' },
  boolean: { type: 'boolean' },
  string: { type: 'string' },
  bytes: { type: 'bytes' },
  optionalInt8: { type: 'int8', optional: true },
  optionalInt16: { type: 'int16', optional: true },
  optionalInt32: { type: 'int32', optional: true },
  optionalInt64: { type: 'int64', optional: true },
  optionalFloat32: { type: 'float32', optional: true },
  optionalFloat64: { type: 'float64', optional: true },
  optionalBoolean: { type: 'boolean', optional: true },
  optionalString: { type: 'string', optional: true },
  optionalBytes: { type: 'bytes', optional: true },
} as const satisfies Record<string, Schema>;

/** Names of Kafka Connect's own logical types. */
export const LogicalNames = {
  decimal: 'org.apache.kafka.connect.data.Decimal',
  date: 'org.apache.kafka.connect.data.Date',
  time: 'org.apache.kafka.connect.data.Time',
  timestamp: 'org.apache.kafka.connect.data.Timestamp',
} as const;
