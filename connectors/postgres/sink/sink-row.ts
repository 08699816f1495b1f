/**
 * The members of a record's value or key as text, under the names of their columns, with what schema and parsed form tell
 * of them. No I/O.
 */
import { DataError, isFields, JsonText, type Schema, type SinkRecord } from '../../api/index.ts';
import { MemberReader, type Members, PlaceReader, sliceText, toJson } from './json-slices.ts';
import { oncePer } from './once-per.ts';
import type { SinkSettings } from './sink-config.ts';

/** What is known about a row's fields beyond their JSON. */
export interface FieldHints {
  /** The schema of a field, where the record has one. */
  schema(name: string): Schema | undefined;
  /** The parsed value, good for its JSON type only. */
  value(name: string): unknown;
  /** Whether decimals stand as Connect's bytes in base64, because the text came through unparsed. */
  readonly isRaw: boolean;
}

/** An object as text and in members; both under the names of columns. */
export interface RowText {
  readonly text: string;
  readonly members: Members;
  readonly schema: Schema | null;
  readonly isRaw: boolean;
}

export const EMPTY_ROW: RowText = { text: '{}', members: new MemberReader().read('{}'), schema: null, isRaw: false };

/** Envelopes, rows and keys each look like the one before, so each has a reader. */
const rows = new MemberReader();
const envelopes = new PlaceReader({ name: 'after', reader: rows });
const keys = new MemberReader();
const readers = { value: rows, '"after"': rows, key: keys, headers: keys };

/** What is read, as error messages name it. */
export type RowKind = keyof typeof readers;

/** A key or value that must be an object, as text. Throws DataError. */
export function objectText(value: SinkRecord['value'], what: string, record: SinkRecord): string {
  const text = value instanceof JsonText ? sliceText(value.bytes) : isFields(value) ? toJson(value) : '';
  if (text.trimStart().startsWith('{')) return text;
  throw new DataError(`The ${what} of ${place(record)} is no object with fields, so it cannot become columns.`);
}

/** The members of an object's text. Throws DataError where it is not JSON. */
export function membersOf(text: string, kind: RowKind, record: SinkRecord): Members {
  try {
    return readers[kind].read(text);
  } catch (cause) {
    throw notJson(kind, record, cause as Error);
  }
}

/** The members of what may be an envelope, good until the next call. Throws DataError where it is not JSON. */
export function envelopeOf(text: string, record: SinkRecord): PlaceReader {
  try {
    return envelopes.read(text);
  } catch (cause) {
    throw notJson('value', record, cause as Error);
  }
}

function notJson(what: string, record: SinkRecord, cause: Error): DataError {
  return new DataError(`The ${what} of ${place(record)} is not JSON: ${cause.message}.`, { cause });
}

/** The row in an object's text, under the names that the settings make of its members', which may be `known` already. */
export function rowOf(
  text: string,
  schema: Schema | null,
  isRaw: boolean,
  kind: RowKind,
  record: SinkRecord,
  settings: SinkSettings,
  known: Members | null = null,
): RowText {
  const members = known ?? membersOf(text, kind, record);
  if (!settings.foldsNames) return { text, members, schema, isRaw };
  const folded = members.renamed(foldName);
  if (folded === members) return { text, members, schema, isRaw };
  return { text: folded.text(), members: folded, schema: schema === null ? null : foldedSchema(schema), isRaw };
}

/** A name as Postgres reads it without quotes (manual, 4.1.1): its letters A to Z become small. */
export function foldName(name: string): string {
  return name.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase());
}

const foldedSchema = oncePer((schema: Schema): Schema => {
  const fields = schema.fields?.map((field) => ({ ...field, name: foldName(field.name) }));
  return fields === undefined ? schema : { ...schema, fields };
});

/** What is known of a row's fields; of those it lacks, of the key's. */
export class RowHints implements FieldHints {
  readonly #row: RowText;
  readonly #key: RowText | null;

  constructor(row: RowText, key: RowText | null) {
    this.#row = row;
    this.#key = key;
  }

  get isRaw(): boolean {
    return this.#row.isRaw;
  }

  schema(name: string): Schema | undefined {
    return fieldOf(this.#row.schema, name) ?? fieldOf(this.#key?.schema ?? null, name);
  }

  value(name: string): unknown {
    return parsed(this.#row.members.get(name) ?? this.#key?.members.get(name));
  }
}

/** Seldom asked: when a column is to be made. */
function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

export function fieldOf(schema: Schema | null, name: string): Schema | undefined {
  return schema?.fields?.find((field) => field.name === name)?.schema;
}

/** The record in messages. */
export function place(record: SinkRecord): string {
  return `record ${record.originalTopic}-${record.originalPartition}@${record.offset}`;
}
