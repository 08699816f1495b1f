/**
 * A request's memory is used again as soon as it is answered: whatever is in flight at the same time, cut off in the
 * middle or waiting for the disk, the log holds the bytes that each producer sent.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect, createServer } from 'node:tls';
import { newAuthority } from '../../test/kit/certificates.ts';
import { encodeRequest, exchanges, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { seededRandom } from '../../test/kit/random.ts';
import { checkBatch } from '../protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../protocol/records.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { FrameReader } from './frame-reader.ts';

const partitions = 3;
const isolation = 'read_uncommitted';

let kafka: TestBroker;
before(async () => {
  kafka = await startTestBroker();
  await kafka.broker.topics.create([{ name: 't', partitions }]);
});
after(() => kafka.remove());

/** Every byte says which record it belongs to. */
function recordOf(id: number, bytes: number): Buffer {
  const value = Buffer.alloc(4 + bytes, (id * 37) & 0xff);
  value.writeInt32BE(id, 0);
  return value;
}

function batchOf(id: number, bytes: number): Buffer {
  const builder = new BatchBuilder();
  builder.append(Date.now(), null, recordOf(id, bytes), []);
  return builder.build();
}

/** The ids of all records, by partition and offset; fails on a byte that is another record's. */
function idsInLog(partition: number): number[] {
  const log = kafka.broker.log('t', partition);
  const ids: number[] = [];
  while (ids.length < log.highWatermark) {
    const read = log.read(ids.length, 1, { isolation, minOneBatch: true });
    assert.equal(checkBatch(read.records), null);
    for (const { value } of readRecords(read.records)) {
      const id = value!.readInt32BE(0);
      assert.ok(value!.equals(recordOf(id, value!.length - 4)), `record ${id} is as it was sent`);
      ids.push(id);
    }
    read.release();
  }
  return ids;
}

describe('what producers send', () => {
  it('is what the log holds, however many requests share the memory they are received into', async () => {
    const random = seededRandom(20_261_121);
    const sizes = [10, 3000, 9000, 17_000, 70_000, 300_000];
    const expected: { partition: number; offset: number; id: number }[] = [];
    const connections = await Promise.all(Array.from({ length: 4 }, () => kafka.connect()));
    let nextId = 0;
    const oneRequest = async (connection: number): Promise<void> => {
      const partitionData = Array.from({ length: partitions }, (_, index) => index)
        .filter(() => random.next() < 0.6)
        .map((index) => ({ index, id: nextId++ }))
        .map(({ index, id }) => ({ index, id, records: batchOf(id, sizes[random.below(sizes.length)]!) }));
      if (partitionData.length === 0) return;
      const acks = random.next() < 0.5 ? -1 : 1;
      const request = { acks, timeoutMs: 60_000, topicData: [{ name: 't', partitionData }] };
      const { responses } = await connections[connection]!.call(exchanges.produce, 9, request);
      for (const { index, baseOffset, errorCode } of responses[0]!.partitionResponses) {
        assert.equal(errorCode, 0);
        const { id } = partitionData.find((one) => one.index === index)!;
        expected.push({ partition: index, offset: baseOffset, id });
      }
    };
    /** Several requests at once, of which the last is half sent, from a client that goes away without an answer. */
    const goAway = async (): Promise<void> => {
      const leaving = await kafka.connect();
      for (let i = 0; i < 4; i++) {
        const topicData = [
          { name: 't', partitionData: [{ index: i % partitions, records: batchOf(nextId++, 40_000) }] },
        ];
        const frame = encodeRequest(exchanges.produce, 9, { acks: -1, timeoutMs: 60_000, topicData });
        leaving.send(i === 3 ? frame.subarray(0, 30_000) : frame);
      }
      await new Promise((resolve) => leaving.socket.write(Buffer.alloc(0), resolve));
      leaving.close();
      await leaving.closed;
    };
    for (let round = 0; round < 20; round++) {
      const requests = Array.from({ length: 16 }, (_, i) => oneRequest(i % connections.length));
      await Promise.all([...requests, goAway()]);
    }
    const found = Array.from({ length: partitions }, (_, partition) => idsInLog(partition));
    for (const { partition, offset, id } of expected) assert.equal(found[partition]![offset], id);
    const all = found.flat();
    assert.equal(new Set(all).size, all.length, 'no record is there twice');
    assert.ok(expected.length > 200);
  });
});

describe('a TLS connection', () => {
  it('has chunks that may be freed like those of a plain one', async (t) => {
    const authority = newAuthority();
    const { key, cert } = authority.issue([['CN', 'localhost']]);
    const [frames, bytes] = [40, 100_000];
    let seen = 0;
    const server = createServer({ key, cert }, (socket) => {
      const buffers = new FrameBuffers();
      const reader = new FrameReader(bytes * 2, buffers, (frame) => {
        assert.ok(frame.bytes.equals(recordOf(seen, bytes)), `frame ${seen}`);
        if (frame.pooled !== null) buffers.give(frame.pooled);
        if (++seen === frames) socket.end();
      });
      socket.on('data', (chunk: Buffer) => reader.push(chunk));
    });
    t.after(() => server.close());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost' });
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes + 4);
    for (let frame = 0; frame < frames; frame++) {
      client.write(length);
      client.write(recordOf(frame, bytes));
    }
    client.resume();
    await once(client, 'close');
    assert.equal(seen, frames);
  });
});
