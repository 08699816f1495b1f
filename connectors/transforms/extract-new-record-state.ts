/**
 * ExtractNewRecordState (Debezium's "unwrap"): turns a change envelope into the row after it.
 *
 * Records that are no envelope pass untouched. Deletes by `delete.tombstone.handling.mode`: tombstone (the tombstone
 * alone goes on, the default), drop (neither), rewrite (the old row with `__deleted`), rewrite-with-tombstone,
 * delete-to-tombstone (the delete event becomes the tombstone).
 */
import {
  type Config,
  type ConnectRecord,
  type ConnectValue,
  type Field,
  fieldSchema,
  type Header,
  isFields,
  JsonMembers,
  JsonText,
  MemberNames,
  type RecordValue,
  type Schema,
  Schemas,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';
import { isParsedAnyway, ObjectText } from './object-text.ts';
import { type Fields, likeOriginal, perSchema, valueSide, withHeaders, withTopic } from './side.ts';

interface Added {
  /** Where it stands in the envelope, for example ["source", "ts_ms"]. */
  readonly path: readonly string[];
  readonly name: string;
  /** The path in UTF-8. */
  readonly steps: readonly Uint8Array[];
}

const OP = Buffer.from('op');
const AFTER = Buffer.from('after');
const OPEN = 0x7b;
const QUOTE = 0x22;
const SMALL_D = 0x64;
const BACKSLASH = 0x5c;

class ExtractNewRecordState implements Transform {
  #mode = 'tombstone';
  #fields: readonly Added[] = [];
  #headers: readonly Added[] = [];
  #routeBy: string | null = null;
  #dropHeader: string | null = null;
  /** Of what is added to the row; null where nothing is. */
  #memberNames: MemberNames | null = null;
  readonly #schemaOf = perSchema((envelope) => this.#rowSchema(envelope));

  configure(config: Config): void {
    this.#mode = deleteMode(config);
    this.#fields = config.list('add.fields').map((entry) => added(entry, config.string('add.fields.prefix')));
    this.#headers = config.list('add.headers').map((entry) => added(entry, config.string('add.headers.prefix')));
    this.#routeBy = config.optionalString('route.by.field') || null;
    this.#dropHeader = config.optionalString('drop.fields.header.name') || null;
    const names = this.#fields.map(({ name }) => name);
    if (this.#mode.startsWith('rewrite')) names.push('__deleted');
    this.#memberNames = names.length === 0 ? null : new MemberNames(names);
  }

  apply<R extends ConnectRecord>(record: R): R | null {
    if (record.value === null) return this.#keepsTombstones() ? record : null;
    const row = this.#rowText(record);
    if (row !== null) return valueSide.with(record, this.#newSchema(record), row);
    return this.#applyParsed(record);
  }

  #applyParsed<R extends ConnectRecord>(record: R): R | null {
    const envelope = envelopeOf(record.value);
    if (envelope === null) return record;
    if (envelope.op === 'd') return this.#deleted(record, envelope);
    const row = envelope.after;
    if (!isFields(row ?? null)) return record;
    return this.#unwrapped(record, envelope, row as Fields, false);
  }

  /** The row as it stands in the envelope's text, with what is added to it; null where the envelope has to be parsed. */
  #rowText(record: ConnectRecord): JsonText | null {
    if (isParsedAnyway(record)) return null;
    if (this.#headers.length > 0 || this.#routeBy !== null || this.#dropHeader !== null) return null;
    const envelope = ObjectText.of(record.value);
    const op = envelope?.value(OP) ?? null;
    const after = envelope?.value(AFTER) ?? null;
    if (envelope === null || op === null || after === null || after[0] !== OPEN || !isUpsert(op)) return null;
    const row = new JsonText(after);
    return this.#memberNames === null ? row : row.withMembers(this.#addedMembers(envelope, this.#memberNames));
  }

  #addedMembers(envelope: ObjectText, names: MemberNames): JsonMembers {
    const json = this.#fields.map(({ steps }) => textAt(envelope, steps));
    if (this.#mode.startsWith('rewrite')) json.push('"false"');
    return new JsonMembers(names, json);
  }

  #newSchema({ valueSchema }: ConnectRecord): Schema | null {
    return valueSchema === null ? null : this.#schemaOf(valueSchema);
  }

  #keepsTombstones(): boolean {
    return this.#mode === 'tombstone' || this.#mode === 'rewrite-with-tombstone';
  }

  #deleted<R extends ConnectRecord>(record: R, envelope: Fields): R | null {
    if (this.#mode === 'tombstone' || this.#mode === 'drop') return null;
    if (this.#mode === 'delete-to-tombstone') {
      return valueSide.with(withHeaders(record, this.#withHeaders(record, envelope)), null, null);
    }
    const row = isFields(envelope.before ?? null) ? (envelope.before as Fields) : {};
    return this.#unwrapped(record, envelope, row, true);
  }

  #unwrapped<R extends ConnectRecord>(record: R, envelope: Fields, row: Fields, isDeleted: boolean): R {
    const schema = this.#newSchema(record);
    const isChanged = this.#fields.length > 0 || this.#mode.startsWith('rewrite') || this.#dropHeader !== null;
    const value = isChanged ? this.#extended(record, envelope, row, isDeleted) : row;
    const topic = this.#routeBy === null ? record.topic : String(row[this.#routeBy] ?? record.topic);
    const routed = withHeaders(withTopic(record, topic), this.#withHeaders(record, envelope));
    return valueSide.with(routed, schema, likeOriginal(record.value, value, schema));
  }

  #extended(record: ConnectRecord, envelope: Fields, row: Fields, isDeleted: boolean): Fields {
    const value: Record<string, ConnectValue> = valueSide.own(record, { ...row });
    for (const name of this.#droppedFields(record)) delete value[name];
    for (const { path, name } of this.#fields) value[name] = at(envelope, path);
    if (this.#mode.startsWith('rewrite')) value.__deleted = String(isDeleted);
    return value;
  }

  #droppedFields(record: ConnectRecord): readonly string[] {
    const header = record.headers.find(({ key }) => key === this.#dropHeader)?.value;
    return Array.isArray(header) ? header.map(String) : [];
  }

  #withHeaders(record: ConnectRecord, envelope: Fields): readonly Header[] {
    if (this.#headers.length === 0) return record.headers;
    const extra = this.#headers.map(({ path, name }): Header => {
      const schema = record.valueSchema === null ? null : (schemaAt(record.valueSchema, path) ?? null);
      return { key: name, value: likeOriginal(record.value, at(envelope, path), schema), schema };
    });
    return [...record.headers, ...extra];
  }

  #rowSchema(envelope: Schema): Schema {
    const row = fieldSchema(envelope, 'after');
    if (row === undefined) return envelope;
    const extra = this.#fields.map(({ path, name }): Field => {
      const schema = schemaAt(envelope, path) ?? Schemas.optionalString;
      return { name, schema: { ...schema, optional: true } };
    });
    const deleted = this.#mode.startsWith('rewrite') ? [{ name: '__deleted', schema: Schemas.optionalString }] : [];
    return { ...row, optional: false, fields: [...(row.fields ?? []), ...extra, ...deleted] };
  }
}

