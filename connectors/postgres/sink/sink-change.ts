/**
 * What a record asks of a table: one row to write or to delete, or to empty it. From Debezium envelopes and flat records,
 * with schema or without. No I/O.
 *
 * Row and key stay the JSON text they came as wherever they came as text, so that no 64-bit integer or decimal ever
 * becomes a JavaScript number; the parsed form only tells which members there are.
 */
import { DataError, JsonText, type Schema, type SinkRecord } from '../../api/index.ts';
import type { Members } from './json-slices.ts';
import { oncePer } from './once-per.ts';
import type { SinkSettings } from './sink-config.ts';
import { keyOf } from './sink-key.ts';
import {
  EMPTY_ROW,
  envelopeOf,
  type FieldHints,
  fieldOf,
  foldName,
  place,
  RowHints,
  type RowText,
  rowOf,
} from './sink-row.ts';
import { valueText } from './sink-value.ts';

/** The target, as configured names lead to it. */
export interface TargetName {
  readonly schema: string | null;
  readonly name: string;
}

export interface SinkChange {
  readonly target: TargetName;
  readonly kind: 'write' | 'delete' | 'truncate';
  /** A JSON object: the row, key columns included; of a delete only the key. */
  readonly text: string;
  /** Its members, in order. */
  readonly columns: readonly string[];
  /** Their values as JSON, in the same order; null where only the text has them. */
  readonly values: readonly string[] | null;
  /** Key columns among them; empty where there is no key. */
  readonly keyColumns: readonly string[];
  /** Equal for equal keys of one table; null where there is no key. */
  readonly identity: string | null;
  readonly fields: FieldHints;
  readonly record: SinkRecord;
}

/** The change a record asks for, or null where it asks for nothing (a tombstone while deletes are off). Throws DataError. */
export function toChange(record: SinkRecord, settings: SinkSettings): SinkChange | null {
  const { value } = record;
  if (value === null) {
    // A tombstone names no source table and has no fields, and follows the envelope that deleted the row.
    const isNamed = sourceFieldsOf(settings).length === 0 && settings.keyMode === 'record_key';
    return settings.deletes && isNamed ? removal(record, settings, null, null) : null;
  }
  const { text, schema: valueSchema } = valueText(record, settings);
  const isRaw = value instanceof JsonText;
  const members = envelopeOf(text, record);
  const op = members.has('source') ? members.get('op') : undefined;
  if (op === undefined || (!members.has('after') && op !== '"t"')) {
    return write(record, settings, rowOf(text, valueSchema, isRaw, 'value', record, settings), null);
  }
  const fields = sourceFieldsOf(settings);
  const names = fields.length === 0 ? null : sourceNames(members.get('source')!, fields, record);
  const after = members.get('after') ?? 'null';
  if (after !== 'null') {
    const schema = fieldOf(valueSchema, 'after') ?? null;
    const row = rowOf(after, schema, isRaw, '"after"', record, settings, members.inner);
    return write(record, settings, row, names);
  }
  if (op === '"t"') return settings.truncates ? truncation(record, settings, names) : null;
  if (op !== '"d"' || !settings.deletes) return null;
  const before =
    settings.keyMode === 'record_value' ? rowBefore(record, settings, valueSchema, members.get('before')) : null;
  return removal(record, settings, names, before);
}

/** What the source's fields say that the table's name asks for, in that order. */
type SourceNames = readonly string[];

function sourceNames(text: string, fields: readonly string[], record: SinkRecord): SourceNames {
  const source = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return fields.map((field) => {
    const value = source[field] ?? null;
    if (value !== null) return String(value);
    throw new DataError(`The source of ${place(record)} has no "${field}", which the table's name needs.`);
  });
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
    values: columns === members.names ? members.values : null,
    keyColumns: key.columns,
    identity: key.identity,
    fields: new RowHints(row, key.row),
    record,
  };
}

/** All but what the lists of fields leave out and what the source does not know; the same array wherever that is all. */
function wantedOf(members: Members, key: readonly string[], topic: string, settings: SinkSettings): readonly string[] {
  const { names, values } = members;
  const { placeholder, fields, fieldsLeftOut } = knownOf(settings);
  if (fields.length === 0 && fieldsLeftOut.length === 0 && !values.includes(placeholder)) return names;
  const isKnown = (index: number) => values[index] !== placeholder;
  const isIn = (list: readonly string[], name: string) => list.includes(name) || list.includes(`${topic}:${name}`);
  const isListed = (name: string) => (fields.length === 0 || isIn(fields, name)) && !isIn(fieldsLeftOut, name);
  return names.filter((name, index) => (isKnown(index) && isListed(name)) || key.includes(name));
}

