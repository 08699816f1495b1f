/** Scenarios of both JDBC sinks that are about one key each, and of the transforms that come with Debezium's. */
import {
  bytes,
  CONFLUENT_SINK,
  connectDate,
  connectTime,
  connectTimestamp,
  created,
  DEBEZIUM_SINK,
  deleted,
  envelope,
  FIELDS,
  type Fields,
  flat,
  header,
  idKey,
  int32,
  int64,
  KEYED,
  named,
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
  withDefault,
} from './jdbc-sink-records.ts';

const debezium = scenariosOf(DEBEZIUM_SINK);
const QUOTED = { ...UPSERTS, 'quote.identifiers': 'true' };
const confluent = scenariosOf(CONFLUENT_SINK, 'confluent-');
const OTHER = { setup: 'CREATE SCHEMA other' };
const FORMAT = '$';

const PASSES = 'io.debezium.sink.naming.PassthroughCollectionNamingStrategy';
const naming: readonly SinkScenario[] = [
  debezium(
    'naming-passthrough',
    { ...UPSERTS, 'collection.naming.strategy': PASSES },
    [[put(1, 'a', 'other.t')]],
    OTHER,
  ),
  debezium(
    'naming-passthrough-format',
    { ...UPSERTS, 'collection.naming.strategy': PASSES, 'collection.name.format': `other.copy_${FORMAT}{topic}` },
    [[put(1, 'a')]],
    OTHER,
  ),
  debezium(
    'naming-former-strategy',
    { ...UPSERTS, 'table.naming.strategy': PASSES },
    [[put(1, 'a', 'other.t')]],
    OTHER,
  ),
  debezium('naming-former-format', { ...UPSERTS, 'table.name.format': `x_${FORMAT}{topic}` }, [[put(1, 'a')]]),
  debezium('naming-no-format', { ...UPSERTS, 'collection.table.format': 'x' }, [[put(1, 'a')]]),
  debezium(
    'naming-source-fields',
    { ...UPSERTS, 'collection.name.format': `${FORMAT}{source.name}_${FORMAT}{source.db}` },
    [[created(1, 'a')]],
  ),
  debezium('naming-source-lacks', { ...UPSERTS, 'collection.name.format': `x_${FORMAT}{source.nope}` }, [
    [created(1, 'a')],
  ]),
  debezium('naming-source-of-flat', { ...UPSERTS, 'collection.name.format': `x_${FORMAT}{source.table}` }, [
    [put(1, 'a')],
  ]),
  debezium(
    'naming-column-strategy',
    {
      ...UPSERTS,
      'column.naming.strategy': 'io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy',
    },
    [[put(1, 'a')]],
  ),
  confluent('names-schema', { ...KEYED, 'table.name.format': `other.copy_${FORMAT}{topic}` }, [[put(1, 'a')]], OTHER),
  confluent(
    'driver-keys',
    { ...KEYED, 'connection.currentSchema': 'other', 'connection.socketTimeout': '30' },
    [[put(1, 'a')]],
    OTHER,
  ),
  debezium(
    'driver-keys',
    {
      ...UPSERTS,
      'hibernate.connection.currentSchema': 'other',
    },
    [[put(1, 'a')]],
    { setup: 'CREATE SCHEMA other; CREATE TABLE other.t (id int PRIMARY KEY, v text)' },
  ),
];

