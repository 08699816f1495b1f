/**
 * Cases of what works on headers, topics and times, and of the predicates.
 */
import {
  at,
  bare,
  bareText,
  date,
  keyed,
  of,
  onDefaults,
  onShapes,
  type PluginCase,
  type RecordOf,
  shapes,
  time,
  timestamp,
  transform,
} from './transform-data.ts';

/** A reference as Java writes it. */
const ref = (name: string) => `\${${name}}`;

const headed: RecordOf = {
  ...bare,
  headers: [
    { name: 'a', value: 1 },
    { name: 'b', schema: of('string'), value: 'x' },
    { name: 'a', value: 2 },
  ],
};

const headers: PluginCase[] = [
  transform('DropHeaders of one name', 'DropHeaders', { headers: 'a' }, headed),
  transform('DropHeaders of two names', 'DropHeaders', { headers: 'a,b' }, headed),
  transform('DropHeaders of an absent name', 'DropHeaders', { headers: 'c' }, headed),
  transform('DropHeaders of nothing', 'DropHeaders', { headers: '' }, headed),
  ...[
    'text',
    '',
    ' padded ',
    'true',
    'TRUE',
    'null',
    '1',
    '128',
    '32768',
    '2147483648',
    '9223372036854775808',
    '-1',
    '+1',
    '1.5',
    '-.5',
    '1.',
    '1e3',
    '1e400',
    'NaN',
    '[1,2]',
    '[1,"a"]',
    '[]',
    '{}',
    '{"a":1}',
    '{"a":1,"b":"x"}',
    '"quoted"',
    '2020-01-01',
    '10:00:00.000Z',
    '2020-01-01T10:00:00.000Z',
    '[1, 2',
    '{"a"}',
    '\\"',
    'a,b',
    '0x10',
    '1 2',
    '12345678901234567890.5',
    '[true,false]',
    '[1,null]',
    '{"a":null}',
    '[[1],[2]]',
    '[300,1]',
    '{1:2}',
  ].map((literal) =>
    transform(`InsertHeader ${literal}`, 'InsertHeader', { header: 'h', 'value.literal': literal }, bare),
  ),
  ...['copy', 'move'].flatMap((operation) => [
    ...onShapes('HeaderFrom$Value', operation, { fields: 'id,name', headers: 'h1,h2', operation }),
    ...onShapes('HeaderFrom$Value', `${operation} of an absent field`, { fields: 'nowhere', headers: 'h', operation }),
  ]),
  transform(
    'HeaderFrom with fewer headers',
    'HeaderFrom$Value',
    { fields: 'a,b', headers: 'h', operation: 'copy' },
    bare,
  ),
  transform(
    'HeaderFrom with a bad operation',
    'HeaderFrom$Value',
    { fields: 'a', headers: 'h', operation: 'swap' },
    bare,
  ),
  transform('HeaderFrom$Key', 'HeaderFrom$Key', { fields: 'id', headers: 'h', operation: 'move' }, keyed),
  ...onDefaults('HeaderFrom$Value', { fields: 'd,s', headers: 'd,s', operation: 'copy' }),
  ...onDefaults('HeaderFrom$Value', { fields: 'd', headers: 'd', operation: 'move' }).map((each) => ({
    ...each,
    name: `${each.name}, moved`,
  })),
];

const routes: PluginCase[] = [
  ...(
    [
      ['shop', 'mall'],
      ['sh', 'mall'],
      ['(.*)op', '$1ip'],
      ['(?<first>.)(.*)', `${ref('first')}-$2`],
      ['.*', 'all'],
      ['(s)(h)(o)(p)', '$4$3$2$1'],
      ['SHOP', 'mall'],
      ['(?i)SHOP', 'mall'],
      ['sho[opq]', 'x\\$y'],
      ['shop', ''],
      ['s(x)?hop', '[$1]'],
      ['\\w+', '$0_$0'],
      ['\\p{Lower}+', 'lower'],
      ['s*+hop', 'possessive'],
    ] as const
  ).map(([regex, replacement]) =>
    transform(`RegexRouter ${regex} to ${replacement}`, 'RegexRouter', { regex, replacement }, bare),
  ),
  ...[
    {},
    { 'topic.format': `${ref('topic')}/${ref('timestamp')}`, 'timestamp.format': 'yyyy-MM-dd' },
    { 'topic.format': 'fixed' },
    { 'topic.format': ref('timestamp'), 'timestamp.format': "yyyy.MM.dd'T'HH:mm:ss.SSS" },
    { 'topic.format': `${ref('topic')}${ref('topic')}` },
  ].map((config, index) =>
    transform(`TimestampRouter ${index}`, 'TimestampRouter', config as Record<string, string>, bare),
  ),
  transform('TimestampRouter without a timestamp', 'TimestampRouter', {}, bareText),
  transform('Filter', 'Filter', {}, bare),
];

const moments: readonly (readonly [string, unknown, unknown])[] = [
  ['a Timestamp', timestamp, at(1_700_000_000_123)],
  ['a Timestamp before 1970', timestamp, at(-1)],
  ['a Date', date, at(86_400_000 * 19_000)],
  ['a Time', time, at(3_723_004)],
  ['a text', of('string'), '2023-11-14 22:13:20.123'],
  ['a bad text', of('string'), 'yesterday'],
  ['an int64', of('int64'), 1_700_000_000_123],
  ['a negative int64', of('int64'), -1],
  ['an int32', of('int32'), 5],
  ['a float64', of('float64'), 5],
  ['a null', { ...timestamp, optional: true }, null],
];
const timeTargets = ['string', 'unix', 'Date', 'Time', 'Timestamp'];
const precisions = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'];
const format = 'yyyy-MM-dd HH:mm:ss.SSS';

