/**
 * Whether data written with one Avro schema can be read with another: the schema resolution rules of the Avro
 * specification, with the names of incompatibilities that Avro's Java library and Confluent's messages use. Pure.
 *
 * Names are compared without their namespace, as in Java; aliases of the reader count. Schemas that refer to themselves
 * end, because a pair that is being compared is taken for compatible.
 */
import type { CompatibilityLevel } from '../model.ts';
import type { AvroNode, AvroSchema, NamedNode, Primitive } from './parse.ts';
import { spaceOf } from './parse.ts';

export type AvroDifferenceType =
  | 'NAME_MISMATCH'
  | 'FIXED_SIZE_MISMATCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'MISSING_UNION_BRANCH';

export interface AvroDifference {
  readonly type: AvroDifferenceType;
  /** A JSON pointer into the reader's schema. */
  readonly path: string;
  readonly detail: string;
}

/** What the reader's schema cannot read of the writer's; empty when it reads everything. */
export function avroDifferences(reader: AvroSchema, writer: AvroSchema): readonly AvroDifference[] {
  return new Comparison().compare(reader.root, writer.root, '');
}

/** Primitives that a reader takes beside its own. */
const PROMOTED: Partial<Record<Primitive, readonly Primitive[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  bytes: ['string'],
  string: ['bytes'],
};

class Comparison {
  /** Pairs under way or done. */
  readonly #known = new Map<AvroNode, Map<AvroNode, readonly AvroDifference[]>>();

  compare(reader: AvroNode, writer: AvroNode, path: string): readonly AvroDifference[] {
    const known = this.#known.get(reader) ?? new Map<AvroNode, readonly AvroDifference[]>();
    this.#known.set(reader, known);
    const before = known.get(writer);
    if (before !== undefined) return before;
    known.set(writer, []);
    const found = this.#pair(reader, writer, path);
    known.set(writer, found);
    return found;
  }

  #pair(reader: AvroNode, writer: AvroNode, path: string): readonly AvroDifference[] {
    if (writer.kind === 'union') return this.#fromUnion(reader, writer.branches, path);
    if (reader.kind === 'union') {
      const isRead = reader.branches.some(
        (branch, index) => this.compare(branch, writer, `${path}/${index}`).length === 0,
      );
      const detail = `reader union lacking writer type: ${nameOf(writer)}`;
      return isRead ? [] : [{ type: 'MISSING_UNION_BRANCH', path: path || '/', detail }];
    }
    if (reader.kind === 'primitive' && writer.kind === 'primitive') {
      const isRead = reader.type === writer.type || PROMOTED[reader.type]?.includes(writer.type) === true;
      return isRead ? [] : [mismatch(reader, writer, path)];
    }
    if (reader.kind === 'array' && writer.kind === 'array')
      return this.compare(reader.items, writer.items, `${path}/items`);
    if (reader.kind === 'map' && writer.kind === 'map')
      return this.compare(reader.items, writer.items, `${path}/values`);
    if (isNamed(reader) && isNamed(writer) && reader.kind === writer.kind) return this.#named(reader, writer, path);
    return [mismatch(reader, writer, path)];
  }

  #fromUnion(reader: AvroNode, branches: readonly AvroNode[], path: string): readonly AvroDifference[] {
    return branches.flatMap((branch, index) => {
      const found = this.compare(reader, branch, path);
      if (found.length === 0 || reader.kind !== 'union') return found;
      const detail = `reader union lacking writer type: ${nameOf(branch)}`;
      return [{ type: 'MISSING_UNION_BRANCH' as const, path: `${path}/${index}`, detail }];
    });
  }

  #named(reader: NamedNode, writer: NamedNode, path: string): readonly AvroDifference[] {
    const found: AvroDifference[] = [];
    if (simpleName(reader.name) !== simpleName(writer.name) && !reader.aliases.includes(writer.name)) {
      found.push({ type: 'NAME_MISMATCH', path: `${path}/name`, detail: `expected: ${writer.name}` });
    }
    if (reader.kind === 'fixed' && writer.kind === 'fixed' && reader.size !== writer.size) {
      const detail = `expected: ${writer.size}, found: ${reader.size}`;
      found.push({ type: 'FIXED_SIZE_MISMATCH', path: `${path}/size`, detail });
    }
    if (reader.kind === 'enum' && writer.kind === 'enum') {
      const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
      if (missing.length > 0 && reader.byDefault === null) {
        found.push({ type: 'MISSING_ENUM_SYMBOLS', path: `${path}/symbols`, detail: `[${missing.join(', ')}]` });
      }
    }
    if (reader.kind === 'record' && writer.kind === 'record') found.push(...this.#fields(reader, writer, path));
    return found;
  }

  #fields(
    reader: Extract<AvroNode, { kind: 'record' }>,
    writer: Extract<AvroNode, { kind: 'record' }>,
    path: string,
  ): AvroDifference[] {
    const written = new Map(writer.fields.map((field) => [field.name, field]));
    return reader.fields.flatMap((field, index) => {
      const names = [field.name, ...field.aliases];
      const other = names.map((name) => written.get(name)).find((each) => each !== undefined);
      if (other !== undefined) return this.compare(field.type, other.type, `${path}/fields/${index}/type`);
      if (field.byDefault !== undefined) return [];
      return [{ type: 'READER_FIELD_MISSING_DEFAULT_VALUE', path: `${path}/fields/${index}`, detail: field.name }];
    });
  }
}

