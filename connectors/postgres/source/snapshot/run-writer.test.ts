/** Runs are, to the last byte, what a record batch of the same records holds behind its header. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchHeaderBytes } from '../../../../broker/protocol/record-batch.ts';
import { BatchBuilder } from '../../../../broker/protocol/records.ts';
import { RUN_HEAD_BYTES } from '../../../api/index.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import { RunWriter } from './run-writer.ts';

type Row = readonly [key: Buffer | null, value: Buffer];

const row = (keyBytes: number | null, valueBytes: number): Row => [
  keyBytes === null ? null : Buffer.alloc(keyBytes, 'k'),
  Buffer.alloc(valueBytes, 'v'),
];

function add(out: JsonWriter, run: RunWriter, [key, value]: Row): void {
  run.beginRecord();
  if (key !== null) out.raw(key);
  run.endKey(key !== null);
  out.raw(value);
  run.endRecord();
}

function expected(rows: readonly Row[]): Buffer {
  const builder = new BatchBuilder();
  for (const [key, value] of rows) builder.append(0, key, value, []);
  return builder.build().subarray(batchHeaderBytes);
}

/** Lengths on both sides of where a varint needs one more byte, one after the other. */
const lengths = [0, 1, 63, 64, 65, 8191, 8192, 8193, 63, 1, 1_048_575, 1_048_576, 64, 0, 60, 8185, 8186, 57, 58];
const changing: readonly Row[] = lengths.flatMap((bytes) => [
  row(bytes % 3 === 0 ? null : bytes % 100, bytes),
  row(70, 50),
]);

for (const [what, rows] of [
  ['of all lengths', changing],
  ['with keys that grow and shrink', lengths.map((bytes) => row(bytes, 100))],
  ['without keys', lengths.map((bytes) => row(null, bytes))],
  ['of ten thousand rows', Array.from({ length: 10_000 }, (_, i) => row(5 + (i % 90), 20 + (i % 80)))],
] as const) {
  test(`a run ${what} holds what a batch of its records does`, () => {
    const out = new JsonWriter(4096);
    const run = new RunWriter(out);
    for (let turn = 0; turn < 2; turn++) {
      run.begin();
      for (const each of rows) add(out, run, each);
      const { bytes, count, largestBytes } = run.take(undefined);
      assert.equal(RUN_HEAD_BYTES, batchHeaderBytes);
      assert.equal(count, rows.length);
      assert.equal(largestBytes, Math.max(...rows.map(([key, value]) => (key?.length ?? 0) + value.length)));
      assert.ok(Buffer.from(bytes).subarray(RUN_HEAD_BYTES).equals(expected(rows)));
    }
  });
}

test('the last record can be taken out again, and the run is as if it had never been in it', () => {
  const out = new JsonWriter();
  const run = new RunWriter(out);
  const rows = [row(5, 300), row(null, 20), row(9, 40)];
  for (const last of [row(3, 70_000), row(null, 1), row(100, 100)]) {
    run.begin();
    for (const each of rows) add(out, run, each);
    add(out, run, last);
    const { key, value } = run.takeLast();
    assert.deepEqual([key && Buffer.from(key), Buffer.from(value)], last);
    const { bytes, count, largestBytes } = run.take(undefined);
    assert.deepEqual([count, largestBytes], [3, 305]);
    assert.ok(Buffer.from(bytes).subarray(RUN_HEAD_BYTES).equals(expected(rows)));
  }
});

test('memory that came back is written again where it is as large as a block, and only then', () => {
  const out = new JsonWriter(4096);
  const run = new RunWriter(out);
  run.begin();
  add(out, run, row(3, 30));
  const spare = new ArrayBuffer(4096);
  const first = run.take(spare);
  assert.notEqual(first.bytes.buffer, spare);
  run.begin();
  add(out, run, row(3, 30));
  const second = run.take(new ArrayBuffer(5000));
  assert.equal(second.bytes.buffer, spare);
  run.begin();
  add(out, run, row(3, 30));
  assert.equal(run.take(undefined).bytes.buffer.byteLength, 4096);
});
