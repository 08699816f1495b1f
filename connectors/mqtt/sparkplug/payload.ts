/**
 * Sparkplug B payloads: bytes to messages, and the one message we send ourselves back to bytes. Field numbers are those of
 * `sparkplug_b.proto` (Sparkplug 3.0, section 6.4). A metric's value stays as it was on the wire until somebody knows its
 * data type, because data messages leave that to the birth. Pure; judged in its test by another implementation's bytes.
 */
import { exact, FieldReader, FieldWriter } from './protobuf.ts';

export type Integer = number | bigint;

export interface SparkplugPayload {
  readonly timestamp: Integer | null;
  readonly seq: number | null;
  readonly metrics: readonly Metric[];
}

export interface Metric {
  /** Null where only the alias is given. */
  readonly name: string | null;
  readonly alias: Integer | null;
  readonly timestamp: Integer | null;
  /** Index of the data type; null where the birth has told it. */
  readonly datatype: number | null;
  readonly isHistorical: boolean;
  readonly isTransient: boolean;
  readonly isNull: boolean;
  readonly properties: PropertySet | null;
  readonly value: WireValue;
}

export type WireValue = Integer | boolean | string | Buffer | DataSet | Template | null;

export interface DataSet {
  readonly kind: 'dataset';
  readonly columns: readonly string[];
  readonly types: readonly number[];
  readonly rows: readonly (readonly WireValue[])[];
}

export interface Template {
  readonly kind: 'template';
  readonly version: string | null;
  readonly reference: string | null;
  readonly isDefinition: boolean;
  readonly metrics: readonly Metric[];
  readonly parameters: readonly Typed[];
}

/** A named value with its type: a template's parameter. */
export interface Typed {
  readonly name: string;
  readonly datatype: number | null;
  readonly value: WireValue;
}

export interface PropertySet {
  readonly names: readonly string[];
  readonly values: readonly PropertyValue[];
}

export interface PropertyValue {
  readonly datatype: number | null;
  readonly value: WireValue | PropertySet | readonly PropertySet[];
}

/** Templates and property sets nest; what comes deeper than this is refused, so that a payload cannot exhaust the stack. */
const DEPTH_MAX = 16;

/** Throws RangeError when the bytes are no Sparkplug B payload. */
export function decodePayload(bytes: Buffer): SparkplugPayload {
  const reader = new FieldReader(bytes);
  let timestamp: Integer | null = null;
  let seq: number | null = null;
  const metrics: Metric[] = [];
  while (reader.next()) {
    if (reader.field === 1) timestamp = reader.uint64();
    else if (reader.field === 2) metrics.push(decodeMetric(reader.bytes(), 0));
    else if (reader.field === 3) seq = Number(reader.uint64());
    else reader.skip();
  }
  return { timestamp, seq, metrics };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function decodeMetric(bytes: Buffer, depth: number): Metric {
  const reader = new FieldReader(bytes);
  const metric: Mutable<Metric> = {
    name: null,
    alias: null,
    timestamp: null,
    datatype: null,
    isHistorical: false,
    isTransient: false,
    isNull: false,
    properties: null,
    value: null,
  };
  while (reader.next()) readMetricField(reader, metric, depth);
  return metric;
}

function readMetricField(reader: FieldReader, metric: Mutable<Metric>, depth: number): void {
  switch (reader.field) {
    case 1:
      metric.name = reader.string();
      return;
    case 2:
      metric.alias = reader.uint64();
      return;
    case 3:
      metric.timestamp = reader.uint64();
      return;
    case 4:
      metric.datatype = Number(reader.uint64());
      return;
    case 5:
      metric.isHistorical = reader.bool();
      return;
    case 6:
      metric.isTransient = reader.bool();
      return;
    case 7:
      metric.isNull = reader.bool();
      return;
    case 9:
      metric.properties = decodeProperties(reader.bytes(), depth + 1);
      return;
    case 16:
      metric.value = reader.bytes();
      return;
    case 17:
      metric.value = decodeDataSet(reader.bytes());
      return;
    case 18:
      metric.value = decodeTemplate(reader.bytes(), depth + 1);
      return;
    default:
      metric.value = readScalar(reader, 10, metric.value);
  }
}

/**
 * The six scalar values stand in the same order in every message of the schema, from field `first` on: int, long, float,
 * double, boolean, string. `otherwise` where the field is none of them.
 */
function readScalar(reader: FieldReader, first: number, otherwise: WireValue): WireValue {
  switch (reader.field - first) {
    case 0:
    case 1:
      return reader.uint64();
    case 2:
      return reader.float();
    case 3:
      return reader.double();
    case 4:
      return reader.bool();
    case 5:
      return reader.string();
    default:
      reader.skip();
      return otherwise;
  }
}

function decodeDataSet(bytes: Buffer): DataSet {
  const reader = new FieldReader(bytes);
  const columns: string[] = [];
  const types: number[] = [];
  const rows: WireValue[][] = [];
  while (reader.next()) {
    if (reader.field === 2) columns.push(reader.string());
    else if (reader.field === 3) readNumbers(reader, types);
    else if (reader.field === 4) rows.push(decodeRow(reader.bytes()));
    else reader.skip();
  }
  return { kind: 'dataset', columns, types, rows };
}

/** A repeated number comes one by one or packed into bytes; a reader must take both. */
function readNumbers(reader: FieldReader, into: number[]): void {
  if (reader.wireType !== 2) {
    into.push(Number(reader.uint64()));
    return;
  }
  const packed = reader.bytes();
  let value = 0;
  let factor = 1;
  for (const byte of packed) {
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte >= 0x80) continue;
    into.push(value);
    value = 0;
    factor = 1;
  }
}

