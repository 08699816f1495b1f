/** Scenarios of Confluent's JDBC sink, after its own tests: types, keys and modes, evolution, names, targets, errors. */
import {
  allOptional,
  array,
  bool,
  CHECKED,
  CONFLUENT_SINK,
  CREATES,
  connectDate,
  connectTime,
  connectTimestamp,
  decimal,
  envelope,
  flat,
  float64,
  idKey,
  int32,
  int64,
  KEYED,
  map,
  nothing,
  nv,
  optional,
  primitives,
  put,
  record,
  type SinkScenario,
  scenariosOf,
  string,
  struct,
  tombstone,
  V,
  withDefault,
} from './jdbc-sink-records.ts';

const DELETES = { ...KEYED, 'delete.enabled': 'true' };

const scenario = scenariosOf(CONFLUENT_SINK, 'confluent-');

const all = {
  ...primitives,
  d: decimal(2),
  d0: decimal(0),
  da: connectDate,
  ti: connectTime,
  ts: connectTimestamp,
  l: array(int32),
  ls: array(string),
};
const allRow = {
  i8: -128,
  i16: 32767,
  i32: 1,
  i64: 4294967296,
  f32: 0.5,
  f64: -1e300,
  b: false,
  s: 'é',
  by: 'AP8Q',
  d: 'AN4=',
  d0: 'gA==',
  da: 19782,
  ti: 45296789,
  ts: 1709208896789,
  l: [1, 2],
  ls: ['a', 'b"'],
};
const defaults = {
  i: withDefault(int32, 7),
  s: withDefault(string, "it's"),
  b: withDefault(bool, true),
  f: withDefault(float64, 2.5),
  d: withDefault(decimal(2), 'AN4='),
  da: withDefault(connectDate, 19782),
  ti: withDefault(connectTime, 45296789),
  ts: withDefault(connectTimestamp, 1709208896789),
  l: withDefault(array(int32), [1, 2]),
};

const NEW = { ...V, n: optional(int32) };
const PAIR = struct({ a: int32, b: string });
const pair = (a: number, b: string, v: string) =>
  record({ key: envelope(PAIR, { a, b }), value: envelope(struct({ v: string }), { v }) });
const primitive = (key: number, v: string) =>
  record({ key: envelope(int64, key), value: envelope(struct({ v: string }), { v }) });

