/**
 * Kafka's message definitions as this generator sees them: JSON with comments, read from broker/protocol/definitions.
 * The format is described by the README in Kafka's `clients/src/main/resources/common/message`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseRange, type VersionRange } from './version-range.ts';

export interface FieldDefinition {
  readonly name: string;
  /** `int32`, `[]string`, `Topic`, `[]Topic`, … */
  readonly type: string;
  /** Absent on some tagged fields, which are there in the versions they are tagged in. */
  readonly versions?: string;
  readonly nullableVersions?: string;
  readonly flexibleVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean | null;
  readonly about?: string;
  readonly fields?: readonly FieldDefinition[];
}

export interface StructDefinition {
  readonly name: string;
  readonly versions: string;
  readonly fields: readonly FieldDefinition[];
}

export interface MessageDefinition {
  readonly name: string;
  readonly type: string;
  readonly apiKey?: number;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly fields: readonly FieldDefinition[];
  readonly commonStructs?: readonly StructDefinition[];
}

/** All definitions of the folder, in the order of their names. */
export function readDefinitions(folder: string): MessageDefinition[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(withoutComments(fs.readFileSync(path.join(folder, name), 'utf8'))) as MessageDefinition);
}

/** Kafka's comments stand on lines of their own or behind a value; no string in the definitions holds `//`. */
function withoutComments(text: string): string {
  return text.replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** A struct with everything the emitter asks of it worked out. */
export interface Struct {
  readonly name: string;
  readonly fields: readonly Field[];
}

export type Shape =
  | { readonly kind: 'primitive'; readonly type: string }
  | { readonly kind: 'struct'; readonly struct: string }
  | { readonly kind: 'array'; readonly element: Shape };

export interface Field {
  readonly name: string;
  readonly about: string;
  readonly shape: Shape;
  readonly versions: VersionRange;
  readonly nullable: VersionRange;
  /** Versions in which the field is tagged instead of standing in its place. */
  readonly tagged: VersionRange;
  readonly tag: number;
  /** Overrides the message's own, for the one field of the request header that never is compact. */
  readonly flexible: VersionRange | null;
  /** A TypeScript expression, or null where the default is "empty". */
  readonly defaultValue: string;
  readonly isNullDefault: boolean;
}

const primitives = new Set('bool int8 int16 uint16 int32 uint32 int64 float64 string uuid bytes records'.split(' '));

/** The message's structs, the message itself last, each after the ones it uses where they are nested. */
export function structsOf(message: MessageDefinition): Struct[] {
  const structs: Struct[] = [];
  const add = (name: string, fields: readonly FieldDefinition[], versions: VersionRange): void => {
    for (const field of fields) {
      if (field.fields !== undefined)
        add(field.type.replace('[]', ''), field.fields, versionsOf(field).within(versions));
    }
    structs.push({ name, fields: fields.map((field) => toField(field, versions)) });
  };
  const valid = parseRange(message.validVersions);
  for (const common of message.commonStructs ?? [])
    add(common.name, common.fields, parseRange(common.versions).within(valid));
  add(message.name, message.fields, valid);
  return structs;
}

function toField(field: FieldDefinition, inside: VersionRange): Field {
  const shape = toShape(field.type);
  const versions = versionsOf(field).within(inside);
  // Only the string: Kafka's generator takes a bare null, which two definitions have, for no default at all.
  const isNullDefault = field.default === 'null';
  return {
    name: field.name[0]!.toLowerCase() + field.name.slice(1),
    about: field.about ?? '',
    shape,
    versions,
    nullable: parseRange(field.nullableVersions ?? 'none').within(versions),
    tagged: parseRange(field.taggedVersions ?? 'none').within(versions),
    tag: field.tag ?? -1,
    flexible: field.flexibleVersions === undefined ? null : parseRange(field.flexibleVersions),
    defaultValue: isNullDefault ? 'null' : defaultOf(shape, field),
    isNullDefault,
  };
}

function versionsOf(field: FieldDefinition): VersionRange {
  return parseRange(field.versions ?? field.taggedVersions ?? '0+');
}

function toShape(type: string): Shape {
  if (type.startsWith('[]')) return { kind: 'array', element: toShape(type.slice(2)) };
  return primitives.has(type) ? { kind: 'primitive', type } : { kind: 'struct', struct: type };
}

function defaultOf(shape: Shape, field: FieldDefinition): string {
  if (shape.kind === 'array') return '[]';
  if (shape.kind === 'struct') return `default${shape.struct}()`;
  const given = String(field.default ?? '').trim();
  switch (shape.type) {
    case 'bool':
      return given === 'true' ? 'true' : 'false';
    case 'string':
      return JSON.stringify(given);
    case 'uuid':
      return 'zeroUuid';
    case 'bytes':
    case 'records':
      return 'emptyBytes';
    default:
      return given === '' ? '0' : given === '9223372036854775807' ? 'longMax' : String(Number(given));
  }
}
