/**
 * What a record asks of a table: one row to write or to delete, or to empty it. From Debezium envelopes and flat records,
 * with schema or without. No I/O.
 *
 * Row and key stay the JSON text they came as wherever they came as text, so that no 64-bit integer or decimal ever
 * becomes a JavaScript number; the parsed form only tells which members there are.
 */
import { DataError, JsonText, type SinkRecord } from '../../api/index.ts';
import type { Members } from './json-slices.ts';
import type { SinkSettings } from './sink-config.ts';
import { keyOf } from './sink-key.ts';
import {
  EMPTY_ROW,
  envelopeOf,
  type FieldHints,
  fieldOf,
  foldName,
  objectText,
  place,
  RowHints,
  type RowText,
  rowOf,
} from './sink-row.ts';

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
    const isNamed = !settings.tableFormat.includes('${source.') && settings.keyMode === 'record_key';
    return settings.deletes && isNamed ? removal(record, settings, null, null) : null;
  }
  const text = objectText(value, 'value', record);
  const isRaw = value instanceof JsonText;
  const members = envelopeOf(text, record);
  const op = members.has('source') ? members.get('op') : undefined;
  if (op === undefined || (!members.has('after') && op !== '"t"')) {
    return write(record, settings, rowOf(text, record.valueSchema, isRaw, 'value', record, settings), null);
  }
  const names = settings.tableFormat.includes('source.') ? sourceNames(members.get('source')!) : null;
  const after = members.get('after') ?? 'null';
  if (after !== 'null') {
    const schema = fieldOf(record.valueSchema, 'after') ?? null;
    const row = rowOf(after, schema, isRaw, '"after"', record, settings, members.inner);
    return write(record, settings, row, names);
  }
  if (op === '"t"') return settings.truncates ? truncation(record, settings, names) : null;
  if (op !== '"d"' || !settings.deletes) return null;
  const before = settings.keyMode === 'record_value' ? rowBefore(record, settings, members.get('before')) : null;
  return removal(record, settings, names, before);
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

const knowns = new WeakMap<SinkSettings, Known>();

function knownOf(settings: SinkSettings): Known {
  let known = knowns.get(settings);
  if (known === undefined) {
    const { fields, fieldsLeftOut, foldsNames } = settings;
    const fold = (list: readonly string[]) => (foldsNames ? list.map(foldedEntry) : list);
    known = {
      placeholder: JSON.stringify(settings.placeholder),
      fields: fold(fields),
      fieldsLeftOut: fold(fieldsLeftOut),
    };
    knowns.set(settings, known);
  }
  return known;
}

/** Of `topic:field` only the field becomes a column. */
function foldedEntry(entry: string): string {
  const colon = entry.lastIndexOf(':') + 1;
  return entry.slice(0, colon) + foldName(entry.slice(colon));
}

/** The row that was deleted, where its own fields are the key. */
function rowBefore(record: SinkRecord, settings: SinkSettings, before = 'null'): RowText {
  if (before === 'null') {
    throw new DataError(
      `${place(record)} deletes a row and does not say which: it has no "before", and pk.mode is record_value.`,
    );
  }
  const schema = fieldOf(record.valueSchema, 'before') ?? null;
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
  const cache = targets.get(settings) ?? new Map<string, TargetName>();
  targets.set(settings, cache);
  const cacheKey = names === null ? topic : `${topic}\0${names.db}\0${names.schema}\0${names.table}`;
  const target = cache.get(cacheKey) ?? buildTarget(topic, settings, names);
  cache.set(cacheKey, target);
  return target;
}

/** The table of a topic's records, or null where only a record can tell. */
export function targetOfTopic(topic: string, settings: SinkSettings): TargetName | null {
  return settings.tableFormat.includes('${source.') ? null : targetOf(topic, settings, null);
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
  const written = settings.tableFormat.replace(/\$\{([\w.]+)\}/g, (whole, name: string) => values[name] ?? whole);
  if (written === '' || written.endsWith('.')) {
    throw new DataError(
      `The table's name "${settings.tableFormat}" needs a source, and topic ${topic} brings records without one.`,
    );
  }
  const full = settings.foldsNames ? foldName(written) : written;
  const dot = full.lastIndexOf('.');
  return dot < 0
    ? { schema: null, name: full }
    : { schema: full.slice(0, dot).split('.').at(-1) || null, name: full.slice(dot + 1) };
}
