/** Scenarios of Debezium's JDBC sink that are about keys, modes, names, evolution and errors. */
import {
  array,
  bool,
  CHECKED,
  created,
  DEBEZIUM_SINK,
  deleted,
  envelope,
  event,
  FIELDS,
  flat,
  float64,
  header,
  idKey,
  int32,
  int64,
  nv,
  optional,
  pair,
  pairKey,
  put,
  record,
  type SinkScenario,
  scenariosOf,
  string,
  struct,
  tombstone,
  UPSERTS,
  V,
  withDefault,
} from './jdbc-sink-records.ts';

const DELETES = { ...UPSERTS, 'delete.enabled': 'true' };
const TABLE = 'CREATE TABLE t (id int PRIMARY KEY, v text);';

const scenario = scenariosOf(DEBEZIUM_SINK);

const updated = (id: number, v: string) => event('u', FIELDS, { before: { id, v: 'old' }, after: { id, v } });
const truncated = () => event('t', FIELDS, {}, { key: null });

const EVENT = 'srv.public.t';
/** One row inserted, then updated, then another, in each of the modes. */
const modes: SinkScenario[] = ['insert', 'upsert', 'update'].flatMap((insert) =>
  ['none', 'kafka', 'record_key', 'record_value', 'record_header'].map((key) => {
    const config = {
      'insert.mode': insert,
      'primary.key.mode': key,
      'schema.evolution': 'basic',
      ...(key === 'record_value' ? { 'primary.key.fields': 'id' } : {}),
    };
    const headers = (id: number) => [header('id', int32, id)];
    const row = (id: number, v: string, offset: number) => {
      const more = key === 'record_header' ? { headers: headers(id) } : {};
      return { ...event('c', FIELDS, { after: { id, v } }, more), offset };
    };
    return scenario(`modes-${insert}-${key}`, config, [[row(1, 'a', 1)], [row(1, 'b', 2)], [row(2, 'c', 3)]]);
  }),
);

const keys: readonly SinkScenario[] = [
  scenario('keys-composite', UPSERTS, [[pair(1, 'x', 'a'), pair(1, 'y', 'b'), pair(1, 'x', 'c')]]),
  scenario('keys-subset-of-key', { ...UPSERTS, 'primary.key.fields': 'a' }, [[pair(1, 'x', 'a'), pair(2, 'y', 'b')]]),
  scenario('keys-subset-of-value', { ...UPSERTS, 'primary.key.mode': 'record_value', 'primary.key.fields': 'a,b' }, [
    [pair(1, 'x', 'a'), pair(1, 'x', 'b')],
  ]),
  scenario('keys-unknown-field', { ...UPSERTS, 'primary.key.fields': 'nope' }, [[pair(1, 'x', 'a')]]),
  scenario('keys-primitive', { ...UPSERTS, 'primary.key.fields': 'id' }, [
    [record({ key: envelope(int64, 5), value: envelope(struct({ v: string }), { v: 'a' }) })],
  ]),
  scenario('keys-primitive-without-name', UPSERTS, [
    [record({ key: envelope(int64, 5), value: envelope(struct({ v: string }), { v: 'a' }) })],
  ]),
  scenario('keys-missing', UPSERTS, [[record({ value: envelope(struct({ v: string }), { v: 'a' }) })]]),
  scenario('keys-not-in-value', UPSERTS, [
    [record({ key: idKey(5), value: envelope(struct({ v: string }), { v: 'a' }) })],
  ]),
  scenario('keys-only', UPSERTS, [[flat({}, { id: 1 }), flat({}, { id: 1 }), flat({}, { id: 2 })]]),
];

