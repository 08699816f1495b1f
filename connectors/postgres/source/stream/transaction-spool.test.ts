/** What is kept of transactions that run comes out as it went in, wherever it was cut. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { seededRandom } from '../../../../test/kit/random.ts';
import { RetriableError } from '../../../api/index.ts';
import { Subtransactions } from './subtransactions.ts';
import { type Spool, type SpoolOptions, Spools } from './transaction-spool.ts';

describe('a spool', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'millrace-spool-'));
  });
  after(() => rm(directory, { recursive: true }));

  const open = (more: Partial<SpoolOptions> = {}) =>
    new Spools({ directory, bytesMax: 1e9, residentBytesMax: 100_000, onWritten: () => {}, ...more });

  function append(spool: Spool, lsn: number, text: string): void {
    const bytes = Buffer.from(`ab${text}c`);
    spool.append(lsn, bytes[1]!, bytes, 2, bytes.length - 1);
  }

  /** Everything in it, as `position text`. */
  async function readAll(spool: Spool): Promise<string[]> {
    const texts: string[] = [];
    while (!spool.isDone) {
      if (!spool.next()) await spool.load();
      else {
        const length = spool.buffer.readUInt32BE(spool.start - 12);
        texts.push(`${spool.lsn} ${spool.buffer.toString('latin1', spool.start, spool.start + length)}`);
      }
    }
    assert.equal(spool.next(), false);
    return texts;
  }

  test('gives back what was appended and not cut off, from memory, a file or both', async () => {
    const random = seededRandom(6);
    const sources: string[] = [];
    for (let round = 0; round < 30; round++) {
      const written: number[] = [];
      const spools = open({ onWritten: (bytes) => written.push(bytes) });
      const other = spools.open();
      append(other, 1, 'of another transaction');
      const spool = spools.open();
      const model: { size: number; text: string }[] = [];
      const rounds = random.below(120);
      for (let step = 0; step < rounds; step++) {
        if (spools.isOverfull) await spools.writeOut();
        if (random.next() < 0.1 && model.length > 0) {
          const cut = random.below(model.length);
          spool.truncate(model[cut]!.size);
          model.length = cut;
        }
        const text = 'x'.repeat(random.below(random.next() < 0.05 ? 400_000 : 9000));
        const lsn = random.below(2 ** 31) * 2 ** 20 + step;
        model.push({ size: spool.size, text: `${lsn} b${text}` });
        append(spool, lsn, text);
      }
      sources.push(written.length === 0 ? 'memory' : 'file');
      assert.deepEqual(
        await readAll(spool),
        model.map(({ text }) => text),
      );
      assert.deepEqual(await readAll(other), ['1 bof another transaction']);
      spools.close();
      assert.deepEqual([spools.residentBytes, spools.fileBytes], [0, 0]);
    }
    assert.deepEqual([...new Set(sources)].sort(), ['file', 'memory']);
    assert.deepEqual(await readdir(directory), []);
  });

  test('many transactions together stay within the memory, and each is whole', async () => {
    const spools = open();
    const spooled = Array.from({ length: 20 }, () => spools.open());
    for (let step = 0; step < 4000; step++) {
      append(spooled[step % 20]!, step, 'y'.repeat(100));
      if (spools.isOverfull) await spools.writeOut();
      assert.ok(spools.residentBytes < 500_000, `${spools.residentBytes}`);
    }
    for (const [number, spool] of spooled.entries()) {
      const texts = await readAll(spool);
      assert.equal(texts.length, 200);
      assert.ok(texts.every((text, index) => text.startsWith(`${index * 20 + number} b`)));
    }
    spools.close();
  });

  test('says what to do where the limit is reached or the directory takes nothing', async () => {
    const fill = async (more: Partial<SpoolOptions>) => {
      const spools = open(more);
      const spool = spools.open();
      for (let step = 0; !spools.isOverfull; step++) append(spool, step, 'z'.repeat(1000));
      await spools.writeOut().finally(() => spools.close());
    };
    const refused = (pattern: RegExp) => (error: unknown) =>
      error instanceof RetriableError && error.code === 'PG_STREAMING' && pattern.test(error.message);
    await assert.rejects(fill({ bytesMax: 50_000 }), refused(/streaming.spool.max.bytes=50000/));
    await assert.rejects(fill({ directory: '/dev/null/none' }), refused(/ENOTDIR.*streaming.spool.dir/));
  });
});

describe('subtransactions', () => {
  test('one that is rolled back goes with those inside, others stay', () => {
    const subtransactions = new Subtransactions(100);
    const changes = [100, 101, 101, 100, 103, 102, 105, 104, 106];
    for (const [position, xid] of changes.entries()) subtransactions.note(xid, position);
    assert.equal(subtransactions.rollBack(106), 8);
    assert.equal(subtransactions.rollBack(106), null);
    // 105 is inside of 104, and wrote first.
    assert.deepEqual([subtransactions.rollBack(105), subtransactions.rollBack(104)], [6, 7]);
    assert.equal(subtransactions.rollBack(101), 1);
    assert.equal(subtransactions.rollBack(999), null);
  });

  test('ids may pass their end, and a million of them are found at once', () => {
    const top = 0xffff_fff0;
    const subtransactions = new Subtransactions(top);
    for (let turn = 1; turn <= 1_000_000; turn++) {
      subtransactions.note((top + turn) >>> 0, turn);
      subtransactions.note(top, turn);
    }
    assert.equal(subtransactions.rollBack((top + 999_999) >>> 0), 999_999);
    assert.equal(subtransactions.rollBack((top + 1) >>> 0), 1);
  });
});
