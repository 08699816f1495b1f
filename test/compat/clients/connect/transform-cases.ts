/**
 * What Kafka Connect's own transforms and predicates are asked, for the table that ours are held to
 * (connectors/transforms/stock.golden.json).
 */
import { recordCases } from './transform-cases-records.ts';
import {
  at,
  bare,
  bytes,
  date,
  decimal,
  keyed,
  of,
  onDefaults,
  onShapes,
  optional,
  type PluginCase,
  primitives,
  type RecordOf,
  struct,
  time,
  timestamp,
  transform,
} from './transform-data.ts';

const castTargets = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'];

const castMatrix: PluginCase[] = castTargets.flatMap((target) =>
  primitives.flatMap(([what, schema, value]) => [
    transform(`Cast ${what} to ${target}`, 'Cast$Value', { spec: target }, { value: { schema, value } }),
    ...(what.startsWith('decimal')
      ? []
      : [
          transform(`Cast ${what} to ${target} without a schema`, 'Cast$Value', { spec: target }, { value: { value } }),
        ]),
  ]),
);

const casts: PluginCase[] = [
  ...onShapes('Cast$Value', 'fields', { spec: 'id:string,flag:int8,name:string' }),
  ...onShapes('Cast$Value', 'an absent field', { spec: 'nowhere:string' }),
  ...onShapes('Cast$Value', 'a timestamp and a decimal', { spec: 'when:int64,price:string' }),
  ...onShapes('Cast$Value', 'a struct', { spec: 'inner:string' }),
  ...onShapes('Cast$Value', 'bytes', { spec: 'raw:string' }),
  ...onDefaults('Cast$Value', { spec: 'd:string,s:string' }),
  transform('Cast$Key whole', 'Cast$Key', { spec: 'string' }, { key: { value: 5 }, value: { value: 1 } }),
  ...[
    ['nothing', {}],
    ['an empty spec', { spec: '' }],
    ['an unknown type', { spec: 'a:decimal' }],
    ['bytes as a target', { spec: 'a:bytes' }],
    ['two whole types', { spec: 'int8,int16' }],
    ['fields and a whole type', { spec: 'a:int8,int16' }],
    ['a pair with three parts', { spec: 'a:b:int8' }],
  ].map(([what, config]) =>
    transform(`Cast configured with ${what}`, 'Cast$Value', config as Record<string, string>, bare),
  ),
];

const fieldTransforms: PluginCase[] = [
  ...onShapes('ExtractField$Value', 'a field', { field: 'id' }),
  ...onShapes('ExtractField$Value', 'an absent field', { field: 'nowhere' }),
  ...onShapes('ExtractField$Value', 'a dotted name in V1', { field: 'inner.a' }),
  ...onShapes('ExtractField$Value', 'a path in V2', { field: 'inner.a', 'field.syntax.version': 'V2' }),
  ...onShapes('ExtractField$Value', 'a deep path in V2', { field: 'inner.b.c', 'field.syntax.version': 'V2' }),
  ...onShapes('ExtractField$Value', 'an absent path in V2', { field: 'inner.x.y', 'field.syntax.version': 'V2' }),
  ...['`a.b`', '`a.b`.c', 'x.`y.z`', '`a', 'a`b', '`a`b', 'a..b', '.a', 'a.', '``', '`a\\`b`'].map((field) =>
    transform(
      `ExtractField of the path ${field}`,
      'ExtractField$Value',
      { field, 'field.syntax.version': 'V2' },
      {
        value: {
          value: {
            'a.b': { c: 1 },
            x: { 'y.z': 2 },
            '`a': 3,
            'a`b': 4,
            '`a`b': 5,
            '': { a: 6, '': 7 },
            a: { '': 8, b: 9 },
          },
        },
      },
    ),
  ),
  ...onDefaults('ExtractField$Value', { field: 'd' }),
  transform('ExtractField$Key', 'ExtractField$Key', { field: 'id' }, keyed),
  transform('ExtractField without a key', 'ExtractField$Key', { field: 'id' }, bare),
  ...onShapes('HoistField$Value', 'whole', { field: 'wrapped' }),
  transform('HoistField$Key', 'HoistField$Key', { field: 'id' }, { key: { schema: of('int32'), value: 1 } }),
  transform('HoistField of no key', 'HoistField$Key', { field: 'id' }, {}),
  ...onShapes('Flatten$Value', 'plainly', {}),
  ...onShapes('Flatten$Value', 'with a delimiter', { delimiter: '_' }),
  transform(
    'Flatten of structs in structs',
    'Flatten$Value',
    {},
    {
      value: {
        schema: struct({
          a: struct({ b: struct({ c: of('int8') }), d: optional('string') }, { optional: true }),
          e: struct({ f: of('int32', { defaultValue: 3 }) }, { optional: true, defaultValue: { f: 9 } }),
          g: of('array', { valueSchema: struct({ h: of('int8') }) }),
        }),
        value: { a: { b: { c: 1 }, d: null }, e: { f: 4 }, g: [{ h: 2 }] },
      },
    },
  ),
  transform(
    'Flatten of absent structs',
    'Flatten$Value',
    {},
    {
      value: {
        schema: struct({
          a: struct({ b: of('int8') }, { optional: true }),
          e: struct({ f: of('int32', { defaultValue: 3 }) }, { optional: true, defaultValue: { f: 9 } }),
        }),
        value: { a: null, e: null },
      },
    },
  ),
  transform('Flatten of empty maps', 'Flatten$Value', {}, { value: { value: { a: {}, b: { c: {} }, d: [] } } }),
  transform('Flatten of a map with a null', 'Flatten$Value', {}, { value: { value: { a: { b: null } } } }),
];

