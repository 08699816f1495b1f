/**
 * Values of Sparkplug B as JSON shows them, once the data type is known. Pure.
 *
 * Integers beyond 2^53 keep every digit (bigint); dates are milliseconds; bytes and files are base64; NaN and the
 * infinities, for which JSON has no number, are text.
 */
import type { ConnectValue } from '../../api/index.ts';
import { type DataSet, type Metric, type PropertySet, signed64, type Template, type WireValue } from './payload.ts';

/** By index (Sparkplug 3.0, 6.4.16). */
const typeNames = [
  'Unknown',
  'Int8',
  'Int16',
  'Int32',
  'Int64',
  'UInt8',
  'UInt16',
  'UInt32',
  'UInt64',
  'Float',
  'Double',
  'Boolean',
  'String',
  'DateTime',
  'Text',
  'UUID',
  'DataSet',
  'Bytes',
  'File',
  'Template',
  'PropertySet',
  'PropertySetList',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Int64Array',
  'UInt8Array',
  'UInt16Array',
  'UInt32Array',
  'UInt64Array',
  'FloatArray',
  'DoubleArray',
  'BooleanArray',
  'StringArray',
  'DateTimeArray',
];

/** The name of a data type, or null where it is not told. */
export function typeName(datatype: number | null): string | null {
  return datatype === null ? null : (typeNames[datatype] ?? `Type${datatype}`);
}

/** A value of the wire as JSON. Where the type is unknown, integers are taken as unsigned. */
export function jsonValue(value: WireValue, datatype: number | null): ConnectValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return numberOf(value, datatype);
  if (Buffer.isBuffer(value)) return bytesOf(value, datatype);
  return value.kind === 'dataset' ? dataSetOf(value) : templateOf(value);
}

function numberOf(value: number | bigint, datatype: number | null): ConnectValue {
  switch (typeName(datatype)) {
    case 'Int8':
      return (Number(BigInt.asIntN(32, BigInt(value))) << 24) >> 24;
    case 'Int16':
      return (Number(BigInt.asIntN(32, BigInt(value))) << 16) >> 16;
    case 'Int32':
      return Number(BigInt.asIntN(32, BigInt(value)));
    case 'Int64':
      return signed64(value);
    default:
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  }
}

function bytesOf(bytes: Buffer, datatype: number | null): ConnectValue {
  const name = typeName(datatype);
  if (name === 'BooleanArray') return booleansOf(bytes);
  if (name === 'StringArray') return bytes.toString().split('\0').slice(0, -1);
  const element = name === null ? undefined : elements[name];
  if (element === undefined || bytes.length % element.bytes !== 0) return bytes.toString('base64');
  const values: ConnectValue[] = [];
  for (let at = 0; at < bytes.length; at += element.bytes) values.push(numberOf(element.read(bytes, at), null));
  return values;
}

/** Elements of packed arrays, little endian. */
const elements: Readonly<Record<string, { bytes: number; read: (from: Buffer, at: number) => number | bigint }>> = {
  Int8Array: { bytes: 1, read: (from, at) => from.readInt8(at) },
  Int16Array: { bytes: 2, read: (from, at) => from.readInt16LE(at) },
  Int32Array: { bytes: 4, read: (from, at) => from.readInt32LE(at) },
  Int64Array: { bytes: 8, read: (from, at) => signed64(from.readBigInt64LE(at)) },
  UInt8Array: { bytes: 1, read: (from, at) => from.readUInt8(at) },
  UInt16Array: { bytes: 2, read: (from, at) => from.readUInt16LE(at) },
  UInt32Array: { bytes: 4, read: (from, at) => from.readUInt32LE(at) },
  UInt64Array: { bytes: 8, read: (from, at) => from.readBigUInt64LE(at) },
  FloatArray: { bytes: 4, read: (from, at) => from.readFloatLE(at) },
  DoubleArray: { bytes: 8, read: (from, at) => from.readDoubleLE(at) },
  DateTimeArray: { bytes: 8, read: (from, at) => signed64(from.readBigInt64LE(at)) },
};

/** Their number in four bytes, then eight to a byte, the first in the highest bit. */
function booleansOf(bytes: Buffer): ConnectValue {
  const count = bytes.length < 4 ? 0 : Math.min(bytes.readUInt32LE(0), (bytes.length - 4) * 8);
  return Array.from({ length: count }, (_, index) => ((bytes[4 + (index >> 3)]! >> (7 - (index & 7))) & 1) === 1);
}

function dataSetOf({ columns, types, rows }: DataSet): ConnectValue {
  return {
    columns: [...columns],
    types: types.map((type) => typeName(type)),
    rows: rows.map((row) => row.map((cell, column) => jsonValue(cell, types[column] ?? null))),
  };
}

function templateOf({ version, reference, isDefinition, metrics, parameters }: Template): ConnectValue {
  return {
    version,
    reference,
    isDefinition,
    parameters: parameters.map(({ name, datatype, value }) => ({
      name,
      datatype: typeName(datatype),
      value: jsonValue(value, datatype),
    })),
    metrics: metrics.map((metric) => jsonMetric(metric, metric.name, metric.datatype)),
  };
}

/** A metric as records show it; name and type may have been found in the birth. Flags only where they are set. */
export function jsonMetric(
  metric: Metric,
  name: string | null,
  datatype: number | null,
): { [member: string]: ConnectValue } {
  const shown: { [member: string]: ConnectValue } = {
    name,
    datatype: typeName(datatype),
    value: metric.isNull ? null : jsonValue(metric.value, datatype),
  };
  if (metric.alias !== null) shown.alias = metric.alias;
  if (metric.timestamp !== null) shown.timestamp = metric.timestamp;
  if (metric.isHistorical) shown.historical = true;
  if (metric.isTransient) shown.transient = true;
  if (metric.properties !== null) shown.properties = propertiesOf(metric.properties);
  return shown;
}

function propertiesOf({ names, values }: PropertySet): { [name: string]: ConnectValue } {
  return Object.fromEntries(
    names.map((name, index) => {
      const { value = null, datatype = null } = values[index] ?? {};
      if (isPropertySet(value)) return [name, propertiesOf(value)];
      if (Array.isArray(value)) return [name, value.map(propertiesOf)];
      return [name, jsonValue(value as WireValue, datatype)];
    }),
  );
}

function isPropertySet(value: unknown): value is PropertySet {
  return typeof value === 'object' && value !== null && 'names' in value;
}
