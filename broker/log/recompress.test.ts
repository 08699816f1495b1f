import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, batchOf, openLog, readAll, testNow } from '../../test/kit/log.ts';
import type { CompressionCodec } from '../protocol/compression.ts';
import * as batches from '../protocol/record-batch.ts';
import { readRecords } from '../protocol/records.ts';
import { type LogConfig, never } from './config.ts';
import type { PartitionLog } from './partition-log.ts';

const values = Array.from({ length: 50 }, (_, index) => `value ${index} `.repeat(20));

function storedBatch(log: PartitionLog, offset = 0): Buffer {
  const read = log.read(offset, 1 << 24, { isolation: 'read_uncommitted', minOneBatch: true });
  const bytes = Buffer.from(read.records);
  read.release();
  return bytes.subarray(0, batches.batchBytes(bytes));
}

describe('A topic with a compression.type of its own', () => {
  for (const wanted of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    for (const sent of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      it(`keeps what is sent as ${sent} as ${wanted}, records, producer and times unchanged`, async (test) => {
        const { log } = openLog(test, { config: { compressionType: wanted } });
        const producer = { producerId: 7, producerEpoch: 1, baseSequence: 0, isTransactional: true };
        const timestamps = values.map((_, index) => testNow - (index % 7));
        const batch = batchOf({ values, timestamps, codec: sent, ...producer });
        const expected = readRecords(batch);
        await append(log, batch);
        const stored = storedBatch(log);
        assert.equal(batches.checkBatch(stored), null);
        assert.equal(batches.codecOf(stored), wanted === 'uncompressed' ? 'none' : wanted);
        assert.deepEqual(readRecords(stored), expected);
        const { producerId, producerEpoch, baseSequence, isTransactional, maxTimestamp } = batches;
        const kept = [producerId, producerEpoch, baseSequence, isTransactional, maxTimestamp].map((of) => of(stored));
        assert.deepEqual(kept, [7, 1, 0, true, testNow]);
      });
    }
  }

  it('leaves a batch that is packed so already untouched, and everything where it is producer', async (test) => {
    for (const compressionType of ['producer', 'gzip'] as const) {
      const { log } = openLog(test, { config: { compressionType } });
      const batch = batchOf({ values, codec: 'gzip' });
      const records = Buffer.from(batch.subarray(batches.batchHeaderBytes));
      await append(log, batch);
      assert.deepEqual(storedBatch(log).subarray(batches.batchHeaderBytes), records);
    }
  });

  it('recognises a retried batch, stamps it with its own time, and follows a change of the config', async (test) => {
    const { log, clock } = openLog(test, {
      config: { compressionType: 'zstd', messageTimestampType: 'LogAppendTime' },
    });
    const producer = { producerId: 7, producerEpoch: 1, baseSequence: 0 };
    await append(log, batchOf({ values, codec: 'lz4', ...producer }));
    assert.equal((await append(log, batchOf({ values, codec: 'lz4', ...producer }))).isDuplicate, true);
    assert.equal(readRecords(storedBatch(log))[3]!.timestamp, clock.now);
    log.setConfig({ ...log.config, compressionType: 'snappy' });
    await append(log, batchOf({ values, ...producer, baseSequence: values.length }));
    assert.equal(batches.codecOf(storedBatch(log, values.length)), 'snappy');
    assert.equal(readAll(log).length, 2 * values.length);
  });

  it('packs harder where the level says so', async (test) => {
    const size = async (config: Partial<LogConfig>) => {
      const { log } = openLog(test, { config });
      await append(log, batchOf({ values }));
      return log.sizeBytes;
    };
    assert.ok(
      (await size({ compressionType: 'gzip', compressionLevel: 9 })) <
        (await size({ compressionType: 'gzip', compressionLevel: 1 })),
    );
    assert.ok(
      (await size({ compressionType: 'zstd', compressionLevel: 22 })) <
        (await size({ compressionType: 'zstd', compressionLevel: -1000 })),
    );
  });

  it('refuses what is too large as it would be stored, and what cannot be unpacked', async (test) => {
    const { log } = openLog(test, { config: { compressionType: 'uncompressed', maxMessageBytes: 2000 } });
    const small = batchOf({ values, codec: 'gzip' });
    assert.ok(small.length < 2000);
    assert.throws(() => log.append(small, { acks: 1, origin: 'client' }, () => {}), {
      code: 'MESSAGE_TOO_LARGE',
      message: /bytes as uncompressed, which is larger than max.message.bytes \(2000\)/,
    });
    const packed = openLog(test, { config: { compressionType: 'gzip', maxMessageBytes: 2000 } });
    assert.throws(() => packed.log.append(batchOf({ values }), { acks: 1, origin: 'client' }, () => {}), {
      code: 'MESSAGE_TOO_LARGE',
    });
    assert.equal(log.logEndOffset, 0);
  });
});

