/**
 * The sound checker's tables of cases, one per keyword family: a verdict for who reads with the new schema (backward) and
 * for who still reads with the old one (forward). Each record that is said to break is tried on both schemas.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonValue } from '../parse/json-text.ts';
import { DEFAULT_LIMITS } from '../parse/parse-schema.ts';
import { compileSchema } from '../validation/compile.ts';
import { soundAnswer, soundLine } from './answer.ts';
import arrays from './families/arrays.cases.json' with { type: 'json' };
import combined from './families/combined.cases.json' with { type: 'json' };
import dependencies from './families/dependencies.cases.json' with { type: 'json' };
import numbers from './families/numbers.cases.json' with { type: 'json' };
import objects from './families/objects.cases.json' with { type: 'json' };
import strings from './families/strings.cases.json' with { type: 'json' };
import types from './families/types.cases.json' with { type: 'json' };
import unevaluated from './families/unevaluated.cases.json' with { type: 'json' };
import { judgeSchemas, type SoundVerdict } from './judge.ts';

const tables = { types, numbers, strings, objects, arrays, combined, dependencies, unevaluated };

async function judged(written: unknown, read: unknown): Promise<SoundVerdict> {
  const [a, b] = [JSON.stringify(written), JSON.stringify(read)];
  const verdict = await judgeSchemas({ schema: a }, { schema: b }, DEFAULT_LIMITS);
  if (verdict.verdict === 'breaks') {
    assert.equal(compileSchema(a, [])(verdict.record), true, `the writer accepts ${JSON.stringify(verdict.record)}`);
    assert.equal(compileSchema(b, [])(verdict.record), false, `the reader refuses ${JSON.stringify(verdict.record)}`);
  }
  return verdict;
}

for (const [family, cases] of Object.entries(tables)) {
  describe(`the sound verdict on ${family}`, () => {
    for (const one of cases) {
      it(one.name, async () => {
        const [backward, forward] = [await judged(one.old, one.new), await judged(one.new, one.old)];
        assert.equal(backward.verdict, one.backward, `backward: ${JSON.stringify(backward)}`);
        assert.equal(forward.verdict, one.forward, `forward: ${JSON.stringify(forward)}`);
      });
    }
  });
}

describe('a counterexample', () => {
  const open = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] };
  const wider = { ...open, properties: { ...open.properties, speed: { type: 'number' } } };

  it('is as small as can be, and the same each time', async () => {
    const first = await judged(open, wider);
    assert.deepEqual(first, { verdict: 'breaks', record: { id: '', speed: '' }, reason: '/speed must be number' });
    assert.deepEqual(await judged(open, wider), first);
  });

  it('is looked for in every version the level counts, the newest first, and said in a sentence', async () => {
    const text = (schema: JsonValue) => ({ schema: JSON.stringify(schema) });
    const judge = (a: { schema: string }, b: { schema: string }) => judgeSchemas(a, b, DEFAULT_LIMITS);
    const earlier = [
      { ...text({ type: 'string' }), version: 1 },
      { ...text({ type: 'integer' }), version: 2 },
    ];
    const next = text({ type: 'number' });
    const all = await soundAnswer(next, earlier, 'BACKWARD_TRANSITIVE', judge);
    assert.equal(all.version, 1);
    assert.match(
      soundLine(all),
      /^This record is valid by version 1 and breaks by the new schema: "" \(it must be number\)$/,
    );
    assert.equal(soundLine(await soundAnswer(next, earlier.slice(1), 'BACKWARD', judge)), 'Proven: no record breaks.');
    const forward = await soundAnswer(next, earlier.slice(1), 'FULL', judge);
    assert.match(soundLine(forward), /valid by the new schema and breaks by version 2: .* \(it must be integer\)/);
    assert.deepEqual(await soundAnswer(next, earlier, 'NONE', judge), { verdict: 'compatible' });
  });

  it('comes through schemas that refer to other subjects', async () => {
    const schema = JSON.stringify({ type: 'object', properties: { at: { $ref: 'point.json' } } });
    const point = (type: string) => [
      { name: 'point.json', text: `{"type":"object","properties":{"lat":{"type":"${type}"}}}` },
    ];
    const verdict = (a: string, b: string) =>
      judgeSchemas({ schema, references: point(a) }, { schema, references: point(b) }, DEFAULT_LIMITS);
    assert.equal((await verdict('integer', 'number')).verdict, 'compatible');
    const broken = await verdict('number', 'integer');
    assert.equal(broken.verdict === 'breaks' && broken.reason, '/at/lat must be integer');
  });

  it('is not claimed where the schemas are too intricate to tell', async () => {
    const web = (leaf: string) => {
      const definitions: { [name: string]: JsonValue } = {};
      for (let i = 0; i < 10; i++) {
        const anyOf = Array.from({ length: 10 }, (_, j) => ({
          type: 'object',
          properties: { [`p${j}`]: { $ref: `#/definitions/d${j}` } },
        }));
        definitions[`d${i}`] = { anyOf: [{ type: leaf }, ...anyOf], not: { required: [`q${i}`] } };
      }
      return { $ref: '#/definitions/d0', definitions };
    };
    const began = process.cpuUsage();
    assert.notEqual((await judged(web('integer'), web('number'))).verdict, 'breaks');
    assert.ok(process.cpuUsage(began).user < 30e6, 'the search is bounded');
  });
});