const deletes: readonly SinkScenario[] = [
  scenario('delete-disabled', UPSERTS, [[created(1, 'a')], [deleted(1)], [tombstone(1, EVENT)]]),
  scenario('delete-event', DELETES, [[created(1, 'a'), created(2, 'b')], [deleted(1)]]),
  scenario('delete-tombstone', DELETES, [[put(1, 'a'), put(2, 'b')], [tombstone(1)]]),
  scenario('delete-event-and-tombstone', DELETES, [
    [created(1, 'a'), deleted(1), tombstone(1, EVENT), created(1, 'b')],
  ]),
  scenario('delete-absent', DELETES, [[created(1, 'a')], [deleted(9), tombstone(9, EVENT)]]),
  scenario('delete-subset-of-key', { ...DELETES, 'primary.key.fields': 'a' }, [
    [pair(1, 'x', 'a'), pair(2, 'y', 'b')],
    [record({ key: pairKey(1, 'x') })],
  ]),
  scenario('delete-then-same-key', DELETES, [
    [created(1, 'a')],
    [deleted(1), tombstone(1, EVENT), created(1, 'b'), updated(1, 'c')],
  ]),
  scenario('delete-first', DELETES, [[deleted(1)], [created(1, 'a')]]),
  scenario('delete-by-value', { ...DELETES, 'primary.key.mode': 'record_value', 'primary.key.fields': 'id' }, [
    [created(1, 'a'), created(2, 'b')],
    [deleted(1)],
    [tombstone(2, EVENT)],
  ]),
  scenario('delete-by-header', { ...DELETES, 'primary.key.mode': 'record_header' }, [
    [1, 2].map((id) => event('c', FIELDS, { after: { id, v: 'a' } }, { headers: [header('id', int32, id)] })),
    [event('d', FIELDS, { before: { id: 1, v: 'a' } }, { headers: [header('id', int32, 1)] }), tombstone(2, EVENT)],
  ]),
  scenario('truncate-disabled', UPSERTS, [[created(1, 'a')], [truncated()]]),
  scenario('truncate', { ...UPSERTS, 'truncate.enabled': 'true' }, [
    [created(1, 'a'), created(2, 'b')],
    [truncated()],
    [created(3, 'c'), truncated(), created(4, 'd')],
  ]),
];

const FORMAT = '$';
const names: readonly SinkScenario[] = [
  scenario('names-dots', UPSERTS, [[created(1, 'a', 'srv.public.My-Table')]]),
  scenario('names-quoted', { ...UPSERTS, 'quote.identifiers': 'true' }, [
    [
      flat(
        { Upper: string, order: string, 'with space': string, "q'": string },
        { id: 1, Upper: 'a', order: 'b', 'with space': 'c', "q'": 'd' },
        'Select',
      ),
    ],
  ]),
  scenario('names-unquoted', UPSERTS, [
    [flat({ Upper: string, order: string, user: string }, { id: 1, Upper: 'a', order: 'b', user: 'c' }, 'Select')],
  ]),
  scenario('names-long', UPSERTS, [
    [flat({ ['c'.repeat(70)]: string }, { id: 1, ['c'.repeat(70)]: 'a' }, 'long_'.repeat(14))],
    [flat({ ['c'.repeat(70)]: string }, { id: 2, ['c'.repeat(70)]: 'b' }, 'long_'.repeat(14))],
  ]),
  scenario('names-format', { ...UPSERTS, 'collection.name.format': `copy_${FORMAT}{topic}_1` }, [[put(1, 'a', 'a.b')]]),
  scenario(
    'names-schema',
    { ...UPSERTS, 'collection.name.format': `other.${FORMAT}{topic}` },
    [[put(1, 'a')], [put(2, 'b')]],
    {
      setup: 'CREATE SCHEMA other; CREATE TABLE t (id int PRIMARY KEY, wrong int)',
    },
  ),
  scenario(
    'names-source',
    { ...UPSERTS, 'collection.name.format': `${FORMAT}{source.schema}.${FORMAT}{source.db}_${FORMAT}{source.table}` },
    [[created(1, 'a')]],
  ),
  scenario('names-source-of-flat', { ...UPSERTS, 'collection.name.format': `${FORMAT}{source.table}` }, [
    [put(1, 'a')],
  ]),
  scenario('names-search-path', { 'insert.mode': 'upsert', 'primary.key.mode': 'record_key' }, [[put(1, 'a')]], {
    setup: 'CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY, v text)',
    urlParameters: '?currentSchema=other',
  }),
];

const NEW = { v: optional(string), n: optional(int32) };
const evolution: readonly SinkScenario[] = [
  scenario('evolve-none-missing-table', { ...UPSERTS, 'schema.evolution': 'none' }, [[put(1, 'a')]]),
  scenario(
    'evolve-none-missing-column',
    { ...UPSERTS, 'schema.evolution': 'none' },
    [[flat(NEW, { id: 1, v: 'a', n: 5 })]],
    { setup: TABLE },
  ),
  scenario('evolve-optional', UPSERTS, [[put(1, 'a')], [flat(NEW, { id: 2, v: 'b', n: 5 })]]),
  scenario('evolve-required', UPSERTS, [[put(1, 'a')], [flat({ ...V, n: int32 }, { id: 2, v: 'b', n: 5 })]]),
  scenario('evolve-required-in-empty-table', UPSERTS, [[flat({ ...V, n: int32 }, { id: 2, v: 'b', n: 5 })]], {
    setup: TABLE,
  }),
  scenario('evolve-default', UPSERTS, [
    [put(1, 'a')],
    [flat({ ...V, n: withDefault(int32, 7), o: withDefault(optional(string), 'x') }, { id: 2, v: 'b', n: 5, o: null })],
  ]),
  scenario('evolve-removed', UPSERTS, [[flat(NEW, { id: 1, v: 'a', n: 5 })], [put(2, 'b')]]),
  scenario('evolve-in-batch', UPSERTS, [[put(1, 'a'), flat(NEW, { id: 2, v: 'b', n: 5 }), put(3, 'c')]]),
  scenario('evolve-array', UPSERTS, [
    [put(1, 'a')],
    [flat({ ...V, l: optional(array(optional(string))) }, { id: 2, v: 'b', l: ['x'] })],
  ]),
  scenario('evolve-wider', UPSERTS, [
    [flat({ n: int32 }, { id: 1, n: 1 })],
    [flat({ n: int64 }, { id: 2, n: 5000000000 })],
  ]),
];

