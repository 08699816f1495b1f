/** Objects and arrays from JSON: where the drafts spell the same thing differently, they meet here. */
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import type { Loading } from './load.ts';
import { type ArrayNode, numberOr, type ObjectNode, type SchemaNode } from './node.ts';

/** Keywords that hint at an object where no type is declared; up to draft 7, and since 2019-09. */
export const OBJECT_KEYWORDS = {
  old: [
    'properties',
    'required',
    'minProperties',
    'maxProperties',
    'dependencies',
    'patternProperties',
    'additionalProperties',
    'propertyNames',
  ],
  modern: [
    'properties',
    'required',
    'minProperties',
    'maxProperties',
    'dependentRequired',
    'dependentSchemas',
    'patternProperties',
    'additionalProperties',
    'propertyNames',
    'unevaluatedProperties',
  ],
} as const;

/** Likewise for arrays. */
export const ARRAY_KEYWORDS = {
  old: ['items', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'],
  modern: ['prefixItems', 'items', 'minItems', 'maxItems', 'uniqueItems', 'contains', 'unevaluatedItems'],
} as const;

export function objectNode(schema: JsonObject, loading: Loading): ObjectNode {
  const dependencies = loading.isModern ? modernDependencies(schema) : oldDependencies(schema);
  return {
    kind: 'object',
    source: schema,
    properties: nodesByName(declaredProperties(schema, loading), loading),
    required: new Set(strings(schema.required)),
    additional: openness(schema.additionalProperties, loading),
    patternProperties: nodesByName(membersOf(schema.patternProperties), loading),
    unevaluated: unevaluated(schema.unevaluatedProperties, loading),
    propertyDependencies: new Map(dependencies.names.map(([name, names]) => [name, new Set(strings(names))])),
    schemaDependencies: nodesByName(dependencies.schemas, loading),
    minProperties: numberOr(schema.minProperties),
    maxProperties: numberOr(schema.maxProperties),
  };
}

export function arrayNode(schema: JsonObject, loading: Loading): ArrayNode {
  const hasContains = schema.contains !== undefined;
  return {
    kind: 'array',
    source: schema,
    ...(loading.isModern ? modernItems(schema, loading) : oldItems(schema, loading)),
    unevaluated: unevaluated(schema.unevaluatedItems, loading),
    minItems: numberOr(schema.minItems),
    maxItems: numberOr(schema.maxItems),
    minContains: loading.isModern && hasContains ? (numberOr(schema.minContains) ?? 1) : numberOr(schema.minContains),
    maxContains: numberOr(schema.maxContains),
    hasUniqueItems: schema.uniqueItems === true,
  };
}

type Items = Pick<ArrayNode, 'allItems' | 'items' | 'additional'>;

/** `items` is one schema or a list of them; `additionalItems` speaks of what comes after the list. */
function oldItems(schema: JsonObject, loading: Loading): Items {
  const { items } = schema;
  return {
    allItems: items === undefined || Array.isArray(items) ? null : loading.load(items),
    items: Array.isArray(items) ? items.map((item) => loading.load(item)) : [],
    additional: openness(schema.additionalItems, loading),
  };
}

/** `prefixItems` is the list; `items` speaks of what comes after it. 2019-09 may still use the old spelling. */
function modernItems(schema: JsonObject, loading: Loading): Items {
  if (Array.isArray(schema.items)) return oldItems(schema, loading);
  const { items: rest, prefixItems } = schema;
  const items = Array.isArray(prefixItems) ? prefixItems.map((item) => loading.load(item)) : [];
  if (typeof rest === 'boolean' || items.length > 0) {
    return { allItems: null, items, additional: openness(rest, loading) };
  }
  return { allItems: rest === undefined ? null : loading.load(rest), items, additional: true };
}

function openness(value: JsonValue | undefined, loading: Loading): boolean | SchemaNode {
  if (value === undefined) return true;
  return typeof value === 'boolean' ? value : loading.load(value);
}

function unevaluated(value: JsonValue | undefined, loading: Loading): SchemaNode | null {
  return value === undefined || !loading.isModern ? null : loading.load(value);
}

type Members = readonly (readonly [string, JsonValue])[];

/** A property called like the identifier keyword counts only when what it holds is an object. */
function declaredProperties(schema: JsonObject, loading: Loading): Members {
  return membersOf(schema.properties).filter(([name, value]) => name !== loading.idKeyword || isObject(value));
}

function oldDependencies(schema: JsonObject): { names: Members; schemas: Members } {
  const all = membersOf(schema.dependencies);
  return {
    names: all.filter(([, value]) => Array.isArray(value)),
    schemas: all.filter(([, value]) => !Array.isArray(value)),
  };
}

function modernDependencies(schema: JsonObject): { names: Members; schemas: Members } {
  return { names: membersOf(schema.dependentRequired), schemas: membersOf(schema.dependentSchemas) };
}

function membersOf(value: JsonValue | undefined): Members {
  return isObject(value) ? Object.entries(value) : [];
}

function nodesByName(members: Members, loading: Loading): ReadonlyMap<string, SchemaNode> {
  return new Map(members.map(([name, value]) => [name, loading.load(value)]));
}

function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
