/**
 * The promise of the sound checker, tried at random in every draft: no record contradicts "compatible", every record that
 * is said to break does, and what this room thinks of a record is what the compiled validator thinks.
 *
 * SEED and PAIRS in the environment look further; a failure prints the seed that repeats it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ValidateFunction } from 'ajv';
import { DRAFTS, type Draft } from '../parse/drafts.ts';
import type { JsonValue } from '../parse/json-text.ts';
import { DEFAULT_LIMITS, parseSchema } from '../parse/parse-schema.ts';
import { compileSchema } from '../validation/compile.ts';
import { accepts } from './accepts.ts';
import evolutions from './evolutions.cases.json' with { type: 'json' };
import { Facts } from './facts.ts';
import { judgePair, judgeSchemas } from './judge.ts';
import { RandomSchemas } from './random-schemas.ts';
import { predicateOf } from './reading.ts';
import { Random } from './search/random.ts';
import { Samples } from './search/samples.ts';

const SEED = Number(process.env.SEED ?? 1);
const PAIRS = Number(process.env.PAIRS ?? 30);
const RANDOM_RECORDS = 100;
const TELLING_RECORDS = 300;

const parsed = async (schema: string) => ({ schema, parsed: await parseSchema(schema, [], DEFAULT_LIMITS) });

/** ajv's code for some nestings of unevaluated* throws; then it has no opinion. */
function opinion(validate: ValidateFunction, record: JsonValue): boolean | null {
  try {
    return validate(record) as boolean;
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return null;
  }
}

function* firstOf<T>(list: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const each of list) {
    if (++count > most) return;
    yield each;
  }
}

async function tryPair(seed: number, draft: Draft): Promise<string> {
  const random = new RandomSchemas(seed, draft);
  const first = random.document();
  const [old, next] = [
    await parsed(JSON.stringify(first)),
    await parsed(JSON.stringify(seed % 3 === 0 ? random.document() : random.changed(first))),
  ];
  const verdict = judgePair(old, next);
  const [byOld, byNext] = [compileSchema(old.schema, []), compileSchema(next.schema, [])];
  const what = `seed ${seed}, ${draft}\n${old.schema}\n${next.schema}`;
  const predicate = predicateOf(old.parsed);
  const telling = new Samples(new Random(seed)).of(new Facts([predicate]), predicateOf(next.parsed));
  const records = [
    ...Array.from({ length: RANDOM_RECORDS }, () => random.value(3)),
    ...firstOf(telling, TELLING_RECORDS),
  ];
  for (const record of records) {
    const [passesOld, passesNext] = [opinion(byOld, record), opinion(byNext, record)];
    const thought = accepts(predicate, record);
    if (thought !== null && passesOld !== null) {
      assert.equal(thought, passesOld, `${what}\n${JSON.stringify(record)} is judged alike`);
    }
    const contradicts = verdict.verdict === 'compatible' && passesOld === true && passesNext === false;
    assert.ok(!contradicts, `${what}\n${JSON.stringify(record)} contradicts "compatible"`);
  }
  if (verdict.verdict === 'breaks') {
    assert.deepEqual([byOld(verdict.record), byNext(verdict.record)], [true, false], what);
  }
  return verdict.verdict;
}

describe('random pairs of schemas', () => {
  for (const draft of DRAFTS) {
    it(`in ${draft} are never called compatible when a record says otherwise`, async () => {
      const verdicts: string[] = [];
      for (let pair = 0; pair < PAIRS; pair++) {
        verdicts.push(await tryPair(SEED * 100_000 + pair, draft));
        // Other tests run beside this one.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const unknown = verdicts.filter((verdict) => verdict === 'unknown').length;
      assert.ok(unknown <= PAIRS / 4, `${unknown} of ${PAIRS} are unknown`);
    });
  }
});

describe('realistic changes', () => {
  it('are told for certain, one way or the other', async () => {
    const unknown: string[] = [];
    for (const { name, old, next, backward } of evolutions) {
      const text = (schema: unknown) => ({ schema: JSON.stringify(schema) });
      const { verdict } = await judgeSchemas(text(old), text(next), DEFAULT_LIMITS);
      if (verdict === 'unknown') unknown.push(name);
      else assert.equal(verdict, backward, name);
    }
    // One in twenty may be beyond the checker.
    assert.ok(unknown.length <= evolutions.length / 20, `unknown: ${unknown.join(', ')}`);
  });
});
