/**
 * The types the fuzzer makes columns of, each with literals of its values: data only. Ordinary values and the ends of each
 * type's range stand side by side; what no database can hold is not here.
 */

export interface FuzzType {
  /** As a column declares it. */
  readonly sql: string;
  /** The text of values, without the quotes around but those within doubled; SQL where `isExpression`. */
  readonly values: readonly string[];
  /** Expressions besides literals that a default may have. */
  readonly expressions?: readonly string[];
  readonly isExpression?: boolean;
  /** Whether a primary key may have it. */
  readonly isKeyable?: boolean;
  /** Whether its values are only for rows that come through the stream, by a known deviation in snapshots. */
  readonly streamed?: readonly string[];
}

const clock = [
  '00:00',
  '12:34:56.789012',
  '23:59:59.999999',
  '24:00',
  '01:02:03.4',
  '12:34:56.000001',
  '23:59:59.9999',
];
const days = [
  '2024-02-29',
  '1969-12-31',
  '0001-01-01',
  '1582-10-04',
  '1582-10-15',
  '9999-12-31',
  '12024-01-01',
  '0999-12-31',
  '1900-02-28',
  '2262-04-12',
  '1677-09-20',
];
const moments = [
  ...days.flatMap((day, index) => `${day} ${clock[index % clock.length]}`),
  '2024-03-31 02:30:00',
  '1970-01-01 00:00:00.000001',
  '1969-12-31 23:59:59.999999',
  '294276-12-31 23:59:59',
  '2000-01-01 00:00:00.5',
];
const eras = ['0044-03-15 BC', '0001-12-31 BC', '4713-01-01 BC'];
const infinities = ['infinity', '-infinity'];
const nows = ['now()', 'CURRENT_TIMESTAMP', 'clock_timestamp()'];
const decimals = [
  '0',
  '1',
  '-1',
  '0.5',
  '-0.01',
  '12.30',
  '99.99',
  '-99.9',
  '100',
  '1.005',
  '127',
  '128',
  '-128',
  '-129',
  '255',
];
const texts = [
  '',
  ' ',
  'a',
  'ab ',
  ' x',
  "it''s",
  'zwölf',
  'quote " back \\ slash /',
  'tab\tnew\nline\r',
  '€ 😀 空',
  'NULL',
  '{a,b}',
  '\u0001\u001f\u007f',
  '__debezium_unavailable_value',
  'x'.repeat(60),
];
const jsons = [
  '{}',
  '[]',
  'null',
  '1',
  '1.0',
  '-0',
  '1e400',
  '"text"',
  '{"b" : 1, "a":[1, 2.0], "a": null}',
  '{"a":{"b":"\\u00e9 \\" \\\\ / <>&"}}',
  '  [ true ]',
  '"\\ud83d\\ude00"',
];
const bits = (length: number) => ['0', '1', '10', '01'].map((one) => one.repeat(length).slice(0, length));
const ip = ['10.0.0.1', '192.168.1.5/24', '::1', 'fe80::1/64', '0.0.0.0/0', '::ffff:1.2.3.4'];
const uuids = [
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
];
const spans = [
  '0',
  '1 year 2 mons 3 days 04:05:06.789012',
  '-1 year -2 mons +3 days -04:05:06.5',
  '1 mon -1 day',
  '-00:00:00.000001',
  '1000 hours',
  '-14 mons',
  '13 mons -25:00:00',
  '1 day',
  '178000 years',
  '-0.5 sec',
  '100 years -3 mons 7 days 00:00:59.999999',
];

const numeric = (sql: string, values: readonly string[]): FuzzType => ({ sql, values, isKeyable: true });
const text = (sql: string, values: readonly string[] = texts): FuzzType => ({ sql, values, isKeyable: true });
const dated = (
  sql: string,
  values: readonly string[],
  streamed: readonly string[],
  expressions: readonly string[],
): FuzzType => ({ sql, values, streamed, expressions, isKeyable: true });

