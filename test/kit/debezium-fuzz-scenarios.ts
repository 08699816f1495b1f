/**
 * What `scripts/golden/debezium-fuzz.ts` found, cut down to small scenarios: types, modifiers and defaults whose records once
 * differed from Debezium's.
 */
import type { DebeziumScenario } from './debezium-scenarios.ts';

const clocks: DebeziumScenario = {
  name: 'fuzz-clocks',
  config: { 'column.propagate.source.type': '.*', 'interval.handling.mode': 'string' },
  setup: `CREATE TABLE c (id int PRIMARY KEY, last timestamp, one timestamp(1), tz timestamptz NOT NULL, tz2 timestamptz(2) NOT NULL DEFAULT '1969-12-31 12:34:56.789012+00', tzf timestamptz NOT NULL DEFAULT now(), tz0 timestamptz(0) DEFAULT '2000-01-01 00:00:00.5+00',
      t1 time(1), iv0 interval(0), ivy interval year, ivs interval day to second(2), d date NOT NULL DEFAULT '2024-01-01'::date + 1, twice interval DEFAULT '1 day'::interval * 2);
    INSERT INTO c VALUES (1, '294276-12-31 23:59:59', '2024-02-29 12:34:56.7', '2024-01-01 00:00+00', '2024-01-01 00:00+00', '2024-01-01 00:00+00', '2024-01-01 00:00+00', '12:34:56.7', '1 day 00:00:01', '3 years', '4 days 05:06:07.89', '2024-01-01', '2 days');`,
  steps: ['DELETE FROM c'],
};

const numbers: DebeziumScenario = {
  name: 'fuzz-numbers',
  config: {
    'decimal.handling.mode': 'string',
    'money.fraction.digits': '1',
    'binary.handling.mode': 'base64-url-safe',
  },
  setup: `CREATE TABLE n (id int PRIMARY KEY, n numeric, n52 numeric(5,2) NOT NULL, one numeric(5,2) NOT NULL DEFAULT '1.5', lost numeric(5,2) DEFAULT 1.005, m money NOT NULL, f real, g double precision, fs real[], b bytea, yes boolean DEFAULT (not true),
      sum int DEFAULT 1 + 1, who text DEFAULT CURRENT_USER, cat text NOT NULL DEFAULT 'a' || 'b', j json DEFAULT json_build_object('a', 1), big smallint DEFAULT '7'::smallint);
    INSERT INTO n VALUES (1, 'NaN', 1, 1, 1, 1, '1e-45', '5e-324', '{1e-45,1.5}', '\\x7f80ff', true, 2, 'w', 'c', '{}', 1);`,
  steps: [
    "INSERT INTO n (id, n, n52, m, b, who) VALUES (2, '-Infinity', 'NaN', 0, '\\xfbff', 'w')",
    'DELETE FROM n WHERE id = 1',
  ],
};

const numbersDouble: DebeziumScenario = {
  ...numbers,
  name: 'fuzz-numbers-double',
  config: { 'decimal.handling.mode': 'double', 'binary.handling.mode': 'hex' },
};

const unknown: DebeziumScenario = {
  name: 'fuzz-unknown',
  config: { 'include.unknown.datatypes': 'true', 'binary.handling.mode': 'base64-url-safe' },
  setup: `CREATE TYPE pair AS (a int, b text); CREATE TYPE floatrange AS RANGE (subtype = float8);
    CREATE TABLE u (id int PRIMARY KEY, r floatrange, j jsonpath, l pg_lsn NOT NULL, p pair, m money[], v varbit[], x xml[], n name[], i interval[], pt point[], w text);
    INSERT INTO u VALUES (1, '[1.5,2.5]', '$.a', '0/16B3748', '(1,x)', '{1}', '{1}', ARRAY['<a/>'::xml], '{n}', '{1 day}', ARRAY[point(1,2)], 'w');`,
  steps: ["UPDATE u SET l = '1/2'", 'DELETE FROM u'],
};

const shapes: DebeziumScenario = {
  name: 'fuzz-shapes',
  setup: `CREATE TABLE s (id int PRIMARY KEY, l line NOT NULL, g lseg NOT NULL, b box NOT NULL, p path NOT NULL, o polygon NOT NULL, c circle NOT NULL, t point NOT NULL);
    INSERT INTO s VALUES (1, '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '((0,0),(1,1),(1,0))', '<(0,0),2>', '(1,2)');`,
  steps: ['DELETE FROM s'],
};

