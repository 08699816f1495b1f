/**
 * TypeScript from JSON Schemas: a type per schema and per definition. Pure.
 *
 * Says what a type can say and leaves the rest (limits, patterns, formats) to validation: a value that fits the schema
 * always fits the type, not the other way round.
 */
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import type { NamedText } from '../parse/parse-schema.ts';

/** Deeper than any schema the registry keeps. */
const DEPTH_MAX = 300;
const ANYTHING = 'unknown';

/** Collects declarations; names are unique over all schemas added to it. */
export class TypeDeclarations {
  readonly #declarations: string[] = [];
  readonly #names = new Set<string>();

  /** Adds a schema's type and those it refers to; answers the type's name. `wanted` is the name where it has no title. */
  add(text: string, references: readonly NamedText[], wanted: string): string {
    const root = JSON.parse(text) as JsonValue;
    const name = this.#freeName(isObject(root) && typeof root.title === 'string' ? root.title : wanted);
    new Writer(this, root, references, name).declare(root, name, root);
    return name;
  }

  get text(): string {
    return this.#declarations.join('\n');
  }

  /** @internal for Writer */
  push(declaration: string): void {
    this.#declarations.push(declaration);
  }

  /** @internal for Writer */
  freeName(wanted: string): string {
    return this.#freeName(wanted);
  }

  #freeName(wanted: string): string {
    const base = typeName(wanted);
    let name = base;
    for (let n = 2; this.#names.has(name); n++) name = `${base}${n}`;
    this.#names.add(name);
    return name;
  }
}

/** `trucks_gps-value` → `TrucksGpsValue`; a name no type may have gets a letter in front. */
export function typeName(text: string): string {
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return name === '' ? 'Schema' : /^\p{N}/u.test(name) ? `T${name}` : name;
}

class Writer {
  readonly #out: TypeDeclarations;
  readonly #documents: ReadonlyMap<string, JsonValue>;
  readonly #root: JsonValue;
  /** Schemas that have a declaration of their own, by identity. */
  readonly #named = new Map<JsonObject, string>();

  constructor(out: TypeDeclarations, root: JsonValue, references: readonly NamedText[], name: string) {
    this.#out = out;
    this.#root = root;
    this.#documents = new Map(references.map((each) => [each.name, JSON.parse(each.text) as JsonValue]));
    if (isObject(root)) this.#named.set(root, name);
  }

  declare(schema: JsonValue, name: string, document: JsonValue): void {
    const type = this.#type(schema, document, 0, '');
    const comment = isObject(schema) ? docComment(schema, '') : '';
    this.#out.push(`${comment}export type ${name} = ${type};\n`);
  }