const filters: readonly SinkScenario[] = [
  scenario('fields-include', { ...UPSERTS, 'field.include.list': 't:a,t:id' }, [
    [flat({ a: string, b: string }, { id: 1, a: 'x', b: 'y' })],
  ]),
  scenario('fields-exclude', { ...UPSERTS, 'field.exclude.list': 't:b' }, [
    [flat({ a: string, b: string }, { id: 1, a: 'x', b: 'y' })],
  ]),
  scenario('fields-exclude-by-name', { ...UPSERTS, 'field.exclude.list': 'b' }, [
    [flat({ a: string, b: string }, { id: 1, a: 'x', b: 'y' })],
  ]),
];

const errors: readonly SinkScenario[] = [
  scenario('errors-not-null', UPSERTS, [[nv(1, 'a', 1), nv(2, null, 1), nv(3, 'c', 1)]], { setup: CHECKED }),
  scenario('errors-bad-row-reported', UPSERTS, [[nv(1, 'a', 1), nv(2, 'b', -1), nv(3, 'c', 1)], [nv(4, 'd', 1)]], {
    setup: CHECKED,
    tolerates: true,
  }),
  scenario('errors-duplicate-insert', { ...UPSERTS, 'insert.mode': 'insert' }, [[put(1, 'a')], [put(1, 'b')]]),
  scenario('errors-no-schema', UPSERTS, [
    [record({ key: envelope(null, { id: 1 }), value: envelope(null, { id: 1, v: 'a' }) })],
  ]),
  scenario('errors-primitive-value', UPSERTS, [[record({ key: idKey(1), value: envelope(string, 'a') })]]),
  scenario('errors-unkeyed-upsert', { ...UPSERTS, 'primary.key.mode': 'none' }, [[put(1, 'a')]]),
  scenario('errors-upsert-without-unique', UPSERTS, [[put(1, 'a')]], { setup: 'CREATE TABLE t (id int, v text)' }),
];

const targets: readonly SinkScenario[] = [
  scenario('target-identity-always', UPSERTS, [[put(5, 'a')], [put(5, 'b')]], {
    setup: 'CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)',
  }),
  scenario('target-identity-by-default', UPSERTS, [[put(5, 'a')]], {
    setup: 'CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text)',
  }),
  scenario('target-partitioned', UPSERTS, [[put(5, 'a'), put(15, 'b')], [put(15, 'c')]], {
    setup: `CREATE TABLE t (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)`,
  }),
  scenario('target-view', UPSERTS, [[put(5, 'a')]], {
    setup: 'CREATE TABLE base (id int PRIMARY KEY, v text); CREATE VIEW t AS SELECT * FROM base',
  }),
  scenario('target-more-columns', UPSERTS, [[put(5, 'a')], [put(5, 'b')]], {
    setup:
      "CREATE TABLE t (id int PRIMARY KEY, v text, added timestamp DEFAULT '2024-01-01', n int NOT NULL DEFAULT 3)",
  }),
  scenario('target-unique-beside', UPSERTS, [[put(1, 'a'), put(2, 'b')]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v text UNIQUE)',
  }),
  scenario('envelope-and-flat', UPSERTS, [[created(1, 'a'), { ...put(2, 'b'), topic: EVENT }]]),
  scenario('envelope-default', UPSERTS, [
    [
      event(
        'c',
        { id: int32, b: withDefault(bool, true), f: withDefault(optional(float64), 1.5) },
        { after: { id: 1, b: false, f: null } },
      ),
    ],
  ]),
  scenario('buffer-reduces', { ...UPSERTS, 'use.reduction.buffer': 'true' }, [
    [put(1, 'a'), put(1, 'b'), put(2, 'x'), put(1, 'c')],
  ]),
  scenario('buffer-keeps-order', UPSERTS, [[put(1, 'a'), put(1, 'b'), put(2, 'x'), put(1, 'c')]]),
];

export const jdbcSinkBehaviour: readonly SinkScenario[] = [
  ...modes,
  ...keys,
  ...deletes,
  ...names,
  ...evolution,
  ...filters,
  ...errors,
  ...targets,
];
