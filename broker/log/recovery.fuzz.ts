/**
 * Arbitrary bytes fed to recovery: a folder whose files were damaged at random must open without a throw, must hold a
 * prefix of what was written, and opening it again must give the same. One seed per case, printed on failure.
 *
 *     node broker/log/recovery.fuzz.ts [seeds] [first seed]
 */
import assert from 'node:assert/strict';
import { append, batchOf, directoryDefaults, readAll, testTopicId, verifyDirectory } from '../../test/kit/log.ts';
import { seededRandom } from '../../test/kit/random.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { defaultLogConfig } from './config.ts';
import { LogDirectory } from './log-directory.ts';

type Random = ReturnType<typeof seededRandom>;

const config = { ...defaultLogConfig, segmentBytes: 500, indexIntervalBytes: 100 };

/** The files of a broker that was killed, and the records it had. */
export async function killedBroker(): Promise<{ files: Map<string, Buffer>; records: string[] }> {
  const fs = new MemoryFileSystem();
  const directory = LogDirectory.open({ ...directoryDefaults(fs), configOf: () => config });
  const log = directory.create('t', 0, testTopicId, config);
  for (let i = 0; i < 20; i++) {
    const producer = { producerId: 1, producerEpoch: 0, baseSequence: 2 * i };
    await append(log, batchOf({ values: [`a${i}`, `b${i}`], ...producer }), { acks: 1 });
  }
  const records = readAll(log);
  const files = fs.files();
  log.abandon();
  return { files, records };
}

/** One damaged folder, opened twice. Throws when anything is not as it should be. */
export async function fuzzOnce(killed: Awaited<ReturnType<typeof killedBroker>>, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const fs = new MemoryFileSystem();
  const damaged = new Map<string, Buffer>([...killed.files].map(([path, bytes]) => [path, Buffer.from(bytes)]));
  const targets = [...damaged.keys()].filter((path) => !path.endsWith('meta.properties') && !path.endsWith('.lock'));
  for (let hits = 1 + random.below(4); hits > 0; hits--) {
    const path = targets[random.below(targets.length)]!;
    damaged.set(path, damage(damaged.get(path)!, random));
  }
  if (random.below(4) === 0) damaged.delete(targets[random.below(targets.length)]!);
  for (const [path, bytes] of damaged) fs.put(path, bytes);
  const first = await openAndRead(fs);
  // Where the first segment's file is gone the log begins with the next one.
  const start = first.length === 0 ? 0 : killed.records.indexOf(first[0]!);
  const run = killed.records.slice(start, start + first.length);
  assert.deepEqual(first, run, `seed ${seed}: not what was written, in its order`);
  assert.ok(start === 0 || !damaged.has('/data/t-0/00000000000000000000.log'), `seed ${seed}: the beginning is lost`);
  const again = await openAndRead(fs);
  assert.deepEqual(again, first, `seed ${seed}: opened again it reads differently`);
  verifyDirectory(fs, '/data');
}

async function openAndRead(fs: MemoryFileSystem): Promise<string[]> {
  const directory = LogDirectory.open({ ...directoryDefaults(fs), configOf: () => config });
  const log = directory.create('t', 0, testTopicId, config);
  const records = readAll(log);
  log.offsetForTimestamp(0, 'read_uncommitted');
  log.offsetForMaxTimestamp();
  await directory.close();
  return records;
}

function damage(bytes: Buffer, random: Random): Buffer<ArrayBufferLike> {
  const at = random.below(bytes.length + 1);
  const noise = Buffer.from(Array.from({ length: 1 + random.below(100) }, () => random.below(256)));
  switch (random.below(5)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < bytes.length) flipped[at]! ^= 1 << random.below(8);
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)]);
    case 3:
      return Buffer.concat([bytes, noise]);
    default:
      return noise;
  }
}

if (import.meta.main) {
  const seeds = Number(process.argv[2] ?? 2000);
  const first = Number(process.argv[3] ?? 1);
  const killed = await killedBroker();
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      await fuzzOnce(killed, seed);
    } catch (error) {
      console.error(`seed ${seed}`);
      throw error;
    }
  }
  console.log(`${seeds} damaged folders opened, none surprised us.`);
}
