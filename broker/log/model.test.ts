/**
 * Random operations on a log beside a trivial model of it: an array. One seed per run, named in every failure, so that
 * a run can be repeated. Crashes and power cuts are operations like any other.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, batchOf, type LogFixture, openLog, readAll } from '../../test/kit/log.ts';
import { seededRandom } from '../../test/kit/random.ts';

const runs = 40;
const stepsPerRun = 60;

interface Model {
  values: string[];
  logStartOffset: number;
  /** Records promised to survive a power cut, and to survive a crash of the process. */
  durableEnd: number;
  cachedEnd: number;
}

describe('A log behaves like an array', () => {
  for (let seed = 1; seed <= runs; seed++) {
    it(`that survives crashes, seed ${seed}`, async (test) => {
      await run(test, seed);
    });
  }
});

async function run(test: TestContext, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const config = { segmentBytes: 300 + random.below(2000), indexIntervalBytes: 1 + random.below(300) };
  let fixture = openLog(test, { config: { ...config, fileDeleteDelayMs: 0 } });
  const model: Model = { values: [], logStartOffset: 0, durableEnd: 0, cachedEnd: 0 };
  for (let step = 0; step < stepsPerRun; step++) {
    const dice = random.below(100);
    if (dice < 60) await appendSome(fixture, model, random);
    else if (dice < 70) readSome(fixture, model, random);
    else if (dice < 75) await fixture.directory.writeCheckpoints();
    else if (dice < 80) deleteSome(fixture, model, random);
    else if (dice < 84) await truncate(fixture, model, random);
    else if (dice < 90) fixture = restart(fixture, model, 'kill');
    else if (dice < 96) {
      fixture.fs.powerCut({ survivingBytes: (_path, synced, written) => synced + lateBytes(written - synced, random) });
      fixture = restart(fixture, model, 'power cut');
    } else {
      await fixture.directory.close();
      const { fs, clock } = fixture;
      fixture = openLog(test, { fs, clock, config: { ...config, fileDeleteDelayMs: 0 } });
      assert.deepEqual(fixture.directory.recovered, []);
    }
    compare(fixture, model, `seed ${seed}, step ${step}`);
  }
}

async function appendSome({ log }: LogFixture, model: Model, random: Random): Promise<void> {
  const waits: Promise<unknown>[] = [];
  for (let count = 1 + random.below(4); count > 0; count--) {
    const values = Array.from({ length: 1 + random.below(4) }, () => 'v'.repeat(random.below(60)));
    model.values.push(...values);
    const end = model.values.length;
    const acks = random.below(2) === 0 ? -1 : 1;
    const wait = append(log, batchOf({ values }), { acks }).then(() => {
      if (acks === -1) model.durableEnd = Math.max(model.durableEnd, end);
      model.cachedEnd = Math.max(model.cachedEnd, end);
    });
    waits.push(wait);
  }
  await Promise.all(waits);
}

function readSome({ log }: LogFixture, model: Model, random: Random): void {
  const offset = model.logStartOffset + random.below(model.values.length - model.logStartOffset + 1);
  const maxBytes = 1 + random.below(500);
  assert.deepEqual(readAll(log, offset, maxBytes), expected(model, offset));
}

function deleteSome({ log }: LogFixture, model: Model, random: Random): void {
  model.logStartOffset += random.below(Math.min(5, model.values.length - model.logStartOffset) + 1);
  log.deleteRecords(model.logStartOffset);
  log.enforceRetention();
}

/** The log cuts whole batches, so it may end below the offset, and even below its start. */
async function truncate({ log }: LogFixture, model: Model, random: Random): Promise<void> {
  const wanted = model.logStartOffset + random.below(model.values.length - model.logStartOffset + 1);
  log.truncateTo(wanted);
  shorten(model, log.logEndOffset);
  model.logStartOffset = Math.min(model.logStartOffset, log.logEndOffset);
  // The new start is checkpointed at the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
}

function restart(fixture: LogFixture, model: Model, why: 'kill' | 'power cut'): LogFixture {
  const again = fixture.reopen();
  const promised = why === 'kill' ? model.cachedEnd : model.durableEnd;
  assert.ok(again.log.logEndOffset >= promised, `${why}: ${again.log.logEndOffset} of ${promised} records are left`);
  assert.ok(again.log.logEndOffset <= model.values.length);
  shorten(model, again.log.logEndOffset);
  // A power cut may bring records back that were deleted a moment ago.
  assert.ok(again.log.logStartOffset <= model.logStartOffset);
  model.logStartOffset = again.log.logStartOffset;
  return again;
}

function shorten(model: Model, end: number): void {
  model.values.length = end;
  model.durableEnd = Math.min(model.durableEnd, end);
  model.cachedEnd = Math.min(model.cachedEnd, end);
}

function compare({ log }: LogFixture, model: Model, when: string): void {
  assert.deepEqual([log.logStartOffset, log.highWatermark], [model.logStartOffset, model.values.length], when);
  assert.deepEqual(readAll(log), expected(model, model.logStartOffset), when);
}

function expected(model: Model, from: number): string[] {
  return model.values.map((value, offset) => `${offset}:${value}`).slice(from);
}

/** Of the bytes not synced some may be on the device, or all, or zeros beyond. */
function lateBytes(unsynced: number, random: Random): number {
  return unsynced <= 0 ? 0 : random.below(unsynced + 4);
}

type Random = ReturnType<typeof seededRandom>;
