/**
 * CloudEventsConverter: change events in Debezium's form as CloudEvents 1.0, structured mode, JSON within JSON, with the attributes that
 * Debezium's converter of this name writes: what is in `source` beside the data, and in `data` the row before and after.
 *
 * What a source wrote as JSON is cut out of its text and not parsed; only `source` and `transaction` are. Reading gives the event as
 * an object, its data without an envelope.
 */
import {
  type Bytes,
  type Config,
  type ConnectValue,
  type Converter,
  type ConverterPlugin,
  JsonText,
  type RecordValue,
  type Schema,
  type SchemaAndValue,
} from '../api/index.ts';
import { badData, shown } from './errors.ts';
import { memberRanges } from './json-member-ranges.ts';
import { schemaFromJson, schemaToJson } from './json-schema-envelope.ts';
import { parseJson, stringifyJson } from './json-text.ts';
import { JsonValues } from './json-values.ts';

const ENVELOPE_SUFFIX = '.Envelope';
/** Heartbeats, transaction metadata, notifications and logical messages. */
const NO_ROWS = /^io\.debezium\.(?!.*\.Envelope$)/;
const EXTENSION_PREFIX = 'iodebezium';
const TRANSACTION_FIELDS: readonly (readonly [field: string, attribute: string])[] = [
  ['id', 'txid'],
  ['total_order', 'txtotalorder'],
  ['data_collection_order', 'txdatacollectionorder'],
];
const REQUIRED = ['id', 'source', 'specversion', 'type'];

type Fields = Readonly<Record<string, unknown>>;

/** What is known of an envelope's schema. */
interface Shape {
  readonly schema: Schema;
  /** Of the fields of `source`, in their order. */
  readonly source: readonly { readonly name: string; readonly attribute: string; readonly schema: Schema }[];
  readonly before: Schema;
  readonly after: Schema;
  /** `{"schema":…,"payload":`, where data has its schema beside it, by connector. */
  readonly prefixes: Map<string, string>;
}

/** An event's members, whichever way the value came. */
interface Envelope {
  readonly source: Fields;
  readonly transaction: Fields | null;
  readonly op: unknown;
  /** JSON texts. */
  readonly before: string;
  readonly after: string;
}

class CloudEventsConverter implements Converter {
  #hasExtensions = true;
  #hasSchemas = true;
  #values!: JsonValues;
  #shapes = new WeakMap<Schema, Shape>();

