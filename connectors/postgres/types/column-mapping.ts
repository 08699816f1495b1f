/**
 * The type table: which Connect schema a Postgres column has, and how its text becomes JSON.
 *
 * Snapshot and stream share it, because COPY and pgoutput send the same text. Names and forms are Debezium's (its
 * Postgres connector's "Data type mappings"); where a mode says so, ours: exact decimals and RFC 3339 times as text.
 */
import type { Schema } from '../../api/index.ts';
import { geometryMapping } from './geometry-mapping.ts';
import type { JsonWriter } from './json-writer.ts';
import {
  binaryText,
  type ColumnMapping,
  type PgType,
  type TypeModes,
  type WriteValue,
  writeConverted,
  writeText,
} from './mapping.ts';
import { numericMapping } from './numeric-mapping.ts';
import { temporalMapping } from './temporal-mapping.ts';
import { type ArrayElements, bitsToBytes, javaMapOrder, parseArray, parseHstore } from './text-forms.ts';
import { vectorMapping } from './vector-mapping.ts';

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const LETTER_T = 0x74;
const DIGIT_1 = 0x31;

/** The mapping of a column's type and modifier, or null where the column is left out. */
export function mapColumn(type: PgType, modifier: number, modes: TypeModes): ColumnMapping | null {
  if (type.base !== undefined) {
    return mapColumn(type.base.type, modifier === -1 ? type.base.modifier : modifier, modes);
  }
  if (type.element !== undefined) return arrayMapping(type.element, modifier, modes);
  if (type.kind === 'e') {
    const labels = type.labels ?? [];
    return {
      ...textMapping(modes, 'io.debezium.data.Enum', { allowed: labels.join(',') }),
      labels: new Set(labels),
    };
  }
  if (type.kind === 'r' && (!modes.isCompatible || RANGES.includes(type.name))) return textMapping(modes);
  return (
    numericMapping(type.name, modifier, modes) ??
    temporalMapping(type.name, modifier, modes) ??
    geometryMapping(type.name, modes) ??
    vectorMapping(type.name, modes) ??
    otherMapping(type.name, modifier, modes) ??
    unknownMapping(modes)
  );
}

/** Those of Postgres itself; one that a user made is unknown to Debezium. */
const RANGES = ['int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange'];

/** A type nobody mapped: its text, which Debezium sends as bytes. */
function unknownMapping(modes: TypeModes): ColumnMapping | null {
  if (!modes.includeUnknown) return null;
  if (!modes.isCompatible) return textMapping(modes);
  return {
    ...binaryMapping(modes),
    write: (out, source, start, end) => out.ascii(`"${binaryText(source.subarray(start, end), modes.binary)}"`),
  };
}

function otherMapping(name: string, modifier: number, modes: TypeModes): ColumnMapping | null {
  switch (name) {
    case 'bool':
      return { schema: { type: 'boolean' }, write: writeBoolean(LETTER_T), zero: 'false' };
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'char':
    case 'name':
    case 'citext':
    case 'inet':
    case 'cidr':
    case 'macaddr':
    case 'macaddr8':
    case 'isbn':
      return textMapping(modes);
    case 'json':
    case 'jsonb':
      return textMapping(modes, 'io.debezium.data.Json');
    case 'xml':
      return textMapping(modes, 'io.debezium.data.Xml');
    case 'uuid':
      return textMapping(modes, 'io.debezium.data.Uuid');
    case 'ltree':
      return textMapping(modes, 'io.debezium.data.Ltree');
    case 'tsvector':
      return textMapping(modes, 'io.debezium.data.Tsvector');
    case 'bytea':
      return binaryMapping(modes);
    case 'bit':
    case 'varbit':
      return bitMapping(name, modifier, modes);
    case 'hstore':
      return hstoreMapping(modes);
    default:
      return null;
  }
}

function textMapping(modes: TypeModes, name?: string, parameters?: Record<string, string>): ColumnMapping {
  return {
    schema: { type: 'string', ...(name ? { name, version: 1 } : {}), ...(parameters ? { parameters } : {}) },
    write: writeText,
    zero: '""',
    unavailable: JSON.stringify(modes.unavailable.toString()),
  };
}

function writeBoolean(truth: number): WriteValue {
  return (out, source, start) => out.raw(source[start] === truth ? TRUE : FALSE);
}

