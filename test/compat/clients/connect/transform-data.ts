/**
 * What the cases of transforms are made of: schemas, values and records, in the words of Data.java.
 */

export interface PluginCase {
  readonly name: string;
  readonly class: string;
  readonly config: Readonly<Record<string, string>>;
  readonly record: RecordOf;
  readonly sink?: boolean;
}

export interface Data {
  readonly schema?: unknown;
  readonly value: unknown;
}

export interface RecordOf {
  readonly topic?: string;
  readonly timestamp?: number;
  readonly key?: Data;
  readonly value?: Data;
  readonly headers?: readonly (Data & { readonly name: string })[];
}

const JAVA = 'org.apache.kafka.connect.transforms.';

export const of = (type: string, more: object = {}) => ({ type, ...more });
export const optional = (type: string, more: object = {}) => ({ type, optional: true, ...more });
export const struct = (fields: Readonly<Record<string, unknown>>, more: object = {}) => ({
  type: 'struct',
  ...more,
  fields: Object.entries(fields).map(([name, schema]) => ({ name, schema })),
});
export const logical = (name: string, type: string, more: object = {}) => ({
  type,
  name: `org.apache.kafka.connect.data.${name}`,
  version: 1,
  ...more,
});
export const decimal = logical('Decimal', 'bytes', { parameters: { scale: '2' } });
export const date = logical('Date', 'int32');
export const time = logical('Time', 'int32');
export const timestamp = logical('Timestamp', 'int64');
export const at = (ms: number) => ({ $date: ms });
export const bytes = (text: string) => ({ $bytes: Buffer.from(text).toString('base64') });

/** Values of each type, with the schema they have and their names in the table. */
export const primitives: readonly (readonly [string, unknown, unknown])[] = [
  ['int8 127', of('int8'), 127],
  ['int8 -128', of('int8'), -128],
  ['int16 300', of('int16'), 300],
  ['int32 70000', of('int32'), 70_000],
  ['int32 -1', of('int32'), -1],
  ['int64 2^40', of('int64'), 2 ** 40],
  ['int64 max', of('int64'), { $long: '9223372036854775807' }],
  ['int64 min', of('int64'), { $long: '-9223372036854775808' }],
  ['float32 1.5', of('float32'), 1.5],
  ['float64 1.5', of('float64'), 1.5],
  ['float64 -2.7', of('float64'), -2.7],
  ['float64 0.1', of('float64'), 0.1],
  ['float64 100', of('float64'), 100],
  ['float64 1e10', of('float64'), 1e10],
  ['float64 1e20', of('float64'), { $float: '1e20' }],
  ['float64 1e300', of('float64'), { $float: '1e300' }],
  ['float64 1e-7', of('float64'), 1e-7],
  ['float64 NaN', of('float64'), { $float: 'NaN' }],
  ['float64 Infinity', of('float64'), { $float: 'Infinity' }],
  ['boolean true', of('boolean'), true],
  ['boolean false', of('boolean'), false],
  ['string 42', of('string'), '42'],
  ['string -7', of('string'), '-7'],
  ['string +7', of('string'), '+7'],
  ['string 300', of('string'), '300'],
  ['string 1.5', of('string'), '1.5'],
  ['string 1e3', of('string'), '1e3'],
  ['string with spaces', of('string'), ' 42 '],
  ['string true', of('string'), 'true'],
  ['string TRUE', of('string'), 'TRUE'],
  ['string yes', of('string'), 'yes'],
  ['string empty', of('string'), ''],
  ['string text', of('string'), 'text'],
  ['string 0x10', of('string'), '0x10'],
  ['string NaN', of('string'), 'NaN'],
  ['bytes', of('bytes'), bytes('hi')],
  ['decimal', decimal, { $decimal: '12.50' }],
  ['date', date, at(86_400_000 * 19_000)],
  ['time', time, at(3_723_004)],
  ['timestamp', timestamp, at(1_700_000_000_123)],
  ['null', optional('string'), null],
];

export function transform(
  name: string,
  plugin: string,
  config: Readonly<Record<string, string>>,
  record: RecordOf,
  sink?: boolean,
): PluginCase {
  return { name, class: JAVA + plugin, config, record, ...(sink === undefined ? {} : { sink }) };
}

export const row = struct({
  id: of('int64'),
  name: optional('string'),
  price: { ...decimal, optional: true },
  when: { ...timestamp, optional: true },
  flag: of('boolean', { defaultValue: true }),
  raw: optional('bytes'),
  tags: optional('array', { valueSchema: of('string') }),
  map: optional('map', { keySchema: of('string'), valueSchema: of('int32') }),
  inner: struct({ a: optional('int32'), b: of('string', { defaultValue: 'bee' }) }, { optional: true, name: 'Inner' }),
});
export const rowValue = {
  id: 7,
  name: 'seven',
  price: { $decimal: '1.25' },
  when: at(1_700_000_000_000),
  flag: false,
  raw: bytes('raw'),
  tags: ['x', 'y'],
  map: { k: 1 },
  inner: { a: 1, b: 'two' },
};
export const plain = {
  id: 7,
  name: 'seven',
  flag: false,
  tags: ['x', 'y'],
  inner: { a: 1, b: { c: 'deep' } },
  none: null,
};
export const full: RecordOf = { topic: 'shop', timestamp: 1_700_000_000_123, value: { schema: row, value: rowValue } };
export const bare: RecordOf = { topic: 'shop', timestamp: 1_700_000_000_123, value: { value: plain } };
export const tombstone: RecordOf = { topic: 'shop', timestamp: 1_700_000_000_123, value: { value: null } };
export const nullWithSchema: RecordOf = { topic: 'shop', value: { schema: { ...row, optional: true }, value: null } };
export const text: RecordOf = { topic: 'shop', value: { schema: of('string'), value: 'text' } };
export const bareText: RecordOf = { topic: 'shop', value: { value: 'text' } };
export const keyed: RecordOf = { topic: 'shop', key: { value: { id: 1, name: 'k' } }, value: { value: plain } };

export const shapes: readonly (readonly [string, RecordOf])[] = [
  ['a struct', full],
  ['a map', bare],
  ['a tombstone', tombstone],
  ['a null with a schema', nullWithSchema],
  ['a string with a schema', text],
  ['a string', bareText],
];

/** The same configuration on every shape of record. */
export const onShapes = (
  plugin: string,
  what: string,
  config: Readonly<Record<string, string>>,
  sink?: boolean,
): PluginCase[] =>
  shapes.map(([shape, record]) => transform(`${plugin} ${what}, ${shape}`, plugin, config, record, sink));

export const defaults: RecordOf = {
  value: {
    schema: struct({
      d: optional('int32', { defaultValue: 5 }),
      s: optional('string', { defaultValue: 'fallback' }),
      t: { ...timestamp, optional: true, defaultValue: at(1000) },
    }),
    value: { d: null, s: null, t: null },
  },
};
/** Nulls where the schema has a default: `replace.null.with.default` decides. */
export const onDefaults = (plugin: string, config: Readonly<Record<string, string>>): PluginCase[] =>
  ['true', 'false'].map((replace) =>
    transform(
      `${plugin} null with default, replaced: ${replace}`,
      plugin,
      { ...config, 'replace.null.with.default': replace },
      defaults,
    ),
  );
