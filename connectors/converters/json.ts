/**
 * JsonConverter: values as JSON, with the schema beside each (`schemas.enable=true`) or without.
 *
 * Without schemas, JSON text goes through as it is, in both directions: what a source encoded is not parsed to be
 * written, and what is read is looked through once, to be sure it is JSON, and keeps its bytes. Format: KIP-26's envelope
 * `{"schema": …, "payload": …}`; a null value without a schema is a tombstone.
 */
import {
  type AddedMembers,
  type Bytes,
  type Config,
  type Converter,
  type ConverterPlugin,
  type Fields,
  JsonText,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
} from '../api/index.ts';
import { badData, shown } from './errors.ts';
import { extendedBytes } from './extended-bytes.ts';
import { isJson } from './json-check.ts';
import { schemaFromJson, schemaToJson } from './json-schema-envelope.ts';
import { parseJson, parseJsonText, stringifyJson, textOf } from './json-text.ts';
import { JsonValues } from './json-values.ts';
import { plainJson } from './plain-json.ts';

const nothing: SchemaAndValue = { schema: null, value: null };
const NULL_SCHEMA = '{"schema":null,"payload":';

class JsonConverter implements Converter {
  #hasSchemas = true;
  #keepsDecimals = false;
  #values!: JsonValues;
  #cacheSize = 0;
  /** `{"schema":…,"payload":` per schema object. */
  #prefixes = new WeakMap<Schema, string>();
  /** Schemas read, by their JSON text. */
  #schemas = new Map<string, Schema | null>();
  #given: Schema | null = null;