const insertConfigs: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['topic and timestamp', { 'topic.field': 'topic', 'timestamp.field': 'ts' }],
  ['required and optional', { 'topic.field': 'topic!', 'timestamp.field': 'ts?' }],
  ['partition and offset', { 'partition.field': 'part', 'offset.field': 'off!' }],
  ['a fixed text', { 'static.field': 's', 'static.value': 'fixed' }],
  ['over a field that is there', { 'static.field': 'name', 'static.value': 'over' }],
];

const inserts: PluginCase[] = [
  ...insertConfigs.flatMap(([what, config]) => onShapes('InsertField$Value', what, config)),
  ...insertConfigs.flatMap(([what, config]) => onShapes('InsertField$Value', `${what} in a sink`, config, true)),
  transform(
    'InsertField without a timestamp',
    'InsertField$Value',
    { 'timestamp.field': 'ts' },
    { value: { value: { a: 1 } } },
  ),
  transform('InsertField without a value', 'InsertField$Value', { 'static.field': 's' }, bare),
  transform('InsertField without anything', 'InsertField$Value', {}, bare),
  transform('InsertField$Key', 'InsertField$Key', { 'topic.field': 't' }, keyed),
  ...onDefaults('InsertField$Value', { 'topic.field': 't' }),
];

const masked: RecordOf = {
  value: {
    schema: struct({
      i8: of('int8'),
      i16: of('int16'),
      i32: of('int32'),
      i64: of('int64'),
      f32: of('float32'),
      f64: of('float64'),
      flag: of('boolean'),
      s: of('string'),
      b: of('bytes'),
      arr: of('array', { valueSchema: of('int8') }),
      map: of('map', { keySchema: of('string'), valueSchema: of('int8') }),
      dec: decimal,
      date,
      time,
      ts: timestamp,
      st: struct({ a: of('int8') }),
      nul: optional('string'),
    }),
    value: {
      i8: 1,
      i16: 1,
      i32: 1,
      i64: 1,
      f32: 1.5,
      f64: 1.5,
      flag: true,
      s: 'x',
      b: bytes('x'),
      arr: [1],
      map: { a: 1 },
      dec: { $decimal: '1.25' },
      date: at(86_400_000),
      time: at(1000),
      ts: at(1000),
      st: { a: 1 },
      nul: null,
    },
  },
};
const maskable = [
  'i8',
  'i16',
  'i32',
  'i64',
  'f32',
  'f64',
  'flag',
  's',
  'b',
  'arr',
  'map',
  'dec',
  'date',
  'time',
  'ts',
  'st',
  'nul',
];