/** Those of the catalogue. */
export const catalogueTypes: readonly FuzzType[] = [
  { sql: 'smallint', values: ['-32768', '32767', '0', '7'], isKeyable: true, expressions: ['1 + 1', 'abs(-3)'] },
  {
    sql: 'int',
    values: ['-2147483648', '2147483647', '0', '-1'],
    isKeyable: true,
    expressions: ['1 + 1', "length('abc')", '(random() * 0)::int'],
  },
  {
    sql: 'bigint',
    values: ['-9223372036854775808', '9223372036854775807', '0', '9007199254740993'],
    isKeyable: true,
    expressions: ['2 * 3', '1 << 40'],
  },
  {
    sql: 'real',
    values: [
      '0',
      '-0',
      '1.5',
      '3.4e38',
      '1e-45',
      '1e10',
      '123456.789',
      '0.001',
      '0.0001',
      '16777216',
      'NaN',
      'Infinity',
      '-Infinity',
      '9999999',
      '1e7',
      '3.3',
    ],
    expressions: ['1.5 * 2', 'pi()::real'],
  },
  {
    sql: 'double precision',
    values: [
      '0',
      '-0',
      '1.5',
      '1e300',
      '5e-324',
      '1e15',
      '1e16',
      '123456789.125',
      '0.1',
      '0.00123',
      '9999999.5',
      '10000000',
      '1e21',
      '1e22',
      '2e-3',
      'NaN',
      'Infinity',
      '-Infinity',
      '1.7976931348623157e308',
      '4.35',
      '2e23',
    ],
    expressions: ['pi()', '1.0 / 3'],
  },
  numeric('numeric', [
    ...decimals,
    'NaN',
    'Infinity',
    '-Infinity',
    '1e40',
    '0.000000000000000000000000000001',
    '-12345678901234567890.123456789',
    '1200',
    '0.10',
  ]),
  numeric('numeric(5,2)', [...decimals, 'NaN', '999.99', '-999.99']),
  numeric('numeric(5)', ['0', '1', '-1', '99999', '-99999', '255', 'NaN']),
  numeric('numeric(4,6)', ['0', '0.001234', '-0.009999', '0.000001']),
  numeric('numeric(38,10)', [...decimals, '1234567890123456789012345678.0123456789']),
  numeric('numeric(100,50)', [...decimals, '1e49']),
  {
    sql: 'money',
    values: ['0', '1', '-1', '1234.5', '-0.01', '92233720368547758.07', '-92233720368547758.08', '1000000'],
  },
  { sql: 'boolean', values: ['t', 'f'], isKeyable: true, expressions: ['1 = 1', 'not true'] },
  { sql: 'oid', values: ['0', '1', '4294967295'], isKeyable: true },
  text('text'),
  text('varchar'),
  text('varchar(80)'),
  text('char(70)'),
  text('char(3)', ['', 'a', 'ab ', 'äöü', "''"]),
  text('char', ['', 'a', 'ä']),
  text('varchar(1)', ['', 'x', '空']),
  text('citext'),
  { sql: '"char"', values: ['a', '', '\\377', 'Z'], isKeyable: true },
  { sql: 'bpchar', values: ['a', 'ab  ', ''] },
  {
    sql: 'bytea',
    values: ['\\x', '\\x00', '\\xdeadbeef00ff', '\\x7f80'],
    isKeyable: true,
    expressions: ["decode('ff', 'hex')"],
  },
  { sql: 'bit', values: ['0', '1'] },
  { sql: 'bit(5)', values: bits(5) },
  { sql: 'bit(8)', values: bits(8) },
  { sql: 'bit(16)', values: bits(16) },
  { sql: 'bit(70)', values: bits(70) },
  { sql: 'varbit', values: ['', '0', '1', '00001', '1'.repeat(9), `1${'0'.repeat(40)}`] },
  { sql: 'varbit(12)', values: ['', '0', '101', '000011110000'] },
  { sql: 'bit varying(1)', values: ['0', '1'] },
  dated('date', days, [...eras, ...infinities], ['CURRENT_DATE', "'2024-01-01'::date + 1", 'now()']),
  { sql: 'time', values: clock, isKeyable: true, expressions: ['CURRENT_TIME', 'LOCALTIME'] },
  { sql: 'time(0)', values: clock },
  { sql: 'time(3)', values: clock },
  { sql: 'time(6)', values: clock },
  {
    sql: 'timetz',
    values: [
      '00:00-12',
      '12:34:56.789012+05:30',
      '23:59:59.999999+00',
      '24:00+00',
      '24:00:00-03',
      '00:00+14',
      '10:00:00.120+00',
      '12:00:00.5+02:03:04',
    ],
    expressions: ['CURRENT_TIME'],
  },
  { sql: 'timetz(0)', values: ['00:00-12', '12:34:56.789+01', '23:59:59+00'] },
  { sql: 'timetz(2)', values: ['12:34:56.789+01', '00:00:00.1+00'] },
  dated('timestamp', moments, [...eras, ...infinities], [...nows, 'LOCALTIMESTAMP']),
  ...[0, 1, 2, 3, 4, 5, 6].map((digits) => dated(`timestamp(${digits})`, moments, [...eras, ...infinities], nows)),
  dated(
    'timestamptz',
    moments.map((moment) => `${moment}+00`),
    [...eras, ...infinities],
    nows,
  ),
  ...[0, 2, 3, 6].map((digits) =>
    dated(`timestamptz(${digits})`, [...moments.map((moment) => `${moment}+05:30`)], [...eras, ...infinities], nows),
  ),
  { sql: 'interval', values: spans, expressions: ["'1 day'::interval * 2"] },
  ...[
    'interval(0)',
    'interval(3)',
    'interval year',
    'interval day to second',
    'interval day to second(2)',
    'interval year to month',
    'interval hour to minute',
  ].map((sql): FuzzType => ({ sql, values: spans })),
  { sql: 'uuid', values: uuids, isKeyable: true, expressions: ['gen_random_uuid()'] },
  { sql: 'json', values: jsons, expressions: ["json_build_object('a', 1)"] },
  { sql: 'jsonb', values: jsons.filter((json) => json !== '1e400'), expressions: ["jsonb_build_object('a', 1)"] },
  { sql: 'xml', values: ['<a>b</a>', '<a/>', '<?xml version="1.0"?><r x="1">é</r>', 'text', ''] },
  { sql: 'jsonpath', values: ['$.a[*]', '$', 'strict $.b ? (@ > 1)'] },
  { sql: 'inet', values: ip, isKeyable: true },
  { sql: 'cidr', values: ['10.1.0.0/16', '::/0', '1.2.3.4/32', '2001:db8::/32'] },
  { sql: 'macaddr', values: ['08:00:2b:01:02:03', '00:00:00:00:00:00'], isKeyable: true },
  { sql: 'macaddr8', values: ['08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03'] },
  { sql: 'tsvector', values: ["fat:2 cat:3A ''q x''", '', 'a:1,5B b'] },
  { sql: 'tsquery', values: ['fat & cat', "!a | (b:A <-> ''c d'')"] },
  { sql: 'point', values: ['(1.5,-2)', '(0,0)', '(1e300,1e-10)', '(NaN,Infinity)', '(0.1,100000000)'] },
  { sql: 'line', values: ['{1,2,3}', '{-1.5,0.25,1e10}'] },
  { sql: 'lseg', values: ['[(0,0),(1,1)]', '[(1.5,-2),(1e10,0)]'] },
  { sql: 'box', values: ['(1,1),(0,0)', '(2.5,-1),(-3,4)'] },
  { sql: 'path', values: ['((0,0),(1,1))', '[(0,0),(1,1),(2.5,-3)]', '((1,1))'] },
  { sql: 'polygon', values: ['((0,0),(1,1),(1,0))', '((0.5,0.5))'] },
  { sql: 'circle', values: ['<(0,0),2>', '<(1.5,-2),0.001>'] },
  { sql: 'int4range', values: ['[1,5)', 'empty', '(,)', '[1,1]', '(,7]'] },
  { sql: 'int8range', values: ['[1,5)', '(,9223372036854775806]'] },
  { sql: 'numrange', values: ['(,2.5]', '[1.50,2)', 'empty'] },
  { sql: 'tsrange', values: ['[2024-01-01,2024-02-01)', '[-infinity,infinity]', '(,"2024-01-01 12:00:00.5"]'] },
  { sql: 'tstzrange', values: ['[2024-01-01 00:00+00,)', '["2024-01-01 00:00:00+02",infinity)'] },
  { sql: 'daterange', values: ['[2024-01-01,2024-01-31]', 'empty', '[0044-03-15 BC,)'] },
  { sql: 'int4multirange', values: ['{[1,3),[5,8)}', '{}'] },
  { sql: 'tstzmultirange', values: ['{[2024-01-01 00:00+00,2024-02-01 00:00+00)}', '{}'] },
  { sql: 'datemultirange', values: ['{[2024-01-01,2024-01-05)}'] },
  { sql: 'nummultirange', values: ['{[1.5,2)}'] },
  { sql: 'pg_lsn', values: ['0/16B3748', 'FFFFFFFF/FFFFFFFF'] },
  { sql: 'xid', values: ['42', '4294967295'] },
  { sql: 'xid8', values: ['42', '18446744073709551615'] },
  { sql: 'cid', values: ['7'] },
  { sql: 'tid', values: ['(0,1)', '(42,7)'] },
  { sql: 'regclass', values: ['pg_class', '42'] },
  { sql: 'regtype', values: ['int4', 'timestamptz', 'text[]'] },
  { sql: 'regproc', values: ['now', '-'] },
  { sql: 'regprocedure', values: ['abs(int4)'] },
  { sql: 'regnamespace', values: ['pg_catalog', 'public'] },
  { sql: 'regrole', values: ['postgres'] },
  { sql: 'regoper', values: ['||/'] },
  { sql: 'regoperator', values: ['+(int4,int4)'] },
  { sql: 'regconfig', values: ['english'] },
  { sql: 'regdictionary', values: ['simple'] },
  { sql: 'regcollation', values: ['"C"'] },
  { sql: 'oidvector', values: ['1 2 3', ''] },
  { sql: 'int2vector', values: ['1 2', ''] },
  { sql: 'pg_snapshot', values: ['10:20:10,14'] },
  { sql: 'txid_snapshot', values: ['10:20:10,14'] },
  { sql: 'refcursor', values: ['cur'] },
  { sql: 'aclitem', values: ['postgres=r/postgres'] },
];