describe('Records that are not what their header says', () => {
  /** Rewrites a header field and the checksum. */
  const lying = (batch: Buffer, header: Partial<batches.RewrittenHeader>): Buffer => {
    batches.rewriteHeader(batch, {
      codec: batches.codecOf(batch)!,
      hasDeleteHorizon: false,
      baseTimestamp: batches.baseTimestamp(batch),
      maxTimestamp: batches.maxTimestamp(batch),
      recordCount: batches.recordCount(batch),
      ...header,
    });
    return batch;
  };
  /** A batch that says it has three records and has two. */
  const overstated = (codec: CompressionCodec = 'none'): Buffer => {
    const batch = batchOf({ values: ['a', 'b'], codec });
    batch.writeInt32BE(2, 23);
    return lying(batch, { recordCount: 3 });
  };
  const refused = { code: 'INVALID_RECORD', message: /cannot be read/ };

  it('are refused where they are not compressed', (test) => {
    const { log } = openLog(test);
    assert.throws(() => log.append(overstated(), { acks: 1, origin: 'client' }, () => {}), refused);
    const cut = batchOf({ values: ['a', 'b'] });
    assert.throws(
      () => log.append(lying(cut.subarray(0, cut.length - 1), {}), { acks: 1, origin: 'client' }, () => {}),
      refused,
    );
    assert.equal(log.logEndOffset, 0);
  });

  it('are refused compressed too where log.validate.compressed asks for it or the topic has a codec', (test) => {
    const configs: Partial<LogConfig>[] = [{ validateCompressed: true }, { compressionType: 'gzip' }];
    for (const config of configs) {
      const { log } = openLog(test, { config });
      assert.throws(() => log.append(overstated('gzip'), { acks: 1, origin: 'client' }, () => {}), refused);
    }
  });

  it('have the largest timestamp corrected that the header has wrong', async (test) => {
    const { log } = openLog(test);
    const timestamps = [testNow - 10, testNow - 3, testNow - 5];
    for (const maxTimestamp of [testNow + 60_000, testNow - 4, testNow + 100 * 24 * 3600_000]) {
      const { baseOffset } = await append(
        log,
        lying(batchOf({ values: ['a', 'b', 'c'], timestamps }), { maxTimestamp }),
      );
      assert.equal(batches.maxTimestamp(storedBatch(log, baseOffset)), testNow - 3);
    }
    const { baseOffset } = await append(
      log,
      lying(batchOf({ values: ['a', 'b'], codec: 'zstd' }), { maxTimestamp: testNow + 100 * 24 * 3600_000 }),
    );
    assert.equal(batches.maxTimestamp(storedBatch(log, baseOffset)), testNow);
  });

  it('are named where their time is out of bounds, in the middle of a batch too', (test) => {
    const bounds = { messageTimestampBeforeMaxMs: 1000, messageTimestampAfterMaxMs: 2000 };
    for (const codec of ['none', 'lz4'] as const) {
      const { log } = openLog(test, { config: bounds });
      const timestamps = [testNow, testNow - 1001, testNow - 1000, -1, testNow + 2001, testNow + 2000];
      const batch = batchOf({ values: timestamps.map(String), timestamps, codec });
      assert.throws(
        () => log.append(batch, { acks: 1, origin: 'client' }, () => {}),
        (error: Error & { code: string; records: { index: number }[] }) => {
          assert.equal(error.code, 'INVALID_TIMESTAMP');
          assert.deepEqual(
            error.records.map((record) => record.index),
            [1, 4],
          );
          return true;
        },
      );
    }
    const free = openLog(test, { config: { messageTimestampBeforeMaxMs: never } });
    assert.equal(free.log.append(batchOf({ timestamp: 1 }), { acks: 1, origin: 'client' }, () => {}).baseOffset, 0);
  });
});
