/**
 * What Kafka Connect's own converters are asked, for the table that ours are held to
 * (connectors/converters/stock.golden.json). Data in the words of Data.java; bytes in base64.
 */

export interface ConverterCase {
  readonly name: string;
  readonly class: string;
  readonly config: Readonly<Record<string, string>>;
  readonly from?: { readonly schema?: unknown; readonly value: unknown };
  readonly bytes?: string | null;
}

const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter';
const of = (type: string, more: object = {}) => ({ type, ...more });
const optional = (type: string, more: object = {}) => ({ type, optional: true, ...more });
const logical = (name: string, type: string, more: object = {}) => ({
  type,
  name: `org.apache.kafka.connect.data.${name}`,
  version: 1,
  ...more,
});
const fields = (all: Readonly<Record<string, unknown>>) =>
  Object.entries(all).map(([name, schema]) => ({ name, schema }));
const decimal = (scale: string) => logical('Decimal', 'bytes', { parameters: { scale } });
const base64 = (text: string) => Buffer.from(text).toString('base64');

const values: readonly (readonly [string, unknown, unknown])[] = [
  ['int8', of('int8'), -5],
  ['int16', of('int16'), 300],
  ['int32', of('int32'), 70_000],
  ['int64', of('int64'), { $long: '9007199254740993' }],
  ['float32', of('float32'), 1.5],
  ['float64', of('float64'), 0.1],
  ['float64 whole', of('float64'), 100],
  ['float64 large', of('float64'), 1e21],
  ['float64 NaN', of('float64'), { $float: 'NaN' }],
  ['boolean', of('boolean'), true],
  ['string', of('string'), 'grün "quoted" \u0001 \\ /'],
  ['bytes', of('bytes'), { $bytes: 'AP8=' }],
  ['no bytes', of('bytes'), { $bytes: '' }],
  ['array', of('array', { valueSchema: of('int32') }), [1, 2]],
  ['array of optional', of('array', { valueSchema: optional('string') }), ['a', null]],
  ['map', of('map', { keySchema: of('string'), valueSchema: of('int32') }), { a: 1 }],
  [
    'map with optional text keys',
    of('map', { keySchema: optional('string'), valueSchema: of('int32') }),
    { $map: [['a', 1]] },
  ],
  ['map with number keys', of('map', { keySchema: of('int32'), valueSchema: of('string') }), { $map: [[1, 'a']] }],
  ['empty map with number keys', of('map', { keySchema: of('int32'), valueSchema: of('string') }), { $map: [] }],
  [
    'struct',
    of('struct', {
      name: 'Order',
      version: 2,
      doc: 'An order.',
      parameters: { p: 'q' },
      fields: fields({
        id: of('int64', { doc: 'The id.' }),
        note: optional('string'),
        inner: optional('struct', { fields: fields({ a: of('int8') }) }),
      }),
    }),
    { id: 1, note: null, inner: { a: 2 } },
  ],
  ['decimal', decimal('2'), { $decimal: '12.50' }],
  ['decimal negative', decimal('2'), { $decimal: '-12.50' }],
  ['decimal of scale 0', decimal('0'), { $decimal: '5' }],
  ['decimal large', decimal('4'), { $decimal: '12345678901234567890.1234' }],
  ['decimal zero', decimal('2'), { $decimal: '0.00' }],
  ['date', logical('Date', 'int32'), { $date: 86_400_000 * 19_000 }],
  ['date before 1970', logical('Date', 'int32'), { $date: -86_400_000 }],
  ['date with a time', logical('Date', 'int32'), { $date: 86_400_001 }],
  ['time', logical('Time', 'int32'), { $date: 3_723_004 }],
  ['time of another day', logical('Time', 'int32'), { $date: 86_400_000 }],
  ['timestamp', logical('Timestamp', 'int64'), { $date: 1_700_000_000_123 }],
  ['null', optional('string'), null],
  ['null with a default', optional('string', { defaultValue: 'x' }), null],
  ['required null', of('string'), null],
  ['required null with a default', of('string', { defaultValue: 'x' }), null],
  ['optional struct that is null', optional('struct', { fields: fields({ a: of('int8') }) }), null],
  [
    'struct with defaults',
    of('struct', {
      fields: fields({
        d: optional('int32', { defaultValue: 5 }),
        l: { ...decimal('1'), optional: true, defaultValue: { $decimal: '1.5' } },
      }),
    }),
    { d: null, l: null },
  ],
];

