/**
 * What every stock transform shares: it works on a record's key or on its value (`$Key`, `$Value`).
 *
 * A value that came as JSON text stays in JSON's domain: its changed form is JSON text again, whose bytes are written
 * when a converter asks for them. So bytes and logical types inside keep the form they had.
 */
import {
  type ConfigDef,
  type ConnectRecord,
  type ConnectValue,
  DataError,
  type Fields,
  type Header,
  isFields,
  JsonText,
  RecordDraft,
  type RecordValue,
  type Schema,
  type Transform,
  type TransformPlugin,
} from '../api/index.ts';

export type { Fields };

/** One side of a record. */
export interface Side {
  readonly name: 'Key' | 'Value';
  schema(record: ConnectRecord): Schema | null;
  value(record: ConnectRecord): RecordValue;
  /** The record with another schema and value on this side; a draft is changed. */
  with<R extends ConnectRecord>(record: R, schema: Schema | null, value: RecordValue): R;
  /** Says that an object was made just now, for this side of this record and nothing else. Answers it. */
  own<T extends object>(record: ConnectRecord, made: T): T;
}

/** The key of a record. */
export const keySide: Side = {
  name: 'Key',
  schema: (record) => record.keySchema,
  value: (record) => record.key,
  with(record, keySchema, key) {
    if (!(record instanceof RecordDraft)) return { ...record, keySchema, key };
    record.setKey(keySchema, key);
    return record;
  },
  own(record, made) {
    if (record instanceof RecordDraft) record.ownKey(made);
    return made;
  },
};

/** The value of a record. */
export const valueSide: Side = {
  name: 'Value',
  schema: (record) => record.valueSchema,
  value: (record) => record.value,
  with(record, valueSchema, value) {
    if (!(record instanceof RecordDraft)) return { ...record, valueSchema, value };
    record.setValue(valueSchema, value);
    return record;
  },
  own(record, made) {
    if (record instanceof RecordDraft) record.ownValue(made);
    return made;
  },
};

/** The record with another topic; a draft is changed. */
export function withTopic<R extends ConnectRecord>(record: R, topic: string): R {
  if (!(record instanceof RecordDraft)) return { ...record, topic };
  record.setTopic(topic);
  return record;
}

/** The record with other headers; a draft is changed. */
export function withHeaders<R extends ConnectRecord>(record: R, headers: readonly Header[]): R {
  if (!(record instanceof RecordDraft)) return { ...record, headers };
  record.setHeaders(headers);
  return record;
}

/** The fields to write to: a copy, or themselves where an earlier transform made them for this record. */
export function writable(side: Side, record: ConnectRecord, fields: Fields): Record<string, ConnectValue> {
  if (record instanceof RecordDraft && record.owns(fields)) return fields as Record<string, ConnectValue>;
  return side.own(record, { ...fields });
}

const JAVA = 'org.apache.kafka.connect.transforms.';

/** The two plugins of a transform that works on one side; the bare name means the value. */
export function onBothSides(
  name: string,
  config: ConfigDef,
  create: (side: Side) => Transform,
  traits: Traits = {},
): TransformPlugin[] {
  return [keySide, valueSide].map((side) => ({
    type: 'transformation',
    class: `${name}$${side.name}`,
    aliases: [`${JAVA}${name}$${side.name}`, ...(side === valueSide ? [name, JAVA + name] : [])],
    version: '1.0.0',
    config,
    takesDrafts: true,
    leavesText: side === keySide || traits.leavesText === true,
    create: () => create(side),
  }));
}

type Traits = Pick<TransformPlugin, 'leavesText'>;

/** A transform that works on whole records. */
export function onRecord(
  name: string,
  config: ConfigDef,
  create: () => Transform,
  { aliases = [], leavesText = false }: Traits & { readonly aliases?: readonly string[] } = {},
): TransformPlugin {
  return {
    type: 'transformation',
    class: name,
    aliases: [JAVA + name, ...aliases],
    version: '1.0.0',
    config,
    takesDrafts: true,
    leavesText,
    create,
  };
}