function isNamed(node: AvroNode): node is NamedNode {
  return node.kind === 'record' || node.kind === 'enum' || node.kind === 'fixed';
}

function mismatch(reader: AvroNode, writer: AvroNode, path: string): AvroDifference {
  const detail = `reader type: ${nameOf(reader)} not compatible with writer type: ${nameOf(writer)}`;
  return { type: 'TYPE_MISMATCH', path: path || '/', detail };
}

function nameOf(node: AvroNode): string {
  return (node.kind === 'primitive' ? node.type : node.kind).toUpperCase();
}

function simpleName(name: string): string {
  const space = spaceOf(name);
  return space === '' ? name : name.slice(space.length + 1);
}

/** An earlier version to compare with. */
export interface EarlierAvro {
  readonly version: number;
  readonly schema: string;
  readonly parsed: AvroSchema;
}

/** Why a schema may not follow earlier ones, newest first, in the form of the registry's messages; empty when it may. */
export function avroMessages(
  next: AvroSchema,
  earlier: readonly EarlierAvro[],
  level: CompatibilityLevel,
  validateFields: boolean,
): string[] {
  const newestFirst = [...earlier].sort((a, b) => b.version - a.version);
  for (const old of level.endsWith('_TRANSITIVE') ? newestFirst : newestFirst.slice(0, 1)) {
    const found = [
      ...(level.startsWith('FORWARD') ? [] : described(avroDifferences(next, old.parsed), 'new', 'old')),
      ...(level.startsWith('BACKWARD') ? [] : described(avroDifferences(old.parsed, next), 'old', 'new')),
    ];
    if (found.length === 0) continue;
    return [
      ...found,
      `{oldSchemaVersion: ${old.version}}`,
      `{oldSchema: '${old.schema.slice(0, LONGEST_QUOTED)}${old.schema.length > LONGEST_QUOTED ? '...' : ''}'}`,
      `{validateFields: '${validateFields}', compatibility: '${level}'}`,
    ];
  }
  return [];
}

const LONGEST_QUOTED = 500;

const SENTENCES: Readonly<Record<AvroDifferenceType, string>> = {
  NAME_MISMATCH: "The name at '%path' is another one in the %reader than in the %writer. Add an alias.",
  FIXED_SIZE_MISMATCH: "The fixed type at '%path' has another size in the %reader than in the %writer.",
  MISSING_ENUM_SYMBOLS: "The %reader lacks symbols at '%path' that the %writer may write, and has no default symbol.",
  READER_FIELD_MISSING_DEFAULT_VALUE:
    "The field at '%path' of the %reader is missing in the %writer. Give it a default.",
  TYPE_MISMATCH: "The type at '%path' of the %reader cannot be read from that of the %writer.",
  MISSING_UNION_BRANCH: "The union at '%path' of the %reader lacks a type that the %writer may write.",
};

function described(found: readonly AvroDifference[], reader: string, writer: string): string[] {
  return found.map(({ type, path, detail }) => {
    const sentence = SENTENCES[type]
      .replaceAll('%path', path)
      .replaceAll('%reader', `${reader} schema`)
      .replaceAll('%writer', `${writer} schema`);
    return `{errorType:'${type}', description:'${sentence}', additionalInfo:'${detail}'}`;
  });
}
