/**
 * From an Avro schema's text to a tree with every name resolved, as the Avro specification (1.12) reads it.
 *
 * avsc, the library, judges what is valid (names, defaults, unions); this keeps what it throws away: properties, docs,
 * aliases and the numbers as they were written, because the registry's spelling of a schema holds them all.
 */
import { createRequire } from 'node:module';
import { errors, RegistryError } from '../errors.ts';
import { isObject, type JsonObject, type JsonValue, positionBeyondDepth } from '../parse/json-text.ts';
import type { NamedText, SchemaLimits } from '../parse/parse-schema.ts';

export const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type Primitive = (typeof PRIMITIVES)[number];

/** Members that are not part of the schema's own words, in their order. */
export type Props = readonly (readonly [name: string, value: JsonValue])[];

export interface AvroField {
  readonly name: string;
  readonly type: AvroNode;
  readonly doc: string | null;
  /** Absent where there is none; null is a default. */
  readonly byDefault?: JsonValue;
  readonly order: string;
  readonly aliases: readonly string[];
  readonly props: Props;
}

interface Named {
  /** Full name. */
  readonly name: string;
  /** Full names. */
  readonly aliases: readonly string[];
  readonly doc: string | null;
  readonly props: Props;
}

export type AvroNode =
  | { readonly kind: 'primitive'; readonly type: Primitive; readonly props: Props }
  | { readonly kind: 'array' | 'map'; readonly items: AvroNode; readonly props: Props }
  | { readonly kind: 'union'; readonly branches: readonly AvroNode[] }
  | (Named & { readonly kind: 'record'; readonly isError: boolean; fields: readonly AvroField[] })
  | (Named & { readonly kind: 'enum'; readonly symbols: readonly string[]; readonly byDefault: string | null })
  | (Named & { readonly kind: 'fixed'; readonly size: number });

export type NamedNode = Extract<AvroNode, Named>;

export interface AvroSchema {
  readonly root: AvroNode;
  /** Names that references brought, which the schema's own text does not spell out again. */
  readonly known: ReadonlySet<string>;
}

/**
 * Throws 42201 or 42209. `references` are texts of other schemas, in any order. `isKept`: a schema that is there already,
 * as other registries and older ones took it, so that its names and defaults are not judged any more.
 */
export function parseAvro(
  text: string,
  references: readonly NamedText[],
  limits: SchemaLimits,
  { isKept = false }: { readonly isKept?: boolean } = {},
): AvroSchema {
  const names = new Map<string, NamedNode>();
  const parse = (one: string, registry: object | null): AvroNode => parseOne(one, names, registry, limits);
  try {
    const registry = isKept ? null : {};
    for (const reference of inOrder(references)) parse(reference, registry);
    const known = new Set(names.keys());
    return { root: parse(text, registry), known };
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw errors.invalidSchema(`Invalid schema: it is no Avro schema: ${(error as Error).message}.`, error);
  }
}

/** Judged only where there is a `registry` of avsc's to judge it in. */
function parseOne(
  text: string,
  names: Map<string, NamedNode>,
  registry: object | null,
  limits: SchemaLimits,
): AvroNode {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.maxBytes) throw errors.schemaTooLarge(bytes, limits.maxBytes);
  if (positionBeyondDepth(text, limits.maxDepth) !== -1) {
    throw errors.invalidSchema(`Invalid schema: it nests deeper than ${limits.maxDepth} levels.`);
  }
  const schema = jsonOf(text);
  if (registry !== null) assertAvro(schema, registry);
  return new Reader(names).node(jsonWithNumbersOf(text) ?? schema, '');
}

function jsonOf(text: string): JsonValue {
  const trimmed = text.trim();
  // Confluent takes a bare name of a primitive, as its old releases stored them.
  if ((PRIMITIVES as readonly string[]).includes(trimmed)) return trimmed;
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw errors.invalidSchema(`Invalid schema: the text is not JSON: ${(error as Error).message}`, error);
  }
}

/** Node's raw JSON keeps `1.0` what it was; typed as the number it stands for. */
interface RawJson {
  rawJSON(text: string): JsonValue;
  parse(text: string, reviver: (key: string, value: JsonValue, context: { source?: string }) => JsonValue): JsonValue;
}

function jsonWithNumbersOf(text: string): JsonValue | null {
  const json = JSON as unknown as RawJson;
  try {
    return json.parse(text, (_, value, { source }) =>
      typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
    );
  } catch {
    return null;
  }
}

const load = createRequire(import.meta.url);

/** What is wrong with bytes as data of a schema, in a clause; null when nothing is. */
export function avroJudge(text: string, references: readonly NamedText[]): (bytes: Buffer) => string | null {
  const registry = {};
  for (const reference of inOrder(references)) assertAvro(jsonOf(reference), registry);
  const type = assertAvro(jsonOf(text), registry);
  return (bytes) => {
    try {
      type.fromBuffer(bytes);
      return null;
    } catch (error) {
      return `it is no data of it (${(error as Error).message})`;
    }
  };
}

/** avsc's judgement; its module is loaded with the first Avro schema. */
function assertAvro(schema: JsonValue, registry: object): import('avsc').Type {
  const { Type } = load('avsc') as typeof import('avsc');
  try {
    return Type.forSchema(schema as Parameters<typeof Type.forSchema>[0], {
      registry: registry as never,
      wrapUnions: true,
    });
  } catch (error) {
    throw errors.invalidSchema(`Invalid schema: it is no Avro schema: ${(error as Error).message}.`, error);
  }
}