const maps: DebeziumScenario = {
  name: 'fuzz-maps',
  config: { 'hstore.handling.mode': 'map' },
  setup: `CREATE EXTENSION hstore; CREATE EXTENSION isn; CREATE TABLE h (id int PRIMARY KEY, h hstore NOT NULL, hs hstore[], b isbn NOT NULL);
    INSERT INTO h VALUES (1, '"a b"=>"c\\"d", n=>NULL, "\\\\"=>"", 2=>two, 10=>ten', ARRAY['z=>1, b=>2, aa=>3'::hstore], '978-0-393-04002-9');`,
  steps: [
    `UPDATE h SET h = (SELECT hstore(array_agg('k' || i), array_agg(i::text)) FROM generate_series(1, 30) i)`,
    'DELETE FROM h',
  ],
};

const mapsJson: DebeziumScenario = { ...maps, name: 'fuzz-maps-json', config: {} };

const markers: DebeziumScenario = {
  name: 'fuzz-markers',
  setup: `CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (id int PRIMARY KEY); CREATE TABLE e (id int PRIMARY KEY);
    INSERT INTO b VALUES (1); INSERT INTO c VALUES (1), (2); INSERT INTO d VALUES (1); INSERT INTO e VALUES (1), (2), (3);`,
  steps: [],
};

const absentMasks: DebeziumScenario = {
  // Old rows of which only the key is known.
  name: 'masks-absent',
  config: {
    'column.mask.hash.v2.SHA-256.with.salt.pepper': '.*\\.h\\d',
    'column.mask.with.5.chars': '.*\\.s\\d',
    'column.truncate.to.2.chars': '.*\\.t\\d',
  },
  setup: `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN short AS varchar(7); CREATE TABLE t (id int PRIMARY KEY, s0 text NOT NULL, h0 text NOT NULL, t0 text NOT NULL, s1 varchar(9) NOT NULL, h1 varchar(9) NOT NULL, t1 varchar(9) NOT NULL, s2 char(5) NOT NULL, h2 char(5) NOT NULL,
    s3 short NOT NULL, h3 short NOT NULL, s4 mood NOT NULL, h4 mood NOT NULL, s5 text, h5 text, t5 text, s6 short, h6 char(3), plain text NOT NULL);`,
  steps: [
    `INSERT INTO t VALUES (1, 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'ok', 'sad', NULL, NULL, NULL, 'x', 'y', 'z')`,
    'DELETE FROM t',
  ],
};

const masks: DebeziumScenario = {
  name: 'fuzz-masks',
  config: {
    'column.mask.hash.SHA-256.with.salt.pepper': '.*\\.hashed',
    'column.mask.with.3.chars': '.*\\.(hidden|twofold)',
    'column.truncate.to.2.chars': '.*\\.(cut|twofold)',
    'column.propagate.source.type': '.*\\.(id|hidden|cut|twofold|plain)',
    'topic.delimiter': '-',
    'provide.transaction.metadata': 'true',
  },
  setup: `CREATE TABLE t0 (id int PRIMARY KEY, hashed text, hidden varchar(9), cut text NOT NULL, twofold char(5), plain text); CREATE TABLE t1 (id int PRIMARY KEY); CREATE TABLE "10" (id int PRIMARY KEY);`,
  steps: [
    "BEGIN; INSERT INTO t1 VALUES (1); INSERT INTO \"10\" VALUES (1); INSERT INTO t0 VALUES (1, 'one', 'two', 'three', 'four', 'five'); COMMIT",
    "SELECT pg_logical_emit_message(true, 'audit', 'plain')",
    'UPDATE t0 SET plain = NULL',
  ],
};

const nanoseconds: DebeziumScenario = {
  name: 'fuzz-nanoseconds',
  config: { 'time.precision.mode': 'nanoseconds' },
  setup: `CREATE TABLE n (id int PRIMARY KEY, ts timestamp, late timestamp DEFAULT '2262-04-12', o polygon, ts3 timestamp(3)); INSERT INTO n VALUES (1, '2262-04-12', '1677-09-20', '((0.5,0.5))', '2262-04-11 23:47:16.854');`,
  steps: ["INSERT INTO n VALUES (2, '2262-04-11 23:47:16.854775', '1677-09-22', '((1,1),(2,2),(1,1))', '1677-09-21')"],
};

export const debeziumFuzzScenarios: readonly DebeziumScenario[] = [
  clocks,
  numbers,
  numbersDouble,
  unknown,
  shapes,
  maps,
  mapsJson,
  markers,
  masks,
  absentMasks,
  nanoseconds,
];
