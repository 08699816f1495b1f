/**
 * Compaction beside a model, killed and cut off from power before steps it makes on the disk (`stride` 1 is each of them).
 * Whatever the moment: each record read is the one that was written at its offset, the last committed value of every key is there,
 * no superseded or aborted one passes for it, and the next round finishes the work.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { append, batchOf, dyingAfter, type LogFixture, openLog } from '../../test/kit/log.ts';
import { seededRandom } from '../../test/kit/random.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { PartitionReader } from '../in-process/partition-reader.ts';
import type { ConsumerRecord } from '../in-process/types.ts';
import { encodeMarker } from '../protocol/control-record.ts';

/** Every step of each seed is a start, a round, a crash, a start and a round: some 100 ms. */
const seeds = 4;
/** Every so many steps a crash; where the first one is depends on the seed and the round. */
const stride = 4;
const day = 24 * 60 * 60 * 1000;
const keyNames = ['a', 'b', 'c', 'd', 'e'];
const config = {
  cleanupPolicy: ['compact'],
  minCleanableDirtyRatio: 0,
  deleteRetentionMs: day,
  indexIntervalBytes: 100,
  fileDeleteDelayMs: 0,
} as const;

type Random = ReturnType<typeof seededRandom>;

/** What was ever written: by offset, and the last committed value of each key (null where it was a tombstone). */
interface History {
  readonly written: Map<number, string>;
  readonly last: Map<string, string | null>;
  readonly sequences: Map<number, number>;
}

describe('Compaction, interrupted before any of its steps,', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    for (const how of ['kill', 'power cut'] as const) {
      it(`loses nothing and brings nothing back: ${how}, seed ${seed}`, (test) => run(test, seed, how));
    }
  }
});

async function run(test: TestContext, seed: number, how: 'kill' | 'power cut'): Promise<void> {
  const random = seededRandom(seed);
  const history: History = { written: new Map(), last: new Map(), sequences: new Map() };
  const options = { config: { ...config, segmentBytes: 800 + random.below(2000) }, clock: { now: 1_750_000_000_000 } };
  let fixture = openLog(test, options);
  for (let round = 0; round < 3; round++) {
    await writeSome(fixture, history, random);
    await fixture.directory.writeCheckpoints();
    const files = fixture.fs.files();
    fixture.log.abandon();
    for (let steps = random.below(stride); ; steps += stride) {
      const fs = copyOf(files);
      const isDone = await dieAfter(test, { ...options, fs }, steps);
      if (how === 'power cut') fs.powerCut();
      const again = openLog(test, { ...options, fs });
      check(again, history, `seed ${seed}, round ${round}, ${how} before step ${steps}`);
      await again.directory.cleaner.cleanAll();
      check(again, history, `seed ${seed}, round ${round}, cleaned after ${how} before step ${steps}`);
      if (isDone) {
        fixture = again;
        break;
      }
      await again.directory.close();
    }
    options.clock.now += day + 1;
  }
}

/** Opens and cleans as a process that dies; true when it got through. */
async function dieAfter(
  test: TestContext,
  options: Parameters<typeof openLog>[1] & object,
  steps: number,
): Promise<boolean> {
  let dying: ReturnType<typeof dyingAfter> | null = null;
  // The start itself may die too: it tidies up what an earlier death left.
  try {
    const fixture = openLog(test, {
      ...options,
      view: (fs) => {
        dying = dyingAfter(steps, fs);
        return dying.fs;
      },
    });
    await fixture.directory.cleaner.cleanAll();
    fixture.log.abandon();
  } catch (error) {
    assert.match((error as Error).message, /was killed/);
  }
  return !dying!.isDead();
}

async function writeSome(fixture: LogFixture, history: History, random: Random): Promise<void> {
  for (let count = 6 + random.below(10); count > 0; count--) {
    const dice = random.below(10);
    if (dice < 5) await writeBatch(fixture, history, random, null);
    else if (dice < 9) await writeTransaction(fixture, history, random, dice < 7);
    if (random.below(3) === 0) fixture.log.rollNow();
  }
  fixture.log.rollNow();
}

async function writeTransaction(
  fixture: LogFixture,
  history: History,
  random: Random,
  isCommit: boolean,
): Promise<void> {
  const producerId = random.below(3);
  const committed = new Map<string, string | null>();
  for (let count = 1 + random.below(2); count > 0; count--) {
    await writeBatch(fixture, history, random, producerId, committed);
    if (random.below(3) === 0) fixture.log.rollNow();
  }
  const type = isCommit ? 'commit' : 'abort';
  const marker = { type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: fixture.clock.now } as const;
  await append(fixture.log, encodeMarker(marker), { origin: 'coordinator' });
  if (isCommit) for (const [key, value] of committed) history.last.set(key, value);
}

async function writeBatch(
  fixture: LogFixture,
  history: History,
  random: Random,
  producerId: number | null,
  last = history.last,
): Promise<void> {
  const count = 1 + random.below(4);
  const keys = Array.from({ length: count }, () => keyNames[random.below(keyNames.length)]!);
  const base = fixture.log.logEndOffset;
  const values = keys.map((_, index) =>
    random.below(4) === 0 ? null : `v${base + index}${'.'.repeat(random.below(60))}`,
  );
  const baseSequence = producerId === null ? -1 : (history.sequences.get(producerId) ?? 0);
  if (producerId !== null) history.sequences.set(producerId, baseSequence + count);
  const producer = producerId === null ? {} : { producerId, producerEpoch: 0, baseSequence, isTransactional: true };
  const codec = random.below(3) === 0 ? 'gzip' : 'none';
  await append(fixture.log, batchOf({ keys, values, codec, timestamp: fixture.clock.now, ...producer }));
  for (const [index, key] of keys.entries()) {
    history.written.set(base + index, `${key}=${values[index]}`);
    last.set(key, values[index]!);
  }
}

function check({ log }: LogFixture, history: History, when: string): void {
  const seen: ConsumerRecord[] = [];
  const reader = new PartitionReader(log, log.logStartOffset, 'read_committed');
  while (reader.read(seen, { records: 1000, bytes: 1_000_000 })) assert.ok(seen.length < 10_000);
  const last = new Map<string, string | null>();
  let previous = -1;
  for (const { offset, key, value } of seen) {
    assert.ok(offset > previous, `${when}: offset ${offset} follows ${previous}`);
    previous = offset;
    assert.equal(`${key}=${value}`, history.written.get(offset), `${when}, offset ${offset}`);
    last.set(String(key), value === null ? null : String(value));
  }
  for (const [key, value] of history.last) assert.equal(last.get(key) ?? null, value, `${when}, key ${key}`);
  for (const [key, value] of last) assert.equal(value, history.last.get(key) ?? null, `${when}, key ${key}`);
  assert.equal(log.lastStableOffset, log.logEndOffset, when);
}

function copyOf(files: ReadonlyMap<string, Buffer>): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  for (const [path, bytes] of files) fs.put(path, bytes);
  return fs;
}
