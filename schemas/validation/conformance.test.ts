/**
 * The public JSON-Schema-Test-Suite (required tests, every draft the registry knows) against the validators that judge
 * records here. What is expected to differ stands in conformance.exceptions.json with the reason, and nothing else may.
 *
 * Nothing is fetched: the suite's remote documents come as references, as a registry's would.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import type { NamedText } from '../parse/parse-schema.ts';
import { compileForBytes } from './compile.ts';
import exceptions from './conformance.exceptions.json' with { type: 'json' };

interface Group {
  readonly description: string;
  readonly schema: JsonValue;
  readonly tests: readonly { readonly description: string; readonly data: JsonValue; readonly valid: boolean }[];
}
interface Suite {
  readonly drafts: Readonly<Record<string, Readonly<Record<string, readonly Group[]>>>>;
  readonly remotes: Readonly<Record<string, JsonValue>>;
}

const packed = new URL('../../test/golden/json-schema-test-suite.json.gz', import.meta.url);
const suite = JSON.parse(gunzipSync(readFileSync(packed)).toString()) as Suite;

/** Where the suite says its remote documents live. */
const REMOTE = 'http://localhost:1234/';
const SCHEMA_URIS: Readonly<Record<string, string>> = {
  'draft-04': 'http://json-schema.org/draft-04/schema#',
  'draft-06': 'http://json-schema.org/draft-06/schema#',
  'draft-07': 'http://json-schema.org/draft-07/schema#',
};

/** The remote documents of a group, and those they need. */
function referencesOf(text: string): NamedText[] {
  const found = new Map<string, string>();
  const visit = (within: string): void => {
    for (const [path, document] of Object.entries(suite.remotes)) {
      const folder = path.slice(0, path.lastIndexOf('/') + 1);
      const isNamed =
        within.includes(REMOTE + path) || (within.includes(REMOTE) && within.includes(path.slice(folder.length)));
      if (!isNamed || found.has(REMOTE + path)) continue;
      found.set(REMOTE + path, JSON.stringify(document));
      visit(`${REMOTE}${path} ${JSON.stringify(document)}`);
    }
  };
  visit(text);
  return [...found].map(([name, text]) => ({ name, text }));
}

function declared(schema: JsonValue, draft: string): JsonValue {
  const uri = SCHEMA_URIS[draft];
  if (!isObject(schema) || uri === undefined || schema.$schema !== undefined) return schema;
  return { $schema: uri, ...(schema as JsonObject) };
}

/** Names of the tests of a group that come out otherwise. */
function failures({ schema, tests }: Group, draft: string): string[] {
  const text = JSON.stringify(declared(schema, draft));
  let validator: ReturnType<typeof compileForBytes>;
  try {
    validator = compileForBytes(text, referencesOf(text));
  } catch {
    return tests.map(({ description }) => description);
  }
  const { validate, fits } = validator;
  const differs = (data: JsonValue, valid: boolean): boolean => {
    // Judged where it lies, a record may be taken or left to ajv, and never be taken wrongly.
    if (fits(Buffer.from(JSON.stringify(data)), 0) && !valid) return true;
    try {
      return validate(data) !== valid;
    } catch {
      return true;
    }
  };
  return tests.filter(({ data, valid }) => differs(data, valid)).map(({ description }) => description);
}

describe('the public JSON-Schema-Test-Suite', () => {
  for (const [draft, files] of Object.entries(suite.drafts)) {
    it(`holds for ${draft}, but for what is listed with its reason`, async () => {
      const found: Record<string, string[]> = {};
      for (const [file, groups] of Object.entries(files)) {
        for (const group of groups) {
          const failed = failures(group, draft);
          if (failed.length > 0) found[`${file}: ${group.description}`] = failed;
        }
        // Other tests run beside this one.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const listed = (exceptions as Record<string, Record<string, { tests: string[] }>>)[draft] ?? {};
      const expected = Object.fromEntries(Object.entries(listed).map(([group, { tests }]) => [group, tests]));
      assert.deepEqual(found, expected);
    });
  }
});