/** Settings in the form that each record needs them in. */
interface Known {
  readonly placeholder: string;
  readonly fields: readonly string[];
  readonly fieldsLeftOut: readonly string[];
}

const knownOf = oncePer(({ fields, fieldsLeftOut, foldsNames, placeholder }: SinkSettings): Known => {
  const fold = (list: readonly string[]) => (foldsNames ? list.map(foldedEntry) : list);
  return { placeholder: JSON.stringify(placeholder), fields: fold(fields), fieldsLeftOut: fold(fieldsLeftOut) };
});

/** Of `topic:field` only the field becomes a column. */
function foldedEntry(entry: string): string {
  const colon = entry.lastIndexOf(':') + 1;
  return entry.slice(0, colon) + foldName(entry.slice(colon));
}

/** The row that was deleted, where its own fields are the key. */
function rowBefore(record: SinkRecord, settings: SinkSettings, valueSchema: Schema | null, before = 'null'): RowText {
  if (before === 'null') {
    throw new DataError(
      `${place(record)} deletes a row and does not say which: it has no "before", and pk.mode is record_value.`,
    );
  }
  const schema = fieldOf(valueSchema, 'before') ?? null;
  return rowOf(before, schema, record.value instanceof JsonText, '"after"', record, settings);
}

function removal(
  record: SinkRecord,
  settings: SinkSettings,
  names: SourceNames | null,
  before: RowText | null,
): SinkChange {
  const key = keyOf(record, settings, before);
  return {
    target: targetOf(record.topic, settings, names),
    kind: 'delete',
    text: withMembers('{}', key.members),
    columns: key.columns,
    values: null,
    keyColumns: key.columns,
    identity: key.identity,
    fields: new RowHints(before ?? key.row ?? EMPTY_ROW, key.row),
    record,
  };
}

function truncation(record: SinkRecord, settings: SinkSettings, names: SourceNames | null): SinkChange {
  return {
    target: targetOf(record.topic, settings, names),
    kind: 'truncate',
    text: '{}',
    columns: [],
    values: null,
    keyColumns: [],
    identity: null,
    fields: new RowHints(EMPTY_ROW, null),
    record,
  };
}

function withMembers(text: string, members: readonly (readonly [string, string])[]): string {
  if (members.length === 0) return text;
  const added = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join();
  const rest = text.slice(text.indexOf('{') + 1);
  return rest.trimStart().startsWith('}') ? `{${added}}` : `{${added},${rest}`;
}

function targetOf(topic: string, settings: SinkSettings, names: SourceNames | null): TargetName {
  const cache = targetsOf(settings);
  const cacheKey = names === null ? topic : `${topic}\0${names.join('\0')}`;
  const target = cache.get(cacheKey) ?? buildTarget(topic, settings, names);
  cache.set(cacheKey, target);
  return target;
}

/** The table of a topic's records, or null where only a record can tell. */
export function targetOfTopic(topic: string, settings: SinkSettings): TargetName | null {
  return sourceFieldsOf(settings).length > 0 ? null : targetOf(topic, settings, null);
}

/** Names repeat with every record; one object per table also lets batches group by reference. */
const targetsOf = oncePer((_settings: SinkSettings) => new Map<string, TargetName>());

const PLACEHOLDER = /\$\{(topic|source\.(.*?))\}/g;

/** Fields of an envelope's source that the table's name asks for. */
const sourceFieldsOf = oncePer(({ tableFormat }: SinkSettings): readonly string[] =>
  [...tableFormat.matchAll(PLACEHOLDER)].flatMap(([, , field]) => field ?? []),
);

/** Dots of the format itself part schema and table. */
function buildTarget(topic: string, settings: SinkSettings, names: SourceNames | null): TargetName {
  const { tableFormat, dotsSeparate, foldsNames } = settings;
  const fields = sourceFieldsOf(settings);
  if (fields.length > 0 && names === null) {
    throw new DataError(
      `The table's name "${tableFormat}" needs a source, and topic ${topic} brings records without one.`,
    );
  }
  const ofTopic = dotsSeparate ? topic : topic.replaceAll('.', '_');
  const written = tableFormat.replace(PLACEHOLDER, (_whole, _name: string, field?: string) =>
    field === undefined ? ofTopic : names![fields.indexOf(field)]!,
  );
  if (written === '' || written.endsWith('.')) {
    throw new DataError(`The table's name "${tableFormat}" is "${written}" for topic ${topic}, which names no table.`);
  }
  const full = foldsNames ? foldName(written) : written;
  const dot = full.lastIndexOf('.');
  return dot < 0
    ? { schema: null, name: full }
    : { schema: full.slice(0, dot).split('.').at(-1) || null, name: full.slice(dot + 1) };
}
