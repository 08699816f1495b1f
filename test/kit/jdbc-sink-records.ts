/**
 * What a scenario for JDBC sinks is made of: records as the JSON that Connect's JsonConverter reads, schemas in a short hand.
 * For test/kit/jdbc-sink-scenarios.ts and its like.
 */

/** Connect's JSON form of a schema. */
export interface JsonSchema {
  readonly type: string;
  readonly optional?: boolean;
  readonly name?: string;
  readonly version?: number;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly default?: unknown;
  readonly field?: string;
  readonly fields?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly keys?: JsonSchema;
  readonly values?: JsonSchema;
}

/** A record as it lies in the log; key and value are the text of JSON envelopes. */
export interface PlayedRecord {
  readonly topic: string;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
}

export const DEBEZIUM_SINK = 'io.debezium.connector.jdbc.JdbcSinkConnector';
export const CONFLUENT_SINK = 'io.confluent.connect.jdbc.JdbcSinkConnector';

/** Some puts, into a database that `setup` prepares. */
export interface SinkScenario {
  readonly name: string;
  readonly connector: typeof DEBEZIUM_SINK | typeof CONFLUENT_SINK;
  readonly config: Readonly<Record<string, string>>;
  readonly setup?: string;
  /** Behind the database's name in the URL. */
  readonly urlParameters?: string;
  /** Whether bad records are reported and the rest goes on. */
  readonly tolerates?: boolean;
  readonly puts: readonly (readonly PlayedRecord[])[];
}

export const type = (name: string): JsonSchema => ({ type: name, optional: false });
export const int8 = type('int8');
export const int16 = type('int16');
export const int32 = type('int32');
export const int64 = type('int64');
export const float32 = type('float');
export const float64 = type('double');
export const bool = type('boolean');
export const string = type('string');
export const bytes = type('bytes');

export const optional = (schema: JsonSchema): JsonSchema => ({ ...schema, optional: true });
export const named = (schema: JsonSchema, name: string, parameters?: Readonly<Record<string, string>>): JsonSchema => ({
  ...schema,
  name,
  version: 1,
  ...(parameters === undefined ? {} : { parameters }),
});
export const array = (items: JsonSchema): JsonSchema => ({ type: 'array', optional: false, items });
export const map = (keys: JsonSchema, values: JsonSchema): JsonSchema => ({
  type: 'map',
  optional: false,
  keys,
  values,
});
export const struct = (fields: Readonly<Record<string, JsonSchema>>, name?: string): JsonSchema => ({
  type: 'struct',
  optional: false,
  ...(name === undefined ? {} : { name }),
  fields: Object.entries(fields).map(([field, schema]) => ({ ...schema, field })),
});
/** With a default, as a source that reads defaults writes it. */
export const withDefault = (schema: JsonSchema, value: unknown): JsonSchema => ({ ...schema, default: value });
/** With the type of the source's column, as `column.propagate.source.type` writes it. */
export const from = (schema: JsonSchema, column: string, length?: number, scale?: number): JsonSchema => ({
  ...schema,
  parameters: {
    ...schema.parameters,
    '__debezium.source.column.type': column,
    ...(length === undefined ? {} : { '__debezium.source.column.length': String(length) }),
    ...(scale === undefined ? {} : { '__debezium.source.column.scale': String(scale) }),
  },
});

export const envelope = (schema: JsonSchema | null, payload: unknown): string => JSON.stringify({ schema, payload });

const ID = struct({ id: int32 }, 'k');

export interface RecordParts {
  readonly topic?: string;
  readonly offset?: number;
  readonly key?: string | null;
  readonly value?: string | null;
  readonly headers?: PlayedRecord['headers'];
}

let lastOffset = 0;

/** A record; its offset is behind the one before unless it is given. */
export function record({
  topic = 't',
  offset = ++lastOffset,
  key = null,
  value = null,
  headers = [],
}: RecordParts): PlayedRecord {
  return { topic, offset, key, value, headers };
}

export const idKey = (id: number): string => envelope(ID, { id });

/** A flat record with an integer key `id` and these fields. */
export function flat(
  fields: Readonly<Record<string, JsonSchema>>,
  values: Readonly<Record<string, unknown>>,
  topic = 't',
): PlayedRecord {
  const id = Number(values['id'] ?? 1);
  const value = envelope(struct({ id: int32, ...fields }, 'v'), { id, ...values });
  return record({ topic, key: idKey(id), value });
}

const SOURCE = struct(
  { db: string, schema: optional(string), table: optional(string), ts_ms: int64 },
  'io.debezium.connector.postgresql.Source',
);

/** A Debezium envelope. */
export function event(
  op: 'c' | 'r' | 'u' | 'd' | 't',
  fields: Readonly<Record<string, JsonSchema>>,
  { before = null, after = null }: { readonly before?: unknown; readonly after?: unknown },
  {
    key,
    topic = 'srv.public.t',
    headers,
  }: { key?: string | null; topic?: string; headers?: PlayedRecord['headers'] } = {},
): PlayedRecord {
  const row = optional(struct(fields, 'srv.public.t.Value'));
  const schema = struct(
    { before: row, after: row, source: SOURCE, op: string, ts_ms: optional(int64) },
    'srv.public.t.Envelope',
  );
  const source = { db: 'shop', schema: 'public', table: 't', ts_ms: 1 };
  const value = envelope(schema, { before, after, source, op, ts_ms: 1 });
  const row0 = (after ?? before) as { id?: number } | null;
  const own = row0?.id === undefined ? null : idKey(row0.id);
  return record({ topic, key: key === undefined ? own : key, value, ...(headers === undefined ? {} : { headers }) });
}

/** A tombstone for this id. */
export const tombstone = (id: number, topic = 't'): PlayedRecord => record({ topic, key: idKey(id) });
