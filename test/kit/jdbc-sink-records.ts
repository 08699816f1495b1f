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
  /** `transforms` and what belongs to them are the worker's. */
  readonly config: Readonly<Record<string, string>>;
  readonly setup?: string;
  /** Behind the database's name in the URL. */
  readonly urlParameters?: string;
  /** Whether bad records are reported and the rest goes on. */
  readonly tolerates?: boolean;
  readonly puts: readonly (readonly PlayedRecord[])[];
}

type More = Partial<Pick<SinkScenario, 'setup' | 'urlParameters' | 'tolerates'>>;

/** A maker of scenarios for one sink; `prefix` begins their names. */
export function scenariosOf(connector: SinkScenario['connector'], prefix = '') {
  return (name: string, config: SinkScenario['config'], puts: SinkScenario['puts'], more: More = {}): SinkScenario => ({
    name: `${prefix}${name}`,
    connector,
    config,
    puts,
    ...more,
  });
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

export type Fields = Readonly<Record<string, JsonSchema>>;
export type Row = Readonly<Record<string, unknown>>;

/** The same fields, each of which may be null. */
export const allOptional = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, optional(schema)]));
/** A row in which they all are. */
export const nothing = (fields: Fields): Row => Object.fromEntries(Object.keys(fields).map((name) => [name, null]));

/** A field of every type that needs no name. */
export const primitives = {
  i8: int8,
  i16: int16,
  i32: int32,
  i64: int64,
  f32: float32,
  f64: float64,
  b: bool,
  s: string,
  by: bytes,
};

const CONNECT = 'org.apache.kafka.connect.data.';
export const decimal = (scale: number, precision?: number): JsonSchema =>
  named(bytes, `${CONNECT}Decimal`, {
    scale: String(scale),
    ...(precision === undefined ? {} : { 'connect.decimal.precision': String(precision) }),
  });
export const connectDate = named(int32, `${CONNECT}Date`);
export const connectTime = named(int32, `${CONNECT}Time`);
export const connectTimestamp = named(int64, `${CONNECT}Timestamp`);

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
  { name: string, db: string, schema: optional(string), table: optional(string), ts_ms: int64 },
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
  const source = { name: 'srv', db: 'shop', schema: 'public', table: 't', ts_ms: 1 };
  const value = envelope(schema, { before, after, source, op, ts_ms: 1 });
  const row0 = (after ?? before) as { id?: number } | null;
  const own = row0?.id === undefined ? null : idKey(row0.id);
  return record({ topic, key: key === undefined ? own : key, value, ...(headers === undefined ? {} : { headers }) });
}

export const V = { v: optional(string) };

/** A flat record with one field beside its id. */
export const put = (id: number, v: string | null, topic = 't'): PlayedRecord => flat(V, { id, v }, topic);

/** A table that refuses rows, and rows for it. */
export const CHECKED = 'CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL, n int CHECK (n > 0));';
export const nv = (id: number, v: string | null, n: number): PlayedRecord => flat({ ...V, n: int32 }, { id, v, n });

/** The keys of most scenarios of Debezium's sink. */
export const UPSERTS = { 'insert.mode': 'upsert', 'primary.key.mode': 'record_key', 'schema.evolution': 'basic' };
/** Of Confluent's; retries would be the worker's. */
export const CREATES = { 'auto.create': 'true', 'auto.evolve': 'true', 'max.retries': '0' };
export const KEYED = { ...CREATES, 'insert.mode': 'upsert', 'pk.mode': 'record_key', 'pk.fields': 'id' };

/** Change events of a table of two columns. */
export const FIELDS = { id: int32, ...V };
export const created = (id: number, v: string, topic?: string): PlayedRecord =>
  event('c', FIELDS, { after: { id, v } }, topic === undefined ? {} : { topic });
export const deleted = (id: number): PlayedRecord => event('d', FIELDS, { before: { id, v: 'x' } });

/** A record with a key of two fields, which its value has, too. */
const PAIR = struct({ a: int32, b: string }, 'k');
export const pairKey = (a: number, b: string): string => envelope(PAIR, { a, b });
export const pair = (a: number, b: string, v: string): PlayedRecord =>
  record({ key: pairKey(a, b), value: envelope(struct({ a: int32, b: string, v: string }), { a, b, v }) });

export const header = (key: string, schema: JsonSchema, payload: unknown) => ({
  key,
  value: envelope(schema, payload),
});

/** A tombstone for this id. */
export const tombstone = (id: number, topic = 't'): PlayedRecord => record({ topic, key: idKey(id) });