/** The members of a struct or map, or null where the value is null. Throws a DataError for anything else. */
export function fieldsOf(value: RecordValue, purpose: string): Fields | null {
  const plain = value instanceof JsonText ? value.parse() : value;
  if (plain === null) return null;
  if (isFields(plain)) return plain;
  const kind = Array.isArray(plain)
    ? 'a list'
    : plain instanceof Map
      ? 'a map with keys that are no text'
      : typeof plain;
  throw new DataError(`Only structs and maps with text keys are supported for ${purpose}, this is ${kind}.`);
}

/** Gives a changed value the form the original had: JSON text stays JSON text. */
export function likeOriginal(original: RecordValue, changed: ConnectValue, schema: Schema | null): RecordValue {
  if (!(original instanceof JsonText)) return changed;
  const isPlain = changed === null || (typeof changed !== 'object' && saysItself(schema));
  return isPlain ? changed : JsonText.of(changed);
}

/** True when JSON and Connect write a value of this schema the same way. */
function saysItself(schema: Schema | null): boolean {
  return schema === null || (schema.type !== 'bytes' && !schema.name?.startsWith('org.apache.kafka.connect.data.'));
}

/** A value as it stands among the members of `original`: in JSON's domain dates are numbers and bytes are base64. */
export function asMember(original: RecordValue, value: ConnectValue): ConnectValue {
  if (!(original instanceof JsonText)) return value;
  if (value instanceof Date) return value.getTime();
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

/** The key that most stock transforms have. */
export const replaceNullWithDefault = {
  type: 'boolean',
  default: true,
  doc: 'A null becomes the default of its field.',
  importance: 'medium',
} as const;

/** The fields of a struct that have a default, with it. */
const defaultsOf = perSchema((schema) =>
  (schema.fields ?? []).flatMap(({ name, schema: { defaultValue } }) =>
    defaultValue == null ? [] : [{ name, value: defaultValue }],
  ),
);

/** Whether a null in such a struct may be something else. */
export function hasDefaults(schema: Schema | null): boolean {
  return schema !== null && defaultsOf(schema).length > 0;
}

/** The members of a struct with its defaults in place of nulls, where `replace.null.with.default` says so. */
export function withDefaults(fields: Fields, schema: Schema | null, replaces: boolean, original: RecordValue): Fields {
  if (schema === null || !replaces) return fields;
  let filled: Record<string, ConnectValue> | null = null;
  for (const { name, value } of defaultsOf(schema)) {
    if (fields[name] != null) continue;
    filled ??= { ...fields };
    filled[name] = asMember(original, value);
  }
  return filled ?? fields;
}

/** Remembers what became of each schema: sources reuse one object for all records of a table. */
export function perSchema<T>(compute: (schema: Schema) => T): (schema: Schema) => T {
  const known = new WeakMap<Schema, T>();
  return (schema) => {
    let result = known.get(schema);
    if (result === undefined) {
      result = compute(schema);
      known.set(schema, result);
    }
    return result;
  };
}

/** An entry per comma-separated `from:to` pair. */
export function pairs(list: readonly string[]): Map<string, string> {
  return new Map(
    list.map((entry) => {
      const at = entry.lastIndexOf(':');
      return at < 1 ? [entry, entry] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

/** A check for lists that must not be empty. */
export function emptyListProblem(value: unknown): string | null {
  return (value as readonly string[]).length === 0 ? 'must name at least one' : null;
}

/** A check for keys that are lists of pairs. */
export function pairsProblem(value: unknown): string | null {
  const wrong = (value as readonly string[]).find((entry) => !/^[^:]+:[^:]+$/.test(entry));
  return wrong === undefined ? null : `has "${wrong}", which is no pair like a:b`;
}