const TIMES = { ts: connectTimestamp, tz: connectTimestamp, da: connectDate, ti: connectTime };
const timesRow = { ts: 1709208896789, tz: 1709208896789, da: 19782, ti: 45296789 };
const TIMES_TABLE = { setup: 'CREATE TABLE t (id int PRIMARY KEY, ts timestamp, tz timestamptz, da date, ti time)' };
const INSTANTS_TABLE = {
  setup: 'CREATE TABLE t (id int PRIMARY KEY, a timestamp, b timestamptz, c timestamp, n bigint)',
};
const INSTANTS = { a: int64, b: int64, c: optional(string), n: int64 };
const instants = (count: number) => flat(INSTANTS, { id: 1, a: count, b: count, c: String(count), n: count });
const COUNTED = { ...KEYED, 'timestamp.fields.list': 'a,b, c', 'db.timezone': 'Asia/Kolkata' };
const zones: readonly SinkScenario[] = [
  debezium(
    'zone',
    { ...UPSERTS, 'use.time.zone': 'Asia/Kolkata' },
    [[flat(TIMES, { id: 1, ...timesRow })]],
    TIMES_TABLE,
  ),
  debezium(
    'zone-former',
    { ...UPSERTS, 'database.time_zone': 'Asia/Kolkata' },
    [[flat(TIMES, { id: 1, ...timesRow })]],
    TIMES_TABLE,
  ),
  confluent('zone-of-dates', { ...KEYED, 'db.timezone': 'Asia/Kolkata', 'date.timezone': 'utc' }, [
    [flat({ da: connectDate }, { id: 1, da: 19782 })],
  ]),
  confluent('null-stays', { ...KEYED, 'replace.null.with.default': 'false' }, [
    [flat({ n: withDefault(optional(int32), 7) }, { id: 1, n: null })],
  ]),
  confluent('zone-of-dates-west', { ...KEYED, 'db.timezone': 'America/New_York' }, [
    [flat({ da: connectDate }, { id: 1, da: 19782 })],
  ]),
  confluent('calendar', { ...KEYED, 'date.calendar.system': 'PROLEPTIC_GREGORIAN' }, [
    [flat({ da: connectDate, ts: connectTimestamp }, { id: 1, da: -719162, ts: -62135596800000 })],
  ]),
  confluent('calendar-legacy', KEYED, [
    [flat({ da: connectDate, ts: connectTimestamp }, { id: 1, da: -719162, ts: -62135596800000 })],
  ]),
  confluent('instants', COUNTED, [[instants(1709208896789123)]], INSTANTS_TABLE),
  confluent('instants-early', COUNTED, [[instants(-1000001)]], INSTANTS_TABLE),
  confluent(
    'instants-nanoseconds',
    { ...COUNTED, 'timestamp.precision.mode': 'nanoseconds' },
    [[flat(INSTANTS, { id: 1, a: 1709208896789123, b: 1709208896789123, c: '1709208896789123456', n: 5 })]],
    INSTANTS_TABLE,
  ),
  confluent('instants-created', COUNTED, [[flat({ a: int64 }, { id: 1, a: 1709208896789123 })]]),
];

const text = (id: number, value: string) => record({ key: idKey(id), value: envelope(string, value) });
const texts: readonly SinkScenario[] = [
  confluent('text-column', { ...KEYED, 'string.output.value.column.name': 'line' }, [
    [text(1, 'a "b" é'), text(2, '')],
  ]),
  confluent('text-column-there', KEYED, [[text(1, 'a')]], {
    setup: 'CREATE TABLE t (id int PRIMARY KEY, record_value text)',
  }),
  confluent('text-column-and-fields', { ...KEYED, 'fields.whitelist': 'a' }, [[text(1, 'a')]]),
];

const keys: readonly SinkScenario[] = [
  debezium('keys-kafka-names', { ...UPSERTS, 'primary.key.mode': 'kafka', 'primary.key.fields': 'a,b,c' }, [
    [{ ...put(1, 'x'), offset: 7 }],
  ]),
  debezium('keys-with-blanks', { ...UPSERTS, 'primary.key.fields': 'a, b' }, [[pair(1, 'x', 'a'), pair(1, 'x', 'b')]]),
  debezium('keys-rest-of-key', { ...UPSERTS, 'primary.key.fields': 'a' }, [
    [record({ key: pairKey(1, 'x'), value: envelope(struct({ v: string }), { v: 'a' }) })],
  ]),
  debezium('keys-all-of-value', { ...UPSERTS, 'primary.key.mode': 'record_value' }, [
    [pair(1, 'x', 'a'), pair(1, 'x', 'a')],
  ]),
  debezium('keys-some-headers', { ...UPSERTS, 'primary.key.mode': 'record_header', 'primary.key.fields': 'h' }, [
    [{ ...put(1, 'x'), headers: [header('h', string, 'one'), header('other', string, 'two')] }],
  ]),
  debezium(
    'words-in-capitals',
    { 'insert.mode': 'UPSERT', 'primary.key.mode': 'RECORD_KEY', 'schema.evolution': 'Basic' },
    [[put(1, 'a'), put(1, 'b')]],
  ),
  confluent(
    'words-in-capitals',
    { ...KEYED, 'insert.mode': 'UPSERT', 'pk.mode': 'RECORD_KEY', 'quote.sql.identifiers': 'Always' },
    [[put(1, 'a'), put(1, 'b')]],
  ),
  confluent('keys-with-blanks', { ...KEYED, 'pk.fields': 'a, b' }, [[pair(1, 'x', 'a'), pair(1, 'x', 'b')]]),
  confluent('batch-of-none', { ...KEYED, 'batch.size': '0' }, [[put(1, 'a'), put(1, 'b'), put(2, 'c')]]),
  debezium('batch-of-one', { ...UPSERTS, 'batch.size': '1' }, [[put(1, 'a'), put(1, 'b'), put(2, 'c')]]),
  debezium('unnest', { ...UPSERTS, 'dialect.postgres.unnest.insert.enabled': 'true', 'delete.enabled': 'true' }, [
    [created(1, 'a'), created(2, 'b'), created(1, 'c')],
    [created(3, 'd'), deleted(2)],
    [tombstone(1, 'srv.public.t')],
  ]),
  debezium(
    'unnest-bad-row',
    { ...UPSERTS, 'dialect.postgres.unnest.insert.enabled': 'true' },
    [[nv(1, 'a', 1), nv(2, 'b', -1)]],
    {
      setup: 'CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL, n int CHECK (n > 0))',
    },
  ),
];

