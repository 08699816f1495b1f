/**
 * Walks the fields of a JSON value beside the JSON Schema that describes it, with the tags each field carries: inline
 * (`confluent:tags`) or by the path patterns of the schema's metadata (`**.ssn`). Pure but for the value it is told to
 * change.
 */
import { tagPathPattern } from '../api/index.ts';

type Json = Readonly<Record<string, unknown>>;

/** A field that holds a text, number or boolean. */
export interface Field {
  readonly name: string;
  /** `$.place.zip`; items of arrays add nothing. */
  readonly fullName: string;
  /** STRING, INT, DOUBLE or BOOLEAN. */
  readonly typeName: string;
  readonly tags: ReadonlySet<string>;
  readonly value: unknown;
  /** Puts another value in its place. */
  set(value: unknown): void;
}

/** Deeper than any record that is meant. */
const DEPTH_MAX = 200;

export class TaggedFields {
  readonly #root: unknown;
  readonly #patterns: readonly { readonly isOf: (path: string) => boolean; readonly tags: readonly string[] }[];

  constructor(schema: unknown, pathTags: Readonly<Record<string, readonly string[]>>) {
    this.#root = schema;
    this.#patterns = Object.entries(pathTags).map(([path, tags]) => ({ isOf: tagPathPattern(path), tags }));
  }

  /** Calls `visit` for each field of the value, parents first; the value is changed in place. */
  forEach(value: unknown, visit: (field: Field) => void): void {
    this.#walk(value, this.#expanded([this.#root]), '$', visit, 0);
  }

  #walk(value: unknown, schemas: readonly Json[], path: string, visit: (field: Field) => void, depth: number): void {
    if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return;
    if (Array.isArray(value)) {
      const items = this.#expanded(schemas.flatMap((schema) => [schema.items].flat()));
      for (const [index, item] of value.entries()) {
        if (isScalar(item)) this.#visit(item, items, path, (next) => value.splice(index, 1, next), visit);
        else this.#walk(item, items, path, visit, depth + 1);
      }
      return;
    }
    const object = value as Record<string, unknown>;
    for (const name of Object.keys(object)) {
      const inside = this.#expanded(schemas.map((schema) => propertyOf(schema, name)));
      const child = object[name];
      const childPath = `${path}.${name}`;
      if (isScalar(child)) {
        const set = (next: unknown) => {
          Object.defineProperty(object, name, { value: next, enumerable: true, configurable: true, writable: true });
        };
        this.#visit(child, inside, childPath, set, visit);
      } else this.#walk(child, inside, childPath, visit, depth + 1);
    }
  }

  #visit(
    value: unknown,
    schemas: readonly Json[],
    fullName: string,
    set: (value: unknown) => void,
    visit: (field: Field) => void,
  ): void {
    const inline = schemas.flatMap((schema) => schema['confluent:tags'] ?? []) as string[];
    const byPath = this.#patterns.flatMap(({ isOf, tags }) => (isOf(fullName) ? tags : []));
    const name = fullName.slice(fullName.lastIndexOf('.') + 1);
    visit({ name, fullName, typeName: typeNameOf(value), tags: new Set([...inline, ...byPath]), value, set });
  }

  /** Schemas with what they refer to and combine: a tag counts wherever it stands. */
  #expanded(schemas: readonly unknown[]): Json[] {
    const found = new Set<Json>();
    const add = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null || found.has(schema as Json)) return;
      const json = schema as Json;
      found.add(json);
      if (typeof json.$ref === 'string') add(this.#target(json.$ref));
      for (const list of [json.allOf, json.anyOf, json.oneOf]) if (Array.isArray(list)) list.forEach(add);
    };
    schemas.forEach(add);
    return [...found];
  }

  /** Within the schema itself: rules are of the root schema alone, as in Confluent's clients. */
  #target(ref: string): unknown {
    if (!ref.startsWith('#')) return undefined;
    let place: unknown = this.#root;
    for (const part of ref
      .slice(1)
      .split('/')
      .filter((each) => each !== '')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      place = typeof place === 'object' && place !== null ? (place as Json)[name] : undefined;
    }
    return place;
  }
}

function propertyOf(schema: Json, name: string): unknown {
  const properties = schema.properties as Json | undefined;
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  return schema.additionalProperties;
}

function isScalar(value: unknown): boolean {
  return (
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
  );
}

function typeNameOf(value: unknown): string {
  if (typeof value === 'string') return 'STRING';
  if (typeof value === 'boolean') return 'BOOLEAN';
  return typeof value === 'bigint' || Number.isInteger(value) ? 'INT' : 'DOUBLE';
}