const schemaless: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['whole number', 5],
  ['large number', { $long: '9223372036854775807' }],
  ['fraction', 0.5],
  ['text', 'x'],
  ['boolean', false],
  ['bytes', { $bytes: 'AP8=' }],
  ['list', [1, 'a', null, [true]]],
  ['map', { a: 1, b: { c: null } }],
  ['map with number keys', { $map: [[1, 'a']] }],
  ['date', { $date: 5 }],
  ['decimal', { $decimal: '1.25' }],
];

const modes: readonly Readonly<Record<string, string>>[] = [
  { 'schemas.enable': 'true' },
  { 'schemas.enable': 'false' },
  { 'schemas.enable': 'true', 'decimal.format': 'NUMERIC' },
  { 'schemas.enable': 'false', 'decimal.format': 'numeric' },
  { 'schemas.enable': 'true', 'replace.null.with.default': 'false' },
  { 'schemas.enable': 'false', 'replace.null.with.default': 'false' },
];
const modeName = (config: object) => Object.values(config).join(' ');

const jsonWritten: ConverterCase[] = modes.flatMap((config) => [
  ...values.map(([what, schema, value]) => ({
    name: `JsonConverter (${modeName(config)}) writes ${what}`,
    class: JSON_CONVERTER,
    config,
    from: { schema, value },
  })),
  ...schemaless.map(([what, value]) => ({
    name: `JsonConverter (${modeName(config)}) writes ${what} without a schema`,
    class: JSON_CONVERTER,
    config,
    from: { value },
  })),
]);

const texts: readonly string[] = [
  '{"schema":null,"payload":null}',
  '{"schema":null,"payload":5}',
  '{"schema":null,"payload":{"a":[1,2.5,"x",null,true]}}',
  '{"schema":{"type":"int32"},"payload":5}',
  '{"schema":{"type":"int32"},"payload":"5"}',
  '{"schema":{"type":"int32"},"payload":1.7}',
  '{"schema":{"type":"int8"},"payload":300}',
  '{"schema":{"type":"int32"},"payload":null}',
  '{"schema":{"type":"int32","optional":true},"payload":null}',
  '{"schema":{"type":"int32","optional":true,"default":3},"payload":null}',
  '{"schema":{"type":"int32","default":3},"payload":null}',
  '{"schema":{"type":"int64"},"payload":9007199254740993}',
  '{"schema":{"type":"float"},"payload":1.5}',
  '{"schema":{"type":"double"},"payload":5}',
  '{"schema":{"type":"double"},"payload":"NaN"}',
  '{"schema":{"type":"boolean"},"payload":true}',
  '{"schema":{"type":"boolean"},"payload":"true"}',
  '{"schema":{"type":"string"},"payload":"x"}',
  '{"schema":{"type":"string"},"payload":5}',
  '{"schema":{"type":"bytes"},"payload":"AP8="}',
  '{"schema":{"type":"bytes"},"payload":"not base64!"}',
  '{"schema":{"type":"array","items":{"type":"int32"}},"payload":[1,2]}',
  '{"schema":{"type":"array"},"payload":[]}',
  '{"schema":{"type":"array","items":{"type":"int32"}},"payload":5}',
  '{"schema":{"type":"map","keys":{"type":"string"},"values":{"type":"int32"}},"payload":{"a":1}}',
  '{"schema":{"type":"map","keys":{"type":"int32"},"values":{"type":"string"}},"payload":[[1,"a"]]}',
  '{"schema":{"type":"map","keys":{"type":"int32"},"values":{"type":"string"}},"payload":[[1]]}',
  '{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"},{"field":"b","type":"string","optional":true}]},"payload":{"a":1,"b":"x"}}',
  '{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"}]},"payload":{}}',
  '{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"}]},"payload":{"a":1,"more":2}}',
  '{"schema":{"type":"struct","fields":[{"type":"int8"}]},"payload":{}}',
  '{"schema":{"type":"struct"},"payload":{}}',
  '{"schema":{"type":"struct","name":"N","version":2,"doc":"D","parameters":{"p":"q"},"fields":[]},"payload":{}}',
  '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":"BOI="}',
  '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":12.5}',
  '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"}},"payload":"12.5"}',
  '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Date","version":1},"payload":19000}',
  '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Time","version":1},"payload":3723004}',
  '{"schema":{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1},"payload":1700000000123}',
  '{"schema":{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1},"payload":"2023"}',
  '{"schema":{"type":"decimal"},"payload":1}',
  '{"schema":{},"payload":1}',
  '{"schema":5,"payload":1}',
  '{"schema":"int32","payload":1}',
  '{"payload":1}',
  '{"schema":null}',
  '{"schema":null,"payload":1,"more":2}',
  '{"a":1}',
  '[1]',
  '5',
  '"text"',
  'true',
  'null',
  '',
  '{',
  'text',
  '{"a":1}{"b":2}',
  '{"a":NaN}',
  "{'a':1}",
  '{"a":1,}',
  '{"a":9007199254740993,"b":1e400,"c":12345678901234567890}',
];

