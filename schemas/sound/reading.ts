/**
 * From a parsed schema to predicates: each draft's spelling becomes the same demands, with the meaning that our
 * validator (validation/compile.ts) gives it.
 */
import type { Draft } from '../parse/drafts.ts';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import type { ParsedSchema } from '../parse/parse-schema.ts';
import { isOldDraft, knownIn } from '../validation/prepare.ts';
import {
  ALWAYS,
  type Bound,
  type Demands,
  demanding,
  NEVER,
  NO_DEMANDS,
  Predicate,
  TYPES,
  type Type,
} from './predicate.ts';
import { isEqual } from './values.ts';

/** The predicate of a schema's root. */
export function predicateOf(parsed: ParsedSchema): Predicate {
  const made = new Map<JsonObject, Predicate>();
  const reading: Reading = {
    draft: parsed.draft,
    isModern: !isOldDraft(parsed.draft),
    of(schema) {
      if (!isObject(schema)) return schema === false ? NEVER : ALWAYS;
      const known = made.get(schema) ?? new Predicate(() => read(schema, knownIn(schema, parsed.draft), reading));
      made.set(schema, known);
      return known;
    },
    target: (schema, ref) => {
      const target = parsed.documents.resolve(schema, ref);
      return target === null ? null : reading.of(target.schema);
    },
  };
  return reading.of(parsed.documents.root);
}

interface Reading {
  readonly draft: Draft;
  /** 2019-09 and later. */
  readonly isModern: boolean;
  of(schema: JsonValue): Predicate;
  target(schema: JsonObject, ref: string): Predicate | null;
}

/** Keywords that restrict values and are not in {@link Demands}. */
const OPAQUE = ['formatMinimum', 'formatMaximum', 'formatExclusiveMinimum', 'formatExclusiveMaximum'];
const OPAQUE_MODERN = ['$dynamicRef', '$recursiveRef'];

/** `given` is the schema as it stands in its document, by which references are resolved. */
function read(given: JsonObject, schema: JsonObject, reading: Reading): Demands {
  const reference = typeof schema.$ref === 'string' ? reading.target(given, schema.$ref) : undefined;
  if (reference !== undefined && !reading.isModern) {
    return reference === null ? { ...NO_DEMANDS, isOpaque: true } : { ...NO_DEMANDS, all: [reference] };
  }
  const opaque = reading.isModern ? [...OPAQUE, ...OPAQUE_MODERN] : OPAQUE;
  return {
    ...NO_DEMANDS,
    types: typesOf(schema),
    values: valuesOf(schema),
    ...numbersOf(schema, reading.draft === 'draft-04'),
    ...stringsOf(schema),
    ...objectsOf(schema, reading),
    ...arraysOf(schema, reading),
    ...combinedOf(schema, reading, reference),
    isOpaque: reference === null || opaque.some((keyword) => schema[keyword] !== undefined),
  };
}

function typesOf(schema: JsonObject): ReadonlySet<Type> | null {
  if (schema.type === undefined) return null;
  const named = Array.isArray(schema.type) ? schema.type : [schema.type];
  const types = new Set<Type>(TYPES.filter((type) => named.includes(type) && type !== 'fraction'));
  if (named.includes('number')) types.add('integer').add('fraction');
  // From OpenAPI; ajv honours it.
  if (schema.nullable === true) types.add('null');
  return types;
}

function valuesOf(schema: JsonObject): readonly JsonValue[] | null {
  const { const: only } = schema;
  const listed = Array.isArray(schema.enum) ? schema.enum : null;
  if (only === undefined) return listed;
  return listed === null || listed.some((value) => isEqual(value, only)) ? [only] : [];
}

function numbersOf(schema: JsonObject, isDraft04: boolean): Pick<Demands, 'lower' | 'upper' | 'multipleOf'> {
  const bound = (keyword: 'minimum' | 'maximum', exclusive: 'exclusiveMinimum' | 'exclusiveMaximum'): Bound | null => {
    const plain = numberOf(schema[keyword]);
    if (isDraft04) return plain === null ? null : { value: plain, isExclusive: schema[exclusive] === true };
    const strict = numberOf(schema[exclusive]);
    if (plain === null) return strict === null ? null : { value: strict, isExclusive: true };
    if (strict === null) return { value: plain, isExclusive: false };
    const isStrict = keyword === 'minimum' ? strict >= plain : strict <= plain;
    return isStrict ? { value: strict, isExclusive: true } : { value: plain, isExclusive: false };
  };
  return {
    lower: bound('minimum', 'exclusiveMinimum'),
    upper: bound('maximum', 'exclusiveMaximum'),
    multipleOf: numberOf(schema.multipleOf),
  };
}