/** A change envelope has `op` and one of `before` and `after`; null for anything else. */
export function envelopeOf(value: RecordValue): Fields | null {
  const plain = value instanceof JsonText ? value.parse() : value;
  if (!isFields(plain) || typeof plain.op !== 'string') return null;
  return 'after' in plain || 'before' in plain ? plain : null;
}

/** `op` → `__op`; `source.ts_ms` → `__source_ts_ms`; `source.lsn:position` → `__position`. */
function added(entry: string, prefix: string): Added {
  const [place = '', alias] = entry.split(':');
  const path = place.split('.');
  // "table" and the like stand in the source block; the envelope's own members are few.
  const isOwn = path.length > 1 || ENVELOPE.has(place);
  const whole = isOwn ? path : ['source', place];
  return { path: whole, name: prefix + (alias ?? path.join('_')), steps: whole.map((step) => Buffer.from(step)) };
}

const ENVELOPE = new Set(['op', 'ts_ms', 'ts_us', 'ts_ns', 'before', 'after', 'source', 'transaction']);

/** Any text but that of a delete. */
function isUpsert(op: Uint8Array): boolean {
  return op[0] === QUOTE && op[1] !== BACKSLASH && !(op.length === 3 && op[1] === SMALL_D);
}

/** The JSON at a path; `null` where there is nothing. */
function textAt(envelope: ObjectText, steps: readonly Uint8Array[]): string {
  let object: ObjectText | null = envelope;
  let text: Uint8Array | null = null;
  for (const step of steps) {
    text = object?.value(step) ?? null;
    object = text === null ? null : ObjectText.in(text);
  }
  return text === null ? 'null' : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
}

