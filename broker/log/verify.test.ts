import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, batchOf, directoryDefaults, openLog, readAll, testNow, testTopicId } from '../../test/kit/log.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { encodeMarker } from '../protocol/control-record.ts';
import { rewriteHeader } from '../protocol/record-batch.ts';
import { defaultLogConfig } from './config.ts';
import { LogDirectory } from './log-directory.ts';
import { verifyDirectoryFiles, verifyFolder } from './verify.ts';

const folder = '/data/t-0';
const first = '00000000000000000000';
const second = '00000000000000000006';
const end = '00000000000000000009';

/** Two segments closed in good order, an aborted transaction in the first, more than needs no snapshot. */
const whole = await (async () => {
  const fs = new MemoryFileSystem();
  const directory = LogDirectory.open(directoryDefaults(fs));
  const config = { ...defaultLogConfig, indexIntervalBytes: 1 };
  const log = directory.create('t', 0, testTopicId, config);
  const values = ['v'.repeat(20_000)];
  const producer = { producerId: 1, producerEpoch: 0 };
  for (let i = 0; i < 5; i++)
    await append(log, batchOf({ values, ...producer, baseSequence: i, isTransactional: true }));
  const marker = encodeMarker({ type: 'abort', ...producer, coordinatorEpoch: 0, timestamp: testNow });
  await append(log, marker, { origin: 'coordinator' });
  log.rollNow();
  for (let i = 5; i < 8; i++) await append(log, batchOf({ values, ...producer, baseSequence: i }));
  await directory.close();
  return fs.files();
})();

function copy(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  for (const [path, bytes] of whole) fs.put(path, bytes);
  return fs;
}

