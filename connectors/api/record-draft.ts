/**
 * A record while a chain of transforms changes it, so that five transforms cost no five copies. It reads like the record;
 * what a transform changes is kept here, and a record is made of it when somebody wants one. Steps 2 and 9 of the
 * record's journey.
 *
 * What it was begun with is never written to. An object that a transform made for this record (`own`) may be, by the next
 * one, until the record has been handed out.
 */
import type { AddedMembers, JsonMembers } from './json-members.ts';
import type { Fields } from './member-code.ts';
import type { ConnectRecord, Header, SinkRecord } from './record.ts';
import { isFields, JsonText, parseJson, type RecordValue, type Schema } from './schema.ts';

const nothing: ConnectRecord = {
  topic: '',
  partition: null,
  keySchema: null,
  key: null,
  valueSchema: null,
  value: null,
  headers: [],
  timestamp: null,
};

/**
 * Given to transforms and predicates whose plugin `takesDrafts`; good until they return. One draft serves all records of
 * a chain, one after the other.
 */
export class RecordDraft implements ConnectRecord {
  /** A transform behind this one asks for fields of the value: then it is parsed in any case. Set by the chain. */
  fieldsFollow = false;
  #given: ConnectRecord = nothing;
  #isChanged = false;
  #topic = '';
  #keySchema: Schema | null = null;
  #key: RecordValue = null;
  #valueSchema: Schema | null = null;
  #value: RecordValue = null;
  #headers: readonly Header[] = nothing.headers;
  /** Members behind those of the value, which are not put together before somebody asks for them. */
  #added: AddedMembers | null = null;
  /** The key or value, while it is nobody else's. */
  #ownKey: object | null = null;
  #ownValue: object | null = null;

  /** Called by the chain for each record, and where a transform has answered another one. */
  begin(record: ConnectRecord): void {
    this.#given = record;
    this.#isChanged = false;
    this.#topic = record.topic;
    this.#keySchema = record.keySchema;
    this.#key = record.key;
    this.#valueSchema = record.valueSchema;
    this.#value = record.value;
    this.#headers = record.headers;
    this.#added = null;
    this.#ownKey = null;
    this.#ownValue = null;
  }

  /** The record as it is now: the very one it was begun with where nothing changed. Whoever gets it may keep it. */
  record<R extends ConnectRecord>(): R {
    if (this.#isChanged) {
      this.begin({
        ...this.#given,
        topic: this.#topic,
        keySchema: this.#keySchema,
        key: this.#key,
        valueSchema: this.#valueSchema,
        value: this.value,
        headers: this.#headers,
      });
    }
    return this.#given as R;
  }

  get topic(): string {
    return this.#topic;
  }

  get partition(): number | null {
    return this.#given.partition;
  }

  get timestamp(): number | null {
    return this.#given.timestamp;
  }

  get keySchema(): Schema | null {
    return this.#keySchema;
  }

  get key(): RecordValue {
    return this.#key;
  }

  get valueSchema(): Schema | null {
    return this.#valueSchema;
  }

  get value(): RecordValue {
    if (this.#added !== null) this.#putTogether(this.#added);
    return this.#value;
  }

  get headers(): readonly Header[] {
    return this.#headers;
  }

  /** The place in the log: a sink's record has one, a source's not. */
  get offset(): number | undefined {
    return (this.#given as Partial<SinkRecord>).offset;
  }

  /** Whether the value is null; asking this puts nothing together. */
  get isTombstone(): boolean {
    return this.#value === null;
  }

  setTopic(topic: string): void {
    this.#isChanged = true;
    this.#topic = topic;
  }

  setHeaders(headers: readonly Header[]): void {
    this.#isChanged = true;
    this.#headers = headers;
  }

  setKey(schema: Schema | null, key: RecordValue): void {
    this.#isChanged = true;
    this.#keySchema = schema;
    this.#key = key;
    const fields = fieldsIn(key);
    if (fields !== this.#ownKey) this.#ownKey = null;
    // What stands in two places is written to in neither.
    if (fields === this.#ownValue) this.#ownValue = null;
  }

  setValue(schema: Schema | null, value: RecordValue): void {
    this.#isChanged = true;
    this.#valueSchema = schema;
    this.#value = value;
    this.#added = null;
    const fields = fieldsIn(value);
    if (fields !== this.#ownValue) this.#ownValue = null;
    if (fields === this.#ownKey) this.#ownKey = null;
  }

  /** An object that was made just now and is about to become the key: the next transform may write to it. */
  ownKey(key: object): void {
    this.#ownKey = key;
  }

  /** The same for the value. */
  ownValue(value: object): void {
    this.#ownValue = value;
  }

  /** Whether these are the fields of the key or value, made for this record: then they may be written to. */
  owns(fields: object): boolean {
    return fields === this.#ownValue || fields === this.#ownKey;
  }

  /** Adds members to a value without a schema. False where it is no plain object: then nothing has been done. */
  addToValue(members: JsonMembers): boolean {
    if (this.#added === null && !isFields(this.#value)) return false;
    this.#added = members.behind(this.#added);
    this.#isChanged = true;
    return true;
  }

  /** The members that {@link addToValue} has added and nobody has asked for, behind those of {@link baseFields}. */
  get added(): AddedMembers | null {
    return this.#added;
  }

  /** The value without them; only while there are some. */
  get baseFields(): Fields {
    return this.#value as Fields;
  }

  #putTogether(added: AddedMembers): void {
    const value = added.onto(this.#value as Fields, parseJson);
    this.#value = value;
    this.#ownValue = value;
    this.#added = null;
  }
}

/** JSON text that was made of an object holds it. */
function fieldsIn(value: RecordValue): unknown {
  return value instanceof JsonText && value.isParsed ? value.parse() : value;
}
