/**
 * A schema document on its way to ajv: what ajv reads otherwise than the draft says is rewritten first.
 *
 * Pure, on a copy of its own. Where each rewriting comes from stands beside it.
 */
import type { Draft } from '../parse/drafts.ts';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import { eachSubschema } from '../parse/subschemas.ts';

/** Kept beside a `$ref` up to draft 7: places that a pointer may lead to. */
const KEPT_BESIDE_REF = new Set(['$ref', 'definitions', '$defs', '$schema']);

export function isOldDraft(draft: Draft): boolean {
  return draft === 'draft-04' || draft === 'draft-06' || draft === 'draft-07';
}

/** Keywords that came after a draft, which ajv reads in it all the same (and `contains` of draft 4 only in part). */
const LATER: Partial<Record<Draft, readonly string[]>> = {
  'draft-04': ['const', 'contains', 'propertyNames', 'if', 'then', 'else'],
  'draft-06': ['if', 'then', 'else'],
};

/** The keywords of one schema that its draft knows. */
export function knownIn(schema: JsonObject, draft: Draft): JsonObject {
  const later = LATER[draft];
  if (later === undefined || !later.some((keyword) => keyword in schema)) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !later.includes(keyword)));
}

/** Parses the text and answers what to compile. */
export function prepared(text: string, draft: Draft): JsonValue {
  const document = JSON.parse(text) as JsonValue;
  if (isObject(document)) prepare(document, draft);
  return document;
}

function prepare(schema: JsonObject, draft: Draft): void {
  // ajv's own word: such a schema would answer with a promise, which looks like a yes, and refuse later.
  delete schema.$async;
  // ajv's other own word, from OpenAPI: without a type it says nothing, and ajv throws.
  if (schema.type === undefined) delete schema.nullable;
  // Draft 6 and later allow an empty list (nothing fits); ajv throws.
  if (Array.isArray(schema.enum) && schema.enum.length === 0) {
    delete schema.enum;
    schema.allOf = [...(Array.isArray(schema.allOf) ? schema.allOf : []), { not: {} }];
  }
  for (const keyword of LATER[draft] ?? []) delete schema[keyword];
  if (typeof schema.$ref === 'string' && isOldDraft(draft)) hideSiblings(schema);
  eachSubschema(schema, (subschema) => prepare(subschema, draft));
}

/** Up to draft 7 `$ref` hides what stands beside it, also the base it would resolve against; ajv reads both. */
function hideSiblings(schema: JsonObject): void {
  for (const keyword of Object.keys(schema)) if (!KEPT_BESIDE_REF.has(keyword)) delete schema[keyword];
}
