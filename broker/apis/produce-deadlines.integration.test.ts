/**
 * `timeoutMs` of Produce on a disk that hangs: who is told what, and what becomes of the records.
 */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { batchOf, exchanges, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import type { FileHandle, FileSystem } from '../fs/file-system.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { ErrorCode } from '../protocol/error-codes.ts';

/** A disk whose syncs of one partition end when they are let go. */
function hangingDisk() {
  const held: (() => void)[] = [];
  const state = { hangs: false };
  const fs: FileSystem = new Proxy(new MemoryFileSystem() as FileSystem, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'open') return typeof value === 'function' ? value.bind(target) : value;
      return (...[path, how]: Parameters<FileSystem['open']>): FileHandle => {
        const file = target.open(path, how);
        return {
          ...file,
          syncLater: (done) => {
            if (state.hangs && path.includes('/slow-0/')) held.push(() => file.syncLater(done));
            else file.syncLater(done);
          },
        };
      };
    },
  });
  const letGo = () => {
    state.hangs = false;
    for (const sync of held.splice(0)) sync();
  };
  return { fs, state, letGo };
}

const disk = hangingDisk();
let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker({ fs: disk.fs });
  connection = await kafka.connect();
  await kafka.broker.topics.create(['slow', 'quick'].map((name) => ({ name, partitions: 1 })));
});
after(() => kafka.remove());

it('A produce that waits for the disk longer than it wants to is told so; its records stay', async () => {
  disk.state.hangs = true;
  const topicData = ['slow', 'quick'].map((name) => ({ name, partitionData: [{ index: 0, records: batchOf('a') }] }));
  const began = performance.now();
  const { responses } = await connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 1_000, topicData });
  assert.ok(performance.now() - began >= 1_000);
  const [slow, quick] = responses.map((topic) => topic.partitionResponses[0]!);
  assert.deepEqual([slow!.errorCode, slow!.baseOffset], [ErrorCode.REQUEST_TIMED_OUT, -1]);
  assert.match(slow!.errorMessage!, /within 1000 ms/);
  assert.deepEqual([quick!.errorCode, quick!.baseOffset], [0, 0]);
  const log = kafka.broker.log('slow', 0);
  assert.deepEqual([log.logEndOffset, log.highWatermark], [1, 0]);
  // acks=1 does not wait for the disk, so it has no deadline.
  const cached = [{ name: 'slow', partitionData: [{ index: 0, records: batchOf('b') }] }];
  const { responses: answered } = await connection.call(exchanges.produce, 9, {
    acks: 1,
    timeoutMs: 0,
    topicData: cached,
  });
  assert.equal(answered[0]!.partitionResponses[0]!.baseOffset, 1);
  disk.letGo();
  const again = await connection.call(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData: cached });
  assert.deepEqual(
    again.responses.map((topic) => [topic.partitionResponses[0]!.errorCode, topic.partitionResponses[0]!.baseOffset]),
    [[0, 2]],
  );
  assert.equal(log.highWatermark, 3);
});
