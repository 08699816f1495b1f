/**
 * Which columns are a record's key, and with which values: the modes of `pk.mode` (`primary.key.mode`). No I/O.
 */
import {
  DataError,
  type Header,
  isFields,
  JsonText,
  type Schema,
  Schemas,
  type SinkRecord,
  struct,
} from '../../api/index.ts';
import { sliceText, toJson } from './json-slices.ts';
import { oncePer } from './once-per.ts';
import type { SinkSettings } from './sink-config.ts';
import { EMPTY_ROW, foldName, objectText, place, type RowText, rowOf } from './sink-row.ts';

export interface SinkKey {
  readonly columns: readonly string[];
  /** Column and JSON text. */
  readonly members: readonly (readonly [string, string])[];
  /** Equal for equal keys; null where there is no key. */
  readonly identity: string | null;
  readonly row: RowText | null;
}

const NO_KEY: SinkKey = { columns: [], members: [], identity: null, row: null };

/** The key of a record whose row is given (null: it has none, and the key is all there is). Throws DataError. */
export function keyOf(record: SinkRecord, settings: SinkSettings, row: RowText | null): SinkKey {
  switch (settings.keyMode) {
    case 'none':
      return NO_KEY;
    case 'kafka':
      return coordinates(record, settings);
    case 'record_value':
      return fromFields(row!, keyNames(settings) ?? row!.members.names, 'value', record);
    case 'record_key':
      return fromRecordKey(record, settings);
    case 'record_header':
      return fromHeaders(record, settings);
  }
}

/** The names that the config gives the key's columns, or null where it gives none. */
const keyNames = oncePer(({ keyFields, foldsNames }: SinkSettings): readonly string[] | null => {
  if (keyFields.length === 0) return null;
  return foldsNames ? keyFields.map(foldName) : keyFields;
});

function coordinates(record: SinkRecord, settings: SinkSettings): SinkKey {
  const { names, row } = coordinateTypes(settings);
  const values = [JSON.stringify(record.originalTopic), String(record.originalPartition), String(record.offset)];
  const members = names.map((name, index) => [name, values[index]!] as const);
  return { columns: names, members, identity: values.join(), row };
}

const KAFKA_COLUMNS = ['__connect_topic', '__connect_partition', '__connect_offset'];
const KAFKA_TYPES = [Schemas.string, Schemas.int32, Schemas.int64];

/** The columns' types are known without looking at a record, so that a table can be made. */
const coordinateTypes = oncePer((settings: SinkSettings) => {
  const names = keyNames(settings) ?? KAFKA_COLUMNS;
  const fields = names.map((name, index) => ({ name, schema: KAFKA_TYPES[index]! }));
  return { names, row: { ...EMPTY_ROW, schema: struct(undefined, fields) } };
});

function fromRecordKey(record: SinkRecord, settings: SinkSettings): SinkKey {
  const { key } = record;
  if (key === null) {
    throw new DataError(`${place(record)} has no key, and pk.mode is record_key; the table's key cannot be filled.`);
  }
  const names = keyNames(settings);
  const isObject = key instanceof JsonText ? key.bytes[0] === OPEN_BRACE : isFields(key);
  if (isObject) {
    const text = objectText(key, 'key', record);
    const row = rowOf(text, record.keySchema, key instanceof JsonText, 'key', record, settings);
    return fromFields(row, names ?? row.members.names, 'key', record);
  }
  const [name, ...more] = names ?? [];
  if (name === undefined || more.length > 0) {
    throw new DataError(
      `The key of ${place(record)} has no fields; set pk.fields to the one column it goes to (it has ${settings.keyFields.length}).`,
    );
  }
  const text = key instanceof JsonText ? sliceText(key.bytes) : toJson(key);
  const schema = record.keySchema === null ? null : ofOneField(name, record.keySchema);
  const row = rowOf(`{${JSON.stringify(name)}:${text}}`, schema, key instanceof JsonText, 'key', record, settings);
  return { columns: [name], members: [[name, text]], identity: text, row };
}

const OPEN_BRACE = 0x7b;

const structsOf = oncePer((_schema: Schema) => new Map<string, Schema>());

/** A struct of one field; one object per schema and name, so that what is known of it is known once. */
export function ofOneField(name: string, schema: Schema): Schema {
  const byName = structsOf(schema);
  const found = byName.get(name) ?? struct(undefined, [{ name, schema }]);
  byName.set(name, found);
  return found;
}

/** Of headers with one name the last counts, as in Kafka. */
function fromHeaders(record: SinkRecord, settings: SinkSettings): SinkKey {
  const last = new Map<string, Header>(record.headers.map((header) => [header.key, header]));
  if (last.size === 0) {
    throw new DataError(
      `${place(record)} has no headers, and pk.mode is record_header; the table's key cannot be filled.`,
    );
  }
  const headers = [...last.values()];
  const members = headers.map(({ key, value }) => {
    return `${JSON.stringify(key)}:${value instanceof JsonText ? sliceText(value.bytes) : toJson(value)}`;
  });
  const fields = headers.flatMap(({ key, schema }) => (schema === null ? [] : [{ name: key, schema }]));
  const row = rowOf(`{${members.join()}}`, struct(undefined, fields), false, 'headers', record, settings);
  return fromFields(row, keyNames(settings) ?? row.members.names, 'headers', record);
}

function fromFields(row: RowText, names: readonly string[], what: string, record: SinkRecord): SinkKey {
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
