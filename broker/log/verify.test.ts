import assert from 'node:assert/strict';
import { it } from 'node:test';
import { append, batchOf, openLog } from '../../test/kit/log.ts';
import { verifyFolder } from './verify.ts';

it('A closed log has no fault, and every planted one is found and named', async (test) => {
  const { log, directory, fs } = openLog(test, { config: { indexIntervalBytes: 1 }, verify: false });
  // Longer than what needs no snapshot.
  const values = ['v'.repeat(20_000)];
  for (let i = 0; i < 5; i++) await append(log, batchOf({ values, producerId: 1, producerEpoch: 0, baseSequence: i }));
  await directory.close();
  const folder = '/data/t-0';
  assert.deepEqual(verifyFolder(fs, folder), {
    segments: 1,
    batches: 5,
    bytes: log.sizeBytes,
    logEndOffset: 5,
    faults: [],
  });
  const whole = fs.files();
  const base = '00000000000000000000';
  const plant = (name: string, change: (bytes: Buffer) => Uint8Array, expected: RegExp) => {
    const bytes = whole.get(`${folder}/${name}`)!;
    fs.put(`${folder}/${name}`, change(Buffer.from(bytes)));
    assert.match(verifyFolder(fs, folder).faults.join('\n'), expected, name);
    fs.put(`${folder}/${name}`, bytes);
  };
  const flip = (at: number) => (bytes: Buffer) => bytes.fill(bytes[at]! ^ 1, at, at + 1);
  plant(`${base}.log`, flip(70), /batch at position 0 is damaged: its checksum/);
  plant(`${base}.log`, flip(7), /holds 1 to 1/);
  plant(`${base}.log`, (bytes) => bytes.subarray(0, bytes.length - 1), /no whole batch/);
  plant(`${base}.index`, flip(7), /entry 0 puts offset 1/);
  plant(`${base}.index`, (bytes) => Buffer.concat([bytes, Buffer.alloc(8)]), /do not ascend/);
  plant(`${base}.timeindex`, flip(7), /entry 0 gives/);
  plant('00000000000000000005.snapshot', flip(12), /snapshot is damaged/);
});