const types: readonly SinkScenario[] = [
  scenario('types', KEYED, [[flat(all, { id: 1, ...allRow })]]),
  scenario('types-optional', KEYED, [
    [flat(allOptional(all), { id: 1, ...allRow })],
    [flat(allOptional(all), { id: 2, ...nothing(all) })],
  ]),
  scenario('types-default', KEYED, [[flat(defaults, { id: 1 })]]),
  scenario('types-default-optional', KEYED, [[flat(allOptional(defaults), { id: 1 })]]),
  scenario('types-map', KEYED, [[flat({ m: map(string, string) }, { id: 1, m: { a: 'b' } })]]),
  scenario('types-struct', KEYED, [[flat({ m: struct({ a: int32 }) }, { id: 1, m: { a: 1 } })]]),
  scenario('types-list-of-nulls', KEYED, [[flat({ l: array(optional(string)) }, { id: 1, l: ['a', null] })]]),
  scenario(
    'columns',
    { ...KEYED, 'auto.create': 'false' },
    [
      [
        flat(
          { u: string, j: string, jb: string, t: string },
          { id: 1, u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', j: '{}', jb: '[1]', t: 'x' },
        ),
      ],
    ],
    { setup: 'CREATE TABLE t (id int PRIMARY KEY, u uuid, j json, jb jsonb, t varchar(5))' },
  ),
  scenario(
    'zone',
    { ...KEYED, 'db.timezone': 'Asia/Kolkata' },
    [
      [
        flat(
          { ts: connectTimestamp, tz: connectTimestamp, da: connectDate, ti: connectTime },
          { id: 1, ts: 1709208896789, tz: 1709208896789, da: 19782, ti: 45296789 },
        ),
      ],
    ],
    { setup: 'CREATE TABLE t (id int PRIMARY KEY, ts timestamp, tz timestamptz, da date, ti time)' },
  ),
];

const modes: readonly SinkScenario[] = [
  ...['insert', 'upsert', 'update'].flatMap((mode) =>
    ['none', 'kafka', 'record_key', 'record_value'].map((key) => {
      const fields: Record<string, string> = key.startsWith('record') ? { 'pk.fields': 'id' } : {};
      const config = { ...CREATES, 'insert.mode': mode, 'pk.mode': key, ...fields };
      const rows = [put(1, 'a'), put(1, 'b'), put(2, 'c')].map((each, index) => ({ ...each, offset: index + 1 }));
      return scenario(
        `modes-${mode}-${key}`,
        config,
        rows.map((row) => [row]),
      );
    }),
  ),
  scenario('keys-all-of-struct', { ...CREATES, 'insert.mode': 'upsert', 'pk.mode': 'record_key' }, [
    [pair(1, 'x', 'a'), pair(1, 'x', 'b')],
  ]),
  scenario('keys-one-of-struct', { ...KEYED, 'pk.fields': 'a' }, [[pair(1, 'x', 'a')]]),
  scenario('keys-primitive', KEYED, [[primitive(5, 'a'), primitive(5, 'b')]]),
  scenario('keys-primitive-two-names', { ...KEYED, 'pk.fields': 'a,b' }, [[primitive(5, 'a')]]),
  scenario('keys-primitive-no-name', { ...CREATES, 'insert.mode': 'upsert', 'pk.mode': 'record_key' }, [
    [primitive(5, 'a')],
  ]),
  scenario('keys-kafka-names', { ...CREATES, 'pk.mode': 'kafka', 'pk.fields': 'a,b,c' }, [
    [{ ...put(1, 'x'), offset: 7 }],
  ]),
  scenario('keys-kafka-two-names', { ...CREATES, 'pk.mode': 'kafka', 'pk.fields': 'a,b' }, [[put(1, 'x')]]),
  scenario('keys-all-of-value', { ...CREATES, 'insert.mode': 'upsert', 'pk.mode': 'record_value' }, [
    [flat({ v: string }, { id: 1, v: 'a' }), flat({ v: string }, { id: 1, v: 'a' })],
  ]),
  scenario('keys-missing-in-value', { ...CREATES, 'pk.mode': 'record_value', 'pk.fields': 'nope' }, [[put(1, 'a')]]),
  scenario('keys-missing', KEYED, [[{ ...put(1, 'a'), key: null }]]),
  scenario('delete', DELETES, [
    [put(1, 'a'), put(2, 'b')],
    [tombstone(1), tombstone(9)],
  ]),
  scenario('delete-insert-delete', DELETES, [[put(1, 'a'), tombstone(1)]]),
  scenario('delete-and-insert-again', DELETES, [[put(1, 'a'), tombstone(1), put(1, 'b')]]),
  scenario('delete-disabled', KEYED, [[put(1, 'a')], [tombstone(1)]]),
  scenario('delete-wrong-mode', { ...DELETES, 'pk.mode': 'record_value' }, [[put(1, 'a')]]),
  scenario('delete-first', DELETES, [[tombstone(1)], [put(1, 'a')]]),
  scenario('same-key-in-batch', KEYED, [[put(1, 'a'), put(1, 'b'), put(1, 'c')]]),
];

const evolution: readonly SinkScenario[] = [
  scenario('create-disabled', { ...KEYED, 'auto.create': 'false' }, [[put(1, 'a')]]),
  scenario('evolve-disabled', { ...KEYED, 'auto.evolve': 'false' }, [
    [put(1, 'a')],
    [flat(NEW, { id: 2, v: 'b', n: 1 })],
  ]),
  scenario('evolve-optional', KEYED, [[put(1, 'a')], [flat(NEW, { id: 2, v: 'b', n: 1 })], [put(3, 'c')]]),
  scenario('evolve-default', KEYED, [
    [put(1, 'a')],
    [flat({ ...V, n: withDefault(int32, 7) }, { id: 2, v: 'b', n: 1 })],
  ]),
  scenario('evolve-required', KEYED, [[put(1, 'a')], [flat({ ...V, n: int32 }, { id: 2, v: 'b', n: 1 })]]),
  scenario('evolve-in-batch', KEYED, [[put(1, 'a'), flat(NEW, { id: 2, v: 'b', n: 1 }), put(3, 'c')]]),
  scenario('evolve-case', KEYED, [[flat({ V: optional(string) }, { id: 1, V: 'a' })]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v text)',
  }),
  scenario('dropped-between', KEYED, [[put(1, 'a')]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v text, gone int); ALTER TABLE t DROP COLUMN gone',
  }),
];

