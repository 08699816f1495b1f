/**
 * What the differential test plays against Debezium and against us: databases, configurations, statements. Data only.
 *
 * `scripts/golden/record-debezium.ts` plays it to the real connector and keeps its answers in test/golden/debezium;
 * `connectors/postgres/source/debezium.slow.test.ts` plays it to ours. A scenario changed here is recorded again.
 */

export interface DebeziumScenario {
  /** Also the name of its golden file. */
  readonly name: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Statements before the connector starts: its snapshot sees their work. */
  readonly setup: string;
  /**
   * One transaction each (a query of several statements is one), once the stream is being read. One that begins with a comment
   * `until` and a word is over when a notification of that type has come.
   */
  readonly steps: readonly string[];
  /** Whether the records of a step must be there before the next step. */
  readonly isSettling?: boolean;
}

const numbers = {
  create: `CREATE TABLE numbers (id int PRIMARY KEY, i2 smallint, i4 int, i8 bigint, s2 smallserial, s4 serial, s8 bigserial, o oid,
    f4 real, f8 double precision, n numeric, n52 numeric(5,2), n50 numeric(5,0), big numeric(38,10), m money, b boolean);`,
  rows: [
    `INSERT INTO numbers VALUES (1, -32768, -2147483648, -9223372036854775808, 1, 1, 1, 4294967295, 1.5, 1e300, 123.4500, 1.5, 7, 12345678901234567890.0123456789, 1234.5, true)`,
    `INSERT INTO numbers VALUES (2, 32767, 2147483647, 9223372036854775807, 2, 2, 2, 0, 0, 1, 0, 0, 0, -0.0000000001, -0.01, false)`,
    `INSERT INTO numbers VALUES (3, NULL, NULL, NULL, 3, 3, 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    `INSERT INTO numbers VALUES (4, 1, 1, 1, 4, 4, 4, 1, 'NaN', '-Infinity', '-1234567890123456789012345678901234567890.5', -999.99, -99999, 0.5, 0, true)`,
    `INSERT INTO numbers VALUES (5, 1, 1, 1, 5, 5, 5, 1, 3.4e38, 1e-7, 1e20, 0.1, 1, 1, 92233720368547758.07, true)`,
    `INSERT INTO numbers VALUES (6, 1, 1, 1, 6, 6, 6, 1, 16777216, 123456789.125, 0.00001, 0.1, 1, 1, 1, true)`,
  ],
};

const times = {
  create: `CREATE TABLE times (id int PRIMARY KEY, d date, t time, t0 time(0), t3 time(3), tz timetz, ts timestamp, ts0 timestamp(0), ts3 timestamp(3), ts6 timestamp(6),
    tstz timestamptz, tstz3 timestamptz(3), iv interval);`,
  rows: [
    `INSERT INTO times VALUES (1, '2024-02-29', '12:34:56.789012', '12:34:56', '12:34:56.789', '12:34:56.5+02', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789',
      '2024-02-29 12:34:56.100000', '2024-02-29 12:34:56.789012+05:30', '2024-02-29 12:34:56.700-08', '1 year 2 mons 3 days 04:05:06.789012')`,
    `INSERT INTO times VALUES (2, '1969-12-31', '00:00', '00:00', '23:59:59.999', '00:00-12', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1970-01-01', '1969-12-31 23:59:59.999999+00', '1970-01-01 00:00+00', '-1 year -2 mons +3 days -04:05:06.5')`,
    `INSERT INTO times VALUES (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    `INSERT INTO times VALUES (4, '0044-03-15 BC', '24:00:00', '01:00', '01:00', '01:02:03.000004+00', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00 BC', '0044-03-15 12:00:00 BC', '0001-01-01', '0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00+00 BC', '00:00:00')`,
    `INSERT INTO times VALUES (5, '9999-12-31', '23:59:59.999999', '23:59:59', '00:00:00.001', '23:59:59.999999+00', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999', '2000-01-01', '9999-12-31 23:59:59.999999+00', '2000-01-01 00:00:00.5+00', '178000 years')`,
    `INSERT INTO times VALUES (6, '1000-01-01', '00:00:00.1', '00:00', '00:00', '10:00:00.120+00', '1582-10-04', '1582-10-15', '0999-12-31 00:00:00.5', '1752-09-14', '2024-07-01 00:00:00.120+00', '2024-07-01 00:00:00+00', '-00:00:00.000001')`,
  ],
  infinite: `INSERT INTO times VALUES (7, 'infinity', '00:00', '00:00', '00:00', '00:00+00', 'infinity', '-infinity', 'infinity', '-infinity', 'infinity', '-infinity', '1 day'),
    (8, '-infinity', '00:00', '00:00', '00:00', '00:00+00', '-infinity', '-infinity', '-infinity', 'infinity', '-infinity', 'infinity', '1 mon')`,
};

const texts = {
  create: `CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
    CREATE DOMAIN cents AS numeric(9,2) CHECK (VALUE >= 0); CREATE DOMAIN short AS varchar(5); CREATE DOMAIN tags AS text[];
    CREATE TABLE texts (id int PRIMARY KEY, c char(5), v varchar(10), t text, ci citext, u uuid, j json, jb jsonb, x xml, ip inet, ci4 cidr, mac macaddr, mac8 macaddr8,
      by bytea, b1 bit, b5 bit(5), vb varbit(12), vbu varbit, h hstore, lt ltree, e mood, dc cents, ds short, dt tags, tv tsvector, p point, i4r int4range, nr numrange, tsr tsrange, tstzr tstzrange, dr daterange, i8r int8range);`,
  rows: [
    `INSERT INTO texts VALUES (1, 'ab', 'zwölf', E'tab\\t quote " back \\\\ nl\\n bell\\u0007 \\u001f € 😀 /', 'CiText', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b" : 1, "a":[1, 2.0]}', '{"b":1.0,"a":[true,null]}', '<a>b</a>',
      '192.168.1.5/24', '10.1.0.0/16', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '\\xdeadbeef00', '1', '10101', '101', '1111000011110000', '"a"=>"1", "b c"=>NULL, "q\\"x"=>"y\\\\z"', 'top.science', 'very happy', 12.5, 'short', '{x,"y z"}',
      'fat:2 cat:3', '(1.5,-2)', '[1,5)', '(,2.5]', '[2024-01-01,2024-02-01)', '[2024-01-01 00:00+00,)', '[2024-01-01,2024-01-31]', 'empty')`,
    `INSERT INTO texts (id) VALUES (2)`,
    `INSERT INTO texts VALUES (3, '', '', '', '', '00000000-0000-0000-0000-000000000000', '[]', '"text"', '<a/>', '::1', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
      '\\x', '0', '00000', '', '', '', '', 'sad', 0, '', '{}', '', '(0,0)', 'empty', 'empty', 'empty', 'empty', 'empty', '(,)')`,
  ],
};

const arrays = {
  create: `CREATE TABLE arrays (id int PRIMARY KEY, i2 smallint[], i4 int[], i8 bigint[], f4 real[], f8 double precision[], n numeric[], n52 numeric(5,2)[], b boolean[], t text[], v varchar(5)[], c char(3)[], d date[], ts timestamp[],
    tstz timestamptz[], tm time[], u uuid[], j jsonb[], by bytea[], ip inet[], r int4range[], iv interval[]);`,
  rows: [
    `INSERT INTO arrays VALUES (1, '{1,-2}', '{1,NULL,3}', '{9223372036854775807}', '{1.5,0}', '{1e300,1}', '{1.50,-2}', '{1.5,2.25}', '{t,f,NULL}', '{a,"b,c",NULL,"NULL","q\\"x\\\\"}', '{ab}', '{a}', '{2024-02-29}', '{"2024-02-29 12:00:00.5"}',
      '{"2024-02-29 12:00:00+00"}', '{12:00:00}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', ARRAY['{"a":1}'::jsonb], ARRAY['\\xdead'::bytea], '{10.0.0.1}', '{"[1,5)"}', '{"1 day"}')`,
    `INSERT INTO arrays (id) VALUES (2)`,
    `INSERT INTO arrays VALUES (3, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')`,
  ],
};

const keyed = 'CREATE TABLE t (id int PRIMARY KEY, v int, w text);';
const large = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)";

/** Snapshot and stream of the same rows under a mode. */
const typed = (
  name: string,
  { create, rows }: { create: string; rows: readonly string[] },
  config = {},
): DebeziumScenario => ({
  name,
  config,
  // Years before Christ lose their era in Debezium's snapshots, not in its stream.
  setup: `${create} ${rows.filter((row) => !row.includes(' BC')).join(';')}`,
  steps: [`DELETE FROM ${/TABLE (\w+)/.exec(create)![1]}`, ...rows],
});

const transactions: DebeziumScenario = {
  name: 'transaction-metadata',
  config: { 'provide.transaction.metadata': 'true', 'snapshot.mode': 'no_data' },
  setup: `${keyed} CREATE TABLE u (id int PRIMARY KEY, v int);`,
  steps: [
    'INSERT INTO t VALUES (1, 1), (2, 2); INSERT INTO u VALUES (1, 1); UPDATE t SET v = 3 WHERE id = 1; INSERT INTO u VALUES (2, 2)',
    'UPDATE t SET id = 9 WHERE id = 2; DELETE FROM u WHERE id = 1',
    'CREATE TABLE nothing (x int)',
    'DELETE FROM t',
  ],
};

export const debeziumScenarios: readonly DebeziumScenario[] = [
  typed('numbers', numbers),
  typed('numbers-string', numbers, { 'decimal.handling.mode': 'string' }),
  typed('numbers-double', numbers, { 'decimal.handling.mode': 'double' }),
  typed('times', times),
  typed('times-connect', times, { 'time.precision.mode': 'connect' }),
  typed('times-microseconds', times, { 'time.precision.mode': 'microseconds' }),
  typed(
    'times-nanoseconds',
    { ...times, rows: times.rows.filter((_, row) => row < 3) },
    { 'time.precision.mode': 'nanoseconds' },
  ),
  typed('times-adaptive-microseconds', times, {
    'time.precision.mode': 'adaptive_time_microseconds',
    'interval.handling.mode': 'string',
  }),
  typed('times-isostring', times, { 'time.precision.mode': 'isostring', 'interval.handling.mode': 'string' }),
  { name: 'times-infinite', setup: times.create, steps: [times.infinite] },
  typed('texts', texts),
  typed('texts-modes', texts, {
    'binary.handling.mode': 'hex',
    'hstore.handling.mode': 'map',
    'include.unknown.datatypes': 'true',
  }),
  typed('texts-base64', texts, { 'binary.handling.mode': 'base64', 'unavailable.value.placeholder': 'absent' }),
  typed('arrays', arrays),
  typed('arrays-modes', arrays, {
    'decimal.handling.mode': 'string',
    'time.precision.mode': 'connect',
    'binary.handling.mode': 'hex',
  }),
  {
    name: 'changes',
    setup: `${keyed} INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two');`,
    steps: [
      "INSERT INTO t VALUES (3, 3, 'three')",
      'UPDATE t SET v = 10 WHERE id = 1',
      'UPDATE t SET id = 20 WHERE id = 2',
      'DELETE FROM t WHERE id = 1',
      "BEGIN; INSERT INTO t VALUES (4, 4, 'four'); SAVEPOINT s; INSERT INTO t VALUES (5, 5, 'five'); ROLLBACK TO s; UPDATE t SET v = NULL; COMMIT",
      'BEGIN; INSERT INTO t VALUES (6, 6, NULL); ROLLBACK',
      'TRUNCATE t',
    ],
  },
  {
    name: 'truncate',
    config: { 'skipped.operations': 'none' },
    setup: `${keyed} CREATE TABLE u (id int PRIMARY KEY); INSERT INTO t VALUES (1, 1, 'one');`,
    steps: ['TRUNCATE t, u', 'TRUNCATE t'],
  },
  {
    name: 'operations-skipped',
    config: { 'skipped.operations': 'u,d', 'tombstones.on.delete': 'false' },
    setup: keyed,
    steps: ['INSERT INTO t VALUES (1, 1)', 'UPDATE t SET v = 2', 'UPDATE t SET id = 2', 'DELETE FROM t'],
  },
  {
    name: 'no-tombstones',
    config: { 'tombstones.on.delete': 'false' },
    setup: keyed,
    steps: ['INSERT INTO t VALUES (1, 1)', 'UPDATE t SET id = 2', 'DELETE FROM t'],
  },
  {
    name: 'replica-identity',
    setup: `CREATE TABLE f (id int PRIMARY KEY, v int NOT NULL, w text, n numeric(5,2) NOT NULL, ts timestamp NOT NULL DEFAULT '2024-01-01'); ALTER TABLE f REPLICA IDENTITY FULL;
      CREATE TABLE d (id int PRIMARY KEY, v int NOT NULL, w text, n numeric(5,2) NOT NULL, ts timestamp NOT NULL, b boolean NOT NULL, by bytea NOT NULL, u uuid NOT NULL);
      CREATE TABLE i (id int NOT NULL, v int, w text); CREATE UNIQUE INDEX i_key ON i (id); ALTER TABLE i REPLICA IDENTITY USING INDEX i_key;
      CREATE TABLE k (a int, b text, v int, PRIMARY KEY (b, a)); CREATE TABLE nokey (v int, w text); ALTER TABLE nokey REPLICA IDENTITY FULL;`,
    steps: [
      "INSERT INTO f VALUES (1, 1, 'one', 1.5)",
      'UPDATE f SET v = 2',
      'UPDATE f SET id = 2',
      'DELETE FROM f',
      "INSERT INTO d VALUES (1, 1, 'one', 1.5, '2024-01-01', true, '\\x01', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
      'UPDATE d SET v = 2',
      'UPDATE d SET id = 3',
      'DELETE FROM d',
      "INSERT INTO i VALUES (1, 1, 'one')",
      'UPDATE i SET v = 2',
      'UPDATE i SET id = 2',
      'DELETE FROM i',
      "INSERT INTO k VALUES (1, 'one', 1)",
      'UPDATE k SET v = 2',
      'UPDATE k SET a = 2',
      'DELETE FROM k',
      "INSERT INTO nokey VALUES (1, 'one')",
      'UPDATE nokey SET v = 2',
    ],
  },
  {
    name: 'toast',
    setup: `CREATE EXTENSION hstore; CREATE TABLE t (id int PRIMARY KEY, v int, big text, bytes bytea, j jsonb, list text[], ints int[], longs bigint[], dates date[], n text NOT NULL DEFAULT 'x', h hstore);
      ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL, ALTER j SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL, ALTER ints SET STORAGE EXTERNAL, ALTER longs SET STORAGE EXTERNAL, ALTER dates SET STORAGE EXTERNAL, ALTER n SET STORAGE EXTERNAL, ALTER h SET STORAGE EXTERNAL;`,
    steps: [
      `INSERT INTO t VALUES (1, 1, ${large}, convert_to(${large}, 'UTF8'), to_jsonb(${large}), ARRAY[${large}], ARRAY(SELECT generate_series(1, 1500)), ARRAY(SELECT generate_series(1, 1500)), ARRAY(SELECT '2024-01-01'::date + i FROM generate_series(1, 1500) i), ${large}, hstore('a', ${large}))`,
      'UPDATE t SET v = 2',
      'UPDATE t SET id = 2',
      'ALTER TABLE t REPLICA IDENTITY FULL',
      'UPDATE t SET v = 3',
      'UPDATE t SET id = 3',
      'DELETE FROM t',
    ],
  },
  {
    name: 'toast-modes',
    config: {
      'hstore.handling.mode': 'map',
      'unavailable.value.placeholder': 'not sent',
    },
    setup: `CREATE EXTENSION hstore; CREATE TABLE t (id int PRIMARY KEY, v int, big text, bytes bytea, list text[], h hstore);
      ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL, ALTER h SET STORAGE EXTERNAL;`,
    steps: [
      `INSERT INTO t VALUES (1, 1, ${large}, convert_to(${large}, 'UTF8'), ARRAY[${large}], hstore('a', ${large}))`,
      'UPDATE t SET v = 2',
      "UPDATE t SET big = 'small', v = 3",
    ],
  },
  {
    name: 'key-columns-changed',
    config: { 'message.key.columns': 'public.t:v;public.k:b,a' },
    setup: `${keyed} CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(5);
      CREATE TABLE k (a short NOT NULL, b mood NOT NULL, u uuid, v int, PRIMARY KEY (a)); ALTER TABLE k REPLICA IDENTITY FULL;
      INSERT INTO k VALUES ('one', 'sad', NULL, 1);`,
    steps: [
      "INSERT INTO t VALUES (1, 1, 'one')",
      'UPDATE t SET v = 2',
      'UPDATE t SET id = 2',
      'DELETE FROM t',
      "UPDATE k SET b = 'ok'",
      "UPDATE k SET a = 'two', v = 2",
      'DELETE FROM k',
    ],
  },
  {
    name: 'keys-typed',
    setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN cents AS numeric(9,2);
      CREATE TABLE m (e mood PRIMARY KEY, v int); CREATE TABLE c (c cents, d date, PRIMARY KEY (d, c)); CREATE TABLE s (ts timestamptz, by bytea, PRIMARY KEY (ts, by));
      CREATE TABLE r (i4r int4range PRIMARY KEY, u uuid NOT NULL);`,
    steps: [
      "INSERT INTO m VALUES ('ok', 1)",
      "UPDATE m SET e = 'sad'",
      "INSERT INTO c VALUES (1.5, '2024-02-29')",
      "UPDATE c SET d = '1969-12-31'",
      "INSERT INTO s VALUES ('2024-02-29 12:34:56.789012+05:30', '\\x00ff')",
      "UPDATE s SET by = '\\x'",
      "INSERT INTO r VALUES ('[1,5)', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
      'DELETE FROM r; DELETE FROM s; DELETE FROM c; DELETE FROM m',
    ],
  },
  {
    name: 'filters',
    config: {
      'table.include.list': 'public\\.t,app.*,public.zz_end',
      'column.exclude.list': 'public.t.w,app.orders.secret.*',
      'message.key.columns': 'app.orders:customer,id;public.t:v',
    },
    setup: `${keyed} CREATE TABLE other (id int PRIMARY KEY); CREATE SCHEMA app; CREATE TABLE app.orders (id int PRIMARY KEY, customer text NOT NULL, secret1 text, secret2 text);
      INSERT INTO t VALUES (1, 1, 'one'); INSERT INTO other VALUES (1); INSERT INTO app.orders VALUES (1, 'ann', 's', 's');`,
    steps: [
      "INSERT INTO t VALUES (2, 2, 'two'); INSERT INTO other VALUES (2); INSERT INTO app.orders VALUES (2, 'bob', 'x', 'y')",
      "UPDATE t SET w = 'changed' WHERE id = 2",
      "UPDATE app.orders SET secret1 = 'z' WHERE id = 2",
    ],
  },
  {
    name: 'column-include',
    config: { 'column.include.list': 'public.t.(id|v),public.zz_end.id', 'table.exclude.list': 'public.other' },
    setup: `${keyed} CREATE TABLE other (id int PRIMARY KEY); INSERT INTO t VALUES (1, 1, 'one'); INSERT INTO other VALUES (1);`,
    steps: ["INSERT INTO t VALUES (2, 2, 'two')", "UPDATE t SET w = 'changed'", 'DELETE FROM t WHERE id = 1'],
  },
  {
    name: 'masks',
    config: {
      'column.mask.with.5.chars': 'public.people.phone',
      'column.mask.with.0.chars': 'public.people.note',
      'column.truncate.to.3.chars': 'public.people.name',
      'column.mask.hash.SHA-256.with.salt.pepper': 'public.people.mail',
      'column.mask.hash.v2.SHA-256.with.salt.pepper': 'public.people.mail2',
    },
    setup: `CREATE TABLE people (id int PRIMARY KEY, name text, phone varchar(20), note text, mail text, mail2 varchar(10)); INSERT INTO people VALUES (1, 'Annabel', '0123', 'note', 'ann@example.com', 'ann@example'::varchar(10));`,
    steps: [
      "INSERT INTO people VALUES (2, 'Bö', '', 'n', 'zwölf', 'x')",
      'INSERT INTO people VALUES (3)',
      "UPDATE people SET name = 'äöüß' WHERE id = 2",
    ],
  },
  {
    name: 'source-types',
    config: { 'column.propagate.source.type': '.*', 'decimal.handling.mode': 'string' },
    setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN cents AS numeric(9,2); CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2), v varchar(7), c char(3), ts timestamp(3), a int[], big numeric, i2 smallint, i8 bigint, b boolean, t text, vu varchar, f4 real, f8 double precision,
      d date, tm time, tm3 time(3), tsu timestamp, tstz timestamptz, tstz3 timestamptz(3), tz timetz, iv interval, u uuid, j json, jb jsonb, by bytea, b3 bit(3), vb varbit(5), ip inet, o oid, m money, x xml, e mood, dc cents, p point, r int4range, va varchar(7)[], na numeric(5,2)[]);`,
    steps: ["INSERT INTO t VALUES (1, 1.5, 'v', 'c', '2024-01-01', '{1}', 2)"],
  },
  {
    name: 'datatype-types',
    config: { 'datatype.propagate.source.type': '.*\\.VARCHAR,.*\\.NUMERIC' },
    setup: 'CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2), v varchar(7), c char(3), ts timestamp(3));',
    steps: ["INSERT INTO t VALUES (1, 1.5, 'v', 'c', '2024-01-01')"],
  },
  {
    name: 'defaults',
    setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id serial PRIMARY KEY, i int NOT NULL DEFAULT 7, j int DEFAULT 8, t text DEFAULT 'it''s', v varchar(10) NOT NULL DEFAULT 'v', b boolean NOT NULL DEFAULT true, n numeric(5,2) NOT NULL DEFAULT 1.5,
      d date NOT NULL DEFAULT '2024-02-29', ts timestamp NOT NULL DEFAULT '2024-02-29 12:00', tstz timestamptz NOT NULL DEFAULT now(), ts3 timestamp(3) DEFAULT now(), u uuid DEFAULT gen_random_uuid(), f float8 DEFAULT 1.5, big bigint NOT NULL DEFAULT 5000000000, m mood DEFAULT 'ok',
      js jsonb DEFAULT '{}', r int DEFAULT (1 + 1), nul text DEFAULT NULL, by bytea NOT NULL DEFAULT '\\x01');`,
    steps: [
      'INSERT INTO t DEFAULT VALUES',
      'INSERT INTO t (id, j, t) VALUES (100, NULL, NULL)',
      'DELETE FROM t WHERE id = 100',
    ].map((sql) =>
      sql
        .replace(
          'DEFAULT VALUES',
          "(tstz, ts3, u) VALUES ('2024-01-01 00:00+00', '2024-01-01', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
        )
        .replace(
          '(id, j, t) VALUES (100, NULL, NULL)',
          "(id, j, t, tstz, ts3, u) VALUES (100, NULL, NULL, '2024-01-01 00:00+00', NULL, NULL)",
        ),
    ),
  },
  {
    name: 'generated',
    setup:
      'CREATE TABLE t (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED, ident int GENERATED ALWAYS AS IDENTITY);',
    steps: [
      'INSERT INTO t VALUES (1, 1)',
      'INSERT INTO t VALUES (2, 2)',
      'UPDATE t SET v = 3 WHERE id = 2',
      'DELETE FROM t WHERE id = 1',
    ],
  },
  {
    name: 'schema-changes',
    isSettling: true,
    setup: `${keyed} INSERT INTO t VALUES (1, 1, 'one');`,
    steps: [
      'ALTER TABLE t ADD x numeric(6,2)',
      "INSERT INTO t VALUES (2, 2, 'two', 2.5)",
      'ALTER TABLE t DROP v',
      "INSERT INTO t VALUES (3, 'three', 3)",
      'ALTER TABLE t ALTER x TYPE text USING x::text',
      "INSERT INTO t VALUES (4, 'four', 'x')",
      'ALTER TABLE t RENAME w TO word',
      "UPDATE t SET word = 'vier' WHERE id = 4",
      'ALTER TABLE t ALTER word SET NOT NULL; ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (id, word)',
      "INSERT INTO t VALUES (5, 'five', 'x')",
      'DELETE FROM t WHERE id = 5',
      'CREATE TABLE later (id int PRIMARY KEY)',
      'INSERT INTO later VALUES (1)',
    ],
  },
  transactions,
  {
    name: 'transaction-snapshot',
    config: { 'provide.transaction.metadata': 'true', 'topic.transaction': 'tx' },
    setup: `${keyed} INSERT INTO t VALUES (1, 1, 'one');`,
    steps: ['UPDATE t SET v = 2'],
  },
  {
    name: 'logical-messages',
    config: { 'message.prefix.exclude.list': 'skip.*', 'provide.transaction.metadata': 'true' },
    setup: keyed,
    steps: [
      "SELECT pg_logical_emit_message(false, 'audit', 'plain')",
      "BEGIN; INSERT INTO t VALUES (1, 1); SELECT pg_logical_emit_message(true, 'audit', '\\xff00'::bytea); COMMIT",
      "SELECT pg_logical_emit_message(true, 'skipped', 'x')",
      "SELECT pg_logical_emit_message(true, 'audit', '')",
    ],
  },
  {
    name: 'snapshot-markers',
    config: { 'snapshot.include.collection.list': 'public.a,public.b,public.c,public.zz_end' },
    setup: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (id int PRIMARY KEY);
      INSERT INTO a SELECT generate_series(1, 3); INSERT INTO c VALUES (1); INSERT INTO d VALUES (1);`,
    steps: ['INSERT INTO d VALUES (2)'],
  },
  {
    name: 'snapshot-single',
    setup: `${keyed} INSERT INTO t VALUES (1, 1, 'one');`,
    steps: ['DELETE FROM t'],
  },
  {
    name: 'snapshot-select',
    config: {
      'snapshot.select.statement.overrides': 'public.t',
      'snapshot.select.statement.overrides.public.t': 'SELECT * FROM public.t WHERE v > 1 ORDER BY id',
    },
    setup: `${keyed} INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three');`,
    steps: ['UPDATE t SET v = 0'],
  },
  {
    name: 'partitions',
    setup: `CREATE TABLE p (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region); CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu'); CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
`,
    steps: [
      "INSERT INTO p VALUES (1, 'eu', 1)",
      "INSERT INTO p VALUES (2, 'us', 2)",
      "UPDATE p SET region = 'us' WHERE id = 1",
      'DELETE FROM p',
    ],
  },
  {
    name: 'partitions-root',
    config: {
      'publish.via.partition.root': 'true',
      'table.include.list': 'public.p,public.zz_end',
      'publication.autocreate.mode': 'filtered',
    },
    setup: `CREATE TABLE p (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region); CREATE TABLE p_eu PARTITION OF p FOR VALUES IN ('eu'); CREATE TABLE p_us PARTITION OF p FOR VALUES IN ('us');
      INSERT INTO p VALUES (1, 'eu', 1);`,
    steps: ["INSERT INTO p VALUES (2, 'us', 2)", "UPDATE p SET region = 'us' WHERE id = 1", 'DELETE FROM p'],
  },
  {
    name: 'without-change',
    config: { 'skip.messages.without.change': 'true', 'column.exclude.list': 'public.t.w' },
    setup: `${keyed} ALTER TABLE t REPLICA IDENTITY FULL;`,
    steps: ["INSERT INTO t VALUES (1, 1, 'one')", "UPDATE t SET w = 'uno'", 'UPDATE t SET v = 2'],
  },
  {
    name: 'names',
    config: { 'topic.delimiter': '_', 'schema.name.adjustment.mode': 'avro', 'field.name.adjustment.mode': 'avro' },
    setup:
      'CREATE TABLE "Some-Table" (id int PRIMARY KEY, "a-b" int, "1st" int, "Ünï" text); INSERT INTO "Some-Table" VALUES (1, 1, 1, $$x$$);',
    steps: ['UPDATE "Some-Table" SET "a-b" = 2'],
  },
  {
    name: 'geometry',
    config: { 'include.unknown.datatypes': 'true' },
    setup: `CREATE TYPE pair AS (a int, b text); CREATE TABLE shapes (id int PRIMARY KEY, l line, s lseg, bx box, pa path, po polygon, c circle, tq tsquery, pl pg_lsn, rc regclass, co pair, mr int4multirange);`,
    steps: [
      `INSERT INTO shapes VALUES (1, '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(1,0))', '<(0,0),2>', 'fat & cat', '0/16B3748', 'pg_class', '(1,x)', '{[1,3),[5,8)}')`,
      'INSERT INTO shapes (id) VALUES (2)',
    ],
  },
  {
    name: 'geometry-known',
    setup: `CREATE TYPE pair AS (a int, b text); CREATE TABLE shapes (id int PRIMARY KEY, l line, s lseg, bx box, pa path, po polygon, c circle, tq tsquery, pl pg_lsn, rc regclass, co pair, mr int4multirange);`,
    steps: [
      `INSERT INTO shapes VALUES (1, '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(1,0))', '<(0,0),2>', 'fat & cat', '0/16B3748', 'pg_class', '(1,x)', '{[1,3),[5,8)}')`,
    ],
  },
];
