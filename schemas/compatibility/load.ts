/**
 * From JSON to nodes, with the meaning Confluent's loaders give to keywords that stand side by side.
 *
 * Several assertions in one schema become an implicit allOf (an enum beside a type), a list of types an anyOf; a schema
 * without a type is of the kinds its keywords hint at; `$ref` hides its neighbours up to draft 7. container-nodes.ts
 * builds objects and arrays.
 */
import type { SchemaDocuments } from '../parse/documents.ts';
import type { Draft } from '../parse/drafts.ts';
import { isObject, type JsonObject, type JsonValue, textOf } from '../parse/json-text.ts';
import { ARRAY_KEYWORDS, arrayNode, OBJECT_KEYWORDS, objectNode } from './container-nodes.ts';
import { type Criterion, type Facts, numberNode, type SchemaNode, stringNode } from './node.ts';

/** What the loader hands to the builders of objects and arrays. */
export interface Loading {
  readonly isModern: boolean;
  readonly idKeyword: string;
  load(schema: JsonValue): SchemaNode;
}

/** The nodes of a parsed schema; the same JSON object always gives the same node. */
export function loadNodes(documents: SchemaDocuments, draft: Draft): SchemaNode {
  const loaded = new Map<JsonObject, SchemaNode>();
  const loading: Loading = {
    isModern: draft === '2019-09' || draft === '2020-12',
    idKeyword: draft === 'draft-04' ? 'id' : '$id',
    load(schema) {
      if (!isObject(schema)) return { kind: schema === false ? 'false' : 'true', source: schema };
      const node = loaded.get(schema) ?? loadObject(schema, loading, documents, draft);
      loaded.set(schema, node);
      return node;
    },
  };
  return loading.load(documents.root);
}

function loadObject(schema: JsonObject, loading: Loading, documents: SchemaDocuments, draft: Draft): SchemaNode {
  const facts = factsOf(schema, loading);
  const reference = referenceNode(schema, loading, documents);
  if (reference !== null && !loading.isModern) return { ...reference, ...facts };

  const parts = [
    ...(reference === null ? [] : [reference]),
    ...enumAndCombined(schema, loading),
    ...notAndConst(schema, loading, draft),
    ...typed(schema, loading),
    ...conditional(schema, draft),
  ];
  if (parts.length === 0) return emptyNode(facts, loading);
  if (parts.length === 1) return { ...parts[0]!, ...facts };
  return { kind: 'combined', criterion: 'allOf', subschemas: parts, isImplicit: true, ...facts };
}

/** The loader for the newer drafts forgets the identifier of a schema that asserts nothing. */
function emptyNode({ id, ...facts }: Facts, loading: Loading): SchemaNode {
  return { kind: 'empty', ...facts, ...(id === undefined || loading.isModern ? {} : { id }) };
}

function factsOf(schema: JsonObject, loading: Loading): Facts {
  const id = schema[loading.idKeyword];
  const { title, description, default: byDefault } = schema;
  const connectType = schema['connect.type'];
  return {
    source: schema,
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof description === 'string' ? { description } : {}),
    ...(byDefault === undefined ? {} : { defaultText: textOf(byDefault) }),
    ...(typeof connectType === 'string' ? { connectType } : {}),
  };
}

function referenceNode(schema: JsonObject, loading: Loading, documents: SchemaDocuments): SchemaNode | null {
  const ref = schema.$ref ?? (loading.isModern ? (schema.$dynamicRef ?? schema.$recursiveRef) : undefined);
  if (typeof ref !== 'string') return null;
  // A reference inside a referenced document may lead nowhere here; then it asks for nothing.
  return {
    kind: 'reference',
    source: schema,
    target: () => loading.load(documents.resolve(schema, ref)?.schema ?? true),
  };
}

const CRITERIA: readonly Criterion[] = ['allOf', 'anyOf', 'oneOf'];