const jsonRead: ConverterCase[] = [
  { 'schemas.enable': 'true' },
  { 'schemas.enable': 'false' },
  { 'schemas.enable': 'true', 'replace.null.with.default': 'false' },
].flatMap((config) => [
  ...texts.map((text) => ({
    name: `JsonConverter (${modeName(config)}) reads ${text}`,
    class: JSON_CONVERTER,
    config,
    bytes: base64(text),
  })),
  { name: `JsonConverter (${modeName(config)}) reads no bytes`, class: JSON_CONVERTER, config, bytes: null },
]);

const given: Readonly<Record<string, string>> = {
  'schemas.enable': 'true',
  'schema.content': '{"type":"struct","fields":[{"field":"a","type":"int8"}]}',
};
const jsonGiven: ConverterCase[] = ['{"a":1}', '{"a":null}', '{"schema":null,"payload":null}', 'null', ''].map(
  (text) => ({
    name: `JsonConverter with schema.content reads ${text}`,
    class: JSON_CONVERTER,
    config: given,
    bytes: base64(text),
  }),
);

const plainConverters = [
  'org.apache.kafka.connect.storage.StringConverter',
  'org.apache.kafka.connect.converters.ByteArrayConverter',
  'org.apache.kafka.connect.converters.BooleanConverter',
  'org.apache.kafka.connect.converters.ShortConverter',
  'org.apache.kafka.connect.converters.IntegerConverter',
  'org.apache.kafka.connect.converters.LongConverter',
  'org.apache.kafka.connect.converters.FloatConverter',
  'org.apache.kafka.connect.converters.DoubleConverter',
];
const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1);
/** Java tells an Integer from a Long where JavaScript has one number, so these are asked with schemas only. */
const plainWritten: ConverterCase[] = plainConverters.flatMap((converter) =>
  values
    .filter(([what]) => !/struct|map|array/.test(what))
    .map(([what, schema, value]) => ({
      name: `${shortName(converter)} writes ${what}`,
      class: converter,
      config: {},
      from: { schema, value },
    })),
);
const plainRead: ConverterCase[] = plainConverters.flatMap((converter) =>
  [
    null,
    '',
    'AA==',
    'AQ==',
    'Ag==',
    'AAE=',
    '//8=',
    'AAAAAQ==',
    'P8AAAA==',
    'f8AAAA==',
    'AAAAAAAAAAE=',
    'f/////////8=',
    'P/gAAAAAAAA=',
    'Z3LDvG4=',
    'AAAAAAAAAAAB',
    '//79',
  ].map((bytes) => ({ name: `${shortName(converter)} reads ${bytes}`, class: converter, config: {}, bytes })),
);
const encodings: ConverterCase[] = ['UTF-8', 'ISO-8859-1', 'US-ASCII', 'UTF-16LE', 'utf8'].flatMap((encoding) => [
  {
    name: `StringConverter writes ${encoding}`,
    class: plainConverters[0]!,
    config: { 'converter.encoding': encoding },
    from: { schema: of('string'), value: 'grün' },
  },
  {
    name: `StringConverter reads ${encoding}`,
    class: plainConverters[0]!,
    config: { 'converter.encoding': encoding },
    bytes: 'Z3L8bg==',
  },
]);