const EVENT = struct({ ...FIELDS }, 'row');
const cloudEvent = (data: unknown, schema = EVENT, name = 'srv.public.t.CloudEvents.Envelope') =>
  record({
    key: idKey(1),
    value: envelope(struct({ id: string, type: string, data: schema }, name), { id: 'e', type: 'x', data }),
  });
const ROW = optional(struct(FIELDS, 'srv.public.t.Value'));
const ENVELOPE = struct(
  { before: ROW, after: ROW, source: struct({ db: string, table: string }, 'source'), op: string },
  'srv.public.t.Envelope',
);
const cloudEvents: readonly SinkScenario[] = [
  debezium('cloud-events', UPSERTS, [[cloudEvent({ id: 1, v: 'a' })]]),
  debezium('cloud-events-of-changes', UPSERTS, [
    [cloudEvent({ before: null, after: { id: 1, v: 'a' }, source: { db: 'd', table: 't' }, op: 'c' }, ENVELOPE)],
  ]),
  debezium('cloud-events-named', { ...UPSERTS, 'cloud.events.schema.name.pattern': 'my\\..*' }, [
    [cloudEvent({ id: 1, v: 'a' }, EVENT, 'my.event')],
  ]),
  debezium('cloud-events-otherwise-named', UPSERTS, [
    [
      record({
        key: idKey(1),
        value: envelope(struct({ id: int32, data: string }, 'my.event'), { id: 1, data: 'a' }),
      }),
    ],
  ]),
];

const PACKAGE = 'io.debezium.connector.jdbc.transforms.';
const styled = (kind: 'collection' | 'column', keys: Readonly<Record<string, string>>) => ({
  ...QUOTED,
  transforms: 'n',
  'transforms.n.type': `${PACKAGE}${kind === 'collection' ? 'Collection' : 'Field'}NameTransformation`,
  ...Object.fromEntries(Object.entries(keys).map(([key, value]) => [`transforms.n.${kind}.naming.${key}`, value])),
});
const TOPICS = ['orders', 'shopOrders', 'Shop.Order_Lines2', 'a1b2.CDef', 'SHOP__x.'];
const topics = TOPICS.map((topic) => flat({}, { id: 1 }, topic));
const NAMES: Fields = { v: string, orderId: string, Order_Date2: string, HTTPCode: string, 'dotted.name': string };
const named1 = flat(NAMES, { id: 1, v: 'a', orderId: 'b', Order_Date2: 'c', HTTPCode: 'd', 'dotted.name': 'e' });
const STYLES = ['default', 'snake_case', 'camel_case', 'UPPER_CASE', 'lower_case'];
const PROPER = struct({ id: int32, innerName: string }, 'inner');
const transforms: readonly SinkScenario[] = [
  ...STYLES.flatMap((style) => [
    debezium(`transform-topics-${style.toLowerCase()}`, styled('collection', { style }), [topics]),
    debezium(`transform-fields-${style.toLowerCase()}`, styled('column', { style }), [[named1]]),
  ]),
  debezium('transform-topics-around', styled('collection', { prefix: 'pre_', suffix: '_post' }), [topics]),
  debezium('transform-fields-around', styled('column', { prefix: 'Pre_', suffix: '_post', style: 'LOWER_CASE' }), [
    [named1],
  ]),
  debezium('transform-fields-of-changes', { ...styled('column', { style: 'upper_case' }), 'delete.enabled': 'true' }, [
    [created(1, 'a'), created(2, 'b')],
    [deleted(1)],
  ]),
  debezium('transform-fields-tombstone', { ...styled('column', { prefix: 'c_' }), 'delete.enabled': 'true' }, [
    [put(1, 'a'), put(2, 'b')],
    [tombstone(1)],
  ]),
  debezium('transform-fields-types', styled('column', { style: 'snake_case' }), [
    [
      flat(
        { myBytes: optional(bytes), atTime: optional(named(int64, 'io.debezium.time.MicroTimestamp')) },
        { id: 1, myBytes: 'AP8Q', atTime: 1709208896789123 },
      ),
    ],
  ]),
  debezium('transform-style-unknown', styled('collection', { style: 'kebab-case' }), [[put(1, 'a')]]),
  debezium('transform-fields-inner', styled('column', { style: 'UPPER_CASE' }), [
    [flat({ s: PROPER }, { id: 1, s: { id: 2, innerName: 'x' } })],
  ]),
];

export const jdbcSinkKeys: readonly SinkScenario[] = [
  ...naming,
  ...zones,
  ...texts,
  ...keys,
  ...cloudEvents,
  ...transforms,
];
