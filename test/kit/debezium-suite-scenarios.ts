/**
 * More SQL for Debezium and our source to tell alike: what Debezium's own integration tests ask of its Postgres connector and
 * the scenarios before do not, in our words. Types of extensions are stood in for by types of their names whose text is theirs.
 */
import type { DebeziumScenario } from './debezium-scenarios.ts';

/** A type of that name that keeps any text: where the extension is not installed its values can flow all the same. */
const standIn = (name: string, modifiers = false) => {
  const io = (suffix: string, from: string, to: string, internal: string) =>
    `CREATE FUNCTION ${name}_${suffix}(${from}) RETURNS ${to} AS '${internal}' LANGUAGE internal STRICT IMMUTABLE;`;
  const typmod = modifiers
    ? `CREATE FUNCTION ${name}_tin(cstring[]) RETURNS int AS 'varchartypmodin' LANGUAGE internal STRICT IMMUTABLE;
       CREATE FUNCTION ${name}_tout(int) RETURNS cstring AS 'varchartypmodout' LANGUAGE internal STRICT IMMUTABLE;`
    : '';
  const options = modifiers ? `, TYPMOD_IN = ${name}_tin, TYPMOD_OUT = ${name}_tout` : '';
  return `CREATE TYPE ${name}; ${io('in', 'cstring', name, 'textin')} ${io('out', name, 'cstring', 'textout')} ${typmod}
    CREATE TYPE ${name} (INPUT = ${name}_in, OUTPUT = ${name}_out, INTERNALLENGTH = VARIABLE, STORAGE = extended${options});`;
};

/** POINT(1 2), POINT(174.9479 -36.7208) in 4326, LINESTRING(0 1,2 3), POINT EMPTY in 4326, big-endian POINT(1 2) in 3187. */
const shapes = [
  '0101000000000000000000F03F0000000000000040',
  '0101000020E6100000D044D8F054DE65400F9C33A2B45C42C0',
  '0102000000020000000000000000000000000000000000F03F00000000000000400000000000000840',
  '0101000020E6100000000000000000F87F000000000000F87F',
  '002000000100000C733FF00000000000004000000000000000',
];

const postgis: DebeziumScenario = {
  name: 'postgis',
  setup: `${standIn('geometry')} ${standIn('geography')}
    CREATE TABLE gis (id int PRIMARY KEY, g geometry, gg geography, gn geometry NOT NULL, gs geometry[]);
    INSERT INTO gis VALUES (1, '${shapes[0]}', '${shapes[1]}', '${shapes[2]}', ARRAY['${shapes[1]}'::geometry, NULL]);`,
  steps: [
    `INSERT INTO gis VALUES (2, '${shapes[3]}', '${shapes[4]}', '${shapes[4]}', NULL)`,
    `INSERT INTO gis (id, gn) VALUES (3, '${shapes[0]}')`,
    'DELETE FROM gis WHERE id = 2',
  ],
};

const vectors: DebeziumScenario = {
  name: 'vectors',
  setup: `${standIn('vector')} ${standIn('halfvec')} ${standIn('sparsevec')}
    CREATE TABLE embeddings (id int PRIMARY KEY, v vector, h halfvec, s sparsevec, n vector NOT NULL);
    INSERT INTO embeddings VALUES (1, '[1,2.5,-3e-05]', '[101,102.5]', '{1:201,9:209.5}/1000', '[0]');`,
  steps: [
    "INSERT INTO embeddings VALUES (2, '[10]', '[7]', '{}/5', '[1]')",
    "INSERT INTO embeddings (id, n) VALUES (3, '[1]')",
    'DELETE FROM embeddings WHERE id = 2',
  ],
};

