/**
 * Shapes: Postgres's own (point, line, lseg, box, path, polygon, circle) and PostGIS's, in the forms of Debezium: well-known
 * binary in a struct, with the numbers beside it where there is a form for them.
 */
import { type Field, type Schema, struct } from '../../api/index.ts';
import { type ColumnMapping, javaDouble, type TypeModes, writeConverted } from './mapping.ts';

const float64: Schema = { type: 'float64' };
const wkbField = (optional: boolean): Field => ({ name: 'wkb', schema: { type: 'bytes', optional } });
const srid: Field = { name: 'srid', schema: { type: 'int32', optional: true } };
const text: Schema = { type: 'string' };

const shape = (name: string, version: number, doc: string, fields: readonly Field[]): Schema => {
  return { ...struct(`io.debezium.data.geometry.${name}`, fields), version, doc };
};

const pointSchema = shape('Point', 1, 'Geometry (POINT)', [
  { name: 'x', schema: float64 },
  { name: 'y', schema: float64 },
  wkbField(true),
  srid,
]);
const lineSchema = shape('Line', 1, 'Geometry (LINE)', [
  { name: 'a', schema: float64 },
  { name: 'b', schema: float64 },
  { name: 'c', schema: float64 },
]);
const circleSchema = shape('Circle', 1, 'Geometry (CIRCLE)', [
  { name: 'center', schema: pointSchema },
  { name: 'radius', schema: float64 },
]);
const geometrySchema = shape('Geometry', 2, 'Geometry', [
  wkbField(false),
  srid,
  { name: 'extensions', schema: { type: 'map', optional: true, keySchema: text, valueSchema: text } },
]);
const geographySchema = shape('Geography', 1, 'Geography', [wkbField(false), srid]);

/** The mapping of a shape's type, or null for any other type. */
export function geometryMapping(name: string, modes: TypeModes): ColumnMapping | null {
  const number = modes.isCompatible ? javaDouble : (value: string) => JSON.stringify(Number(value));
  const mapped = (schema: Schema, convert: (value: string) => string, zero: string): ColumnMapping => {
    return { schema, write: writeConverted(convert), zero: convert(zero) };
  };
  const optional = (mapping: ColumnMapping): ColumnMapping => ({ ...mapping, isAlwaysOptional: modes.isCompatible });
  const point = (value: string) => pointJson(numbersIn(value), number);
  switch (name) {
    case 'point':
      return mapped(pointSchema, point, '(0,0)');
    case 'line':
      return optional(mapped(lineSchema, (value) => lineJson(numbersIn(value).map(number)), '{0,1,0}'));
    case 'circle':
      return optional(mapped(circleSchema, (value) => circleJson(numbersIn(value), number), '<(0,0),0>'));
    case 'lseg':
      return optional(mapped(geometrySchema, lsegJson, '[(0,0),(1,0)]'));
    case 'box':
      return optional(mapped(geometrySchema, boxJson, '(0,0),(1,1)'));
    case 'path': {
      const zero = geometryJson(lineString(['0', '0', '1', '0']), '{"type":"path"}');
      return optional({ ...mapped(geometrySchema, pathJson, '((0,0))'), zero });
    }
    case 'polygon':
      return optional(mapped(geometrySchema, polygonJson, '((0,0),(1,0),(0,1))'));
    case 'geometry':
      return optional(mapped(geometrySchema, (value) => postgisJson(value, ',"extensions":null'), EMPTY_COLLECTION));
    case 'geography':
      return optional(mapped(geographySchema, (value) => postgisJson(value, ''), EMPTY_COLLECTION));
    default:
      return null;
  }
}

/** GEOMETRYCOLLECTION EMPTY. */
const EMPTY_COLLECTION = '010700000000000000';

/** The coordinates of `((0,1),(2,3))` in order. */
function numbersIn(value: string): string[] {
  return value.match(/-?(?:Infinity|NaN|[\d.]+(?:e[+-]?\d+)?)/g) ?? [];
}

function pointJson([x = '0', y = '0']: readonly string[], number: (value: string) => string): string {
  return `{"x":${number(x)},"y":${number(y)},"wkb":"${wkb(1, [x, y]).toString('base64')}","srid":null}`;
}

function lineJson([a, b, c]: readonly string[]): string {
  return `{"a":${a},"b":${b},"c":${c}}`;
}

function circleJson([x = '0', y = '0', radius = '0']: readonly string[], number: (value: string) => string): string {
  return `{"center":${pointJson([x, y], number)},"radius":${number(radius)}}`;
}

function geometryJson(bytes: Buffer, extensions: string): string {
  return `{"wkb":"${bytes.toString('base64')}","srid":null,"extensions":${extensions}}`;
}

function lsegJson(value: string): string {
  return geometryJson(lineString(numbersIn(value)), '{"type":"lseg"}');
}

function boxJson(value: string): string {
  return geometryJson(polygon(cornersOf(numbersIn(value))), '{"type":"box"}');
}

function polygonJson(value: string): string {
  return geometryJson(polygon(closed(numbersIn(value))), '{"type":"polygon"}');
}

/** A closed path stands in parentheses, an open one in brackets. */
function pathJson(value: string): string {
  return geometryJson(lineString(numbersIn(value)), `{"type":"path","closed":"${value.startsWith('(')}"}`);
}

/** PostGIS's text is extended well-known binary in hexadecimal; a flag in the type says that an SRID follows. */
function postgisJson(hex: string, rest: string): string {
  const bytes = Buffer.from(hex, 'hex');
  const isLittle = bytes[0] === 1;
  const type = isLittle ? bytes.readUInt32LE(1) : bytes.readUInt32BE(1);
  const reference = (type & SRID_FLAG) === 0 ? 'null' : String(isLittle ? bytes.readInt32LE(5) : bytes.readInt32BE(5));
  return `{"wkb":"${bytes.toString('base64')}","srid":${reference}${rest}}`;
}

const SRID_FLAG = 0x2000_0000;
const LINE_STRING = 2;
const POLYGON = 3;

/** The corners of a box from its two: upper right, lower right, lower left, upper left, and the first again. */
function cornersOf([x1 = '0', y1 = '0', x2 = '0', y2 = '0']: readonly string[]): string[] {
  return [x1, y1, x1, y2, x2, y2, x2, y1, x1, y1];
}

/** The ring, ended by its first point. */
function closed(numbers: readonly string[]): readonly string[] {
  const isClosed = numbers.length < 4 || (numbers[0] === numbers.at(-2) && numbers[1] === numbers.at(-1));
  return isClosed ? numbers : [...numbers, ...numbers.slice(0, 2)];
}

function lineString(numbers: readonly string[]): Buffer {
  return wkb(LINE_STRING, numbers, numbers.length / 2);
}

function polygon(numbers: readonly string[]): Buffer {
  return wkb(POLYGON, numbers, 1, numbers.length / 2);
}

/** Little-endian well-known binary: byte order, type, counts, coordinates. */
function wkb(type: number, numbers: readonly string[], ...counts: readonly number[]): Buffer {
  const head = 1 + 4 * (1 + counts.length);
  const bytes = Buffer.alloc(head + 8 * numbers.length);
  bytes[0] = 1;
  for (const [index, count] of [type, ...counts].entries()) bytes.writeUInt32LE(count, 1 + 4 * index);
  for (const [index, value] of numbers.entries()) bytes.writeDoubleLE(Number(value), head + 8 * index);
  return bytes;
}