const FORMAT = '$';
const names: readonly SinkScenario[] = [
  scenario('names-format', { ...KEYED, 'table.name.format': `kafka_${FORMAT}{topic}` }, [[put(1, 'a')]]),
  scenario('names-dots', KEYED, [[put(1, 'a', 'other.t')]], { setup: 'CREATE SCHEMA other' }),
  scenario('names-quoted', KEYED, [
    [flat({ Upper: string, order: string }, { id: 1, Upper: 'a', order: 'b' }, 'Select')],
  ]),
  scenario('names-unquoted', { ...KEYED, 'quote.sql.identifiers': 'never' }, [
    [flat({ Upper: string }, { id: 1, Upper: 'a' }, 'Orders')],
  ]),
  scenario('names-odd', KEYED, [
    [flat({ 'a b': string, "q'": string, é: string }, { id: 1, 'a b': 'x', "q'": 'y', é: 'z' }, 'my-topic')],
  ]),
  scenario('fields-whitelist', { ...KEYED, 'fields.whitelist': 'a' }, [
    [flat({ a: string, b: string }, { id: 1, a: 'x', b: 'y' })],
  ]),
];

const targets: readonly SinkScenario[] = [
  scenario('view', { ...KEYED, 'table.types': 'VIEW' }, [[put(1, 'a')]], {
    setup: 'CREATE TABLE base (id int PRIMARY KEY, v text, more int); CREATE VIEW t AS SELECT id, v FROM base',
  }),
  scenario('view-of-other-type', KEYED, [[put(1, 'a')]], {
    setup: 'CREATE TABLE base (id int PRIMARY KEY, v text); CREATE VIEW t AS SELECT id, v FROM base',
  }),
  scenario('view-lacks-field', { ...KEYED, 'table.types': 'VIEW' }, [[flat(NEW, { id: 1, v: 'a', n: 1 })]], {
    setup: 'CREATE TABLE base (id int PRIMARY KEY, v text, n int); CREATE VIEW t AS SELECT id, v FROM base',
  }),
  scenario('partitioned', { ...KEYED, 'table.types': 'PARTITIONED TABLE' }, [[put(5, 'a'), put(15, 'b')]], {
    setup: `CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)`,
  }),
  scenario('more-columns', KEYED, [[put(1, 'a')]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v text, n int DEFAULT 3)',
  }),
  scenario('errors-not-null', KEYED, [[nv(1, 'a', 1), nv(2, null, 1)]], { setup: CHECKED }),
  scenario('errors-one-in-the-middle', KEYED, [[nv(1, 'a', 1), nv(2, 'b', -1), nv(3, 'c', 1)], [nv(4, 'd', 1)]], {
    setup: CHECKED,
    tolerates: true,
  }),
  scenario('errors-all', KEYED, [[nv(1, 'a', -1), nv(2, 'b', -1)]], { setup: CHECKED, tolerates: true }),
  scenario(
    'errors-duplicate',
    { ...CREATES, 'pk.mode': 'record_key', 'pk.fields': 'id' },
    [
      [put(1, 'a'), put(2, 'b')],
      [put(2, 'c'), put(3, 'd')],
    ],
    { tolerates: true },
  ),
  scenario('errors-more-fields', { ...KEYED, 'auto.evolve': 'false' }, [[flat(NEW, { id: 1, v: 'a', n: 1 })]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v text)',
    tolerates: true,
  }),
  scenario('errors-no-schema', KEYED, [[record({ key: envelope(null, { id: 1 }), value: envelope(null, { id: 1 }) })]]),
  scenario('errors-text-value', KEYED, [[record({ key: idKey(1), value: envelope(string, 'a') })]]),
];

export const jdbcSinkConfluent: readonly SinkScenario[] = [...types, ...modes, ...evolution, ...names, ...targets];