const masks: PluginCase[] = [
  ...maskable.map((field) => transform(`MaskField of ${field}`, 'MaskField$Value', { fields: field }, masked)),
  ...maskable.map((field) =>
    transform(`MaskField of ${field} by 7`, 'MaskField$Value', { fields: field, replacement: '7' }, masked),
  ),
  ...maskable.map((field) =>
    transform(`MaskField of ${field} by a text`, 'MaskField$Value', { fields: field, replacement: 'xxx' }, masked),
  ),
  ...['id', 'name', 'flag', 'tags', 'inner', 'none', 'nowhere'].flatMap((field) => [
    transform(`MaskField of ${field} in a map`, 'MaskField$Value', { fields: field }, bare),
    transform(`MaskField of ${field} in a map by 7`, 'MaskField$Value', { fields: field, replacement: '7' }, bare),
  ]),
  ...onShapes('MaskField$Value', 'a name', { fields: 'name' }),
  transform('MaskField by nothing', 'MaskField$Value', { fields: 'name', replacement: '' }, bare),
  transform('MaskField without fields', 'MaskField$Value', { fields: '' }, bare),
  transform('MaskField by a number too large', 'MaskField$Value', { fields: 'i8', replacement: '300' }, masked),
  transform('MaskField by a fraction', 'MaskField$Value', { fields: 'i32', replacement: '1.5' }, masked),
  ...onDefaults('MaskField$Value', { fields: 'd,s' }),
];

const replaces: PluginCase[] = [
  ...onShapes('ReplaceField$Value', 'excluding', { exclude: 'name,flag' }),
  ...onShapes('ReplaceField$Value', 'including', { include: 'id,name' }),
  ...onShapes('ReplaceField$Value', 'renaming', { renames: 'id:key,name:title' }),
  ...onShapes('ReplaceField$Value', 'including and renaming', { include: 'id,name', renames: 'id:key' }),
  ...onShapes('ReplaceField$Value', 'including and excluding', { include: 'id,name', exclude: 'name' }),
  ...onShapes('ReplaceField$Value', 'swapping names', { renames: 'id:name,name:id' }),
  ...onShapes('ReplaceField$Value', 'an absent field', { include: 'nowhere', renames: 'a:b' }),
  ...onShapes('ReplaceField$Value', 'nothing', {}),
  transform('ReplaceField with a bad pair', 'ReplaceField$Value', { renames: 'a' }, bare),
  transform('ReplaceField with a long pair', 'ReplaceField$Value', { renames: 'a:b:c' }, bare),
  ...onDefaults('ReplaceField$Value', { include: 'd,s' }),
  transform('ReplaceField$Key', 'ReplaceField$Key', { exclude: 'name' }, keyed),
];

const metadata: PluginCase[] = [
  ...onShapes('SetSchemaMetadata$Value', 'a name', { 'schema.name': 'Named' }),
  ...onShapes('SetSchemaMetadata$Value', 'a version', { 'schema.version': '3' }),
  ...onShapes('SetSchemaMetadata$Value', 'both', { 'schema.name': 'Named', 'schema.version': '3' }),
  ...onShapes('SetSchemaMetadata$Value', 'neither', {}),
  transform(
    'SetSchemaMetadata of a date',
    'SetSchemaMetadata$Value',
    { 'schema.name': 'Other' },
    { value: { schema: date, value: at(0) } },
  ),
  transform(
    'SetSchemaMetadata$Key',
    'SetSchemaMetadata$Key',
    { 'schema.name': 'K' },
    { key: { schema: struct({ a: of('int8') }), value: { a: 1 } } },
  ),
];

const keys: PluginCase[] = [
  ...onShapes('ValueToKey', 'of fields', { fields: 'id,name' }),
  ...onShapes('ValueToKey', 'of an absent field', { fields: 'nowhere' }),
  ...onShapes('ValueToKey', 'of a struct', { fields: 'inner' }),
  transform('ValueToKey without fields', 'ValueToKey', { fields: '' }, bare),
  ...onDefaults('ValueToKey', { fields: 'd' }),
];

export const transformCases: readonly PluginCase[] = [
  ...castMatrix,
  ...casts,
  ...fieldTransforms,
  ...inserts,
  ...masks,
  ...replaces,
  ...metadata,
  ...keys,
  ...recordCases,
];
