/**
 * Random schemas and random changes to them, for the property tests: every keyword of every draft, small enough to meet.
 *
 * Seeded, so that a failure can be had again. Test material; nothing in the registry imports it.
 */
import type { Draft } from '../parse/drafts.ts';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import { Random } from './search/random.ts';

export const SCHEMA_URIS: Readonly<Record<Draft, string>> = {
  'draft-04': 'http://json-schema.org/draft-04/schema#',
  'draft-06': 'http://json-schema.org/draft-06/schema#',
  'draft-07': 'http://json-schema.org/draft-07/schema#',
  '2019-09': 'https://json-schema.org/draft/2019-09/schema',
  '2020-12': 'https://json-schema.org/draft/2020-12/schema',
};

const NAMES = ['a', 'b', 'c', 'xy', 'extra'];
const PATTERNS = ['^a', 'x', '^[a-c]$', '^x.*y$', '^.{2,3}$'];
const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];
const FORMATS = ['date', 'ipv4', 'uuid', 'unheard-of'];

export class RandomSchemas {
  readonly #random: Random;
  readonly #draft: Draft;

  constructor(seed: number, draft: Draft) {
    this.#random = new Random(seed);
    this.#draft = draft;
  }

  get #isModern(): boolean {
    return this.#draft === '2019-09' || this.#draft === '2020-12';
  }

  /** A schema with two definitions that may refer to themselves through a property or an item. */
  document(): JsonObject {
    const definitions: JsonObject = { d0: this.#structure(2), d1: this.#structure(2) };
    const root = this.#schema(3);
    return { $schema: SCHEMA_URIS[this.#draft], ...(isObject(root) ? root : { not: {} }), definitions };
  }

  /** Another schema, a few changes away. */
  changed(document: JsonObject): JsonObject {
    let next = structuredClone(document);
    for (let changes = 1 + this.#random.below(3); changes > 0; changes--) next = this.#change(next);
    return { ...next, $schema: SCHEMA_URIS[this.#draft] };
  }

  /** Any JSON value. */
  value(depth = 2): JsonValue {
    const kind = this.#random.below(depth === 0 ? 6 : 10);
    if (kind === 0) return null;
    if (kind === 1) return this.#random.below(2) === 0;
    if (kind === 2) return this.#random.below(9) - 3;
    if (kind === 3) return (this.#random.below(17) - 6) / 2;
    if (kind <= 5) return this.#random.pick(['', 'a', 'xy', 'abc', 'xaay', '2026-01-31', '192.0.2.1', 'x', 'b']);
    if (kind <= 7) return Array.from({ length: this.#random.below(4) }, () => this.value(depth - 1));
    return Object.fromEntries(
      Array.from({ length: this.#random.below(4) }, () => [this.#random.pick(NAMES), this.value(depth - 1)]),
    );
  }

  #change(schema: JsonObject): JsonObject {
    const keys = Object.keys(schema).filter((key) => key !== '$schema' && key !== 'definitions');
    const roll = this.#random.below(5);
    if (roll === 0 || keys.length === 0) return { ...schema, ...this.#keyword(2) };
    const key = this.#random.pick(keys);
    // In draft 4 the exclusive limits need the plain ones.
    if (roll === 1 && (this.#draft !== 'draft-04' || !/imum$/.test(key))) {
      const { [key]: _, ...rest } = schema;
      return rest;
    }
    const value = schema[key]!;
    return { ...schema, [key]: this.#changedValue(key, value) };
  }

  #changedValue(key: string, value: JsonValue): JsonValue {
    if (['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].includes(key) && typeof value === 'number') {
      return value + this.#random.below(3) - 1;
    }
    if (/^(min|max)/.test(key) && typeof value === 'number') return Math.max(0, value + this.#random.below(3) - 1);
    if (key === 'enum' && Array.isArray(value)) {
      const values = [...value, this.value(0)].filter(isFirst);
      return values.length > 1 ? values.slice(this.#random.below(2)) : values;
    }
    if (key === 'required') return this.#names();
    if (isObject(value) && ['properties', 'patternProperties'].includes(key)) {
      const names = Object.keys(value);
      if (names.length === 0) return value;
      const name = this.#random.pick(names);
      const inner = value[name]!;
      return { ...value, [name]: isObject(inner) ? this.#change(inner) : this.#schema(1) };
    }
    if (Array.isArray(value) && ['anyOf', 'oneOf', 'allOf'].includes(key)) {
      return this.#random.below(2) === 0 ? [...value, this.#schema(1)] : [value[0]!];
    }
    if (isObject(value) && SUBSCHEMAS.has(key)) return this.#change(value);
    return value;
  }

  #schema(depth: number): JsonValue {
    if (this.#draft !== 'draft-04' && this.#random.below(12) === 0) return this.#random.below(3) !== 0;
    if (this.#random.below(8) === 0) return { $ref: `#/definitions/d${this.#random.below(2)}` };
    let schema: JsonObject = this.#random.below(3) === 0 ? {} : { type: this.#type() };
    for (let count = this.#random.below(3); count > 0; count--) schema = { ...schema, ...this.#keyword(depth) };
    return schema;
  }

  /** A schema in which a reference stands one step down only. */
  #structure(depth: number): JsonObject {
    return this.#random.below(2) === 0
      ? { type: 'object', properties: { [this.#random.pick(NAMES)]: this.#schema(depth - 1) } }
      : { type: 'array', items: this.#schema(depth - 1) };
  }

  #type(): JsonValue {
    return this.#random.below(4) === 0
      ? [...new Set([this.#random.pick(TYPES), this.#random.pick(TYPES)])]
      : this.#random.pick(TYPES);
  }

  #names(): JsonValue[] {
    return [...new Set([this.#random.pick(NAMES), this.#random.pick(NAMES)])].slice(this.#random.below(2));
  }

  #keyword(depth: number): JsonObject {
    const random = this.#random;
    const small = () => random.below(4);
    const inner = () => (depth <= 0 ? this.#leaf() : this.#schema(depth - 1));
    const list = () => Array.from({ length: 1 + random.below(3) }, inner);
    const map = () =>
      Object.fromEntries(Array.from({ length: 1 + random.below(2) }, () => [random.pick(NAMES), inner()]));
    const condition = (...keywords: string[]) => Object.fromEntries(keywords.map((keyword) => [keyword, inner()]));
    const isDraft04 = this.#draft === 'draft-04';
    const is2020 = this.#draft === '2020-12';
    const choices: (() => JsonObject)[] = [
      () => ({ minimum: small() - 1, ...(isDraft04 && random.below(2) === 0 ? { exclusiveMinimum: true } : {}) }),
      () => ({ maximum: small(), ...(isDraft04 && random.below(2) === 0 ? { exclusiveMaximum: true } : {}) }),
      () => (isDraft04 ? { maximum: small() } : { exclusiveMaximum: small() }),
      () => (isDraft04 ? { minimum: small() } : { exclusiveMinimum: small() - 2 }),
      () => ({ multipleOf: random.pick([1, 2, 3, 0.5, 6]) }),
      () => ({ minLength: small() }),
      () => ({ maxLength: small() }),
      () => ({ pattern: random.pick(PATTERNS) }),
      () => ({ format: random.pick(FORMATS) }),
      () => ({ enum: Array.from({ length: 1 + small() }, () => this.value(1)).filter(isFirst) }),
      () => ({ const: this.value(1) }),
      () => ({ properties: map() }),
      () => ({ properties: map() }),
      () => ({ patternProperties: { [random.pick(PATTERNS)]: inner() } }),
      () => ({ additionalProperties: random.below(2) === 0 ? false : inner() }),
      () => ({ properties: map(), additionalProperties: false }),
      () => ({ required: isDraft04 ? ['a'] : this.#names() }),
      () => ({ minProperties: small() }),
      () => ({ maxProperties: small() }),
      () => ({ propertyNames: random.below(2) === 0 ? { pattern: random.pick(PATTERNS) } : { enum: ['a', 'b'] } }),
      () => (isDraft04 ? {} : { dependencies: { a: random.below(2) === 0 ? ['b'] : inner() } }),
      () => ({ items: is2020 || random.below(2) === 0 ? inner() : list() }),
      () => (is2020 ? { prefixItems: list(), items: inner() } : { items: list(), additionalItems: inner() }),
      () => ({ minItems: small() }),
      () => ({ maxItems: small() }),
      () => ({ uniqueItems: random.below(2) === 0 }),
      () => ({ contains: inner() }),
      () => ({ allOf: list() }),
      () => ({ anyOf: list() }),
      () => ({ oneOf: list() }),
      () => ({ not: inner() }),
      () => condition('if', 'then', 'else'),
      () => condition('if', 'then'),
    ];
    if (this.#isModern) {
      choices.push(
        () => ({ unevaluatedProperties: random.below(2) === 0 ? false : inner() }),
        () => ({ properties: map(), anyOf: list(), unevaluatedProperties: false }),
        () => ({ unevaluatedItems: random.below(2) === 0 ? false : inner() }),
        () => ({ dependentRequired: { a: ['b'] } }),
        () => ({ dependentSchemas: { b: inner() } }),
        () => ({ contains: inner(), minContains: small(), maxContains: 1 + small() }),
      );
    }
    return random.pick(choices)();
  }

  #leaf(): JsonValue {
    return { type: this.#type() };
  }
}

const SUBSCHEMAS = new Set([
  ...['not', 'if', 'then', 'else', 'items', 'additionalProperties', 'contains', 'additionalItems'],
  ...['unevaluatedProperties', 'unevaluatedItems', 'propertyNames'],
]);

function isFirst(value: JsonValue, index: number, list: readonly JsonValue[]): boolean {
  const text = JSON.stringify(value);
  return list.findIndex((other) => JSON.stringify(other) === text) === index;
}
