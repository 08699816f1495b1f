/** Scenarios of Debezium's JDBC sink that are about types: which column a schema becomes, and which value a record's. */
import {
  allOptional,
  array,
  bool,
  bytes,
  connectDate,
  connectTime,
  connectTimestamp,
  DEBEZIUM_SINK,
  decimal,
  type Fields,
  flat,
  float64,
  from,
  int8,
  int16,
  int32,
  int64,
  type JsonSchema,
  map,
  named,
  nothing,
  optional,
  primitives,
  type Row,
  type SinkScenario,
  scenariosOf,
  string,
  struct,
  withDefault,
} from './jdbc-sink-records.ts';

const CREATES = { 'schema.evolution': 'basic', 'insert.mode': 'upsert', 'primary.key.mode': 'record_key' };
const WRITES = { 'insert.mode': 'upsert', 'primary.key.mode': 'record_key' };

const scenario = scenariosOf(DEBEZIUM_SINK);

/** Rows into a table that the sink makes of their schema. */
function created(name: string, fields: Fields, rows: readonly Row[], setup?: string): SinkScenario {
  const records = rows.map((row, index) => flat(fields, { id: index + 1, ...row }));
  const puts = records.map((each) => [each]);
  return scenario(name, CREATES, puts, setup === undefined ? {} : { setup });
}

/** Rows into a table that is there. */
function written(name: string, columns: string, fields: Fields, rows: readonly Row[], before = ''): SinkScenario {
  const records = rows.map((row, index) => flat(fields, { id: index + 1, ...row }));
  const setup = `${before} CREATE TABLE t (id int PRIMARY KEY, ${columns})`;
  const puts = records.map((each) => [each]);
  return scenario(name, WRITES, puts, { setup });
}

const primitiveRow = {
  i8: 10,
  i16: -32768,
  i32: 2147483647,
  i64: 9007199254740991,
  f32: 3.5,
  f64: 3.25,
  b: true,
  s: 'it\'s \\ "x" é',
  by: 'AP8Q',
};
const connectTypes = {
  d2: decimal(2),
  d0: decimal(0),
  p102: decimal(2, 10),
  p50: decimal(0, 5),
  neg: decimal(-2),
  da: connectDate,
  ti: connectTime,
  ts: connectTimestamp,
};
const connectRow = {
  d2: 'AN4=',
  d0: 'gA==',
  p102: '/w==',
  p50: 'MDk=',
  neg: 'AQ==',
  da: 19782,
  ti: 45296789,
  ts: 1709208896789,
};

const time = (base: JsonSchema, name: string) => named(base, `io.debezium.time.${name}`);
const times = {
  da: time(int32, 'Date'),
  ti: time(int32, 'Time'),
  mti: time(int64, 'MicroTime'),
  nti: time(int64, 'NanoTime'),
  ts: time(int64, 'Timestamp'),
  mts: time(int64, 'MicroTimestamp'),
  nts: time(int64, 'NanoTimestamp'),
  zti: time(string, 'ZonedTime'),
  zts: time(string, 'ZonedTimestamp'),
  ye: time(int32, 'Year'),
  du: time(int64, 'MicroDuration'),
};
const timesRow = {
  da: 19782,
  ti: 45296789,
  mti: 45296789123,
  nti: 45296789123456,
  ts: 1709208896789,
  mts: 1709208896789123,
  nts: 1709208896789123000,
  zti: '12:34:56.789123+02:00',
  zts: '2024-02-29T12:34:56.789123+01:00',
  ye: 2024,
  du: 90061000001,
};
const early = {
  ...timesRow,
  da: -719162,
  ti: 0,
  mti: 0,
  nti: 0,
  ts: -62135596800000,
  mts: -1,
  nts: -1000,
  du: -1,
  ye: 1,
};
const late = { ...timesRow, ti: 86400000, mti: 86400000000, nti: 86400000000000, zti: '23:59:59Z', zts: 'infinity' };
const iso = {
  i: time(string, 'Interval'),
  d: time(string, 'IsoDate'),
  t: time(string, 'IsoTime'),
  s: time(string, 'IsoTimestamp'),
};

const data = (base: JsonSchema, name: string, parameters?: Readonly<Record<string, string>>) =>
  named(base, `io.debezium.data.${name}`, parameters);
