/**
 * Record batches, markers and key hashes against Kafka's own (test/golden/batches.jsonl.gz, made by
 * scripts/golden/make-golden.ts): every record read as Kafka reads it, uncompressed batches built byte for byte.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import type { CompressionCodec } from './compression.ts';
import { encodeMarker, readMarker } from './control-record.ts';
import { murmur2, partitionForKey } from './partitioner.ts';
import * as batches from './record-batch.ts';
import { BatchBuilder, readRecords } from './records.ts';

interface GoldenRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly { readonly key: string; readonly value: string | null }[];
}

interface GoldenBatch {
  readonly bytes: string;
  readonly codec: CompressionCodec;
  readonly baseOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly isLogAppendTime: boolean;
  readonly records: readonly GoldenRecord[];
}

interface GoldenHash {
  readonly key: string;
  readonly murmur2: number;
  readonly partitionOf10: number;
}

const file = path.join(import.meta.dirname, '..', '..', 'test', 'golden', 'batches.jsonl.gz');
const lines = zlib
  .gunzipSync(fs.readFileSync(file))
  .toString()
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as GoldenBatch | GoldenHash);
const golden = lines.filter((line): line is GoldenBatch => 'bytes' in line);
const hashes = lines.filter((line): line is GoldenHash => 'murmur2' in line);

const text = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null;
const bytesOf = (base64: string | null): Buffer | null => (base64 === null ? null : Buffer.from(base64, 'base64'));

function describe(batch: Buffer): GoldenRecord[] {
  return readRecords(batch).map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: text(key),
    value: text(value),
    headers: headers.map((header) => ({ key: header.key, value: text(header.value) })),
  }));
}

function rebuild(expected: GoldenBatch, codec = expected.codec): Buffer {
  const builder = new BatchBuilder();
  for (const { timestamp, key, value, headers } of expected.records) {
    const own = headers.map((header) => ({ key: header.key, value: bytesOf(header.value) }));
    builder.append(timestamp, bytesOf(key), bytesOf(value), own);
  }
  return builder.build({ ...expected, codec });
}

test("Kafka's batches of every codec are read as Kafka reads them", () => {
  assert.deepEqual(new Set(golden.map(({ codec }) => codec)), new Set(['none', 'gzip', 'snappy', 'lz4', 'zstd']));
  for (const expected of golden) {
    const batch = Buffer.from(expected.bytes, 'base64');
    assert.equal(batches.checkBatch(batch), null);
    assert.equal(batches.codecOf(batch), expected.codec);
    assert.equal(batches.baseOffset(batch), expected.baseOffset);
    assert.equal(batches.leaderEpoch(batch), expected.leaderEpoch);
    assert.equal(batches.maxTimestamp(batch), expected.maxTimestamp);
    assert.equal(batches.producerId(batch), expected.producerId);
    assert.equal(batches.producerEpoch(batch), expected.producerEpoch);
    assert.equal(batches.baseSequence(batch), expected.baseSequence);
    assert.equal(batches.isTransactional(batch), expected.isTransactional);
    assert.equal(batches.isControl(batch), expected.isControl);
    assert.equal(batches.isLogAppendTime(batch), expected.isLogAppendTime);
    assert.deepEqual(describe(batch), expected.records);
  }
});

test('our uncompressed batches are those of Kafka, byte for byte', () => {
  for (const expected of golden.filter(({ codec, isLogAppendTime }) => codec === 'none' && !isLogAppendTime)) {
    assert.equal(rebuild(expected).toString('base64'), expected.bytes);
  }
});

test('our compressed batches hold the same records', () => {
  for (const expected of golden.filter(({ codec }) => codec !== 'none')) {
    const batch = rebuild(expected);
    assert.equal(batches.checkBatch(batch), null);
    assert.deepEqual(describe(batch), expected.records);
  }
});

test('our transaction markers are those of Kafka, byte for byte', () => {
  const markers = golden.filter(({ isControl }) => isControl);
  assert.equal(markers.length, 2);
  for (const expected of markers) {
    const marker = readMarker(Buffer.from(expected.bytes, 'base64'))!;
    assert.equal(marker.coordinatorEpoch, 21);
    const { producerId, producerEpoch, maxTimestamp } = expected;
    const ours = encodeMarker({ ...marker, producerId, producerEpoch, timestamp: maxTimestamp });
    batches.setOffsetAndEpoch(ours, expected.baseOffset, expected.leaderEpoch);
    assert.equal(ours.toString('base64'), expected.bytes);
  }
});

test("keys of every length hash as Kafka's do", () => {
  assert.ok(hashes.length > 40);
  for (const { key, murmur2: hash, partitionOf10 } of hashes) {
    const bytes = Buffer.from(key, 'base64');
    assert.equal(murmur2(bytes), hash, key);
    assert.equal(partitionForKey(bytes, 10), partitionOf10, key);
  }
});