const times: PluginCase[] = [
  ...timeTargets.flatMap((target) =>
    moments.flatMap(([what, schema, value]) => [
      transform(
        `TimestampConverter ${what} to ${target}`,
        'TimestampConverter$Value',
        { 'target.type': target, format },
        { value: { schema, value } },
      ),
      transform(
        `TimestampConverter ${what} to ${target} without a schema`,
        'TimestampConverter$Value',
        { 'target.type': target, format },
        { value: { value } },
      ),
    ]),
  ),
  ...precisions.flatMap((precision) => [
    transform(
      `TimestampConverter to unix ${precision}`,
      'TimestampConverter$Value',
      { 'target.type': 'unix', 'unix.precision': precision },
      { value: { schema: timestamp, value: at(1_700_000_000_123) } },
    ),
    transform(
      `TimestampConverter from unix ${precision}`,
      'TimestampConverter$Value',
      { 'target.type': 'Timestamp', 'unix.precision': precision },
      { value: { value: { $long: '1700000000123456789' } } },
    ),
    transform(
      `TimestampConverter from a small unix ${precision}`,
      'TimestampConverter$Value',
      { 'target.type': 'Timestamp', 'unix.precision': precision },
      { value: { value: 1_700_000_001 } },
    ),
    transform(
      `TimestampConverter from a negative unix ${precision}`,
      'TimestampConverter$Value',
      { 'target.type': 'Timestamp', 'unix.precision': precision },
      { value: { value: -1_500_001 } },
    ),
  ]),
  ...onShapes('TimestampConverter$Value', 'a field', { field: 'when', 'target.type': 'string', format }),
  ...onShapes('TimestampConverter$Value', 'an absent field', { field: 'nowhere', 'target.type': 'unix' }),
  ...onShapes('TimestampConverter$Value', 'a field that is no time', { field: 'name', 'target.type': 'Date', format }),
  ...onDefaults('TimestampConverter$Value', { field: 't', 'target.type': 'unix' }),
  transform(
    'TimestampConverter to text without a format',
    'TimestampConverter$Value',
    { 'target.type': 'string' },
    bare,
  ),
  transform(
    'TimestampConverter from text without a format',
    'TimestampConverter$Value',
    { 'target.type': 'unix' },
    bareText,
  ),
  transform('TimestampConverter to nonsense', 'TimestampConverter$Value', { 'target.type': 'epoch' }, bare),
  transform(
    'TimestampConverter with nonsense precision',
    'TimestampConverter$Value',
    { 'target.type': 'unix', 'unix.precision': 'hours' },
    bare,
  ),
  ...[
    "yyyy-MM-dd'T'HH:mm:ss'Z'",
    'dd/MM/yy',
    'EEE, d MMM yyyy HH:mm:ss Z',
    'yyyyMMddHHmmssSSS',
    'h:mm a',
    'D yyyy',
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    'MMMM d, yyyy',
    'HH',
    "''yy",
    'EEEE',
    'k:mm',
    'K:mm',
    'w yyyy',
    'G yyyy',
    'z',
    'u',
    'F',
    'S',
  ].flatMap((pattern) => [
    transform(
      `TimestampConverter writes ${pattern}`,
      'TimestampConverter$Value',
      { 'target.type': 'string', format: pattern },
      { value: { schema: timestamp, value: at(1_700_000_000_123) } },
    ),
  ]),
  ...(
    [
      ["yyyy-MM-dd'T'HH:mm:ss'Z'", '2023-11-14T22:13:20Z'],
      ['dd/MM/yy', '14/11/23'],
      ['EEE, d MMM yyyy HH:mm:ss Z', 'Tue, 14 Nov 2023 22:13:20 +0100'],
      ['yyyyMMddHHmmssSSS', '20231114221320123'],
      ['h:mm a', '10:13 PM'],
      ["yyyy-MM-dd'T'HH:mm:ssXXX", '2023-11-14T22:13:20+01:00'],
      ['MMMM d, yyyy', 'November 14, 2023'],
      ['yyyy-MM-dd', '2023-02-30'],
      ['yyyy-MM-dd', '2023-1-5'],
      ['yyyy-MM-dd', '2023-01-05 and more'],
      ['yyyy-MM-dd', '23-01-05'],
      ['D yyyy', '45 2023'],
      ['HH:mm', '25:61'],
    ] as const
  ).map(([pattern, value]) =>
    transform(
      `TimestampConverter reads ${value} as ${pattern}`,
      'TimestampConverter$Value',
      { 'target.type': 'Timestamp', format: pattern },
      { value: { value } },
    ),
  ),
];

const predicates: PluginCase[] = [
  ...['shop', 'sh', 'sh.*', '.*', 'SHOP', '(?i)SHOP'].map((pattern) =>
    transform(`TopicNameMatches ${pattern}`, 'predicates.TopicNameMatches', { pattern }, bare),
  ),
  ...['a', 'b', 'c', 'A'].map((name) => transform(`HasHeaderKey ${name}`, 'predicates.HasHeaderKey', { name }, headed)),
  ...shapes.map(([shape, record]) =>
    transform(`RecordIsTombstone, ${shape}`, 'predicates.RecordIsTombstone', {}, record),
  ),
];

export const recordCases: readonly PluginCase[] = [...headers, ...routes, ...times, ...predicates];