const variable = data(struct({ scale: int32, value: bytes }), 'VariableScaleDecimal');
const dataTypes = {
  j: data(string, 'Json'),
  x: data(string, 'Xml'),
  u: data(string, 'Uuid'),
  e: data(string, 'Enum', { allowed: 'a,b' }),
  b5: data(bytes, 'Bits', { length: '5' }),
  b20: data(bytes, 'Bits', { length: '20' }),
  bv: data(bytes, 'Bits', { length: '2147483647' }),
  v: variable,
  tv: data(string, 'TsVector'),
};
const dataRow = {
  j: '{"a": [1, null], "b": "x"}',
  x: '<a>1</a>',
  u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  e: 'a',
  b5: 'FA==',
  b20: 'AQID',
  bv: 'BQ==',
  v: { scale: 3, value: 'MDk=' },
  tv: "'cat':1 'fat':2",
};

const point = named(
  struct({ x: float64, y: float64, wkb: optional(bytes), srid: optional(int32) }),
  'io.debezium.data.geometry.Point',
);
const lists = {
  ints: array(optional(int32)),
  longs: array(optional(int64)),
  texts: array(optional(string)),
  bools: array(optional(bool)),
  floats: array(optional(float64)),
  uuids: array(optional(data(string, 'Uuid'))),
  dates: array(optional(time(int32, 'Date'))),
};
const listsRow = {
  ints: [1, null, 3],
  longs: [],
  texts: ['a', null, 'b,"c"', '{}', 'NULL', ''],
  bools: [true, false, null],
  floats: [1.5, null],
  uuids: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', null],
  dates: null,
};

