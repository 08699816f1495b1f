import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../test/kit/random.ts';
import { ProtocolError } from './errors.ts';
import { baseTimestamp, batchHeaderBytes, recordCount } from './record-batch.ts';
import { scanRecords } from './record-scan.ts';
import { BatchBuilder, readRecords } from './records.ts';

/** Timestamps near and far, keys and values of any length, headers or none. */
function batchOf(seed: number, longest = 70_000): Buffer {
  const random = seededRandom(seed);
  const builder = new BatchBuilder();
  const bytes = (most: number) => (random.below(4) === 0 ? null : Buffer.alloc(random.below(most), 'x'));
  const first = random.below(3) === 0 ? -1 : 1_700_000_000_000;
  for (let count = 1 + random.below(20); count > 0; count--) {
    const timestamp =
      first < 0 ? -1 : first + (random.below(2) === 0 ? 1 : -1) * random.below(2 ** (1 + random.below(40)));
    const headers = Array.from({ length: random.below(3) }, () => ({
      key: 'h'.repeat(random.below(200)),
      value: bytes(300),
    }));
    builder.append(timestamp, bytes(20), bytes(random.below(2) === 0 ? 40 : longest), headers);
  }
  return builder.build();
}

const scan = (batch: Buffer) => scanRecords(batch, batchHeaderBytes, recordCount(batch), baseTimestamp(batch));

describe('A scan over records', () => {
  it('finds the smallest and the largest timestamp, as reading every record does', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const batch = batchOf(seed);
      const times = readRecords(batch).map((record) => record.timestamp);
      const known = times.filter((time) => time !== -1);
      const expected = { smallestTimestamp: Math.min(...known), largestTimestamp: Math.max(-1, ...times) };
      assert.deepEqual(scan(batch), expected, `seed ${seed}`);
    }
  });

  it('refuses whatever the reader of records refuses, whichever byte is wrong', () => {
    const random = seededRandom(7);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const batch = batchOf(1 + (round % 10), 80);
      const at = batchHeaderBytes + random.below(batch.length - batchHeaderBytes);
      batch[at] = random.below(256);
      let isReadable = true;
      try {
        readRecords(batch);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
        isReadable = false;
      }
      try {
        scan(batch);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
        refused++;
        continue;
      }
      assert.ok(isReadable, `round ${round}: byte ${at} was not noticed`);
    }
    assert.ok(refused > 100);
  });

  it('refuses more or fewer records than the header says, and a batch cut anywhere', () => {
    const batch = batchOf(3);
    const count = recordCount(batch);
    const wrong = (claimed: number, bytes: Buffer) => () => scanRecords(bytes, batchHeaderBytes, claimed, 0);
    assert.throws(wrong(count + 1, batch), /not whole|does not end/);
    assert.throws(wrong(count - 1, batch), /bytes follow/);
    for (let end = batchHeaderBytes; end < batch.length; end += 1 + Math.floor(batch.length / 500)) {
      assert.throws(wrong(count, batch.subarray(0, end)), ProtocolError);
    }
  });
});