function decodeRow(bytes: Buffer): WireValue[] {
  const reader = new FieldReader(bytes);
  const cells: WireValue[] = [];
  while (reader.next()) {
    if (reader.field === 1) cells.push(decodeCell(reader.bytes()));
    else reader.skip();
  }
  return cells;
}

function decodeCell(bytes: Buffer): WireValue {
  const reader = new FieldReader(bytes);
  let value: WireValue = null;
  while (reader.next()) value = readScalar(reader, 1, value);
  return value;
}

function decodeTemplate(bytes: Buffer, depth: number): Template {
  refuseDepth(depth);
  const reader = new FieldReader(bytes);
  const metrics: Metric[] = [];
  const parameters: Typed[] = [];
  let [version, reference, isDefinition]: [string | null, string | null, boolean] = [null, null, false];
  while (reader.next()) {
    if (reader.field === 1) version = reader.string();
    else if (reader.field === 2) metrics.push(decodeMetric(reader.bytes(), depth));
    else if (reader.field === 3) parameters.push(decodeParameter(reader.bytes()));
    else if (reader.field === 4) reference = reader.string();
    else if (reader.field === 5) isDefinition = reader.bool();
    else reader.skip();
  }
  return { kind: 'template', version, reference, isDefinition, metrics, parameters };
}

function decodeParameter(bytes: Buffer): Typed {
  const reader = new FieldReader(bytes);
  let name = '';
  let datatype: number | null = null;
  let value: WireValue = null;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) datatype = Number(reader.uint64());
    else value = readScalar(reader, 3, value);
  }
  return { name, datatype, value };
}

function decodeProperties(bytes: Buffer, depth: number): PropertySet {
  refuseDepth(depth);
  const reader = new FieldReader(bytes);
  const names: string[] = [];
  const values: PropertyValue[] = [];
  while (reader.next()) {
    if (reader.field === 1) names.push(reader.string());
    else if (reader.field === 2) values.push(decodeProperty(reader.bytes(), depth));
    else reader.skip();
  }
  return { names, values };
}

function decodeProperty(bytes: Buffer, depth: number): PropertyValue {
  const reader = new FieldReader(bytes);
  let datatype: number | null = null;
  let value: PropertyValue['value'] = null;
  while (reader.next()) {
    if (reader.field === 1) datatype = Number(reader.uint64());
    else if (reader.field === 9) value = decodeProperties(reader.bytes(), depth + 1);
    else if (reader.field === 10) value = decodePropertyList(reader.bytes(), depth + 1);
    else value = readScalar(reader, 3, value as WireValue);
  }
  return { datatype, value };
}

function decodePropertyList(bytes: Buffer, depth: number): PropertySet[] {
  const reader = new FieldReader(bytes);
  const sets: PropertySet[] = [];
  while (reader.next()) {
    if (reader.field === 1) sets.push(decodeProperties(reader.bytes(), depth));
    else reader.skip();
  }
  return sets;
}

function refuseDepth(depth: number): void {
  if (depth > DEPTH_MAX) throw new RangeError(`it nests deeper than ${DEPTH_MAX} levels`);
}

/** Asks an edge node to publish its births again (Sparkplug 3.0, 6.4.21): the payload of an NCMD. */
export function encodeRebirth(now: number): Buffer {
  const booleanType = 11;
  const metric = new FieldWriter().bytes(1, 'Node Control/Rebirth').varint(3, now).varint(4, booleanType).varint(14, 1);
  return new FieldWriter().varint(1, now).bytes(2, metric.end()).end();
}

/** Two's complement of 64 bits, as signed types have it on the wire. */
export function signed64(value: Integer): Integer {
  return exact(BigInt.asIntN(64, BigInt(value)));
}