  configure(config: Config): void {
    this.#hasSchemas = config.boolean('schemas.enable');
    this.#cacheSize = config.number('schemas.cache.size');
    this.#keepsDecimals = config.string('decimal.format').toUpperCase() === 'BASE64';
    this.#values = new JsonValues({
      decimalFormat: config.string('decimal.format').toUpperCase() as 'BASE64' | 'NUMERIC',
      replaceNullWithDefault: config.boolean('replace.null.with.default'),
    });
    const content = config.optionalString('schema.content');
    if (content) this.#given = schemaFromJson(parseJsonText(content), this.#values);
  }

  /** With decimals as numbers they may have to be written anew. */
  get keepsJson(): boolean {
    return !this.#hasSchemas && this.#keepsDecimals;
  }

  fromConnectData(_: string, schema: Schema | null, given: RecordValue): Bytes {
    const value = this.#values.inFormat(schema, given);
    if (!this.#hasSchemas) return this.#payloadBytes(schema, value);
    if (schema === null && value === null) return null;
    const prefix = schema === null ? NULL_SCHEMA : this.#prefix(schema);
    if (value instanceof JsonText) return Buffer.concat([Buffer.from(prefix), value.bytes, CLOSE]);
    return Buffer.from(`${prefix}${this.#payloadText(schema, value)}}`);
  }

  /** Object and members are two texts, one behind the other, unless a member is there already. */
  fromExtended(_: string, fields: Fields, added: AddedMembers): Bytes {
    if (!added.mayFollow(fields)) return this.fromConnectData(_, null, added.onto(fields, parseJson));
    const text = stringifyJson(plainJson(fields));
    const bytes = extendedBytes(text, added.text);
    return this.#hasSchemas ? Buffer.concat([NULL_SCHEMA_BYTES, bytes, CLOSE]) : bytes;
  }

  toConnectData(_: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return nothing;
    if (bytes.length === 0) return this.#fromNoBytes();
    if (this.#given !== null) {
      return { schema: this.#given, value: this.#values.fromJson(this.#given, parseJson(bytes)) };
    }
    if (this.#hasSchemas) return this.#fromEnvelope(bytes);
    const text = checkedJsonText(bytes);
    return isNull(bytes) ? nothing : { schema: null, value: text };
  }

  /** Without an envelope no bytes are a null; with one they are a message cut short. */
  #fromNoBytes(): SchemaAndValue {
    if (!this.#hasSchemas) return nothing;
    throw badData('JsonConverter with schemas.enable needs "schema" and "payload", this message has no bytes at all.');
  }

  #payloadBytes(schema: Schema | null, value: RecordValue): Bytes {
    if (value instanceof JsonText) return value.bytes;
    // Null is a tombstone, unless the schema has a default to put in its place.
    if (value === null && (schema === null || this.#values.toJson(schema, null) === null)) return null;
    return Buffer.from(this.#payloadText(schema, value));
  }

  #payloadText(schema: Schema | null, value: Exclude<RecordValue, JsonText>): string {
    return stringifyJson(schema === null ? plainJson(value) : this.#values.toJson(schema, value));
  }

  #prefix(schema: Schema): string {
    let prefix = this.#prefixes.get(schema);
    if (prefix === undefined) {
      prefix = `{"schema":${stringifyJson(schemaToJson(schema, this.#values))},"payload":`;
      this.#prefixes.set(schema, prefix);
    }
    return prefix;
  }

  #fromEnvelope(bytes: Uint8Array): SchemaAndValue {
    const envelope = parseJson(bytes);
    const isEnvelope =
      typeof envelope === 'object' &&
      envelope !== null &&
      Object.keys(envelope).length === 2 &&
      'schema' in envelope &&
      'payload' in envelope;
    if (!isEnvelope) {
      const advice = 'Set schemas.enable=false on this converter if the messages are plain JSON.';
      throw badData(
        `JsonConverter with schemas.enable needs exactly "schema" and "payload", this is ${shown(envelope)}. ${advice}`,
      );
    }
    const { schema: json, payload } = envelope as { schema: unknown; payload: RecordValue };
    const schema = this.#schemaOf(json);
    return { schema, value: schema === null ? payload : this.#values.fromJson(schema, payload) };
  }

  /** Equal schemas become one object, so that what is compiled per schema is compiled once. */
  #schemaOf(json: unknown): Schema | null {
    const key = stringifyJson(json);
    let schema = this.#schemas.get(key);
    if (schema === undefined) {
      schema = schemaFromJson(json, this.#values);
      if (this.#schemas.size >= this.#cacheSize) this.#schemas.clear();
      this.#schemas.set(key, schema);
    }
    return schema;
  }
}

const CLOSE = Buffer.from('}');
const NULL_SCHEMA_BYTES = Buffer.from(NULL_SCHEMA);

/** Bytes that are JSON: looked through now, because a bad record must fail here, and parsed when somebody needs fields. */
function checkedJsonText(bytes: Uint8Array): JsonText {
  const text = new JsonText(bytes);
  if (isJson(bytes)) return text;
  try {
    text.parse();
  } catch (cause) {
    throw badData(
      `The bytes are not JSON: ${(cause as Error).message}. They begin with ${shown(textOf(bytes))}.`,
      cause,
    );
  }
  return text;
}

/** Whether text that is JSON is `null`: nothing else begins with this letter. */
function isNull(bytes: Uint8Array): boolean {
  let at = 0;
  while (bytes[at]! <= SPACE) at++;
  return bytes[at] === LETTER_N;
}

const SPACE = 0x20;
const LETTER_N = 0x6e;

export const jsonPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'JsonConverter',
  aliases: ['org.apache.kafka.connect.json.JsonConverter'],
  version: '1.0.0',
  config: {
    'schemas.enable': {
      type: 'boolean',
      default: true,
      doc: 'Each message carries its schema: {"schema": …, "payload": …}.',
      importance: 'high',
      group: 'Schemas',
      displayName: 'Enable Schemas',
    },
    'schemas.cache.size': {
      type: 'int',
      default: 1000,
      min: 0,
      doc: 'How many schemas read are remembered.',
      importance: 'high',
      group: 'Schemas',
      displayName: 'Schema Cache Size',
    },
    'decimal.format': {
      type: 'string',
      default: 'BASE64',
      oneOf: ['BASE64', 'NUMERIC', 'base64', 'numeric'],
      doc: 'How decimals are written: base64 of the unscaled number, or a JSON number.',
      group: 'Serialization',
      displayName: 'Decimal Format',
    },
    'replace.null.with.default': {
      type: 'boolean',
      default: true,
      doc: 'A null becomes the default of its field.',
      group: 'Serialization',
      displayName: 'Replace null with default',
    },
    'schema.content': {
      type: 'string',
      default: null,
      doc: 'The schema of every message read, given once (KIP-1054); the messages are then payloads alone.',
      importance: 'high',
      group: 'Schemas',
      displayName: 'Schema Content',
    },
    'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' },
  },
  create: () => new JsonConverter(),
};