/** Those that {@link typesSetup} makes. */
export const madeTypes: readonly FuzzType[] = [
  { sql: 'hstore', values: ['', 'a=>1', '"a b"=>"c\\"d", n=>NULL, "\\\\"=>""', 'z=>1, b=>2, aa=>3', '"ä"=>"€"'] },
  text('ltree', ['', 'top.science', 'a.b-c']),
  { sql: 'lquery', values: ['*.a.*'] },
  { sql: 'ltxtquery', values: ['a & b'] },
  { sql: 'cube', values: ['(1,2,3)'] },
  { sql: 'seg', values: ['1 .. 2'] },
  { sql: 'isbn', values: ['978-0-393-04002-9'] },
  { sql: 'lo', values: ['42'] },
  { sql: 'mood', values: ['sad', 'ok', 'very happy', "it''s", 'comma,label', 'ÜBER'], isKeyable: true },
  { sql: '"Odd Mood"', values: ['a-b', ''.padEnd(63, 'l')], isKeyable: true },
  { sql: 'other.mood', values: ['x', 'y'] },
  { sql: 'pair', values: ['(1,x)', '(,"a,b")'] },
  { sql: 'nested', values: ['("(1,x)",2)'] },
  { sql: 'floatrange', values: ['[1.5,2.5]', 'empty'] },
  { sql: 'floatmultirange', values: ['{[1.5,2.5]}'] },
  { sql: 'cents', values: ['0', '1.5', '9999999.99'], isKeyable: true },
  { sql: 'short', values: ['', 'abc', "a''b"], isKeyable: true },
  { sql: 'shorter', values: ['', 'abc'] },
  { sql: 'tags', values: ['{}', '{x,"y z",NULL}'] },
  { sql: 'at3', values: moments.slice(0, 4) },
  { sql: 'atz', values: moments.slice(0, 4) },
  { sql: 'flags', values: bits(4) },
  { sql: 'onebit', values: ['0', '1'] },
  { sql: 'span', values: spans },
  { sql: 'ident', values: uuids, isKeyable: true },
  { sql: 'plainnum', values: decimals },
  { sql: 'whole', values: ['1', '-5'], isKeyable: true },
  { sql: 'wholer', values: ['1', '-5'] },
  { sql: 'feeling', values: ['sad', 'ok'] },
  { sql: 'doc', values: jsons.slice(0, 9).filter((json) => json !== '1e400') },
  { sql: 'raw', values: ['\\x', '\\x01ff'] },
  { sql: 'padded', values: ['a', ''] },
  { sql: 'dday', values: days.slice(0, 4) },
  { sql: 'dtime', values: clock },
  { sql: 'cash', values: ['1', '-2.5'] },
  { sql: 'required', values: ['a', ''] },
  { sql: 'dhstore', values: ['a=>1'] },
  { sql: 'dpoint', values: ['(1,2)'] },
  { sql: 'dinet', values: ip },
  { sql: 'dbox', values: ['(1,1),(0,0)'] },
  { sql: 'dfloat', values: ['1.5', '1e10', 'NaN'] },
  { sql: 'dbool', values: ['t', 'f'] },
  { sql: 'drange', values: ['[1,5)'] },
  { sql: 'dpair', values: ['(1,x)'] },
  { sql: 'dxml', values: ['<a/>'] },
  { sql: 'dtimetz', values: ['12:00:00.5+02'] },
];

