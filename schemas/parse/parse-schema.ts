/**
 * From a schema's text to a schema that can be compared: size, depth, JSON, draft, meta-schema, regexes, references.
 *
 * Everything that can be wrong with a text is found here and becomes one 42201 (or 42209) with the reason and the
 * place. The work is linear in the text, so a hostile one costs no more than its size, which is limited.
 */
import { errors, UnsafePattern } from '../errors.ts';
import { matcherOf } from '../regex/engine.ts';
import { SchemaDocuments } from './documents.ts';
import { type Draft, draftOf, metaSchemaProblem } from './drafts.ts';
import { isObject, type JsonObject, type JsonValue, positionBeyondDepth } from './json-text.ts';
import { eachSubschema } from './subschemas.ts';

/** Limits with a name; see RegistryConfig for their keys and defaults. */
export interface SchemaLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

export const DEFAULT_LIMITS: SchemaLimits = { maxBytes: 1024 * 1024, maxDepth: 200 };

/** A text that stands behind a reference's name. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** A schema that keeps to its draft and whose references all lead somewhere. */
export interface ParsedSchema {
  readonly draft: Draft;
  readonly documents: SchemaDocuments;
}

/** Throws 42209 or 42201 when the text alone, without looking at references, cannot be a schema's. */
export function parseText(text: string, limits: SchemaLimits): JsonValue {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.maxBytes) throw errors.schemaTooLarge(bytes, limits.maxBytes);
  const tooDeep = positionBeyondDepth(text, limits.maxDepth);
  if (tooDeep !== -1) {
    throw errors.invalidSchema(
      `Invalid schema: it nests deeper than ${limits.maxDepth} levels at character ${tooDeep}. ` +
        'Move parts to definitions, or raise schema.max.depth.',
    );
  }
  let document: JsonValue;
  try {
    document = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw errors.invalidSchema(`Invalid schema: the text is not JSON: ${(error as Error).message}`, error);
  }
  if (!isObject(document) && typeof document !== 'boolean') {
    throw errors.invalidSchema('Invalid schema: a JSON Schema is an object or a boolean.');
  }
  return document;
}

/** Throws 42201 or 42209 with the reason; resolves with a schema that can be compared and compiled. */
export async function parseSchema(
  text: string,
  references: readonly NamedText[],
  limits: SchemaLimits,
): Promise<ParsedSchema> {
  const root = parseText(text, limits);
  const declared = draftOf(root);
  if ('problem' in declared) throw errors.invalidSchema(`Invalid schema: ${declared.problem}`);
  const { draft } = declared;
  await assertKeepsToDraft(draft, root, 'Invalid schema');

  const isOld = draft === 'draft-04' || draft === 'draft-06' || draft === 'draft-07';
  const documents = new SchemaDocuments(root, {
    idKeyword: draft === 'draft-04' ? 'id' : '$id',
    refHidesSiblings: isOld,
  });
  for (const reference of references) {
    documents.addReference(reference.name, parseText(reference.text, limits));
  }
  if (isObject(root)) assertSound(root, documents);
  return { draft, documents };
}

async function assertKeepsToDraft(draft: Draft, document: JsonValue, what: string): Promise<void> {
  let problem: string | null;
  try {
    problem = await metaSchemaProblem(draft, document);
  } catch (error) {
    problem = `it could not be checked: ${(error as Error).message}`;
  }
  if (problem !== null) throw errors.invalidSchema(`${what}: it does not keep to ${draft}, ${problem}`);
}

const REF_KEYWORDS = ['$ref', '$dynamicRef', '$recursiveRef'] as const;

/** Every `$ref` leads somewhere and not just in circles, and every pattern is a regular expression. */
function assertSound(root: JsonObject, documents: SchemaDocuments): void {
  const visit = (schema: JsonObject, place: string): void => {
    for (const keyword of REF_KEYWORDS) {
      const ref = schema[keyword];
      if (typeof ref === 'string') assertLeadsSomewhere(schema, ref, `${place}/${keyword}`, documents);
    }
    if (typeof schema.pattern === 'string') assertPattern(schema.pattern, `${place}/pattern`);
    if (isObject(schema.patternProperties)) {
      for (const pattern of Object.keys(schema.patternProperties)) {
        assertPattern(pattern, `${place}/patternProperties`);
      }
    }
    eachSubschema(schema, (subschema, pointer) => visit(subschema, `${place}/${pointer}`));
  };
  visit(root, '#');
}

function assertLeadsSomewhere(from: JsonObject, ref: string, place: string, documents: SchemaDocuments): void {
  const passed = new Set<JsonObject>([from]);
  let schema = from;
  let next = ref;
  for (;;) {
    const target = documents.resolve(schema, next);
    if (target === null) {
      throw errors.invalidSchema(
        `Invalid schema: the reference ${JSON.stringify(next.slice(0, 200))} at ${place} leads nowhere. ` +
          'Define it in the schema, or register it under a subject and name it in "references"; nothing is fetched.',
      );
    }
    if (!isObject(target.schema)) return;
    schema = target.schema;
    const further = schema.$ref;
    if (typeof further !== 'string' || Object.keys(schema).some((keyword) => STRUCTURE.has(keyword))) return;
    if (passed.has(schema)) {
      throw errors.invalidSchema(`Invalid schema: the reference at ${place} leads in a circle back to itself.`);
    }
    passed.add(schema);
    next = further;
  }
}

/** Beside one of these, a `$ref` back to the same place describes a recursive value, not a circle. */
const STRUCTURE = new Set(['properties', 'items', 'additionalProperties', 'patternProperties', 'prefixItems']);

function assertPattern(pattern: string, place: string): void {
  try {
    matcherOf(pattern);
  } catch (error) {
    const { message } = error as Error;
    const reason =
      error instanceof UnsafePattern ? 'could be used to hold the registry up' : 'is not a regular expression';
    throw errors.invalidSchema(`Invalid schema: the pattern at ${place} ${reason}: ${message}`, error);
  }
}
