/**
 * The documents of one schema (its own text and those it references) and what every `$ref` in them means.
 *
 * Pure. Knows base URIs, `$id`, anchors and JSON pointers; fetches nothing: a `$ref` that leads outside these documents
 * is dangling.
 */
import { draftOfUri } from './drafts.ts';
import { isObject, type JsonObject, type JsonValue } from './json-text.ts';
import { eachSubschema } from './subschemas.ts';

/** Stands in for "where the root document lives" when it does not say; never fetched, never shown. */
const ROOT_BASE = 'schema://registry/';

/** What a `$ref` leads to. */
export interface Target {
  readonly schema: JsonValue;
}

export class SchemaDocuments {
  readonly root: JsonValue;
  /** Draft 4 says `id`. */
  readonly #idKeyword: string;
  /** Up to draft 7 a `$ref` hides its siblings, `$id` among them. */
  readonly #refHidesSiblings: boolean;
  readonly #resources = new Map<string, JsonValue>();
  readonly #names = new Map<string, JsonValue>();
  readonly #bases = new Map<JsonObject, string>();

  constructor(root: JsonValue, options: { readonly idKeyword: string; readonly refHidesSiblings: boolean }) {
    this.root = root;
    this.#idKeyword = options.idKeyword;
    this.#refHidesSiblings = options.refHidesSiblings;
    this.#add(ROOT_BASE, root);
  }

  /** Adds what a reference named `name` stands for. */
  addReference(name: string, document: JsonValue): void {
    this.#names.set(name, document);
    const uri = resolveUri(this.#baseOf(this.root), name) ?? resolveUri(ROOT_BASE, name);
    if (uri !== null) this.#add(withoutFragment(uri), document);
  }

  /** What `ref`, written in `schema`, leads to; null when it leads nowhere. */
  resolve(schema: JsonObject, ref: string): Target | null {
    const uri = resolveUri(this.#baseOf(schema), ref);
    const hash = ref.indexOf('#');
    const named = hash === -1 ? ref : ref.slice(0, hash);
    const document = (uri === null ? undefined : this.#resources.get(withoutFragment(uri))) ?? this.#names.get(named);
    if (document === undefined) return draftOfUri(named) === undefined ? null : { schema: true };
    return this.#inside(document, hash === -1 ? '' : ref.slice(hash + 1));
  }

  #inside(document: JsonValue, encodedFragment: string): Target | null {
    const fragment = decodeFragment(encodedFragment);
    if (fragment === '') return { schema: document };
    if (!fragment.startsWith('/')) {
      const anchored = this.#resources.get(`${this.#baseOf(document)}#${fragment}`);
      return anchored === undefined ? null : { schema: anchored };
    }
    const schema = followPointer(document, fragment) ?? followPointer(document, otherDefinitions(fragment));
    if (schema === undefined || (!isObject(schema) && typeof schema !== 'boolean')) return null;
    // A pointer may lead to a place that no keyword makes a schema; it is one from now on.
    if (isObject(schema) && !this.#bases.has(schema)) this.#walk(schema, this.#baseOf(document));
    return { schema };
  }

  #baseOf(schema: JsonValue): string {
    return (isObject(schema) ? this.#bases.get(schema) : undefined) ?? ROOT_BASE;
  }

  #add(uri: string, document: JsonValue): void {
    if (!this.#resources.has(uri)) this.#resources.set(uri, document);
    if (isObject(document) && !this.#bases.has(document)) this.#walk(document, uri);
  }

  /** Depth is bounded by the limit on a text's nesting. */
  #walk(schema: JsonObject, inherited: string): void {
    let base = inherited;
    const id = schema[this.#idKeyword];
    if (typeof id === 'string' && !(this.#refHidesSiblings && '$ref' in schema)) {
      const uri = resolveUri(inherited, id);
      if (id.startsWith('#')) this.#resources.set(`${inherited}${id}`, schema);
      else if (uri !== null) {
        base = withoutFragment(uri);
        this.#resources.set(base, schema);
      }
    }
    this.#bases.set(schema, base);
    for (const anchor of [schema.$anchor, schema.$dynamicAnchor]) {
      if (typeof anchor === 'string') this.#resources.set(`${base}#${anchor}`, schema);
    }
    eachSubschema(schema, (subschema) => this.#walk(subschema, base));
  }
}

function resolveUri(base: string, ref: string): string | null {
  return URL.canParse(ref, base) ? new URL(ref, base).href : null;
}

function withoutFragment(uri: string): string {
  const hash = uri.indexOf('#');
  return hash === -1 ? uri : uri.slice(0, hash);
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function followPointer(document: JsonValue, pointer: string): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) value = value[Number(name)];
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return undefined;
  }
  return value;
}

/** Confluent lets `definitions` and `$defs` stand for each other. */
function otherDefinitions(pointer: string): string {
  if (pointer.startsWith('/definitions/')) return pointer.replace('/definitions/', '/$defs/');
  return pointer.startsWith('/$defs/') ? pointer.replace('/$defs/', '/definitions/') : pointer;
}