describe('Verify', () => {
  it('finds no fault in a log that was closed', () => {
    const { faults, segments, batches, logEndOffset } = verifyFolder(copy(), folder);
    assert.deepEqual([segments, batches, logEndOffset, faults], [2, 9, 9, []]);
    assert.deepEqual(verifyDirectoryFiles(copy(), '/data'), []);
  });

  const flip = (at: number) => (bytes: Buffer) => bytes.fill(bytes[at]! ^ 1, at, at + 1);
  const cut = (count: number) => (bytes: Buffer) => bytes.subarray(0, bytes.length - count);
  const more = (count: number) => (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(count)]);
  const nonsense = () => Buffer.from('nonsense');
  const gone = () => null;
  const planted: [name: string, change: (bytes: Buffer) => Buffer | null, fault: RegExp][] = [
    [`${first}.log`, flip(70), /0000\.log: the batch at position 0 is damaged: its checksum/],
    [`${first}.log`, flip(7), /0000\.log: the batch at position 0 holds 1 to 1, but 0 comes next/],
    [`${first}.log`, cut(1), /0000\.log: the last 77 bytes, from position \d+, are no whole batch/],
    [`${first}.log`, gone, /0000\.index: there is no segment at 0; nothing reads it/],
    [`${second}.log`, more(5), /0006\.log: the last 5 bytes, from position \d+, are no whole batch/],
    [`${first}.index`, flip(7), /0000\.index: entry 0 puts offset 1 at \d+, it is at \d+/],
    [`${first}.index`, more(8), /0000\.index: its entries do not ascend/],
    [`${first}.index`, cut(3), /0000\.index: the last 5 bytes, from position 32, are no whole entry/],
    [`${first}.index`, gone, /0000\.index: it is missing/],
    [`${first}.timeindex`, flip(7), /0000\.timeindex: entry 0 gives \d+ for offset/],
    [`${first}.timeindex`, cut(3), /0000\.timeindex: the last 9 bytes, from position 0, are no whole entry/],
    [`${first}.timeindex`, gone, /0000\.timeindex: it is missing/],
    [`${first}.txnindex`, flip(9), /0000\.txnindex: entry 0 has producer 0 aborted from 0 to 5, where no marker/],
    [`${first}.txnindex`, gone, /0000\.txnindex: the abort of producer 1 at offset 5 is missing/],
    [`${end}.snapshot`, flip(12), /0009\.snapshot: the producer snapshot is damaged/],
    [`${end}.snapshot`, gone, /t-0: the producer snapshot at 9, where the log ends, is missing/],
    ['partition.metadata', nonsense, /partition\.metadata: it holds no topic id/],
    ['partition.metadata', gone, /partition\.metadata: it is missing/],
    ['leader-epoch-checkpoint', nonsense, /leader-epoch-checkpoint: it is no whole checkpoint/],
  ];
  for (const [name, change, fault] of planted) {
    it(`names the fault, the file and the place: ${fault.source}`, () => {
      const fs = copy();
      const changed = change(Buffer.from(whole.get(`${folder}/${name}`)!));
      if (changed === null) fs.remove(`${folder}/${name}`);
      else fs.put(`${folder}/${name}`, changed);
      assert.match(verifyFolder(fs, folder).faults.join('\n'), fault);
    });
  }

  it('names segments that overlap, leave a hole, or have names of nothing', () => {
    const fs = copy();
    fs.put(`${folder}/00000000000000000004.log`, whole.get(`${folder}/${second}.log`)!);
    fs.put(`${folder}/4.log`, Buffer.alloc(1));
    fs.put(`${folder}/00000000000000000099.snapshot`, whole.get(`${folder}/${end}.snapshot`)!);
    fs.put(`${folder}/00000000000000000077.index`, Buffer.alloc(8));
    const faults = verifyFolder(fs, folder).faults.join('\n');
    assert.match(faults, /t-0: the segment at 4 begins below 6, where the one before ends/);
    assert.match(faults, /t-0\/4\.log: no file of a log has such a name/);
    assert.match(faults, /0099\.snapshot: the producer snapshot is of a later end than 9/);
    assert.match(faults, /0077\.index: there is no segment at 77/);
    const holed = copy();
    holed.put(`${folder}/00000000000000000020.log`, Buffer.alloc(0));
    assert.match(verifyFolder(holed, folder).faults.join('\n'), /the segment at 20 begins after 9/);
  });

  it('names records that are nonsense behind a checksum that is right', async (test) => {
    const { log, fs, directory } = openLog(test, { verify: false });
    const batch = batchOf({ values: ['a', 'b'] });
    batch.writeInt32BE(2, 23);
    const header = {
      codec: 'none',
      hasDeleteHorizon: false,
      baseTimestamp: 1,
      maxTimestamp: 1,
      recordCount: 3,
    } as const;
    rewriteHeader(batch, header);
    // A coordinator's batches are not looked through.
    await append(log, batch, { origin: 'coordinator' });
    await directory.close();
    assert.match(verifyFolder(fs, folder).faults.join(), /position 0 is damaged: its records cannot be read/);
  });

  it('names what is wrong with a data directory’s own files', () => {
    const fs = copy();
    fs.put('/data/recovery-point-offset-checkpoint', Buffer.from('0\n2\nt 0 9\n'));
    fs.put('/data/meta.properties', Buffer.from('version=1\nnode.id=0\n'));
    const faults = verifyDirectoryFiles(fs, '/data').join('\n');
    assert.match(faults, /recovery-point-offset-checkpoint: it is no whole checkpoint/);
    assert.match(faults, /meta\.properties: cluster\.id is missing/);
  });

  it('finds nothing more once a start has repaired what can be repaired', async () => {
    for (const [name, change] of planted) {
      // Records that are lost, and who wrote them, nobody can bring back.
      if (name.startsWith('partition') || name === `${first}.log`) continue;
      const fs = copy();
      const changed = change(Buffer.from(whole.get(`${folder}/${name}`)!));
      if (changed === null) fs.remove(`${folder}/${name}`);
      else fs.put(`${folder}/${name}`, changed);
      fs.remove('/data/.kafka_cleanshutdown');
      fs.remove('/data/recovery-point-offset-checkpoint');
      const directory = LogDirectory.open(directoryDefaults(fs));
      assert.equal(readAll(directory.get('t', 0)!).length, 9, name);
      await directory.close();
      assert.deepEqual(verifyFolder(fs, folder).faults, [], `${name} ${change}`);
    }
  });
});