export const typesSetup = `CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION seg; CREATE EXTENSION isn; CREATE EXTENSION lo; CREATE SCHEMA other;
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy', 'it''s', 'comma,label', 'ÜBER'); CREATE TYPE "Odd Mood" AS ENUM ('a-b', '${'l'.repeat(63)}'); CREATE TYPE other.mood AS ENUM ('x', 'y');
  CREATE TYPE pair AS (a int, b text); CREATE TYPE nested AS (p pair, n int); CREATE TYPE floatrange AS RANGE (subtype = float8, multirange_type_name = floatmultirange);
  CREATE DOMAIN cents AS numeric(9,2) CHECK (VALUE >= 0); CREATE DOMAIN short AS varchar(5); CREATE DOMAIN shorter AS short CHECK (length(VALUE) < 5); CREATE DOMAIN tags AS text[]; CREATE DOMAIN at3 AS timestamp(3); CREATE DOMAIN atz AS timestamptz(2);
  CREATE DOMAIN flags AS bit(4); CREATE DOMAIN onebit AS bit; CREATE DOMAIN span AS interval; CREATE DOMAIN ident AS uuid; CREATE DOMAIN plainnum AS numeric; CREATE DOMAIN whole AS int; CREATE DOMAIN wholer AS whole DEFAULT 3; CREATE DOMAIN feeling AS mood;
  CREATE DOMAIN doc AS jsonb; CREATE DOMAIN raw AS bytea; CREATE DOMAIN padded AS char(4); CREATE DOMAIN dday AS date; CREATE DOMAIN dtime AS time; CREATE DOMAIN cash AS money; CREATE DOMAIN required AS text NOT NULL; CREATE DOMAIN dhstore AS hstore; CREATE DOMAIN dpoint AS point;
  CREATE DOMAIN dinet AS inet; CREATE DOMAIN dbox AS box; CREATE DOMAIN dfloat AS float8; CREATE DOMAIN dbool AS boolean; CREATE DOMAIN drange AS int4range; CREATE DOMAIN dpair AS pair; CREATE DOMAIN dxml AS xml; CREATE DOMAIN dtimetz AS timetz;
  CREATE FUNCTION other.one() RETURNS int LANGUAGE sql AS 'SELECT 1';`;

/** A list of a type: empty, of one, of several, with null. */
export function listOf(type: FuzzType): FuzzType {
  const list = (elements: readonly string[]) => `ARRAY[${elements.join(', ')}]::${type.sql}[]`;
  const elements = type.values.map((value) => literal(type, value));
  const [first, last] = [elements[0]!, elements.at(-1)!];
  return {
    sql: `${type.sql}[]`,
    values: [list([]), list([first]), list(elements.slice(0, 5)), list([first, 'NULL', last])],
    isExpression: true,
  };
}

/** A value as SQL. */
export function literal({ sql, isExpression }: FuzzType, value: string): string {
  return isExpression ? value : `'${value}'::${sql}`;
}

/** Every type and its list, for the walk through all of them. */
export const everyType: readonly FuzzType[] = [...catalogueTypes, ...madeTypes].flatMap((type) => [type, listOf(type)]);