export const debeziumSuiteScenarios: readonly DebeziumScenario[] = [
  postgis,
  vectors,
  {
    name: 'keyless',
    setup: `CREATE PUBLICATION dbz_publication FOR ALL TABLES WITH (publish = 'insert,truncate');
      CREATE TABLE bare (v int, w text); CREATE TABLE uniq (id int NOT NULL, v int); CREATE UNIQUE INDEX ON uniq (id);
      CREATE TABLE maybe (id int, v int); CREATE UNIQUE INDEX ON maybe (id); CREATE TABLE expr (id int NOT NULL, w text); CREATE UNIQUE INDEX ON expr (id, lower(w));
      CREATE TABLE fulls (id int NOT NULL, v int); CREATE UNIQUE INDEX ON fulls (id); ALTER TABLE fulls REPLICA IDENTITY FULL;
      CREATE TABLE incl (id int, v int, w text, PRIMARY KEY (id) INCLUDE (v)); CREATE TABLE parts (id int, v int NOT NULL); CREATE UNIQUE INDEX parts_z ON parts (v); CREATE UNIQUE INDEX parts_a ON parts (lower(v::text));
      CREATE TABLE nothing (id int PRIMARY KEY, v int); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
      INSERT INTO bare VALUES (1, 'one');`,
    steps: [
      "INSERT INTO bare VALUES (2, 'two'), (2, 'two')",
      'INSERT INTO uniq VALUES (1, 1)',
      'INSERT INTO maybe VALUES (1, 1)',
      "INSERT INTO expr VALUES (1, 'One')",
      'INSERT INTO fulls VALUES (1, 1)',
      'INSERT INTO nothing VALUES (1, 1)',
      "INSERT INTO incl VALUES (1, 1, 'w')",
      'INSERT INTO parts VALUES (1, 1)',
    ],
  },
  {
    name: 'odd-names',
    setup: `CREATE SCHEMA "Quoted Schema"; CREATE TABLE "Quoted Schema"."Table with spaces" ("Id" int PRIMARY KEY, "Text ""quoted""" text, "a.b" int, "näme" text, "空" int);
      CREATE TABLE "back\\slash" (id int PRIMARY KEY); CREATE TABLE "dotted.name" (id int PRIMARY KEY, v int); CREATE TABLE under_score_1 (id int PRIMARY KEY);
      CREATE TABLE dollar$ (id$ int PRIMARY KEY);
      INSERT INTO "Quoted Schema"."Table with spaces" VALUES (1, 'x', 2, 'y', 3); INSERT INTO "back\\slash" VALUES (1);`,
    steps: [
      `UPDATE "Quoted Schema"."Table with spaces" SET "a.b" = 4`,
      'INSERT INTO "back\\slash" VALUES (2)',
      'INSERT INTO "dotted.name" VALUES (1, 1)',
      'INSERT INTO under_score_1 VALUES (1)',
      'INSERT INTO dollar$ VALUES (1)',
    ],
  },
  {
    name: 'tables-come-and-go',
    isSettling: true,
    setup: `CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1); CREATE VIEW seen AS SELECT * FROM t; CREATE MATERIALIZED VIEW kept AS SELECT * FROM t;`,
    steps: [
      'ALTER TABLE t RENAME TO renamed',
      'INSERT INTO renamed VALUES (2, 2)',
      'CREATE TABLE fresh (id serial PRIMARY KEY, w varchar(3) NOT NULL)',
      "INSERT INTO fresh (w) VALUES ('abc')",
      'ALTER TABLE fresh ADD more int NOT NULL DEFAULT 5',
      "INSERT INTO fresh (w) VALUES ('def')",
      'DROP TABLE fresh; CREATE TABLE fresh (other text PRIMARY KEY)',
      "INSERT INTO fresh VALUES ('ghi')",
      'CREATE SCHEMA apart; ALTER TABLE fresh SET SCHEMA apart',
      "INSERT INTO apart.fresh VALUES ('jkl')",
      'REFRESH MATERIALIZED VIEW kept',
    ],
  },
  {
    name: 'enums-grow',
    isSettling: true,
    setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE SCHEMA other; CREATE TYPE other.mood AS ENUM ('x', 'y'); CREATE DOMAIN feeling AS mood;
      CREATE TABLE t (id int PRIMARY KEY, m mood DEFAULT 'ok', o other.mood NOT NULL DEFAULT 'y', f feeling, d mood DEFAULT 'sad'::mood); INSERT INTO t VALUES (1, 'sad', 'x', 'ok');`,
    steps: [
      'INSERT INTO t (id) VALUES (2)',
      "ALTER TYPE mood ADD VALUE 'happy'",
      "INSERT INTO t VALUES (3, 'happy', 'x', 'happy')",
      "ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad'; ALTER TABLE t ADD late mood",
      "INSERT INTO t VALUES (4, 'low', 'x', 'low', 'low', 'low')",
    ],
  },
  {
    name: 'domains',
    config: { 'column.propagate.source.type': '.*t.nested,.*t.money' },
    setup: `CREATE DOMAIN name50 AS varchar(50); CREATE DOMAIN name_nested AS name50 CHECK (VALUE <> ''); CREATE DOMAIN numbers AS int[]; CREATE DOMAIN flags AS bit(4); CREATE DOMAIN at3 AS timestamp(3);
      CREATE DOMAIN ident AS uuid; CREATE DOMAIN zero_bit AS bit(1); CREATE DOMAIN spans AS interval; CREATE DOMAIN boxes AS box; CREATE DOMAIN cents AS numeric(9,2);
      CREATE TABLE t (id ident PRIMARY KEY, nested name_nested, ns numbers, f flags, a at3, z zero_bit, s spans, b boxes, money numeric(8,3), short cents DEFAULT 1.5 NOT NULL, firm name_nested NOT NULL DEFAULT 'none');
      INSERT INTO t VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'x', '{1,2}', '1010', '2024-02-29 12:34:56.789', '1', '1 day', '(1,1),(0,0)', 1.5);`,
    steps: [
      "INSERT INTO t (id, nested) VALUES ('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'y')",
      'DELETE FROM t',
      'ALTER TABLE t ADD again name_nested',
      "INSERT INTO t (id, again) VALUES ('c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'z')",
    ],
  },
  {
    name: 'origins',
    setup: 'CREATE TABLE t (id int PRIMARY KEY, v int);',
    steps: [
      'INSERT INTO t VALUES (1, 1)',
      `SELECT pg_replication_origin_create(current_database() || '_o'); SELECT pg_replication_origin_session_setup(current_database() || '_o');
       BEGIN; SELECT pg_replication_origin_xact_setup('0/AABBCC', '2024-01-01'); INSERT INTO t VALUES (2, 2); UPDATE t SET v = 3 WHERE id = 2; COMMIT; SELECT pg_replication_origin_session_reset()`,
      'INSERT INTO t VALUES (3, 3)',
      'SELECT pg_replication_origin_drop(current_database() || $$_o$$)',
    ],
  },
  {
    name: 'logical-messages-hex',
    config: { 'binary.handling.mode': 'hex', 'message.prefix.include.list': 'audit' },
    setup: 'CREATE TABLE t (id int PRIMARY KEY);',
    steps: [
      "SELECT pg_logical_emit_message(true, 'audit', '\\xff00'::bytea)",
      "SELECT pg_logical_emit_message(false, 'audited', 'no')",
      "BEGIN; SELECT pg_logical_emit_message(true, 'audit', 'rolled back'); ROLLBACK",
      "SELECT pg_logical_emit_message(false, 'audit', 'plain')",
    ],
  },
  {
    name: 'money',
    config: { 'money.fraction.digits': '1' },
    setup: `CREATE TABLE m (id int PRIMARY KEY, c money, n money NOT NULL, d money DEFAULT 922337.25, q money NOT NULL DEFAULT '12.34', ms money[]); INSERT INTO m VALUES (1, '-92233720368547758.08', '-1.25', NULL, '1.5', '{1.25,-2}');`,
    steps: ["INSERT INTO m (id, c, n) VALUES (2, NULL, 0), (3, 0.5, '-0.01')", 'DELETE FROM m WHERE id IN (1, 3)'],
  },
  {
    name: 'money-string',
    config: { 'decimal.handling.mode': 'string' },
    setup: `CREATE TABLE m (id int PRIMARY KEY, c money, n money NOT NULL DEFAULT 1.5, x numeric NOT NULL DEFAULT 0); INSERT INTO m VALUES (1, '-92233720368547758.08', '-1.25');`,
    steps: ["INSERT INTO m (id, x) VALUES (2, 'Infinity')", 'DELETE FROM m'],
  },
  {
    name: 'arrays-more',
    setup: `CREATE TABLE a (id int PRIMARY KEY, u uuid[], tz timetz[], t3 time(3)[], o oid[], x xml[], m macaddr[], c cidr[], p point[], j json[], h char[], n name[], mo money[], lt boolean[]);
      INSERT INTO a VALUES (1, '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{24:00:00+00,12:00:00.5+02}', '{23:00:00,12:34:56.789}', '{1,4294967295}', ARRAY['<a/>'::xml], '{08:00:2b:01:02:03}', '{10.0.0.0/8}', ARRAY[point(1,2)], ARRAY['[1]'::json], '{x}', '{n}', '{1.5}', '{t,f}');`,
    steps: ['UPDATE a SET id = 2', 'INSERT INTO a (id) VALUES (3)'],
  },
  {
    name: 'scalars-more',
    config: { 'column.propagate.source.type': '.*' },
    setup: `CREATE TABLE s (id bigserial PRIMARY KEY, small smallserial, ser serial, o oid, ch "char", x xid, rp regproc, tz timetz(0), tz3 timetz(3), t24 time(6), big bit(70), vb varbit(1), b64 bit(64), f float4 NOT NULL, n0 numeric(4,0), n numeric(38,10), num numeric(3), mac macaddr8, jn json NOT NULL, tq tsvector NOT NULL, i interval NOT NULL, pt point NOT NULL, ip inet NOT NULL);`,
    steps: [
      `INSERT INTO s VALUES (1, 1, 1, 4294967295, 'c', '42', 'now', '24:00:00+00', '23:59:59.9994+05', '24:00:00', B'1'::bit(70), B'1', B'1'::bit(64), 1.1, 9999, 1.5, 999, '08:00:2b:01:02:03:04:05', '{"a": 1}', 'a b', '1 mon', '(1,2)', '::1')`,
      'DELETE FROM s',
    ],
  },
  {
    name: 'defaults-more',
    setup: `CREATE EXTENSION hstore; CREATE SCHEMA fn; CREATE FUNCTION fn.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE "Odd Mood" AS ENUM ('a-b', 'c d');
      CREATE TABLE d (id int PRIMARY KEY, f int NOT NULL DEFAULT fn.one(), h hstore DEFAULT 'a=>1', m "Odd Mood" NOT NULL DEFAULT 'c d', n numeric(4,2) DEFAULT 1.23, ch char(5) NOT NULL DEFAULT 'ab', ts timestamp(0) DEFAULT '2024-01-01 00:00:00.6', t time NOT NULL DEFAULT '12:00', iv interval DEFAULT '1 day',
        b bit(3) NOT NULL DEFAULT B'101', b1 bit NOT NULL DEFAULT B'1', x xml DEFAULT '<a/>', u uuid NOT NULL DEFAULT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', ip inet DEFAULT '10.0.0.1', r int4range DEFAULT '[1,5)', arr int[] DEFAULT '{1,2}', e text NOT NULL DEFAULT '', neg int DEFAULT -5, dbl float8 DEFAULT 'NaN', tz timestamptz NOT NULL DEFAULT '2024-01-01 00:00+00', cur date DEFAULT CURRENT_DATE, tru bool DEFAULT false);`,
    steps: [
      "INSERT INTO d (id, cur) VALUES (1, '2024-01-01')",
      'INSERT INTO d (id, h, n, cur, arr) VALUES (2, NULL, NULL, NULL, NULL)',
      'DELETE FROM d WHERE id = 2',
    ],
  },
  {
    name: 'key-order',
    config: {
      'message.key.columns': '(.*).k:v,a;public.plain:w',
      'column.include.list': 'public.k.(a|b|v),public.plain.*,public.zz_end.*',
    },
    setup:
      'CREATE TABLE k (b text, a int, v int, PRIMARY KEY (a, b)); CREATE TABLE plain (id int PRIMARY KEY, w text); INSERT INTO k VALUES (1, 1, 1);'.replace(
        'VALUES (1, 1, 1)',
        "VALUES ('b', 1, 1)",
      ),
    steps: [
      "INSERT INTO k VALUES ('c', 2, 2)",
      'UPDATE k SET v = 3 WHERE a = 2',
      'DELETE FROM k WHERE a = 1',
      "INSERT INTO plain VALUES (1, 'w')",
      'UPDATE plain SET id = 2',
    ],
  },
  {
    name: 'partitions-more',
    config: { 'publish.via.partition.root': 'true' },
    setup: `CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id); CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (15);`,
    steps: [
      'INSERT INTO p VALUES (1, 1), (11, 1)',
      'CREATE TABLE p3 (id int PRIMARY KEY, v int); ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (20) TO (30)',
      'INSERT INTO p VALUES (21, 1)',
      'UPDATE p SET id = 12 WHERE id = 1',
      'ALTER TABLE p DETACH PARTITION p3',
      'DELETE FROM p',
    ],
  },
  {
    name: 'infinite-deletes',
    setup: `CREATE TABLE t (id int PRIMARY KEY, d date NOT NULL, ts timestamp NOT NULL, tz timestamptz NOT NULL, f float8 NOT NULL, r tsrange NOT NULL); ALTER TABLE t REPLICA IDENTITY FULL;`,
    steps: [
      "INSERT INTO t VALUES (1, 'infinity', '-infinity', 'infinity', 'Infinity', '[-infinity,infinity]')",
      'UPDATE t SET id = 2',
      'DELETE FROM t',
    ],
  },
];
