/**
 * What a JSON Schema will be sorry for later: keywords its draft ignores, an object nobody can extend, a regular
 * expression that can take for ever, a name that looks like personal data without a tag.
 *
 * What is outright wrong (not JSON, not of its draft, dangling references) is schemaProblem's; this looks at sound ones.
 */
import { type Draft, draftOf } from '../parse/drafts.ts';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import { eachSubschema } from '../parse/subschemas.ts';

export interface SchemaFinding {
  readonly rule: string;
  /** A JSON pointer behind `#`. */
  readonly path: string;
  readonly message: string;
}

type Rule = (schema: JsonObject, draft: Draft) => string | null;

const OLD_DRAFTS: readonly Draft[] = ['draft-04', 'draft-06', 'draft-07'];
/** Keyword → the first draft that knows it. */
const SINCE_2019 = [
  'dependentRequired',
  'dependentSchemas',
  'maxContains',
  'minContains',
  'unevaluatedItems',
  'unevaluatedProperties',
  '$anchor',
  '$recursiveRef',
];
const SINCE_2020 = ['prefixItems', '$dynamicRef', '$dynamicAnchor'];
const BESIDE_REF = new Set([
  '$ref',
  'title',
  'description',
  '$comment',
  'examples',
  'default',
  'definitions',
  '$defs',
  '$schema',
  '$id',
]);
/** A group that repeats and is itself repeated: `(a+)+`, `(.*)*`. */
const NESTED_REPEAT = /\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,\})/;
const PERSONAL =
  /^(e?_?mail(_?address)?|phone(_?(no|number))?|mobile|ssn|social_?security.*|passport.*|birth_?(day|date)|date_?of_?birth|(first|last|full|sur)_?name|street|iban|credit_?card.*|card_?number|ip_?address)$/i;

const rules: Readonly<Record<string, Rule>> = {
  'unknown-to-draft': (schema, draft) => {
    const unknown = [...(OLD_DRAFTS.includes(draft) ? SINCE_2019 : []), ...(draft === '2020-12' ? [] : SINCE_2020)];
    const found = unknown.filter((keyword) => keyword in schema);
    return found.length === 0
      ? null
      : `${draft} does not know ${found.join(', ')} and ignores it; declare a newer "$schema".`;
  },
  'ref-hides-siblings': (schema, draft) => {
    if (!OLD_DRAFTS.includes(draft) || typeof schema.$ref !== 'string') return null;
    const hidden = Object.keys(schema).filter((keyword) => !BESIDE_REF.has(keyword));
    return hidden.length === 0 ? null : `${draft} ignores ${hidden.join(', ')} beside "$ref"; put both into allOf.`;
  },
  'open-object': (schema) =>
    isObject(schema.properties) && isOpen(schema)
      ? 'The object is open: adding an optional property later is refused under BACKWARD. Set "additionalProperties": false, or the policy LENIENT.'
      : null,
  'required-not-declared': (schema) => {
    if (!Array.isArray(schema.required) || !isObject(schema.properties)) return null;
    const declared = schema.properties;
    const missing = schema.required.filter((name) => typeof name === 'string' && !Object.hasOwn(declared, name));
    return missing.length === 0 ? null : `"required" names ${missing.join(', ')}, which "properties" does not declare.`;
  },
  'slow-pattern': (schema) => {
    const patterns = [
      schema.pattern,
      ...Object.keys(isObject(schema.patternProperties) ? schema.patternProperties : {}),
    ];
    const slow = patterns.find((pattern) => typeof pattern === 'string' && NESTED_REPEAT.test(pattern));
    return slow === undefined ? null : 'A repeated group inside the pattern repeats, too: some texts take it for ever.';
  },
  'never-valid-default': (schema) => {
    const types = typeof schema.type === 'string' ? [schema.type] : Array.isArray(schema.type) ? schema.type : [];
    if (schema.default === undefined || types.length === 0 || types.includes(typeOf(schema.default))) return null;
    if (types.includes('number') && typeof schema.default === 'number') return null;
    return `The default is of type ${typeOf(schema.default)}, which "type" does not allow.`;
  },
  'untagged-personal-data': (schema) => {
    if (!isObject(schema.properties)) return null;
    const bare = Object.entries(schema.properties).flatMap(([name, property]) =>
      PERSONAL.test(name) && isObject(property) && property['confluent:tags'] === undefined ? [name] : [],
    );
    return bare.length === 0 ? null : `${bare.join(', ')} looks like personal data; tag it: "confluent:tags": ["PII"].`;
  },
};

/** Findings in the order of the text. The schema must be one that schemaProblem finds nothing wrong with. */
export function lintSchema(text: string): SchemaFinding[] {
  const root = JSON.parse(text) as JsonValue;
  const declared = draftOf(root);
  if (!isObject(root) || 'problem' in declared) return [];
  const findings: SchemaFinding[] = [];
  const add = (rule: string, path: string, message: string) => findings.push({ rule, path, message });
  if (root.$schema === undefined) {
    add('draft-undeclared', '#', 'No "$schema": it is read as draft-07 here, and as something else elsewhere.');
  }
  if (typeof root.title !== 'string') {
    add('no-title', '#', 'No "title": record name strategies and generated types take their name from it.');
  }
  const visit = (schema: JsonObject, path: string): void => {
    for (const [rule, judge] of Object.entries(rules)) {
      const message = judge(schema, declared.draft);
      if (message !== null) add(rule, path, message);
    }
    eachSubschema(schema, (subschema, pointer) => visit(subschema, `${path}/${pointer}`));
  };
  visit(root, '#');
  return findings;
}

function isOpen({ additionalProperties, patternProperties, unevaluatedProperties }: JsonObject): boolean {
  return (
    (additionalProperties === undefined || additionalProperties === true) &&
    patternProperties === undefined &&
    (unevaluatedProperties === undefined || unevaluatedProperties === true)
  );
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
