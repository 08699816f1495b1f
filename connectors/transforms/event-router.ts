/**
 * EventRouter (Debezium's outbox): a row inserted into an outbox table becomes the event it holds.
 *
 * The payload column becomes the value, the aggregate's id the key, its type the topic; `id` goes along as a header, and
 * other columns as headers, as fields beside the payload, or as the partition. Deletes of outbox rows are dropped: they
 * are housekeeping. Updates are not meant to be, and `table.op.invalid.behavior` says what they are.
 */
import {
  type Config,
  ConfigError,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  fieldSchema,
  type Header,
  JsonText,
  javaRegex,
  javaReplacement,
  parseJson,
  type RecordValue,
  type Schema,
  Schemas,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';
import { envelopeOf } from './extract-new-record-state.ts';
import { inferredSchema, optional } from './inferred-schema.ts';
import type { Fields } from './side.ts';

interface Placement {
  readonly field: string;
  readonly where: 'header' | 'envelope' | 'partition';
  readonly alias: string;
}

/** A column of the outbox row, with its schema. */
interface Column {
  readonly value: ConnectValue;
  readonly schema: Schema | null;
}

class EventRouter implements Transform {
  #config!: Config;
  #regex = /^$/;
  #replacement = '';
  #placements: readonly Placement[] = [];
  #isStrict = true;

  configure(config: Config): void {
    this.#config = config;
    this.#regex = javaRegex(config.string('route.topic.regex'));
    this.#replacement = javaReplacement(config.string('route.topic.replacement'));
    this.#isStrict = config.boolean('table.fields.additional.error.on.missing');
    this.#placements = config.list('table.fields.additional.placement').map(placement);
  }

  apply<R extends ConnectRecord>(record: R): R | null {
    if (record.value === null) return null;
    const envelope = envelopeOf(record.value);
    if (envelope === null) return record;
    if (envelope.op === 'd') return null;
    if (envelope.op === 'u' || envelope.op === 't') return this.#invalid(String(envelope.op));
    const row = new OutboxRow(record, envelope.after as Fields);
    return this.#routed(record, row, envelope);
  }

  #invalid(op: string): null {
    if (this.#config.string('table.op.invalid.behavior') === 'warn') return null;
    throw new DataError(
      `The outbox got a change of kind "${op}"; rows are only to be inserted and deleted (table.op.invalid.behavior).`,
    );
  }

  #routed<R extends ConnectRecord>(record: R, row: OutboxRow, envelope: Fields): R {
    const payload = this.#payload(row.column(this.#config.string('table.field.event.payload')));
    const id = row.column(this.#config.string('table.field.event.id'));
    const headers: Header[] = [...record.headers, { key: 'id', ...id }];
    for (const { field, where, alias } of this.#placements) {
      const column = row.find(field, this.#isStrict);
      if (where === 'header' && column !== null) headers.push({ key: alias, ...column });
    }
    const value = this.#withEnvelope(record.value, row, payload);
    return {
      ...record,
      ...this.#key(row),
      topic: this.#topic(row),
      partition: this.#partition(row) ?? record.partition,
      timestamp: this.#timestamp(row, envelope) ?? record.timestamp,
      valueSchema: value.schema,
      value: value.value,
      headers,
    };
  }

  #payload(column: Column): { readonly value: RecordValue; readonly schema: Schema | null } {
    const isEmpty = column.value === null || column.value === '';
    if (isEmpty && this.#config.boolean('route.tombstone.on.empty.payload')) return { value: null, schema: null };
    if (!this.#config.boolean('table.expand.json.payload') || typeof column.value !== 'string') return column;
    const text = Buffer.from(column.value);
    try {
      const parsed = parseJson(text);
      if (typeof parsed !== 'object' || parsed === null) return column;
      return column.schema === null
        ? { value: new JsonText(text), schema: null }
        : { value: parsed, schema: inferredSchema(parsed) };
    } catch {
      // Text that is no JSON stays text, as in Debezium.
      return column;
    }
  }

  #key(row: OutboxRow): Pick<ConnectRecord, 'key' | 'keySchema'> | object {
    const name = this.#config.optionalString('table.field.event.key');
    if (name === null || name === '') return {};
    const { value, schema } = row.column(name);
    return { key: value, keySchema: schema };
  }

  #topic(row: OutboxRow): string {
    const name = this.#config.string('route.by.field');
    const { value } = row.column(name);
    if (typeof value !== 'string' || value === '') {
      throw new DataError(
        `The outbox column "${name}" decides the topic and must be a text, it is ${JSON.stringify(value)}.`,
      );
    }
    return value.replace(this.#regex, this.#replacement);
  }

  #partition(row: OutboxRow): number | null {
    const placed = this.#placements.find(({ where }) => where === 'partition');
    const column = placed === undefined ? null : row.find(placed.field, this.#isStrict);
    return column === null || column.value === null ? null : Number(column.value);
  }

  #timestamp(row: OutboxRow, envelope: Fields): number | null {
    const name = this.#config.optionalString('table.field.event.timestamp');
    const value = name === null || name === '' ? envelope.ts_ms : row.column(name).value;
    if (value instanceof Date) return value.getTime();
    if (typeof value !== 'number') return null;
    const schema = name === null || name === '' ? null : row.column(name).schema;
    // Debezium's own names say what the number counts.
    if (schema?.name === 'io.debezium.time.MicroTimestamp') return Math.floor(value / 1_000);
    return schema?.name === 'io.debezium.time.NanoTimestamp' ? Math.floor(value / 1_000_000) : value;
  }

  /** The payload alone, or beside the columns that are placed in the envelope. */
  #withEnvelope(
    original: RecordValue,
    row: OutboxRow,
    payload: { readonly value: RecordValue; readonly schema: Schema | null },
  ): { readonly value: RecordValue; readonly schema: Schema | null } {
    const placed = this.#placements.filter(({ where }) => where === 'envelope');
    if (placed.length === 0 || payload.value === null) return payload;
    const columns = placed.map(({ field, alias }) => ({ alias, column: row.find(field, this.#isStrict) }));
    const plain = payload.value instanceof JsonText ? payload.value.parse() : payload.value;
    const members = Object.fromEntries([
      ['payload', plain],
      ...columns.map(({ alias, column }) => [alias, column?.value ?? null]),
    ]);
    if (!row.hasSchema) return { value: original instanceof JsonText ? JsonText.of(members) : members, schema: null };
    const fields = columns.map(({ alias, column }) => ({
      name: alias,
      schema: column?.schema ?? Schemas.optionalString,
    }));
    const schema = payload.schema ?? inferredSchema(plain);
    return {
      value: members,
      schema: { type: 'struct', fields: [{ name: 'payload', schema: optional(schema) }, ...fields] },
    };
  }
}

/** The row of an outbox table, column by column. */
class OutboxRow {
  readonly #fields: Fields;
  readonly #schema: Schema | null;
  readonly #isJson: boolean;

  constructor(record: ConnectRecord, fields: Fields) {
    this.#fields = fields;
    this.#schema = record.valueSchema === null ? null : (fieldSchema(record.valueSchema, 'after') ?? null);
    this.#isJson = record.value instanceof JsonText;
  }

  get hasSchema(): boolean {
    return this.#schema !== null;
  }

  /** Throws a DataError where the table has no such column. */
  column(name: string): Column {
    const column = this.find(name, true);
    return column!;
  }

  find(name: string, isStrict: boolean): Column | null {
    if (!(name in this.#fields)) {
      if (!isStrict) return null;
      throw new DataError(`The outbox table has no column "${name}". It has ${Object.keys(this.#fields).join(', ')}.`);
    }
    const schema = this.#schema === null ? null : (fieldSchema(this.#schema, name) ?? null);
    const value = this.#fields[name]!;
    const isBase64 = this.#isJson && schema?.type === 'bytes' && typeof value === 'string';
    return { schema, value: isBase64 ? Buffer.from(value, 'base64') : value };
  }
}

/** `field:header`, `field:envelope:alias`, `field:partition`. */
function placement(entry: string): Placement {
  const [field = '', where = '', alias = field] = entry.split(':').map((part) => part.trim());
  const isKnown = where === 'header' || where === 'envelope' || where === 'partition';
  if (field !== '' && isKnown) return { field, where, alias };
  throw new ConfigError(
    `table.fields.additional.placement has "${entry}"; it takes field:header|envelope|partition[:alias].`,
  );
}

const column = (value: string | null, doc: string) =>
  ({ type: 'string', default: value, doc, importance: 'medium', group: 'Table' }) as const;
const route = (value: string, doc: string) =>
  ({ type: 'string', default: value, doc, importance: 'medium', group: 'Router' }) as const;
const reference = ['$', '{routedByValue}'].join('');
const tracing = (value: string) =>
  ({
    type: 'string',
    default: value,
    doc: 'Accepted for Debezium; has no effect.',
    importance: 'low',
    group: 'Tracing',
  }) as const;

export const eventRouterPlugin: TransformPlugin = {
  type: 'transformation',
  class: 'EventRouter',
  aliases: ['io.debezium.transforms.outbox.EventRouter'],
  version: '1.0.0',
  config: {
    'table.field.event.id': column('id', 'The column with the id of the event; it becomes the header id.'),
    'table.field.event.key': column('aggregateid', 'The column that becomes the key.'),
    'table.field.event.payload': column('payload', 'The column that becomes the value.'),
    'table.field.event.timestamp': column(
      null,
      "The column that becomes the record's time; else the time of the change.",
    ),
    'table.field.event.schema.version': column(null, 'Accepted for Debezium; has no effect.'),
    'table.fields.additional.placement': {
      type: 'list',
      default: [],
      doc: 'Other columns, as field:header, field:envelope or field:partition, each with :alias behind it if it shall have another name.',
      group: 'Table',
    },
    'table.fields.additional.error.on.missing': {
      type: 'boolean',
      default: true,
      doc: 'Whether a column that is placed must be there.',
      group: 'Table',
    },
    'table.expand.json.payload': {
      type: 'boolean',
      default: false,
      doc: 'Parses a payload that is JSON text, so that the value is what it says.',
      importance: 'medium',
      group: 'Table',
    },
    'table.json.payload.null.behavior': {
      type: 'string',
      default: 'ignore',
      oneOf: ['ignore', 'optional_bytes'],
      doc: 'Accepted for Debezium; nulls keep their place.',
      group: 'Table',
    },
    'table.op.invalid.behavior': {
      type: 'string',
      default: 'warn',
      oneOf: ['warn', 'error', 'fatal'],
      doc: 'What an update of an outbox row is: warn skips it, error and fatal hand it to the error policy.',
      importance: 'medium',
      group: 'Table',
    },
    'route.by.field': route('aggregatetype', 'The column that decides the topic.'),
    'route.topic.regex': route('(?<routedByValue>.*)', 'Takes the value of that column apart.'),
    'route.topic.replacement': route(`outbox.event.${reference}`, 'The topic, made of what the regex found.'),
    'route.tombstone.on.empty.payload': {
      type: 'boolean',
      default: false,
      doc: 'An empty payload becomes a tombstone.',
      importance: 'medium',
      group: 'Router',
    },
    'tracing.span.context.field': tracing('tracingspancontext'),
    'tracing.operation.name': tracing('debezium-read'),
    'tracing.with.context.field.only': tracing('false'),
  },
  create: () => new EventRouter(),
};
