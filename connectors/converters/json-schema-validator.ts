/**
 * Compiles JSON Schemas with ajv, once per schema, for the draft each declares. ajv is loaded with the first schema.
 */
import type { Ajv, AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv';
import { ConfigError, type SchemaRegistry } from '../api/index.ts';
import { badData } from './errors.ts';

export type Validate = (value: unknown) => void;

const OPTIONS = { strict: false, logger: false, allErrors: false } as const;

/** Answers a function that throws a DataError naming the place in the value and what is wrong with it. */
export async function compileSchema(
  text: string,
  what: string,
  /** What its `$ref`s mean, by the names they use. */
  referenced: ReadonlyMap<string, string> = new Map(),
  /** How patterns are matched; the platform's engine where a registry has none of its own. */
  matcherOf?: SchemaRegistry['matcherOf'],
): Promise<Validate> {
  const validate = await compile(text, what, referenced, matcherOf);
  return (value) => {
    if (!validate(value)) throw violation(what, validate.errors ?? []);
  };
}

async function compile(
  text: string,
  what: string,
  referenced: ReadonlyMap<string, string>,
  matcherOf: SchemaRegistry['matcherOf'],
): Promise<ValidateFunction> {
  try {
    const schema: AnySchemaObject | boolean = JSON.parse(text);
    const ajv = await ajvFor(typeof schema === 'object' ? String(schema.$schema ?? '') : '', matcherOf);
    for (const [name, each] of referenced) addReferenced(ajv, name, JSON.parse(each), schema);
    return ajv.compile(typeof schema === 'object' ? withoutUnknownDraft(schema) : schema);
  } catch (cause) {
    throw new ConfigError(`${what} cannot be compiled: ${(cause as Error).message}.`, { cause });
  }
}

/** A `$ref` is the name itself, or an address that the name makes with the `$id` of the schema around it. */
function addReferenced(ajv: Ajv, name: string, schema: AnySchemaObject, root: AnySchemaObject | boolean): void {
  const { $schema: _, $id: own, ...rest } = schema;
  const base = typeof root === 'object' ? root.$id : undefined;
  const address = typeof base === 'string' && URL.canParse(name, base) ? new URL(name, base).href : name;
  for (const key of new Set([name, address, ...(typeof own === 'string' ? [own] : [])])) {
    // Asking by getSchema would compile it, before what it refers to is there.
    if (ajv.schemas[key] === undefined && ajv.refs[key] === undefined) ajv.addSchema(rest, key);
  }
}

async function ajvFor(draft: string, matcherOf: SchemaRegistry['matcherOf']) {
  const regExp = matcherOf && Object.assign((pattern: string) => matcherOf(pattern), { code: 'matcherOf' });
  const options = regExp === undefined ? OPTIONS : { ...OPTIONS, code: { regExp } };
  const ajv = draft.includes('2020-12')
    ? new (await import('ajv/dist/2020.js')).Ajv2020(options)
    : draft.includes('2019-09')
      ? new (await import('ajv/dist/2019.js')).Ajv2019(options)
      : new (await import('ajv')).Ajv(options);
  const { default: formats } = await import('ajv-formats');
  formats.default(ajv);
  return ajv;
}

/** ajv refuses a draft it has no meta-schema for (4, 6); what we read of those is the same in 7. */
function withoutUnknownDraft(given: AnySchemaObject): AnySchemaObject {
  // ajv's own word: it would answer with a promise, which looks like a yes.
  const { $async: _async, ...schema } = given;
  if (!/draft-0[346]/.test(String(schema.$schema ?? ''))) return schema;
  const { $schema: _, id: __, ...rest } = schema;
  return rest;
}

function violation(what: string, errors: readonly ErrorObject[]) {
  const [error] = errors;
  if (error === undefined) return badData(`The value does not fit ${what}.`);
  const place = error.instancePath === '' ? 'The value' : error.instancePath;
  const allowed = error.keyword === 'enum' ? ` (${JSON.stringify(error.params.allowedValues)})` : '';
  const extra = error.keyword === 'additionalProperties' ? ` ("${error.params.additionalProperty}")` : '';
  return badData(`${place} ${error.message}${allowed}${extra}; it does not fit ${what}.`);
}