  configure(config: Config): void {
    this.#hasExtensions = config.boolean('extension.attributes.enable');
    this.#hasSchemas = config.boolean('json.schemas.enable');
    this.#values = new JsonValues({
      decimalFormat: config.string('json.decimal.format').toUpperCase() as 'BASE64' | 'NUMERIC',
      replaceNullWithDefault: config.boolean('json.replace.null.with.default'),
    });
  }

  fromConnectData(topic: string, schema: Schema | null, given: RecordValue): Bytes {
    if (given === null) return null;
    const name = schema?.name ?? '';
    // As Debezium does: what tells no row has no event.
    if (schema !== null && NO_ROWS.test(name)) return null;
    if (schema === null || !name.endsWith(ENVELOPE_SUFFIX)) {
      const what = schema === null ? 'has no schema' : `has the schema ${shown(name)}`;
      throw badData(
        `Only a change event in Debezium's form can become a CloudEvent, and the value for topic ${topic} ${what}. Leave out transforms that unwrap it.`,
      );
    }
    const shape = this.#shapeOf(schema);
    const envelope = this.#envelopeOf(shape, this.#values.inFormat(schema, given));
    return Buffer.from(this.#eventText(shape, envelope));
  }

  toConnectData(_: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return { schema: null, value: null };
    const event = parseJson(bytes);
    const isEvent = isFields(event) && REQUIRED.every((attribute) => attribute in event);
    if (!isEvent) throw badData(`A CloudEvent needs ${REQUIRED.join(', ')}, this is ${shown(event)}.`);
    return { schema: null, value: { ...event, data: this.#dataOf(event.data as ConnectValue) } as ConnectValue };
  }

  /** Data without the envelope that its schema came in. */
  #dataOf(data: ConnectValue): ConnectValue {
    if (!this.#hasSchemas) return data ?? null;
    if (!isFields(data) || !('schema' in data) || !('payload' in data)) {
      throw badData(
        `The data of a CloudEvent needs "schema" and "payload", this is ${shown(data)}. Set json.schemas.enable=false if it is plain.`,
      );
    }
    const schema = schemaFromJson(data.schema, this.#values);
    return schema === null ? (data.payload as ConnectValue) : this.#values.fromJson(schema, data.payload);
  }

  #shapeOf(schema: Schema): Shape {
    let shape = this.#shapes.get(schema);
    if (shape === undefined) {
      const fields = new Map((schema.fields ?? []).map((field) => [field.name, field.schema]));
      const [source, before, after] = ['source', 'before', 'after'].map((name) => fields.get(name));
      if (source === undefined || before === undefined || after === undefined) {
        throw badData(
          `The schema ${shown(schema.name)} has not "source", "before" and "after", as change events have.`,
        );
      }
      const attributes = (source.fields ?? []).map(({ name, schema: each }) => {
        return { name, attribute: EXTENSION_PREFIX + name.replace(/[^A-Za-z0-9]/g, ''), schema: each };
      });
      shape = { schema, source: attributes, before, after, prefixes: new Map() };
      this.#shapes.set(schema, shape);
    }
    return shape;
  }

  #envelopeOf({ schema, before, after }: Shape, value: RecordValue): Envelope {
    if (value instanceof JsonText) {
      const { bytes } = value;
      const ranges = memberRanges(bytes);
      const text = (name: string) => {
        const range = ranges?.get(name);
        return range === undefined
          ? 'null'
          : Buffer.from(bytes.buffer, bytes.byteOffset + range[0], range[1] - range[0]).toString();
      };
      const parsed = (name: string) => parseJson(Buffer.from(text(name))) as never;
      const members = { source: parsed('source'), transaction: parsed('transaction'), op: parsed('op') };
      return sound(schema, { ...members, before: text('before'), after: text('after') });
    }
    const fields = value as Fields;
    const text = (of: Schema, name: string) =>
      stringifyJson(this.#values.toJson(of, (fields[name] ?? null) as RecordValue));
    const { source, transaction = null, op } = fields as { source: Fields; transaction?: Fields | null; op: unknown };
    return sound(schema, { source, transaction, op, before: text(before, 'before'), after: text(after, 'after') });
  }

  #eventText(shape: Shape, { source, transaction, op, before, after }: Envelope): string {
    const { connector, name, lsn, txId, sequence, ts_ms: millis } = source;
    const kind = String(connector);
    if (kind !== 'postgresql')
      throw badData(`No CloudEvents are known of the connector type ${shown(connector)}, only of postgresql.`);
    const parts = [
      `{"id":${quoted(`name:${name};lsn:${lsn ?? null};txId:${txId ?? null};sequence:${sequence ?? null}`)}`,
      `"source":${quoted(`/debezium/${kind}/${name}`)},"specversion":"1.0","type":"io.debezium.connector.${kind}.DataChangeEvent"`,
      `"time":"${new Date(Number(millis)).toISOString()}","datacontenttype":"application/json"`,
    ];
    if (this.#hasExtensions) {
      parts.push(`"${EXTENSION_PREFIX}op":${quoted(String(op))}`);
      for (const { name: field, attribute, schema } of shape.source) {
        parts.push(`"${attribute}":${attributeText(schema, source[field] ?? schema.defaultValue ?? null)}`);
      }
      for (const [field, attribute] of TRANSACTION_FIELDS) {
        const value = transaction?.[field] ?? null;
        parts.push(`"${EXTENSION_PREFIX}${attribute}":${value === null ? null : quoted(String(value))}`);
      }
    }
    const data = `{"before":${before},"after":${after}}`;
    parts.push(`"data":${this.#hasSchemas ? `${this.#prefix(shape, kind)}${data}}` : data}}`);
    return parts.join(',');
  }

  #prefix({ before, after, prefixes }: Shape, connector: string): string {
    let prefix = prefixes.get(connector);
    if (prefix === undefined) {
      const fields = [
        { name: 'before', schema: before },
        { name: 'after', schema: after },
      ];
      const schema: Schema = { type: 'struct', name: `io.debezium.connector.${connector}.Data`, fields };
      prefix = `{"schema":${stringifyJson(schemaToJson(schema, this.#values))},"payload":`;
      prefixes.set(connector, prefix);
    }
    return prefix;
  }
}

function sound(schema: Schema, envelope: Envelope): Envelope {
  if (isFields(envelope.source)) return envelope;
  throw badData(`A value of the schema ${shown(schema.name)} has no "source".`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** CloudEvents know no 64-bit numbers: they are text. */
function attributeText(schema: Schema, value: unknown): string {
  if (value === null) return 'null';
  return schema.type === 'int64' || schema.type === 'string' ? quoted(String(value)) : stringifyJson(value);
}

const quoted = (text: string): string => stringifyJson(text);

const only = (values: readonly string[], why: string) => (value: unknown) =>
  values.includes(String(value).toLowerCase()) ? null : `may only be ${values.join(' or ')} here: ${why}`;

const NO_AVRO = 'schemas are JSON Schema, so that there is no Avro to write';
const NO_HEADERS = 'metadata is taken from the value';

/** Where Debezium takes metadata from: the value, id and type made of it, which is its default. */
function metadataProblem(value: unknown): string | null {
  const [global, ...given] = value as readonly string[];
  const says = (field: string) => given.find((each) => each.startsWith(`${field}:`))?.slice(field.length + 1);
  if (global === 'value' && says('id') === 'generate' && says('type') === 'generate') return null;
  return `has to begin with "value" and hold "id:generate" and "type:generate": ${NO_HEADERS}`;
}

export const cloudEventsPlugin: ConverterPlugin = {
  type: 'converter',
  class: 'CloudEventsConverter',
  aliases: ['io.debezium.converters.CloudEventsConverter'],
  version: '1.0.0',
  config: {
    'serializer.type': {
      type: 'string',
      default: 'json',
      doc: 'How the event is written: json.',
      validate: only(['json'], NO_AVRO),
    },
    'data.serializer.type': {
      type: 'string',
      default: 'json',
      doc: 'How its data is written: json.',
      validate: only(['json'], NO_AVRO),
    },
    'extension.attributes.enable': {
      type: 'boolean',
      default: true,
      doc: 'Whether what is in `source` and `transaction` stands in attributes of the event, as iodebezium….',
    },
    'json.schemas.enable': {
      type: 'boolean',
      default: true,
      doc: 'Whether data carries its schema: {"schema": …, "payload": …}.',
    },
    'json.decimal.format': {
      type: 'string',
      default: 'BASE64',
      oneOf: ['BASE64', 'NUMERIC', 'base64', 'numeric'],
      doc: 'How decimals are written in data: base64 of the unscaled number, or a JSON number.',
    },
    'json.replace.null.with.default': {
      type: 'boolean',
      default: true,
      doc: 'A null in data becomes the default of its field.',
    },
    'json.schemas.cache.size': {
      type: 'int',
      default: 1000,
      min: 0,
      doc: 'Accepted for Debezium; schemas are remembered while they are in use.',
    },
    'metadata.source': {
      type: 'list',
      default: ['value', 'id:generate', 'type:generate', 'traceparent:header', 'dataSchemaName:generate'],
      doc: 'Where metadata comes from: the value.',
      validate: metadataProblem,
    },
    'opentelemetry.tracing.attributes.enable': {
      type: 'boolean',
      default: false,
      doc: 'Only false.',
      validate: only(['false'], NO_HEADERS),
    },
    'schema.data.name.source.header.enable': {
      type: 'boolean',
      default: false,
      doc: 'Only false.',
      validate: only(['false'], NO_HEADERS),
    },
    'schema.name.adjustment.mode': {
      type: 'string',
      default: 'avro',
      doc: "Accepted for Debezium; the event's own schema is not written in JSON.",
    },
    'schema.cloudevents.name': {
      type: 'string',
      default: null,
      doc: "Accepted for Debezium; the event's own schema is not written in JSON.",
    },
    'converter.type': { type: 'string', default: null, doc: 'Accepted for Kafka Connect; has no effect.' },
  },
  create: () => new CloudEventsConverter(),
};
