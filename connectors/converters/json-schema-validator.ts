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
    const budget = referenced.size > 0 || text.includes('Ref"') || text.includes('$ref"') ? budgetOf(what) : null;
    const ajv = await ajvFor(typeof schema === 'object' ? String(schema.$schema ?? '') : '', { matcherOf, budget });
    for (const [name, each] of referenced) addReferenced(ajv, name, JSON.parse(each), schema);
    const validate = ajv.compile(typeof schema === 'object' ? withoutUnknownDraft(schema) : schema);
    return budget === null ? validate : withinBudget(validate, budget);
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

/** Calls of generated functions that one value may cost, a tenth of a second: references that multiply ask for 2^40. */
const MAX_CALLS = 1_000_000;

interface Budget {
  callsLeft: number;
  readonly over: () => never;
}

function budgetOf(what: string): Budget {
  const over = (): never => {
    throw badData(`The value asks ${what} more than ${MAX_CALLS} times: its references multiply.`);
  };
  // What ajv itself judges while it compiles, by its meta-schemas, has no bound.
  return { callsLeft: Number.POSITIVE_INFINITY, over };
}

function withinBudget(validate: ValidateFunction, budget: Budget): ValidateFunction {
  const bounded = (value: unknown): boolean => {
    budget.callsLeft = MAX_CALLS;
    const isFit = validate(value) as boolean;
    bounded.errors = validate.errors;
    return isFit;
  };
  bounded.errors = null as ValidateFunction['errors'];
  return bounded as unknown as ValidateFunction;
}

/** Makes each function that ajv generates count its calls. `self` is what generated code calls its ajv. */
function counting(code: string): string {
  return code.replace(/return function \w+\([^)]*\)\{/, '$&if(--self.budget.callsLeft<0)self.budget.over();');
}

async function ajvFor(
  draft: string,
  { matcherOf, budget }: { readonly matcherOf: SchemaRegistry['matcherOf']; readonly budget: Budget | null },
) {
  const regExp = matcherOf && Object.assign((pattern: string) => matcherOf(pattern), { code: 'matcherOf' });
  const code = { ...(regExp === undefined ? {} : { regExp }), ...(budget === null ? {} : { process: counting }) };
  const options = { ...OPTIONS, code };
  const ajv = draft.includes('2020-12')
    ? new (await import('ajv/dist/2020.js')).Ajv2020(options)
    : draft.includes('2019-09')
      ? new (await import('ajv/dist/2019.js')).Ajv2019(options)
      : new (await import('ajv')).Ajv(options);
  const { default: formats } = await import('ajv-formats');
  formats.default(ajv);
  if (budget !== null) Object.assign(ajv, { budget });
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
  const error = mostSpecific(errors);
  if (error === undefined) return badData(`The value does not fit ${what}.`);
  const place = error.instancePath === '' ? 'The value' : error.instancePath;
  const allowed = error.keyword === 'enum' ? ` (${JSON.stringify(error.params.allowedValues)})` : '';
  const extra = error.keyword === 'additionalProperties' ? ` ("${error.params.additionalProperty}")` : '';
  return badData(`${place} ${error.message}${allowed}${extra}; it does not fit ${what}.`);
}

/** Of alternatives (`oneOf`: null or a row) each says why it is not the one: who came furthest into the value was meant. */
function mostSpecific(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split('/').length;
  const deepest = Math.max(...errors.map(depth));
  const candidates = errors.filter((error) => depth(error) === deepest);
  return candidates.findLast(({ keyword }) => keyword !== 'oneOf' && keyword !== 'anyOf') ?? candidates[0];
}