function at(fields: Fields, path: readonly string[]): ConnectValue {
  let value: ConnectValue = fields;
  for (const name of path) value = isFields(value) ? (value[name] ?? null) : null;
  return value;
}

function schemaAt(schema: Schema, path: readonly string[]): Schema | undefined {
  let found: Schema | undefined = schema;
  for (const name of path) found = found === undefined ? undefined : fieldSchema(found, name);
  return found;
}

/** The mode, or what the two keys it replaced (drop.tombstones, delete.handling.mode) amount to. */
function deleteMode(config: Config): string {
  const mode = config.optionalString('delete.tombstone.handling.mode');
  if (mode !== null) return mode;
  const drops = config.raw['drop.tombstones'];
  const old = config.raw['delete.handling.mode'];
  if (old === undefined && drops === undefined) return 'tombstone';
  if (old === 'rewrite') return drops === 'false' ? 'rewrite-with-tombstone' : 'rewrite';
  if (old === 'none') return drops === 'false' ? 'tombstone' : 'delete-to-tombstone';
  return drops === 'false' ? 'tombstone' : 'drop';
}

const text = (doc: string, fallback: string | null = null) => ({ type: 'string', default: fallback, doc }) as const;

export const extractNewRecordStatePlugin: TransformPlugin = {
  type: 'transformation',
  class: 'ExtractNewRecordState',
  takesDrafts: true,
  leavesText: true,
  // The second is what it was called before Debezium 1.0.
  aliases: ['io.debezium.transforms.ExtractNewRecordState', 'io.debezium.transforms.UnwrapFromEnvelope'],
  version: '1.0.0',
  config: {
    'delete.tombstone.handling.mode': {
      type: 'string',
      default: null,
      oneOf: ['drop', 'tombstone', 'rewrite', 'rewrite-with-tombstone', 'delete-to-tombstone'],
      doc: 'What becomes of deletes and of the tombstones behind them; tombstone when absent.',
      importance: 'medium',
    },
    'drop.tombstones': text('The old key for delete.tombstone.handling.mode.'),
    'delete.handling.mode': text('The old key for delete.tombstone.handling.mode.'),
    'add.fields': {
      type: 'list',
      default: [],
      doc: 'Members of the envelope to add to the row, as name or name:alias.',
    },
    'add.fields.prefix': text('Prefix of their names.', '__'),
    'add.headers': { type: 'list', default: [], doc: 'Members of the envelope to add as headers.' },
    'add.headers.prefix': text('Prefix of their names.', '__'),
    'route.by.field': text('A field of the row whose value becomes the topic.', ''),
    'drop.fields.header.name': text('A header with a list of fields to drop.'),
    'drop.fields.from.key': { type: 'boolean', default: false, doc: 'Accepted for Debezium; has no effect.' },
    'drop.fields.keep.schema.compatible': { type: 'boolean', default: true, doc: 'Accepted for Debezium.' },
    'replace.null.with.default': { type: 'boolean', default: true, doc: 'Accepted for Debezium.' },
  },
  create: () => new ExtractNewRecordState(),
};