const defaults = {
  i8: withDefault(int8, 2),
  i32: withDefault(int32, 2048),
  i64: withDefault(int64, 4096),
  f64: withDefault(float64, 2.5),
  b: withDefault(bool, true),
  s: withDefault(string, "it's"),
  by: withDefault(bytes, 'AP8Q'),
  da: withDefault(time(int32, 'Date'), 19782),
  mti: withDefault(time(int64, 'MicroTime'), 45296789123),
  mts: withDefault(time(int64, 'MicroTimestamp'), 1709208896789123),
  ts: withDefault(time(int64, 'Timestamp'), 1709208896789),
  zts: withDefault(time(string, 'ZonedTimestamp'), '2024-02-29T12:34:56.789123Z'),
  zti: withDefault(time(string, 'ZonedTime'), '12:34:56Z'),
  d2: withDefault(decimal(2, 10), 'AN4='),
  u: withDefault(data(string, 'Uuid'), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
  j: withDefault(data(string, 'Json'), '{"a": 1}'),
  cda: withDefault(connectDate, 19782),
  cts: withDefault(connectTimestamp, 1709208896789),
};

const propagated = {
  vc: from(string, 'VARCHAR', 20),
  bp: from(string, 'BPCHAR', 5),
  tx: from(string, 'TEXT', 2147483647),
  i2: from(int16, 'INT2', 5, 0),
  i4: from(int32, 'INT4', 10, 0),
  se: from(int32, 'SERIAL', 10, 0),
  bs: from(int64, 'BIGSERIAL', 19, 0),
  nu: from(decimal(2, 10), 'NUMERIC', 10, 2),
  ns: from(string, 'NUMERIC', 10, 2),
  nf: from(float64, 'NUMERIC', 10, 2),
  mo: from(decimal(2), 'MONEY', 2147483647),
  oi: from(int64, 'OID', 10, 0),
  ip: from(string, 'INET', 2147483647),
  ci: from(string, 'CIDR', 2147483647),
  ma: from(string, 'MACADDR', 2147483647),
  m8: from(string, 'MACADDR8', 2147483647),
  i4r: from(string, 'INT4RANGE', 2147483647),
  i8r: from(string, 'INT8RANGE', 2147483647),
  nr: from(string, 'NUMRANGE', 2147483647),
  tr: from(string, 'TSRANGE', 2147483647),
  tzr: from(string, 'TSTZRANGE', 2147483647),
  dr: from(string, 'DATERANGE', 2147483647),
  jb: from(data(string, 'Json'), 'JSONB', 2147483647),
  jp: from(data(string, 'Json'), 'JSON', 2147483647),
  b1: from(bool, 'BIT', 1, 0),
  b5: from(data(bytes, 'Bits', { length: '5' }), 'BIT', 5, 0),
  vb: from(data(bytes, 'Bits', { length: '7' }), 'VARBIT', 7, 0),
  t3: from(time(int64, 'MicroTimestamp'), 'TIMESTAMP', 26, 3),
  tz: from(time(string, 'ZonedTimestamp'), 'TIMESTAMPTZ', 32, 6),
  ti: from(time(int64, 'MicroTime'), 'TIME', 12, 3),
  ttz: from(time(string, 'ZonedTime'), 'TIMETZ', 18, 6),
  iv: from(time(int64, 'MicroDuration'), 'INTERVAL', 49, 6),
  by: from(bytes, 'BYTEA', 2147483647),
};
const propagatedRow = {
  vc: 'abc',
  bp: 'ab   ',
  tx: 'text',
  i2: 1,
  i4: 2,
  se: 3,
  bs: 4,
  nu: 'AN4=',
  ns: '12.50',
  nf: 12.5,
  mo: 'AN4=',
  oi: 4294967295,
  ip: '10.0.0.1/24',
  ci: '10.0.0.0/8',
  ma: '08:00:2b:01:02:03',
  m8: '08:00:2b:01:02:03:04:05',
  i4r: '[1,10)',
  i8r: '[1,)',
  nr: '[1.5,2.5]',
  tr: '["2024-01-01 00:00:00","2024-02-01 00:00:00")',
  tzr: '["2024-01-01 00:00:00+00","2024-02-01 00:00:00+00")',
  dr: '[2024-01-01,2024-02-01)',
  jb: '{"a": 1}',
  jp: '{"a": 1}',
  b1: true,
  b5: 'FA==',
  vb: 'BQ==',
  t3: 1709208896789000,
  tz: '2024-02-29T12:34:56.789123Z',
  ti: 45296789000,
  ttz: '12:34:56Z',
  iv: 1000000,
  by: 'AP8Q',
};
const extended = {
  ct: from(string, 'CITEXT', 2147483647),
  lt: from(data(string, 'Ltree'), 'LTREE', 2147483647),
  hs: from(data(string, 'Json'), 'HSTORE', 2147483647),
};
const nativeLists = {
  ip: from(array(optional(string)), '_INET', 2147483647),
  jb: from(array(optional(data(string, 'Json'))), '_JSONB', 2147483647),
  tr: from(array(optional(string)), '_TSRANGE', 2147483647),
  nu: from(array(optional(decimal(2, 5))), '_NUMERIC', 5, 2),
  nv: from(array(optional(variable)), '_NUMERIC'),
  ma: from(array(optional(string)), '_MACADDR', 2147483647),
  vc: from(array(optional(string)), '_VARCHAR', 20),
};

/** How text and numbers fit into columns that are there. */
const coerced = {
  u: string,
  j: string,
  jb: string,
  e: data(string, 'Enum', { allowed: 'sad,ok' }),
  es: string,
  m: string,
  vc: string,
  n: float64,
  bi: int32,
  d: connectDate,
  tz: connectTimestamp,
  mtz: time(int64, 'MicroTimestamp'),
  zts: time(string, 'ZonedTimestamp'),
  by: bytes,
};
const coercedRow = {
  u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  j: '{"a":1}',
  jb: '[1]',
  e: 'ok',
  es: 'sad',
  m: '08:00:2b:01:02:03:04:05',
  vc: 'abc',
  n: 12.345,
  bi: 7,
  d: 19782,
  tz: 1709208896789,
  mtz: 1709208896789123,
  zts: '2024-02-29T12:34:56.789123+01:00',
  by: 'AP8Q',
};

export const jdbcSinkTypes: readonly SinkScenario[] = [
  created('types-primitive', primitives, [primitiveRow]),
  created('types-primitive-optional', allOptional(primitives), [primitiveRow, nothing(primitives)]),
  created('types-connect', connectTypes, [connectRow]),
  created('types-connect-optional', allOptional(connectTypes), [
    { ...connectRow, ts: -1, d2: '/yI=' },
    nothing(connectTypes),
  ]),
  created('types-time', times, [timesRow, late]),
  created('types-time-optional', allOptional(times), [early, nothing(times)]),
  created('types-time-infinite', { mts: times.mts, zts: times.zts, n: times.zts }, [
    { mts: 1, zts: 'infinity', n: '-infinity' },
  ]),
  created('types-iso', allOptional(iso), [
    { i: 'P1Y2M3DT4H5M6.7S', d: '2024-02-29Z', t: '12:34:56Z', s: '2024-02-29T12:34:56Z' },
  ]),
  created('types-data', dataTypes, [dataRow]),
  created('types-data-optional', allOptional(dataTypes), [
    { ...dataRow, v: { scale: 0, value: '/w==' } },
    nothing(dataTypes),
  ]),
  created('types-point', { p: point, q: optional(point) }, [
    { p: { x: 1.5, y: -2, wkb: null, srid: null }, q: null },
    { p: { x: 0, y: 0, wkb: null, srid: null }, q: { x: 1e20, y: 0.1, wkb: null, srid: null } },
  ]),
  created('types-array', allOptional(lists), [listsRow, nothing(lists)]),
  created('types-array-native', allOptional(nativeLists), [
    {
      ip: ['10.0.0.1', null],
      jb: ['{"a": 1}', null],
      tr: ['["2024-01-01 00:00:00","2024-02-01 00:00:00")'],
      nu: ['AN4=', null],
      nv: [{ scale: 1, value: 'AQ==' }, null],
      ma: ['08:00:2b:01:02:03'],
      vc: ['a'],
    },
    nothing(nativeLists),
  ]),
  created('types-array-of-arrays', { a: array(array(int32)) }, [{ a: [[1], [2]] }]),
  created('types-array-of-structs', { a: array(struct({ x: int32 })) }, [{ a: [{ x: 1 }] }]),
  created('types-struct', { a: struct({ x: int32 }) }, [{ a: { x: 1 } }]),
  created(
    'types-map',
    { m: map(string, optional(string)) },
    [{ m: { a: '1', 'b "c"': null } }],
    'CREATE EXTENSION hstore',
  ),
  created('types-default', defaults, [{}, { ...nothing(defaults), i8: 1, s: 'x' }]),
  created('types-default-optional', allOptional(defaults), [{}, { ...nothing(defaults), i8: 1, s: 'x' }]),
  created('types-propagated', propagated, [propagatedRow]),
  created('types-propagated-optional', allOptional(propagated), [propagatedRow, nothing(propagated)]),
  created(
    'types-extended',
    allOptional(extended),
    [{ ct: 'Ab', lt: 'a.b', hs: '{"a":"1","b \\"c\\"":null}' }, nothing(extended)],
    'CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION hstore',
  ),
  written(
    'columns-coerced',
    'u uuid, j json, jb jsonb, e mood, es text, m macaddr8, vc varchar(10), n numeric(10,2), bi bigint, d date, tz timestamptz, mtz timestamptz, zts timestamp, by bytea',
    allOptional(coerced),
    [coercedRow, nothing(coerced)],
    "CREATE TYPE mood AS ENUM ('sad', 'ok');",
  ),
  written('columns-quoted-enum', 'e "Mood"', { e: coerced.e }, [{ e: 'ok' }], `CREATE TYPE "Mood" AS ENUM ('ok');`),
  written(
    'columns-domain',
    'p positive',
    { p: int32 },
    [{ p: 5 }, { p: -5 }],
    'CREATE DOMAIN positive AS int CHECK (value > 0);',
  ),
  written('columns-generated', 'a int, b int GENERATED ALWAYS AS (a * 2) STORED', { a: int32 }, [{ a: 5 }]),
  written('columns-overflow', 'a smallint, n numeric(3,1), s varchar(3)', { a: int32, n: float64, s: string }, [
    { a: 1, n: 1.25, s: 'abc' },
    { a: 70000, n: 1, s: 'a' },
    { a: 1, n: 1000, s: 'a' },
    { a: 1, n: 1, s: 'abcd' },
  ]),
  written('columns-text-for-numbers', 'n int, d date, b boolean', { n: string, d: string, b: string }, [
    { n: '5', d: '2024-02-29', b: 'true' },
  ]),
  written('columns-numbers-for-text', 'n text, f text, b text', { n: int32, f: float64, b: bool }, [
    { n: 5, f: 1.5, b: true },
  ]),
  written(
    'columns-array',
    'a int[], t varchar(10)[], e text[], z text[]',
    allOptional({
      a: array(optional(int32)),
      t: array(optional(string)),
      e: array(optional(string)),
      z: array(optional(string)),
    }),
    [{ a: [1, null], t: ['x', null], e: [], z: null }],
  ),
  written(
    'columns-map',
    'm hstore, j jsonb',
    { m: map(string, optional(string)), j: data(string, 'Json') },
    [{ m: { a: '"\\' }, j: '{}' }],
    'CREATE EXTENSION hstore;',
  ),
  written(
    'columns-time',
    'a time, b timetz, c interval, d timestamp(3), e date',
    {
      a: time(int64, 'MicroTime'),
      b: time(string, 'ZonedTime'),
      c: time(int64, 'MicroDuration'),
      d: time(int64, 'MicroTimestamp'),
      e: time(int64, 'Timestamp'),
    },
    [{ a: 86400000000, b: '12:34:56+02:00', c: 90061000001, d: 1709208896789623, e: 1709208896789 }],
  ),
];