const SIMPLE = 'org.apache.kafka.connect.storage.SimpleHeaderConverter';
const headerTexts = [
  '',
  ' ',
  'text',
  ' padded ',
  'null',
  'NULL',
  'true',
  'True',
  'false',
  '0',
  '1',
  '-1',
  '+1',
  '127',
  '128',
  '-128',
  '-129',
  '32767',
  '32768',
  '2147483647',
  '2147483648',
  '9223372036854775807',
  '9223372036854775808',
  '007',
  '1.0',
  '1.5',
  '-1.5',
  '.5',
  '1.',
  '1e3',
  '1E-3',
  '1e40',
  '1e400',
  '3.4028235e38',
  '12345.678901234567890',
  'NaN',
  'Infinity',
  '1f',
  '1L',
  '0x1F',
  '1_000',
  '1,000',
  '1 2',
  '[]',
  '[1]',
  '[1,2,3]',
  '[1, 2]',
  '[1,128]',
  '[1,"a"]',
  '["a","b"]',
  '[1.5,2]',
  '[true]',
  '[null]',
  '[1,null]',
  '[[1],[2]]',
  '[a,b]',
  '[1',
  '1]',
  '{}',
  '{"a":1}',
  '{"a":1,"b":2}',
  '{"a":1,"b":"x"}',
  '{"a":null}',
  '{"a":{"b":1}}',
  '{a:1}',
  '{1:2}',
  '{"a":[1,2]}',
  '{"a"}',
  '{"a":}',
  '"quoted"',
  '"with \\" quote"',
  "'single'",
  '\\n',
  'a:b',
  'a,b',
  '2020-01-31',
  '2020-13-01',
  '10:15:30.000Z',
  '10:15:30',
  '2020-01-31T10:15:30.123Z',
  '2020-01-31T10:15:30Z',
  '2020-01-31T10:15:30.123+0100',
  'grün',
  '–',
  '\ttab',
  'two\nlines',
];
const simpleRead: ConverterCase[] = headerTexts.map((text) => ({
  name: `SimpleHeaderConverter reads ${JSON.stringify(text)}`,
  class: SIMPLE,
  config: {},
  bytes: base64(text),
}));
const simpleWritten: ConverterCase[] = [
  ...values.map(([what, schema, value]) => ({
    name: `SimpleHeaderConverter writes ${what}`,
    class: SIMPLE,
    config: {},
    from: { schema, value },
  })),
  ...schemaless.map(([what, value]) => ({
    name: `SimpleHeaderConverter writes ${what} without a schema`,
    class: SIMPLE,
    config: {},
    from: { value },
  })),
  { name: 'SimpleHeaderConverter reads no bytes', class: SIMPLE, config: {}, bytes: null },
];

export const converterCases: readonly ConverterCase[] = [
  ...jsonWritten,
  ...jsonRead,
  ...jsonGiven,
  ...plainWritten,
  ...plainRead,
  ...encodings,
  ...simpleRead,
  ...simpleWritten,
];
