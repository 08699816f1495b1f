/**
 * The table of cases (cases.json) against the checker, policy by policy, and what cannot stand in a table.
 *
 * A case: what the old and the new schema say, every difference between them, and whether STRICT and LENIENT allow them
 * for a reader of the new schema.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CompatibilityLevel } from '../model.ts';
import type { JsonValue } from '../parse/json-text.ts';
import { DEFAULT_LIMITS, type ParsedSchema, parseSchema } from '../parse/parse-schema.ts';
import cases from './cases.json' with { type: 'json' };
import { type EarlierSchema, incompatibilities, messagesOf } from './check.ts';
import { differencesBetween } from './compare.ts';
import { allowedUnder } from './difference.ts';
import { loadNodes } from './load.ts';
import { maximumMatching } from './matching.ts';

const parsed = (schema: JsonValue): Promise<ParsedSchema> => parseSchema(JSON.stringify(schema), [], DEFAULT_LIMITS);

async function earlier(...schemas: readonly JsonValue[]): Promise<EarlierSchema[]> {
  const list: EarlierSchema[] = [];
  for (const [index, schema] of schemas.entries()) {
    list.push({ version: index + 1, schema: JSON.stringify(schema), parsed: await parsed(schema) });
  }
  return list;
}

describe('the compatibility of JSON schemas', () => {
  for (const one of cases) {
    it(`${one.family}: ${one.name}`, async () => {
      const [old, next] = [await parsed(one.old as JsonValue), await parsed(one.new as JsonValue)];
      const found = differencesBetween(
        loadNodes(old.documents, old.draft),
        loadNodes(next.documents, next.draft),
        allowedUnder('STRICT'),
      );
      assert.deepEqual(found.map(({ type, path }) => `${type} ${path}`).sort(), [...one.differences].sort());
      const before = await earlier(one.old as JsonValue);
      assert.equal(incompatibilities(next, before, 'BACKWARD', 'STRICT').length === 0, one.strict, 'STRICT');
      assert.equal(incompatibilities(next, before, 'BACKWARD', 'LENIENT').length === 0, one.lenient, 'LENIENT');
    });
  }

  it('looks one way, the other way or both, at the last version or at all', async () => {
    const wide = { type: 'number' };
    const narrow = { type: 'integer' };
    const verdicts = async (level: CompatibilityLevel, ...schemas: JsonValue[]) => {
      const next = schemas.pop() as JsonValue;
      return incompatibilities(await parsed(next), await earlier(...schemas), level, 'STRICT').length === 0;
    };
    assert.equal(await verdicts('BACKWARD', narrow, wide), true);
    assert.equal(await verdicts('BACKWARD', wide, narrow), false);
    assert.equal(await verdicts('FORWARD', wide, narrow), true);
    assert.equal(await verdicts('FORWARD', narrow, wide), false);
    assert.equal(await verdicts('FULL', narrow, wide), false);
    assert.equal(await verdicts('FULL', narrow, narrow), true);
    assert.equal(await verdicts('NONE', { type: 'string' }, wide), true);
    assert.equal(await verdicts('BACKWARD', { type: 'string' }, narrow, wide), true);
    assert.equal(await verdicts('BACKWARD_TRANSITIVE', { type: 'string' }, narrow, wide), false);
  });

  it('says what stands in the way, where, and what it was compared with', async () => {
    const before = await earlier({ type: 'object', properties: { a: { type: 'string' } } });
    const next = await parsed({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } });
    const found = incompatibilities(next, before, 'BACKWARD', 'STRICT');
    const messages = messagesOf(found, before, { level: 'BACKWARD', validateFields: false });
    assert.equal(messages.length, 4);
    assert.match(messages[0] ?? '', /^\{errorType:"OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", description:"/);
    assert.match(messages[0] ?? '', /'#\/properties\/b'.*LENIENT/);
    assert.equal(messages[1], '{oldSchemaVersion: 1}');
    assert.equal(messages[3], "{validateFields: 'false', compatibility: 'BACKWARD'}");
  });

  it('gives up with a reason on schemas that are made to be compared for ever', async () => {
    const chain = (leaf: string) => {
      const definitions: { [name: string]: JsonValue } = { d5000: { type: leaf } };
      for (let i = 0; i < 5000; i++) {
        definitions[`d${i}`] = { type: 'object', properties: { next: { $ref: `#/definitions/d${i + 1}` } } };
      }
      return { $ref: '#/definitions/d0', definitions };
    };
    const next = await parsed(chain('integer'));
    const before = await earlier(chain('string'));
    assert.throws(() => incompatibilities(next, before, 'BACKWARD', 'STRICT'), {
      errorCode: 42201,
      message: /cannot be compared with version 1: They refer to themselves through /,
    });
  });

  it('compares many definitions that all use each other in little time', async () => {
    const web = (leaf: string) => {
      const definitions: { [name: string]: JsonValue } = {};
      for (let i = 0; i < 12; i++) {
        const oneOf: JsonValue[] = [{ type: leaf }];
        for (let j = 0; j < 12; j++) oneOf.push({ type: 'object', properties: { x: { $ref: `#/definitions/d${j}` } } });
        definitions[`d${i}`] = { oneOf };
      }
      return { $ref: '#/definitions/d0', definitions };
    };
    const found = incompatibilities(await parsed(web('integer')), await earlier(web('string')), 'BACKWARD', 'STRICT');
    assert.equal(found[0]?.type, 'COMBINED_TYPE_SUBSCHEMAS_CHANGED');
  });

  it('pairs as many as can be paired', () => {
    assert.deepEqual(maximumMatching([[0, 1], [0]], 2), [1, 0]);
    assert.deepEqual(maximumMatching([[0], [0], [1]], 2).filter((right) => right !== null).length, 2);
    assert.deepEqual(maximumMatching([[], []], 0), [null, null]);
  });
});
