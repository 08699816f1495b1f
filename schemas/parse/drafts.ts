/**
 * The drafts of JSON Schema: which one a document declares, and whether it keeps to that draft's own meta-schema.
 *
 * The meta-schemas are ajv's; its classes are loaded when a draft is first met, so that the registry starts at once.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { isObject, type JsonValue } from './json-text.ts';

export type Draft = 'draft-04' | 'draft-06' | 'draft-07' | '2019-09' | '2020-12';

const META_SCHEMAS: Readonly<Record<Draft, string>> = {
  'draft-04': 'http://json-schema.org/draft-04/schema',
  'draft-06': 'http://json-schema.org/draft-06/schema',
  'draft-07': 'http://json-schema.org/draft-07/schema',
  '2019-09': 'https://json-schema.org/draft/2019-09/schema',
  '2020-12': 'https://json-schema.org/draft/2020-12/schema',
};
/** Confluent's choice for a document that declares none. */
const UNDECLARED: Draft = 'draft-07';

/** The draft a document declares in `$schema`, or a sentence that says why there is none. */
export function draftOf(document: JsonValue): { readonly draft: Draft } | { readonly problem: string } {
  const declared = isObject(document) ? document.$schema : undefined;
  if (declared === undefined) return { draft: UNDECLARED };
  if (typeof declared !== 'string') return { problem: '"$schema" is not a string.' };
  const draft = draftOfUri(declared);
  if (draft !== undefined) return { draft };
  return {
    problem: `"$schema" names ${declared.slice(0, 200)}, which is none of the drafts this registry knows: ${Object.values(META_SCHEMAS).join(', ')}.`,
  };
}

/** With http or https, with or without the empty fragment. */
export function draftOfUri(uri: string): Draft | undefined {
  const plain = uri.replace(/^https?:/, '').replace(/#$/, '');
  return DRAFTS.find((draft) => META_SCHEMAS[draft].replace(/^https?:/, '') === plain);
}

export const DRAFTS = Object.keys(META_SCHEMAS) as readonly Draft[];

/** What is wrong with the document by its draft's meta-schema, with the place; null when nothing is. */
export async function metaSchemaProblem(draft: Draft, document: JsonValue): Promise<string | null> {
  const validate = await metaSchemaOf(draft);
  if (validate(document)) return null;
  // The last error of an alternative is the sum of those before it; the first names the place.
  const error = validate.errors?.[0];
  return error === undefined ? 'it is not a schema.' : describe(error);
}

function describe(error: ErrorObject): string {
  const place = error.instancePath === '' ? 'at the top' : `at #${error.instancePath}`;
  const allowed: unknown = error.params.allowedValues;
  return `${place}: ${error.message}${Array.isArray(allowed) ? ` (${allowed.join(', ')})` : ''}`;
}

const loaded = new Map<Draft, Promise<ValidateFunction>>();

function metaSchemaOf(draft: Draft): Promise<ValidateFunction> {
  const validate = loaded.get(draft) ?? loadMetaSchema(draft);
  loaded.set(draft, validate);
  return validate;
}

async function loadMetaSchema(draft: Draft): Promise<ValidateFunction> {
  const options = { strict: false, validateFormats: false, logger: false } as const;
  const ajv = await newAjv(draft, options);
  const validate = ajv.getSchema(META_SCHEMAS[draft]) ?? ajv.getSchema(`${META_SCHEMAS[draft]}#`);
  if (validate === undefined) throw new Error(`ajv does not hold the meta-schema of ${draft}.`);
  return validate;
}

async function newAjv(draft: Draft, options: { strict: false; validateFormats: false; logger: false }) {
  if (draft === 'draft-04') {
    const { default: ajvDraft04 } = await import('ajv-draft-04');
    return new ajvDraft04.default(options);
  }
  if (draft === '2019-09') return new (await import('ajv/dist/2019.js')).Ajv2019(options);
  if (draft === '2020-12') return new (await import('ajv/dist/2020.js')).Ajv2020(options);
  const ajv = new (await import('ajv')).Ajv(options);
  if (draft === 'draft-06') {
    const { default: meta } = await import('ajv/dist/refs/json-schema-draft-06.json', { with: { type: 'json' } });
    ajv.addMetaSchema(meta);
  }
  return ajv;
}