  #type(schema: JsonValue, document: JsonValue, depth: number, indent: string): string {
    if (schema === false) return 'never';
    if (!isObject(schema) || depth > DEPTH_MAX) return ANYTHING;
    const parts: string[] = [];
    const ref = schema.$ref ?? schema.$dynamicRef ?? schema.$recursiveRef;
    if (typeof ref === 'string') parts.push(this.#reference(ref, document, depth, indent));
    else if (schema.const !== undefined) parts.push(literal(schema.const));
    else if (Array.isArray(schema.enum)) parts.push(union(schema.enum.map(literal)));
    else parts.push(this.#byType(schema, document, depth, indent));
    for (const keyword of ['oneOf', 'anyOf'] as const) {
      const branches = schema[keyword];
      if (Array.isArray(branches)) {
        parts.push(union(branches.map((branch) => this.#type(branch, document, depth + 1, indent))));
      }
    }
    for (const branch of Array.isArray(schema.allOf) ? schema.allOf : []) {
      parts.push(this.#type(branch, document, depth + 1, indent));
    }
    return intersection(parts);
  }

  #byType(schema: JsonObject, document: JsonValue, depth: number, indent: string): string {
    const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? guessed(schema)];
    return union(types.map((type) => this.#single(String(type), schema, document, depth, indent)));
  }

  #single(type: string, schema: JsonObject, document: JsonValue, depth: number, indent: string): string {
    switch (type) {
      case 'string':
      case 'boolean':
      case 'null':
        return type;
      case 'integer':
      case 'number':
        return 'number';
      case 'array':
        return this.#array(schema, document, depth, indent);
      case 'object':
        return this.#object(schema, document, depth, indent);
      default:
        return ANYTHING;
    }
  }

  #array(schema: JsonObject, document: JsonValue, depth: number, indent: string): string {
    const inner = (item: JsonValue) => this.#type(item, document, depth + 1, indent);
    const tuple = Array.isArray(schema.prefixItems)
      ? schema.prefixItems
      : Array.isArray(schema.items)
        ? schema.items
        : null;
    const rest = Array.isArray(schema.items) ? schema.additionalItems : schema.items;
    if (tuple === null) return rest === undefined ? `${ANYTHING}[]` : `(${inner(rest)})[]`;
    const least = typeof schema.minItems === 'number' ? schema.minItems : 0;
    const items = tuple.map((item, index) => (index < least ? inner(item) : `(${inner(item)})?`));
    return `[${[...items, ...(rest === false ? [] : [`...(${inner(rest ?? true)})[]`])].join(', ')}]`;
  }

  #object(schema: JsonObject, document: JsonValue, depth: number, indent: string): string {
    const within = `${indent}  `;
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
    const lines = properties.map(([name, property]) => {
      const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
      const comment = isObject(property) ? docComment(property, within) : '';
      const type = this.#type(property, document, depth + 1, within);
      return `${comment}${within}${key}${required.has(name) ? '' : '?'}: ${type};\n`;
    });
    const isClosed = schema.additionalProperties === false || schema.unevaluatedProperties === false;
    if (!isClosed || isObject(schema.patternProperties)) {
      // Beside named properties an index must hold theirs, too: only a map says what its values are.
      const value =
        properties.length === 0 && isObject(schema.additionalProperties) && !isObject(schema.patternProperties)
          ? this.#type(schema.additionalProperties, document, depth + 1, within)
          : ANYTHING;
      lines.push(`${within}[name: string]: ${value};\n`);
    }
    return lines.length === 0 ? 'Record<string, never>' : `{\n${lines.join('')}${indent}}`;
  }

  #reference(ref: string, document: JsonValue, depth: number, indent: string): string {
    const [place = '', fragment = ''] = ref.split('#', 2);
    const target = place === '' ? document : this.#document(place);
    const schema = fragment === '' ? target : pointed(target, fragment);
    if (schema === undefined) return ANYTHING;
    if (!isObject(schema)) return this.#type(schema, target ?? true, depth + 1, indent);
    const known = this.#named.get(schema);
    if (known !== undefined) return known;
    const wanted = typeof schema.title === 'string' ? schema.title : fragment.split('/').at(-1) || place;
    const name = this.#out.freeName(wanted);
    this.#named.set(schema, name);
    this.declare(schema, name, target ?? true);
    return name;
  }

  /** By the name it was registered for, by the address that the name makes, or the root by its own. */
  #document(place: string): JsonValue | undefined {
    const exact = this.#documents.get(place);
    if (exact !== undefined) return exact;
    if (isObject(this.#root) && this.#root.$id === place) return this.#root;
    return [...this.#documents].find(([name]) => name.endsWith(`/${place}`) || place.endsWith(`/${name}`))?.[1];
  }
}

function pointed(document: JsonValue | undefined, fragment: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  if (!fragment.startsWith('/')) return undefined;
  for (const part of decodeURIComponent(fragment).slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) value = value[Number(name)];
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return undefined;
  }
  return value;
}

/** What a schema without "type" speaks of, by its keywords. */
function guessed(schema: JsonObject): string {
  if (isObject(schema.properties) || schema.additionalProperties !== undefined) return 'object';
  return schema.items !== undefined || schema.prefixItems !== undefined ? 'array' : '';
}

function literal(value: JsonValue): string {
  return typeof value === 'object' && value !== null ? ANYTHING : JSON.stringify(value);
}

function union(types: readonly string[]): string {
  const different = [...new Set(types)];
  if (different.includes(ANYTHING) || different.length === 0) return ANYTHING;
  return different.length === 1 ? different[0]! : `(${different.join(' | ')})`;
}

function intersection(types: readonly string[]): string {
  const telling = [...new Set(types)].filter((type) => type !== ANYTHING);
  return telling.length === 0 ? ANYTHING : telling.join(' & ');
}

function docComment(schema: JsonObject, indent: string): string {
  const text = typeof schema.description === 'string' ? schema.description : '';
  // A description may hold what ends a comment.
  const line = text.replaceAll('*/', '*\u200b/').replace(/\s+/g, ' ').trim();
  return line === '' ? '' : `${indent}/** ${line} */\n`;
}
