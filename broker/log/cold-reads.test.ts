import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, batchOf, openLog, readAll } from '../../test/kit/log.ts';
import { ColdReads } from './cold-reads.ts';

const mib = 1024 * 1024;

describe('Reads that may go to the device', () => {
  it('are short and few in one turn, unless somebody would get nothing at all', async () => {
    const cold = new ColdReads();
    assert.equal(cold.allow(50 * mib, 100, false, false), 50 * mib);
    assert.equal(cold.allow(50 * mib, 100 * mib, false, false), mib);
    for (let i = 0; i < 3; i++) assert.equal(cold.allow(50 * mib, 0, true, false), mib);
    assert.equal(cold.allow(50 * mib, 0, true, false), 0);
    assert.equal(cold.allow(50 * mib, 0, true, true), mib);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(cold.allow(50 * mib, 0, true, false), mib);
  });

  it('come a megabyte at a time from older segments, and miss nothing', async (test) => {
    const { log } = openLog(test, { config: { segmentBytes: 3 * mib } });
    const value = 'v'.repeat(300_000);
    for (let i = 0; i < 20; i++) await append(log, batchOf({ values: [value] }));
    const options = { isolation: 'read_uncommitted', minOneBatch: true } as const;
    const read = log.read(0, 50 * mib, options);
    assert.ok(read.isOlderSegment && read.records.length <= mib && read.records.length > mib / 2);
    read.release();
    assert.equal(readAll(log, 0, 50 * mib).length, 20);
  });
});