/** Postgres writes `\x` and two digits per byte (bytea_output hex). */
function binaryMapping(modes: TypeModes): ColumnMapping {
  return {
    schema: { type: modes.binary === 'bytes' ? 'bytes' : 'string' },
    write: (out, source, start, end) => {
      const bytes = Buffer.from(source.toString('latin1', start + 2, end), 'hex');
      out.ascii(`"${binaryText(bytes, modes.binary)}"`);
    },
    zero: '""',
    unavailable: JSON.stringify(binaryText(modes.unavailable, modes.binary)),
  };
}

function bitMapping(name: string, modifier: number, { isCompatible }: TypeModes): ColumnMapping {
  // A varbit(1) may be empty; Debezium makes a boolean of it all the same.
  if (modifier === 1 && (name === 'bit' || isCompatible)) {
    return { schema: { type: 'boolean' }, write: writeBoolean(DIGIT_1), zero: 'false' };
  }
  const length = modifier === -1 ? 2_147_483_647 : modifier;
  return {
    schema: { type: 'bytes', name: 'io.debezium.data.Bits', version: 1, parameters: { length: String(length) } },
    write: writeConverted((text) => `"${bitsToBytes(text).toString('base64')}"`),
    zero: '""',
  };
}

function hstoreMapping(modes: TypeModes): ColumnMapping {
  const json = (text: string) => {
    const pairs = modes.isCompatible ? javaMapOrder(parseHstore(text))[0] : parseHstore(text);
    // No object of JavaScript's: it would put whole numbers first.
    return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  };
  if (modes.hstore === 'map') {
    const text: Schema = { type: 'string' };
    return {
      schema: { type: 'map', keySchema: text, valueSchema: { type: 'string', optional: true } },
      write: writeConverted(json),
      zero: '{}',
      unavailable: JSON.stringify({ [modes.unavailable.toString()]: modes.unavailable.toString() }),
    };
  }
  const absent = modes.unavailable.toString();
  return {
    ...textMapping(modes, 'io.debezium.data.Json'),
    ...(modes.isCompatible ? { zero: '"{}"' } : {}),
    write: writeConverted((value) => JSON.stringify(json(value))),
    ...(modes.isCompatible ? { unavailable: JSON.stringify(JSON.stringify({ [absent]: absent })) } : {}),
  };
}

/** Debezium knows no lists of these, not as unknown types either. */
const UNLISTED = ['interval', 'money', 'name', 'point', 'refcursor', 'varbit', 'xml'];

function isUnlisted({ name, base }: PgType, { isCompatible, includeUnknown }: TypeModes): boolean {
  if (isCompatible) return UNLISTED.includes(name) || (base !== undefined && !includeUnknown);
  return name === 'interval' && !includeUnknown;
}

/** Of these Debezium sends the placeholder's bytes, one an element. */
function isListOfBytes(element: string): boolean {
  return element === 'int4' || element === 'int8' || element === 'date';
}

/** Elements may always be null in Postgres. A modifier (`numeric(5,2)[]`) is the element's. */
function arrayMapping(element: PgType, modifier: number, modes: TypeModes): ColumnMapping | null {
  if (isUnlisted(element, modes)) return null;
  // A list of a domain's values is a list of nobody's to Debezium.
  const isUnknown = modes.isCompatible && element.base !== undefined;
  const mapping = isUnknown ? unknownMapping(modes) : mapColumn(element, modifier, modes);
  if (mapping === null) return null;
  const writeElements = (out: JsonWriter, elements: ArrayElements): void => {
    out.byte(0x5b);
    elements.forEach((item, index) => {
      if (index > 0) out.byte(0x2c);
      if (item === null) out.ascii('null');
      else if (Array.isArray(item)) writeElements(out, item);
      else {
        const bytes = Buffer.from(item);
        mapping.write(out, bytes, 0, bytes.length);
      }
    });
    out.byte(0x5d);
  };
  return {
    schema: { type: 'array', valueSchema: { ...mapping.schema, optional: true } },
    write: (out, source, start, end) =>
      writeElements(out, parseArray(source.toString('utf8', start, end), element.delimiter)),
    zero: '[]',
    unavailable: isListOfBytes(element.name)
      ? JSON.stringify([...modes.unavailable])
      : `[${mapping.unavailable ?? 'null'}]`,
  };
}
