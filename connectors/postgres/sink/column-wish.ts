/**
 * Which column a field asks for when a table is made or widened: its type, whether it must have a value, and its default. The
 * types are those of Debezium's JDBC sink, where these keep every value (docs/deviations.md names the others). No I/O.
 */
import { type ConnectValue, LogicalNames, type Schema } from '../../api/index.ts';
import { COUNTED_INSTANTS } from './target-column.ts';

export interface ColumnWish {
  /** The first that the target knows: those of extensions come first, the last is always there. */
  readonly types: readonly string[];
  /** Whether the field always has a value. */
  readonly isRequired: boolean;
  /** Of the field, with its schema; undefined where it has none. */
  readonly default?: { readonly value: ConnectValue; readonly schema: Schema };
}

/** What an infinite length or precision is told as. */
const UNBOUNDED = 2_147_483_647;
const VARCHAR_MAX = 10_485_760;
const NUMERIC_MAX = 1000;
/** Of times; what is not told has it. */
const PRECISION_MAX = 6;

const DATA = 'io.debezium.data.';
const TIME = 'io.debezium.time.';

const NAMED_TYPES: Readonly<Record<string, string>> = {
  [LogicalNames.date]: 'date',
  [LogicalNames.time]: 'time',
  [LogicalNames.timestamp]: 'timestamp',
  [COUNTED_INSTANTS.microseconds]: 'timestamp',
  [COUNTED_INSTANTS.nanoseconds]: 'timestamp',
  [`${DATA}Json`]: 'jsonb',
  [`${DATA}TsVector`]: 'tsvector',
  [`${DATA}Uuid`]: 'uuid',
  [`${DATA}VariableScaleDecimal`]: 'numeric',
  [`${DATA}Xml`]: 'xml',
  [`${DATA}geometry.Point`]: 'point',
  [`${TIME}Date`]: 'date',
  [`${TIME}Interval`]: 'interval',
  [`${TIME}IsoDate`]: 'date',
  [`${TIME}IsoTime`]: 'time',
  [`${TIME}IsoTimestamp`]: 'timestamp',
  [`${TIME}MicroDuration`]: 'interval',
  [`${TIME}MicroTime`]: 'time',
  [`${TIME}MicroTimestamp`]: 'timestamp',
  [`${TIME}NanoTime`]: 'time',
  [`${TIME}NanoTimestamp`]: 'timestamp',
  [`${TIME}Time`]: 'time',
  [`${TIME}Timestamp`]: 'timestamp',
  [`${TIME}ZonedTime`]: 'timetz',
  [`${TIME}ZonedTimestamp`]: 'timestamptz',
};

/** Of extensions, which the target may lack. */
const EXTENSION_TYPES: Readonly<Record<string, string>> = {
  [`${DATA}Ltree`]: 'ltree',
  [`${DATA}DoubleVector`]: 'vector',
  [`${DATA}FloatVector`]: 'halfvec',
  [`${DATA}SparseDoubleVector`]: 'sparsevec',
  [`${DATA}geometry.Geometry`]: 'geometry',
  [`${DATA}geometry.Geography`]: 'geography',
};

const PLAIN_TYPES: Readonly<Record<Schema['type'], string>> = {
  int8: 'smallint',
  int16: 'smallint',
  int32: 'integer',
  int64: 'bigint',
  float32: 'real',
  float64: 'double precision',
  boolean: 'boolean',
  string: 'text',
  bytes: 'bytea',
  array: 'jsonb',
  map: 'jsonb',
  struct: 'jsonb',
};

/** Types of the source's column that say more than the schema of text, by the kind of value they come as. */
const TEXT_TYPES = new Set(
  `inet cidr macaddr macaddr8 int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange
   tsmultirange tstzmultirange datemultirange money uuid xml json jsonb tsvector tsquery pg_lsn`.split(/\s+/),
);
const TEXT_EXTENSIONS = new Set(['citext', 'ltree', 'hstore']);
const SHAPES = new Set(['box', 'lseg', 'path', 'polygon', 'circle', 'line']);
const TIMES: Readonly<Record<string, string>> = {
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  time: 'time',
  timetz: 'timetz',
};

/** The column for a field with a schema; `isKey`: it is part of the table's key. */
export function wishForSchema(schema: Schema): ColumnWish {
  const isRequired = schema.optional !== true;
  const wish = { types: typesForSchema(schema), isRequired };
  const { defaultValue } = schema;
  return defaultValue === undefined || defaultValue === null
    ? wish
    : { ...wish, default: { value: defaultValue, schema } };
}

