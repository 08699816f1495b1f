/**
 * From a schema's text to a function that judges values: ajv in the schema's draft, with what it refers to.
 *
 * Everything in this room that judges a record by a schema comes here: the broker's check, counterexamples, conformance.
 * Synchronous; ajv's dialects are loaded when a schema first asks for one.
 */
import { createRequire } from 'node:module';
import type { Ajv, AnySchemaObject, ErrorObject, FormatDefinition, ValidateFunction } from 'ajv';
import { ValidationBudgetError } from '../errors.ts';
import { type Draft, draftOf } from '../parse/drafts.ts';
import { isObject, type JsonValue } from '../parse/json-text.ts';
import type { NamedText } from '../parse/parse-schema.ts';
import { matcherOf } from '../regex/engine.ts';
import { planOf } from './bytes/plan.ts';
import { judgeOf } from './bytes/walk.ts';
import { isUsualDateTime } from './date-time.ts';
import { useExactMultipleOf } from './multiple-of.ts';
import { prepared } from './prepare.ts';

const load = createRequire(import.meta.url);

/** Where ajv keeps each dialect; what is not here is its default, which knows drafts 6 and 7. */
const MODULES: Partial<Record<Draft, string>> = {
  'draft-04': 'ajv-draft-04',
  '2019-09': 'ajv/dist/2019',
  '2020-12': 'ajv/dist/2020',
};

/** Names every object has: only a schema that mentions one pays for asking whether a member is the value's own. */
const INHERITED =
  /"(?:__proto__|constructor|toString|toLocaleString|valueOf|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|__(?:define|lookup)[GS]etter__)"/;

/**
 * Schemas of so many characters are compiled without ajv's clean-up of the code it makes: that takes time in proportion
 * to the square of their length (two seconds for two thousand properties), and the code is hardly slower.
 */
const MAX_OPTIMIZED = 16_384;

/** What a value may cost that is judged by a schema whose references multiply: calls of its functions, a tenth of a second. */
const MAX_CALLS = 1_000_000;
/** Only a schema that refers can ask one part of a value more than once by each of its own parts. */
const REFERS = /"\$(?:ref|dynamicRef|recursiveRef)"/;

/** Throws what ajv throws when the text cannot be compiled. The function throws ValidationBudgetError. */
export function compileSchema(text: string, references: readonly NamedText[]): ValidateFunction {
  return compiled(text, references).validate;
}

/** For values that come as bytes: what says yes to most of those that fit, and what has the last word and the reason. */
export interface BytesValidator {
  /** Whether the bytes from `from` on are JSON of a value that certainly fits; false is no verdict. */
  readonly fits: (bytes: Buffer, from: number) => boolean;
  readonly validate: ValidateFunction;
}

/** Throws what ajv throws when the text cannot be compiled. */
export function compileForBytes(text: string, references: readonly NamedText[]): BytesValidator {
  const { validate, ajv, schema, ownProperties } = compiled(text, references);
  // A schema that names what every object has is ajv's alone.
  const plan = ownProperties ? null : planOf(schema, (name) => ajv.getKeyword(name) !== false);
  return { validate, fits: plan === null ? () => false : whileUseful(judgeOf(plan)) };
}

/** Values more that were beyond the quick way than it took: then most are, and trying it costs more than it saves. */
const MAX_IN_VAIN = 1000;

function whileUseful(judge: (bytes: Buffer, from: number) => boolean): BytesValidator['fits'] {
  let inVain = 0;
  return (bytes, from) => {
    if (inVain === MAX_IN_VAIN) return false;
    const isFit = judge(bytes, from);
    if (!isFit) inVain++;
    else if (inVain > 0) inVain--;
    return isFit;
  };
}

function compiled(text: string, references: readonly NamedText[]) {
  const declared = draftOf(JSON.parse(text) as JsonValue);
  const draft = 'draft' in declared ? declared.draft : 'draft-07';
  const schema = prepared(text, draft);
  const ownProperties = INHERITED.test(text) || references.some((reference) => INHERITED.test(reference.text));
  const budget = REFERS.test(text) || references.length > 0 ? { callsLeft: 0 } : null;
  const ajv = ajvFor(draft, { ownProperties, optimize: text.length < MAX_OPTIMIZED, budget });
  const base = isObject(schema) && typeof schema.$id === 'string' ? schema.$id : null;
  for (const { name, text } of references) {
    const names = new Set([name, ...(base !== null && URL.canParse(name, base) ? [new URL(name, base).href] : [])]);
    for (const key of names) ajv.addSchema(prepared(text, draft) as AnySchemaObject, key);
  }
  const validate = ajv.compile(schema as AnySchemaObject);
  return { ajv, schema, ownProperties, validate: budget === null ? validate : withinBudget(validate, budget) };
}

/** Calls of generated functions that the value under judgement may still cost. */
interface Budget {
  callsLeft: number;
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
  return code.replace(/return function \w+\([^)]*\)\{/, '$&if(--self.budget.callsLeft<0)self.overBudget();');
}

/** Patterns are matched by our engine; generated code asks it by this name. */
const regExp = Object.assign((pattern: string) => matcherOf(pattern), { code: 'matcherOf' });

/** A dialect of ajv as the registry sets it up, with nothing in it but the meta-schemas. */
function ajvFor(
  draft: Draft,
  options: { readonly ownProperties: boolean; readonly optimize: boolean; readonly budget: Budget | null },
): Ajv {
  const { ownProperties, optimize, budget } = options;
  const module = MODULES[draft] ?? 'ajv';
  const { default: Dialect } = load(module) as { default: new (options: object) => Ajv };
  const ajv = new Dialect({
    strict: false,
    logger: false,
    validateSchema: false,
    strictNumbers: true,
    ownProperties,
    code: { regExp, optimize, ...(budget === null ? {} : { process: counting }) },
  });
  if (budget !== null) Object.assign(ajv, { budget, overBudget });
  if (module === 'ajv') ajv.addMetaSchema(load('ajv/dist/refs/json-schema-draft-06.json') as AnySchemaObject);
  (load('ajv-formats') as { default: (ajv: Ajv) => void }).default(ajv);
  useQuickDateTime(ajv);
  useExactMultipleOf(ajv);
  return ajv;
}

function overBudget(): never {
  throw new ValidationBudgetError(
    `the value asks its schema more than ${MAX_CALLS} times, because the schema's references multiply`,
  );
}

/** Asks the format's own judge only where a look does not suffice. */
function useQuickDateTime(ajv: Ajv): void {
  const format = ajv.formats['date-time'] as FormatDefinition<string>;
  const judge = format.validate as (text: string) => boolean;
  ajv.addFormat('date-time', { ...format, validate: (text: string) => isUsualDateTime(text) || judge(text) });
}

/** The first thing that is wrong, with its place, as a clause: "/lat must be <= 90". */
export function firstProblem(errors: readonly ErrorObject[] | null | undefined): string {
  const error = errors?.[0];
  if (error === undefined) return 'it is refused';
  const extra = error.keyword === 'additionalProperties' ? ` ("${error.params.additionalProperty}")` : '';
  return `${error.instancePath === '' ? 'it' : error.instancePath} ${error.message}${extra}`;
}
