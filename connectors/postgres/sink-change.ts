/**
 * What a record asks of a table: one row to write or to delete. From Debezium envelopes and flat records, with schema
 * or without. No I/O.
 *
 * Row and key stay the JSON text they came as wherever they came as text, so that no 64-bit integer or decimal ever
 * becomes a JavaScript number; the parsed form only tells which members there are.
 */
import { DataError, isFields, JsonText, type Schema, type SinkRecord } from '../api/index.ts';
import { MemberReader, type Members, sliceText, toJson } from './json-slices.ts';
import type { SinkSettings } from './sink-config.ts';

/** The target, as configured names lead to it. */
export interface TargetName {
  readonly schema: string | null;
  readonly name: string;
}

export interface SinkChange {
  readonly target: TargetName;
  readonly kind: 'write' | 'delete';
  /** A JSON object: the row, key columns included; of a delete only the key. */
  readonly text: string;
  /** Its members, in order. */
  readonly columns: readonly string[];
  /** Key columns among them; empty where there is no key. */
  readonly keyColumns: readonly string[];
  /** Equal for equal keys of one table; null where there is no key. */
  readonly identity: string | null;
  readonly fields: FieldHints;
  readonly record: SinkRecord;
}

/** What is known about a row's fields beyond their JSON. */
export interface FieldHints {
  /** The schema of a field, where the record has one. */
  schema(name: string): Schema | undefined;
  /** The parsed value, good for its JSON type only. */
  value(name: string): unknown;
  /** Whether decimals stand as Connect's bytes in base64, because the text came through unparsed. */
  readonly isRaw: boolean;
}

interface RowText {
  readonly text: string;
  readonly members: Members;
  readonly schema: Schema | null;
  readonly isRaw: boolean;
}

/** The change a record asks for, or null where it asks for nothing (a tombstone while deletes are off). Throws DataError. */
export function toChange(record: SinkRecord, settings: SinkSettings): SinkChange | null {
  const { value } = record;
  if (value === null) {
    // A tombstone names no source table, and follows the envelope that deleted the row.
    const isNamed = !settings.tableFormat.includes('${source.');
    return settings.deletes && isNamed ? removal(record, settings, null) : null;
  }
  const text = objectText(value, 'value', record);
  const isRaw = value instanceof JsonText;
  const members = membersOf(envelopes, text, 'value', record);
  if (!members.has('op') || !members.has('after') || !members.has('source')) {
    return write(record, settings, rowOf(text, record.valueSchema, isRaw, 'value', record), null);
  }
  const names = settings.tableFormat.includes('source.') ? sourceNames(members.get('source')!) : null;
  const after = members.get('after')!;
  if (after !== 'null') {
    const schema = fieldOf(record.valueSchema, 'after') ?? null;
    return write(record, settings, rowOf(after, schema, isRaw, '"after"', record), names);
  }
  return members.get('op') === '"d"' && settings.deletes ? removal(record, settings, names) : null;
}

interface SourceNames {
  readonly db: string;
  readonly schema: string;
  readonly table: string;
}

function sourceNames(text: string): SourceNames {
  const { db = '', schema = '', table = '' } = JSON.parse(text) as Record<string, unknown>;
  return { db: String(db), schema: String(schema), table: String(table) };
}

/** A key or value that must be an object, as text. */
function objectText(value: SinkRecord['value'], what: string, record: SinkRecord): string {
  const text = value instanceof JsonText ? sliceText(value.bytes) : isFields(value) ? toJson(value) : '';
  if (text.trimStart().startsWith('{')) return text;
  throw new DataError(`The ${what} of ${place(record)} is no object with fields, so it cannot become columns.`);
}

/** Envelopes, rows and keys each look like the one before, so each has a reader. */
const envelopes = new MemberReader();
const rows = new MemberReader();
const keys = new MemberReader();