/** The column for a field without a schema, from one value; null where it tells nothing. */
export function wishForValue(value: unknown, isKey: boolean): ColumnWish | null {
  const type = typeForValue(value, isKey);
  return type === null ? null : { types: [type], isRequired: false };
}

function typesForSchema(schema: Schema): readonly string[] {
  const told = toldType(schema);
  if (told !== null) return told;
  const { name = '', type } = schema;
  const usual = NAMED_TYPES[name];
  if (usual !== undefined) return [usual];
  if (name === LogicalNames.decimal) return [decimalType(schema)];
  if (name === `${DATA}Bits`) return [bitType(schema)];
  const extension = EXTENSION_TYPES[name];
  const plain = plainTypes(schema);
  if (extension !== undefined) return [extension, ...plain];
  const isTexts = type === 'map' && schema.keySchema?.type === 'string' && schema.valueSchema?.type === 'string';
  return isTexts ? ['hstore', ...plain] : plain;
}

function plainTypes({ type, valueSchema: element }: Schema): readonly string[] {
  // Arrays of arrays have no declared depth in a schema; jsonb holds any.
  if (type !== 'array' || element === undefined || element.type === 'array') return [PLAIN_TYPES[type]];
  return typesForSchema(element).map((each) => `${each}[]`);
}

/** What the source's own column was, where the record tells it (`column.propagate.source.type`). */
function toldType(schema: Schema): readonly string[] | null {
  const { parameters = {}, type } = schema;
  const told = parameters['__debezium.source.column.type']?.toLowerCase();
  if (told === undefined) return null;
  const length = Number(parameters['__debezium.source.column.length'] ?? 0);
  const scale = Number(parameters['__debezium.source.column.scale'] ?? 0);
  if (type === 'array') return told.startsWith('_') ? toldList(schema, told.slice(1), length, scale) : null;
  if (told === 'numeric' || told === 'decimal') return [numeric(length, scale)];
  if (told === 'oid' && type === 'int64') return ['oid'];
  if (told === 'bit' && type === 'boolean') return ['bit(1)'];
  if (told === 'money') return ['money'];
  const time = TIMES[told];
  if (time !== undefined && scale > 0 && scale < PRECISION_MAX) return [`${time}(${scale})`];
  if (type === 'struct') return SHAPES.has(told) ? [told] : null;
  return type === 'string' ? toldText(told, length) : null;
}

function toldText(told: string, length: number): readonly string[] | null {
  if (TEXT_TYPES.has(told)) return [told];
  if (TEXT_EXTENSIONS.has(told)) return [told, told === 'hstore' ? 'jsonb' : 'text'];
  const isBounded = length > 0 && length <= VARCHAR_MAX;
  if (told === 'varchar' || told === 'character varying') return [isBounded ? `varchar(${length})` : 'text'];
  if (told === 'bpchar' || told === 'char' || told === 'character') return [`char(${isBounded ? length : 1})`];
  return null;
}

function toldList({ valueSchema }: Schema, told: string, length: number, scale: number): readonly string[] | null {
  if (valueSchema === undefined) return null;
  if (told === 'numeric') return [`${numeric(length, scale)}[]`];
  const element = valueSchema.type === 'string' ? toldText(told, length) : null;
  return element === null ? null : element.map((each) => `${each}[]`);
}

/** A number wide enough for every value; where nobody says how wide, without a limit. */
function numeric(precision: number, scale: number): string {
  const isBounded = precision > 0 && precision <= NUMERIC_MAX && scale >= 0 && scale <= precision;
  return isBounded ? `numeric(${precision},${scale})` : 'numeric';
}

function decimalType({ parameters = {} }: Schema): string {
  return numeric(Number(parameters['connect.decimal.precision'] ?? 0), Number(parameters['scale'] ?? 0));
}

function bitType({ parameters = {} }: Schema): string {
  const length = Number(parameters['length'] ?? UNBOUNDED);
  if (length === UNBOUNDED) return 'bit varying';
  const isVarying = parameters['__debezium.source.column.type'] === 'VARBIT';
  return `${isVarying ? 'bit varying' : 'bit'}(${length})`;
}

/** Wide enough for what may come later; null where the value tells nothing. */
function typeForValue(value: unknown, isKey: boolean): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'bigint') return 'numeric';
  // The next value may have a fraction, except in a key.
  if (typeof value === 'number') return isKey && Number.isInteger(value) ? 'bigint' : 'numeric';
  if (typeof value === 'string') return 'text';
  if (value instanceof Uint8Array) return 'bytea';
  if (value instanceof Date) return 'timestamptz';
  return 'jsonb';
}