function stringsOf(schema: JsonObject): Pick<Demands, 'minLength' | 'maxLength' | 'pattern' | 'format'> {
  return {
    minLength: numberOf(schema.minLength) ?? 0,
    maxLength: numberOf(schema.maxLength) ?? Number.POSITIVE_INFINITY,
    pattern: typeof schema.pattern === 'string' ? schema.pattern : null,
    format: typeof schema.format === 'string' ? schema.format : null,
  };
}

function objectsOf(schema: JsonObject, reading: Reading): Partial<Demands> {
  const sources = reading.isModern
    ? [schema.dependencies, schema.dependentSchemas, schema.dependentRequired]
    : [schema.dependencies];
  const entries = sources.flatMap((map) => Object.entries(objectOf(map)));
  return {
    properties: mapOf(schema.properties, reading),
    patterns: mapOf(schema.patternProperties, reading),
    additional: schema.additionalProperties === undefined ? null : reading.of(schema.additionalProperties),
    propertyNames: schema.propertyNames === undefined ? null : reading.of(schema.propertyNames),
    required: Array.isArray(schema.required) ? schema.required.filter((name) => typeof name === 'string') : [],
    minProperties: numberOf(schema.minProperties) ?? 0,
    maxProperties: numberOf(schema.maxProperties) ?? Number.POSITIVE_INFINITY,
    dependentRequired: grouped(
      entries.flatMap(([name, value]) => (Array.isArray(value) ? [[name, value as string[]] as const] : [])),
      (lists) => lists.flat(),
    ),
    dependentSchemas: grouped(
      entries.flatMap(([name, value]) => (Array.isArray(value) ? [] : [[name, reading.of(value)] as const])),
      (all) => (all.length === 1 ? all[0]! : demanding({ all })),
    ),
    unevaluatedProperties:
      reading.isModern && schema.unevaluatedProperties !== undefined ? reading.of(schema.unevaluatedProperties) : null,
  };
}

function arraysOf(schema: JsonObject, reading: Reading): Partial<Demands> {
  const is2020 = reading.draft === '2020-12';
  const { items } = schema;
  const tuple = is2020 ? schema.prefixItems : Array.isArray(items) ? items : undefined;
  const further = is2020 ? items : Array.isArray(items) ? schema.additionalItems : items;
  const contains = schema.contains === undefined ? null : reading.of(schema.contains);
  const limits = reading.isModern
    ? { min: numberOf(schema.minContains) ?? 1, max: numberOf(schema.maxContains) ?? Number.POSITIVE_INFINITY }
    : { min: 1, max: Number.POSITIVE_INFINITY };
  return {
    prefix: Array.isArray(tuple) ? tuple.map((item) => reading.of(item)) : [],
    rest: further === undefined ? null : reading.of(further),
    minItems: numberOf(schema.minItems) ?? 0,
    maxItems: numberOf(schema.maxItems) ?? Number.POSITIVE_INFINITY,
    isUnique: schema.uniqueItems === true,
    contains: contains === null ? null : { item: contains, ...limits },
    unevaluatedItems:
      reading.isModern && schema.unevaluatedItems !== undefined ? reading.of(schema.unevaluatedItems) : null,
  };
}

function combinedOf(
  schema: JsonObject,
  reading: Reading,
  reference: Predicate | null | undefined,
): Pick<Demands, 'all' | 'any' | 'one' | 'not' | 'condition'> {
  const list = (value: JsonValue | undefined) => (Array.isArray(value) ? value.map((each) => reading.of(each)) : null);
  const branch = (value: JsonValue | undefined) => (value === undefined ? ALWAYS : reading.of(value));
  const hasCondition = schema.if !== undefined && (schema.then !== undefined || schema.else !== undefined);
  return {
    all: [...(reference == null ? [] : [reference]), ...(list(schema.allOf) ?? [])],
    any: list(schema.anyOf),
    one: list(schema.oneOf),
    not: schema.not === undefined ? null : reading.of(schema.not),
    condition: hasCondition ? { test: branch(schema.if), met: branch(schema.then), unmet: branch(schema.else) } : null,
  };
}

function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function mapOf(value: JsonValue | undefined, reading: Reading): ReadonlyMap<string, Predicate> {
  return new Map(Object.entries(objectOf(value)).map(([name, schema]) => [name, reading.of(schema)]));
}

/** One name may stand under `dependencies` and under its newer forms: then all of them hold. */
function grouped<T>(entries: readonly (readonly [string, T])[], join: (values: T[]) => T): ReadonlyMap<string, T> {
  return new Map(
    [...Map.groupBy(entries, ([name]) => name)].map(([name, same]) => [name, join(same.map((each) => each[1]))]),
  );
}