function enumAndCombined(schema: JsonObject, loading: Loading): SchemaNode[] {
  const parts: SchemaNode[] = [];
  if (Array.isArray(schema.enum)) {
    parts.push({ kind: 'enum', source: schema, values: new Set(schema.enum.map(textOf)) });
  }
  for (const criterion of CRITERIA) {
    const branches = schema[criterion];
    if (!Array.isArray(branches)) continue;
    const subschemas = branches.map((branch) => loading.load(branch));
    parts.push({ kind: 'combined', source: schema, criterion, subschemas, isImplicit: false });
  }
  return parts;
}

function notAndConst(schema: JsonObject, loading: Loading, draft: Draft): SchemaNode[] {
  const parts: SchemaNode[] = [];
  if (schema.not !== undefined) {
    parts.push({ kind: 'not', source: schema, mustNotMatch: loading.load(schema.not) });
  }
  if (schema.const !== undefined && draft !== 'draft-04') {
    parts.push({ kind: 'const', source: schema, valueText: textOf(schema.const) });
  }
  return parts;
}

const NUMBER_KEYWORDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];
const STRING_KEYWORDS = ['minLength', 'maxLength', 'pattern'];

type TypedKind = 'array' | 'object' | 'number' | 'string';
const KIND_OF_TYPE: Readonly<Record<string, TypedKind>> = {
  array: 'array',
  object: 'object',
  number: 'number',
  integer: 'number',
  string: 'string',
};

/** One node for the declared type (an anyOf for several), and one for each further kind the keywords hint at. */
function typed(schema: JsonObject, loading: Loading): SchemaNode[] {
  const declared = typeof schema.type === 'string' ? [schema.type] : Array.isArray(schema.type) ? schema.type : [];
  const types = declared.filter((type) => typeof type === 'string');
  const parts: SchemaNode[] = [];
  const branches = types.map((type) => typeNode(type, schema, loading));
  if (typeof schema.type === 'string') parts.push(...branches);
  else if (Array.isArray(schema.type)) {
    parts.push({ kind: 'combined', source: schema, criterion: 'anyOf', subschemas: branches, isImplicit: true });
  }
  const kinds = new Set(types.map((type) => KIND_OF_TYPE[type]));
  for (const [kind, keywords] of hints(loading)) {
    if (!kinds.has(kind) && keywords.some((keyword) => isHint(keyword, schema[keyword], loading))) {
      parts.push(typeNode(kind, schema, loading));
    }
  }
  return parts;
}

function hints(loading: Loading): readonly (readonly [TypedKind, readonly string[]])[] {
  const strings = loading.isModern ? STRING_KEYWORDS : [...STRING_KEYWORDS, 'format'];
  return [
    ['array', ARRAY_KEYWORDS[loading.isModern ? 'modern' : 'old']],
    ['object', OBJECT_KEYWORDS[loading.isModern ? 'modern' : 'old']],
    ['number', NUMBER_KEYWORDS],
    ['string', strings],
  ];
}

/** To the loader for the newer drafts `properties: {}` says nothing. */
function isHint(keyword: string, value: JsonValue | undefined, loading: Loading): boolean {
  if (value === undefined) return false;
  const saysNothing = keyword === 'properties' || keyword === 'patternProperties';
  return !(loading.isModern && saysNothing && isObject(value) && Object.keys(value).length === 0);
}

function typeNode(type: string, schema: JsonObject, loading: Loading): SchemaNode {
  switch (type) {
    case 'string':
      return stringNode(schema);
    case 'integer':
    case 'number':
      return numberNode(schema, type === 'integer');
    case 'array':
      return arrayNode(schema, loading);
    case 'object':
      return objectNode(schema, loading);
    default:
      return { kind: type === 'null' ? 'null' : 'boolean', source: schema };
  }
}

/** Conditions are recognised, so that adding one to a plain schema shows, but what they say is not compared. */
function conditional(schema: JsonObject, draft: Draft): SchemaNode[] {
  if (draft === 'draft-04' || draft === 'draft-06') return [];
  const isConditional = schema.if !== undefined || schema.then !== undefined || schema.else !== undefined;
  return isConditional ? [{ kind: 'conditional', source: schema }] : [];
}
