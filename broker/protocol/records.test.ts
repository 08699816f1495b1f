/**
 * Record batches written and read back by us alone, checksums and hashes against published values; the comparison with
 * Kafka's own bytes is `golden.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compress, compressionCodecs, decompress } from './compression.ts';
import { encodeMarker, readMarker } from './control-record.ts';
import { crc32c } from './crc32c.ts';
import { ProtocolError } from './errors.ts';
import { murmur2, partitionForKey } from './partitioner.ts';
import * as batches from './record-batch.ts';
import { BatchBuilder, readRecords } from './records.ts';

function sampleBuilder(): BatchBuilder {
  const builder = new BatchBuilder();
  builder.append(1_700_000_000_000, Buffer.from('k1'), Buffer.from('v1'), [{ key: 'h', value: Buffer.from('1') }]);
  builder.append(1_700_000_000_500, null, Buffer.alloc(3000, 7), []);
  builder.append(1_699_999_999_000, Buffer.from(''), null, [
    { key: 'same', value: null },
    { key: 'same', value: Buffer.from('ü') },
  ]);
  return builder;
}

for (const codec of compressionCodecs) {
  test(`records come back from a ${codec} batch as they were appended`, () => {
    const batch = sampleBuilder().build({ codec, producerId: 42, producerEpoch: 3, baseSequence: 7 });
    assert.equal(batches.checkBatch(batch), null);
    batches.setOffsetAndEpoch(batch, 5_000_000_000, 9);
    assert.equal(batches.checkBatch(batch), null, 'offset and epoch stand outside the checksum');
    const records = readRecords(batch);
    assert.deepEqual(
      records.map((record) => [
        record.offset,
        record.timestamp,
        record.key?.toString() ?? null,
        record.value?.length ?? null,
      ]),
      [
        [5_000_000_000, 1_700_000_000_000, 'k1', 2],
        [5_000_000_001, 1_700_000_000_500, null, 3000],
        [5_000_000_002, 1_699_999_999_000, '', null],
      ],
    );
    assert.deepEqual(
      records[2]!.headers.map((header) => [header.key, header.value?.toString() ?? null]),
      [
        ['same', null],
        ['same', 'ü'],
      ],
    );
    assert.equal(batches.maxTimestamp(batch), 1_700_000_000_500);
    assert.deepEqual(
      [batches.producerId(batch), batches.producerEpoch(batch), batches.baseSequence(batch)],
      [42, 3, 7],
    );
    assert.equal(batches.lastOffset(batch), 5_000_000_002);
  });
}

test('records whose times lie centuries apart, before and after, keep them', () => {
  const times = [
    1_700_000_000_000,
    0,
    2 ** 45,
    -62_135_596_800_000,
    1_700_000_000_000 + 2 ** 30,
    1_700_000_000_000 - 2 ** 30,
  ];
  const builder = new BatchBuilder();
  for (const time of times) builder.append(time, null, Buffer.from(String(time)), []);
  assert.deepEqual(
    readRecords(builder.build()).map(({ timestamp }) => timestamp),
    times,
  );
});

test('any changed byte behind the checksum is noticed', () => {
  const batch = sampleBuilder().build();
  for (let i = 21; i < batch.length; i += 37) {
    const copy = Buffer.from(batch);
    copy[i]! ^= 0x10;
    assert.equal(batches.checkBatch(copy)?.error, 'CORRUPT_MESSAGE', `byte ${i}`);
  }
  assert.equal(batches.checkBatch(batch.subarray(0, 80))?.error, 'CORRUPT_MESSAGE');
  assert.equal(batches.checkBatch(batch.subarray(0, 5))?.error, 'CORRUPT_MESSAGE');
});

test('log append time replaces the timestamps of all records and keeps the checksum right', () => {
  const batch = sampleBuilder().build();
  batches.setLogAppendTime(batch, 1_800_000_000_000);
  assert.equal(batches.checkBatch(batch), null);
  assert.deepEqual([...new Set(readRecords(batch).map((record) => record.timestamp))], [1_800_000_000_000]);
});

test('a marker is a control batch of one record', () => {
  const batch = encodeMarker({ type: 'commit', producerId: 5, producerEpoch: 1, coordinatorEpoch: 12, timestamp: 1 });
  assert.ok(batches.isControl(batch) && batches.isTransactional(batch));
  assert.deepEqual(readMarker(batch), { type: 'commit', coordinatorEpoch: 12 });
});

test('compressed bytes that are garbage or cut off are a protocol error', () => {
  for (const codec of compressionCodecs.slice(1)) {
    const whole = compress(codec, Buffer.alloc(100_000, 'abc'));
    assert.throws(
      () => decompress(codec, Buffer.from('not compressed at all, but long enough to look')),
      ProtocolError,
      codec,
    );
    assert.throws(() => decompress(codec, whole.subarray(0, whole.length - 9)), ProtocolError, `${codec} cut off`);
  }
});

test('a batch is not unfolded beyond the bound', () => {
  const zeros = Buffer.alloc(3_000_000);
  for (const codec of compressionCodecs.slice(1)) {
    const small = compress(codec, zeros);
    assert.ok(small.length < 200_000, codec);
    assert.throws(() => decompress(codec, small, 1_000_000), ProtocolError, codec);
    assert.equal(decompress(codec, small, 3_100_000).length, zeros.length, codec);
  }
});

test('a batch that holds fewer or more records than it says is malformed', () => {
  const batch = sampleBuilder().build();
  batch.writeInt32BE(4, 57);
  assert.throws(() => readRecords(batch), ProtocolError);
  batch.writeInt32BE(2, 57);
  assert.throws(() => readRecords(batch), /follow the 2 records/);
});

test('a snappy block that claims gigabytes is refused before anything is allocated', () => {
  assert.throws(() => decompress('snappy', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3])), /claims/);
});

test('batches that follow one another are found, and a cut-off last one is left out', () => {
  const one = sampleBuilder().build();
  const bytes = Buffer.concat([one, one, one.subarray(0, 40)]);
  assert.deepEqual([...batches.batchStarts(bytes)], [0, one.length]);
});

test('the checksum is CRC-32C in JavaScript and in the native module alike', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  // RFC 3720, B.4: 32 bytes of zeroes, and of ones.
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  // Both sides of the bound agree: the sum of a prefix is the same however it is computed.
  const bytes = Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 31) & 0xff));
  let state = -1;
  for (const byte of bytes) {
    state ^= byte;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0x82f63b78 : state >>> 1;
  }
  assert.equal(crc32c(bytes), ~state >>> 0);
});

test("keys hash as with Kafka's own partitioner", () => {
  const golden: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ];
  for (const [key, hash] of golden) assert.equal(murmur2(Buffer.from(key)), hash, key);
  assert.equal(partitionForKey(Buffer.from('21'), 10), (-973932308 & 0x7fffffff) % 10);
});

test('a control record too short to be a marker is none', () => {
  const builder = new BatchBuilder();
  builder.append(0, Buffer.from([0, 0]), Buffer.from([0]), []);
  assert.equal(readMarker(builder.build({ isControl: true, isTransactional: true })), null);
});