function membersOf(reader: MemberReader, text: string, what: string, record: SinkRecord): Members {
  try {
    return reader.read(text);
  } catch (cause) {
    throw new DataError(`The ${what} of ${place(record)} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

function rowOf(text: string, schema: Schema | null, isRaw: boolean, what: string, record: SinkRecord): RowText {
  return { text, members: membersOf(what === 'key' ? keys : rows, text, what, record), schema, isRaw };
}

function write(record: SinkRecord, settings: SinkSettings, row: RowText, names: SourceNames | null): SinkChange {
  const key = keyOf(record, settings, row);
  const { members } = row;
  // Members left out stay in the text: a recordset reads only the columns it declares.
  const added = key.members.filter(([name]) => !members.has(name));
  const own = wantedOf(members, key.columns, record.topic, settings);
  const columns = added.length === 0 ? own : [...added.map(([name]) => name), ...own];
  return {
    target: targetOf(record.topic, settings, names),
    kind: 'write',
    text: withMembers(row.text, added),
    columns,
    keyColumns: key.columns,
    identity: key.identity,
    fields: hints(row, key.row),
    record,
  };
}

/** All but what the lists of fields leave out and what the source does not know; the same array wherever that is all. */
function wantedOf(members: Members, key: readonly string[], topic: string, settings: SinkSettings): readonly string[] {
  const { names, values } = members;
  const placeholder = placeholderOf(settings);
  const { fields, fieldsLeftOut } = settings;
  if (fields.length === 0 && fieldsLeftOut.length === 0 && !values.includes(placeholder)) return names;
  const isKnown = (index: number) => values[index] !== placeholder;
  const isIn = (list: readonly string[], name: string) => list.includes(name) || list.includes(`${topic}:${name}`);
  const isListed = (name: string) => (fields.length === 0 || isIn(fields, name)) && !isIn(fieldsLeftOut, name);
  return names.filter((name, index) => (isKnown(index) && isListed(name)) || key.includes(name));
}

const placeholders = new WeakMap<SinkSettings, string>();

function placeholderOf(settings: SinkSettings): string {
  let placeholder = placeholders.get(settings);
  if (placeholder === undefined) {
    placeholder = JSON.stringify(settings.placeholder);
    placeholders.set(settings, placeholder);
  }
  return placeholder;
}

function removal(record: SinkRecord, settings: SinkSettings, names: SourceNames | null): SinkChange {
  const key = keyOf(record, settings, null);
  return {
    target: targetOf(record.topic, settings, names),
    kind: 'delete',
    text: withMembers('{}', key.members),
    columns: key.columns,
    keyColumns: key.columns,
    identity: key.identity,
    fields: hints(key.row ?? EMPTY_ROW, key.row),
    record,
  };
}

const EMPTY_ROW: RowText = { text: '{}', members: new MemberReader().read('{}'), schema: null, isRaw: false };

interface Key {
  readonly columns: readonly string[];
  /** Column and JSON text. */
  readonly members: readonly (readonly [string, string])[];
  readonly identity: string | null;
  readonly row: RowText | null;
}

const NO_KEY: Key = { columns: [], members: [], identity: null, row: null };

function keyOf(record: SinkRecord, settings: SinkSettings, row: RowText | null): Key {
  switch (settings.keyMode) {
    case 'none':
      return NO_KEY;
    case 'kafka':
      return coordinates(record, settings);
    case 'record_value':
      return fromFields(row!, settings.keyFields, 'value', record);
    case 'record_key':
      return fromRecordKey(record, settings);
  }
}

function coordinates(record: SinkRecord, settings: SinkSettings): Key {
  const given = settings.keyFields.length === 3 ? settings.keyFields : KAFKA_COLUMNS;
  const values = [JSON.stringify(record.originalTopic), String(record.originalPartition), String(record.offset)];
  const members = given.map((name, index) => [name, values[index]!] as const);
  return { columns: given, members, identity: values.join(), row: null };
}

const KAFKA_COLUMNS = ['__connect_topic', '__connect_partition', '__connect_offset'];

function fromRecordKey(record: SinkRecord, settings: SinkSettings): Key {
  const { key } = record;
  if (key === null) {
    throw new DataError(`${place(record)} has no key, and pk.mode is record_key; the table's key cannot be filled.`);
  }
  const isObject = key instanceof JsonText ? key.bytes[0] === OPEN_BRACE : isFields(key);
  if (isObject) {
    const text = objectText(key, 'key', record);
    const row = rowOf(text, record.keySchema, key instanceof JsonText, 'key', record);
    return fromFields(row, settings.keyFields.length > 0 ? settings.keyFields : row.members.names, 'key', record);
  }
  const [name, ...more] = settings.keyFields;
  if (name === undefined || more.length > 0) {
    throw new DataError(
      `The key of ${place(record)} has no fields; set pk.fields to the one column it goes to (it has ${settings.keyFields.length}).`,
    );
  }
  const text = key instanceof JsonText ? sliceText(key.bytes) : toJson(key);
  const row = rowOf(`{${JSON.stringify(name)}:${text}}`, null, false, 'key', record);
  return { columns: [name], members: [[name, text]], identity: text, row };
}

const OPEN_BRACE = 0x7b;

function fromFields(row: RowText, names: readonly string[], what: string, record: SinkRecord): Key {
  const slices = row.members;
  const members = names.map((name) => {
    const text = slices.get(name);
    if (text === undefined || text === 'null') {
      throw new DataError(`The ${what} of ${place(record)} has no "${name}", which the table's key needs.`);
    }
    return [name, text] as const;
  });
  return { columns: names, members, identity: members.map(([, text]) => text).join(), row };
}

function hints(row: RowText, key: RowText | null): FieldHints {
  return {
    schema: (name) => fieldOf(row.schema, name) ?? fieldOf(key?.schema ?? null, name),
    value: (name) => parsed(row.members.get(name) ?? key?.members.get(name)),
    isRaw: row.isRaw,
  };
}

/** Seldom asked: when a column is to be made. */
function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

function fieldOf(schema: Schema | null, name: string): Schema | undefined {
  return schema?.fields?.find((field) => field.name === name)?.schema;
}

function withMembers(text: string, members: readonly (readonly [string, string])[]): string {
  if (members.length === 0) return text;
  const added = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join();
  const rest = text.slice(text.indexOf('{') + 1);
  return rest.trimStart().startsWith('}') ? `{${added}}` : `{${added},${rest}`;
}

function targetOf(topic: string, settings: SinkSettings, names: SourceNames | null): TargetName {
  const cache = targets.get(settings) ?? new Map<string, TargetName>();
  targets.set(settings, cache);
  const cacheKey = names === null ? topic : `${topic}\0${names.db}\0${names.schema}\0${names.table}`;
  const target = cache.get(cacheKey) ?? buildTarget(topic, settings, names);
  cache.set(cacheKey, target);
  return target;
}

/** Names repeat with every record; one object per table also lets batches group by reference. */
const targets = new WeakMap<SinkSettings, Map<string, TargetName>>();

/** Dots of the format itself part schema and table. */
function buildTarget(topic: string, settings: SinkSettings, names: SourceNames | null): TargetName {
  const values: Record<string, string> = {
    topic: settings.dotsSeparate ? topic : topic.replaceAll('.', '_'),
    'source.db': names?.db ?? '',
    'source.schema': names?.schema ?? '',
    'source.table': names?.table ?? '',
  };
  const full = settings.tableFormat.replace(/\$\{([\w.]+)\}/g, (whole, name: string) => values[name] ?? whole);
  if (full === '' || full.endsWith('.')) {
    throw new DataError(
      `The table's name "${settings.tableFormat}" needs a source, and topic ${topic} brings records without one.`,
    );
  }
  const dot = full.lastIndexOf('.');
  return dot < 0
    ? { schema: null, name: full }
    : { schema: full.slice(0, dot).split('.').at(-1) || null, name: full.slice(dot + 1) };
}

function place(record: SinkRecord): string {
  return `record ${record.originalTopic}-${record.originalPartition}@${record.offset}`;
}