/** Each after those it names: tried until all are in, whatever order they came in. */
function inOrder(references: readonly NamedText[]): string[] {
  const waiting = references.map(({ text }) => ({ text, names: namesIn(text) }));
  const defined = new Set<string>();
  const all = new Set(waiting.flatMap(({ names }) => [...names.defined]));
  const ordered: string[] = [];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ names }) =>
      [...names.used].every((name) => !all.has(name) || defined.has(name) || names.defined.has(name)),
    );
    const [next] = waiting.splice(Math.max(ready, 0), 1);
    for (const name of next!.names.defined) defined.add(name);
    ordered.push(next!.text);
  }
  return ordered;
}

/** Names a text defines and full names it uses, without judging it. */
function namesIn(text: string): { readonly defined: Set<string>; readonly used: Set<string> } {
  const found = { defined: new Set<string>(), used: new Set<string>() };
  const visit = (value: JsonValue, space: string): void => {
    if (typeof value === 'string') found.used.add(fullName(value, space));
    else if (Array.isArray(value)) for (const each of value) visit(each, space);
    else if (isObject(value)) {
      let inner = space;
      if (
        typeof value.name === 'string' &&
        value.type !== undefined &&
        !isObject(value.type) &&
        isNamedType(value.type)
      ) {
        const full = fullName(value.name, typeof value.namespace === 'string' ? value.namespace : space);
        found.defined.add(full);
        inner = spaceOf(full);
      }
      for (const member of ['type', 'items', 'values', 'fields'] as const) {
        if (value[member] !== undefined) visit(value[member], inner);
      }
    }
  };
  visit(jsonOf(text), '');
  return found;
}

function isNamedType(type: JsonValue): boolean {
  return type === 'record' || type === 'enum' || type === 'fixed' || type === 'error';
}

export function fullName(name: string, space: string): string {
  return name.includes('.') || space === '' || (PRIMITIVES as readonly string[]).includes(name)
    ? name
    : `${space}.${name}`;
}

export function spaceOf(name: string): string {
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
}

const SCHEMA_WORDS = new Set([
  'doc',
  'fields',
  'items',
  'name',
  'namespace',
  'size',
  'symbols',
  'values',
  'type',
  'aliases',
]);
const FIELD_WORDS = new Set(['default', 'doc', 'name', 'order', 'type', 'aliases']);

class Reader {
  readonly #names: Map<string, NamedNode>;

  constructor(names: Map<string, NamedNode>) {
    this.#names = names;
  }

  node(schema: JsonValue, space: string): AvroNode {
    if (typeof schema === 'string') return this.#named(schema, space);
    if (Array.isArray(schema)) return { kind: 'union', branches: schema.map((branch) => this.node(branch, space)) };
    const object = schema as JsonObject;
    const { type } = object;
    const props = propsOf(object, SCHEMA_WORDS);
    if (isObject(type) || Array.isArray(type)) return this.node(type, space);
    if (type === 'array') return { kind: 'array', items: this.node(object.items!, space), props };
    if (type === 'map') return { kind: 'map', items: this.node(object.values!, space), props };
    if (isNamedType(type!)) return this.#definition(object, space);
    if ((PRIMITIVES as readonly unknown[]).includes(type)) return { kind: 'primitive', type: type as Primitive, props };
    return this.#named(String(type), space);
  }

  #named(name: string, space: string): AvroNode {
    if ((PRIMITIVES as readonly string[]).includes(name))
      return { kind: 'primitive', type: name as Primitive, props: [] };
    const found = this.#names.get(fullName(name, space)) ?? this.#names.get(name);
    if (found !== undefined) return found;
    throw errors.invalidSchema(`Invalid schema: the type "${name.slice(0, 200)}" is not defined.`);
  }

  #definition(object: JsonObject, around: string): AvroNode {
    const name = fullName(String(object.name), typeof object.namespace === 'string' ? object.namespace : around);
    const space = spaceOf(name);
    const isEnum = object.type === 'enum';
    const named: Named = {
      name,
      aliases: textsOf(object.aliases).map((alias) => fullName(alias, space)),
      doc: typeof object.doc === 'string' ? object.doc : null,
      props: propsOf(object, SCHEMA_WORDS).filter(([member]) => !isEnum || member !== 'default'),
    };
    if (isEnum) {
      const byDefault = typeof object.default === 'string' ? object.default : null;
      return this.#define({ ...named, kind: 'enum', symbols: textsOf(object.symbols), byDefault });
    }
    if (object.type === 'fixed') return this.#define({ ...named, kind: 'fixed', size: Number(object.size) });
    const record = { ...named, kind: 'record' as const, isError: object.type === 'error', fields: [] as AvroField[] };
    this.#define(record);
    for (const field of object.fields as JsonObject[]) record.fields.push(this.#field(field, space));
    return record;
  }

  #define<T extends NamedNode>(node: T): T {
    this.#names.set(node.name, node);
    return node;
  }

  #field(field: JsonObject, space: string): AvroField {
    return {
      name: String(field.name),
      type: this.node(field.type!, space),
      doc: typeof field.doc === 'string' ? field.doc : null,
      ...(field.default === undefined ? {} : { byDefault: field.default }),
      order: typeof field.order === 'string' ? field.order.toLowerCase() : 'ascending',
      aliases: textsOf(field.aliases),
      props: propsOf(field, FIELD_WORDS),
    };
  }
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

function propsOf(object: JsonObject, own: ReadonlySet<string>): Props {
  return Object.entries(object).filter(([name]) => !own.has(name));
}
