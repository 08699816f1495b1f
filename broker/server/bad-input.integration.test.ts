/**
 * What a broker must shrug off: bytes that are no request, requests it does not serve, and clients that announce more
 * than there is memory for. Each ends with one clear line and never touches anybody else.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  batchOf,
  encodeRequest,
  exchange,
  exchanges,
  type KafkaConnection,
  startTestBroker,
  type TestBroker,
} from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { encodeApiVersionsRequest } from '../protocol/messages/generated/api-versions-request.ts';
import { decodeApiVersionsResponse } from '../protocol/messages/generated/api-versions-response.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { Reader } from '../protocol/reader.ts';

const apiVersions = exchange(apis.apiVersions, encodeApiVersionsRequest, decodeApiVersionsResponse);
const software = { clientSoftwareName: 'test-client', clientSoftwareVersion: '1.0' };

let kafka: TestBroker;
let bystander: KafkaConnection;
before(async () => {
  kafka = await startTestBroker({ config: { 'socket.request.max.bytes': '1000000' } });
  bystander = await kafka.connect();
});
after(() => kafka.remove());

/** Sends the bytes and answers the line the broker wrote when it closed the connection. */
async function refusal(bytes: Buffer): Promise<{ message: string; fields: Record<string, unknown> }> {
  const count = kafka.lines.length;
  const connection = await kafka.connect();
  connection.send(bytes);
  await connection.closed;
  const lines = kafka.lines.slice(count).filter(({ level }) => level !== 'info');
  assert.equal(lines.length, 1, 'one line says why');
  const { brokers } = await bystander.call(exchanges.metadata, 12, { topics: [] });
  assert.equal(brokers.length, 1, 'others go on');
  return { message: lines[0]!.message, fields: lines[0]!.fields as Record<string, unknown> };
}

function frame(...bytes: number[]): Buffer {
  const buffer = Buffer.alloc(4 + bytes.length);
  buffer.writeInt32BE(bytes.length);
  buffer.set(bytes, 4);
  return buffer;
}

describe('a connection is closed, with one line, for', () => {
  it('a request larger than socket.request.max.bytes', async () => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(1_000_001);
    assert.match((await refusal(length)).message, /1000001 bytes; socket\.request\.max\.bytes is 1000000/);
  });

  it('a negative length', async () => {
    assert.match((await refusal(Buffer.from([255, 255, 255, 255]))).message, /no Kafka request/);
  });

  it('HTTP and TLS, which it recognises', async () => {
    assert.match((await refusal(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).message, /HTTP request/);
    assert.match((await refusal(Buffer.from([0x16, 3, 1, 2, 0, 1, 0]))).message, /TLS handshake/);
  });

  it('an API that is not served, naming key, version and client id', async () => {
    const bytes = [0, 0x62, 0, 3, 0, 0, 0, 1, 0, 2, 0x6d, 0x65];
    const { message, fields } = await refusal(frame(...bytes));
    assert.match(message, /API key 98/);
    assert.deepEqual([fields.apiKey, fields.apiVersion, fields.clientId], [98, 3, 'me']);
  });

  it('a version that is not served', async () => {
    const { message } = await refusal(encodeRequest(exchanges.metadata, 13, {}).fill(99, 7, 8));
    assert.match(message, /Metadata v99; versions 0 to 13 are served/);
  });

  it('a request cut off in the middle', async () => {
    const whole = encodeRequest(exchanges.metadata, 9, { topics: [{ name: 'abc' }] });
    const short = Buffer.from(whole.subarray(0, whole.length - 4));
    short.writeInt32BE(short.length - 4);
    assert.match((await refusal(short)).message, /Metadata v9 request is malformed/);
  });

  it('an array that claims more elements than there are bytes', async () => {
    const request = encodeRequest(exchanges.metadata, 4, { topics: [] });
    request.writeInt32BE(2 ** 30, request.length - 5);
    assert.match((await refusal(request)).message, /malformed/);
  });

  it('a frame too short for a header', async () => {
    assert.match((await refusal(frame(0, 3))).message, /2 bytes, too few/);
    assert.match((await refusal(frame())).message, /0 bytes, too few/);
  });
});

describe('Bytes after a request', () => {
  it('are left alone, because librdkafka sends three when it asks for all topics (Metadata v9 and later)', async () => {
    const connection = await kafka.connect();
    const whole = encodeRequest(exchanges.metadata, 13, { topics: null });
    const long = Buffer.concat([whole, Buffer.from([1, 0, 0])]);
    long.writeInt32BE(long.length - 4);
    connection.send(long);
    assert.ok((await connection.answer()).length > 0);
    connection.close();
  });
});

describe('ApiVersions', () => {
  it('of a version from the future is answered in version 0 with the range there is (KIP-511)', async () => {
    const connection = await kafka.connect();
    const request = encodeRequest(apiVersions, 4, software, 77);
    request.writeInt16BE(99, 6);
    connection.send(request);
    const reader = new Reader(await connection.answer());
    assert.equal(reader.int32(), 77);
    const { errorCode, apiKeys } = decodeApiVersionsResponse(reader, 0);
    reader.finish();
    assert.equal(errorCode, ErrorCode.UNSUPPORTED_VERSION);
    assert.deepEqual(apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 5 }]);
    assert.equal((await connection.call(apiVersions, 4, software)).errorCode, 0);
  });

  it('lists what is served, with the floors that old clients look for', async () => {
    const { apiKeys } = await bystander.call(apiVersions, 3, software);
    const range = (name: keyof typeof apis) => {
      const found = apiKeys.find(({ apiKey }) => apiKey === apis[name].key);
      return found === undefined ? null : [found.minVersion, found.maxVersion];
    };
    assert.deepEqual(range('produce'), [0, 13]);
    assert.deepEqual(range('fetch'), [4, 18]);
    assert.deepEqual(range('joinGroup'), [0, 9]);
    assert.deepEqual(range('apiVersions'), [0, 5]);
    assert.equal(range('getTelemetrySubscriptions'), null);
  });

  it('refuses a client software name that does not belong into a log line', async () => {
    const { errorCode } = await bystander.call(apiVersions, 3, { ...software, clientSoftwareName: 'a\nb' });
    assert.equal(errorCode, ErrorCode.INVALID_REQUEST);
  });

  it('tells a client that meant another node or cluster to start over (KIP-1242)', async () => {
    const right = await bystander.call(apiVersions, 5, { ...software, clusterId: kafka.broker.clusterId, nodeId: 1 });
    assert.equal(right.errorCode, 0);
    const wrong = await bystander.call(apiVersions, 5, { ...software, clusterId: 'another', nodeId: 1 });
    assert.equal(wrong.errorCode, ErrorCode.REBOOTSTRAP_REQUIRED);
  });
});

describe('memory for requests', () => {
  it('is not taken by three hundred clients that each announce 100 MB', async () => {
    const large = await startTestBroker();
    const before = process.memoryUsage().rss;
    const sockets = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const socket = connect(large.broker.address);
        socket.on('error', () => {});
        await once(socket, 'connect');
        const announced = Buffer.alloc(1000);
        announced.writeInt32BE(100 * 1024 * 1024);
        socket.write(announced);
        return socket;
      }),
    );
    await delay(100);
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 100 * 1024 * 1024, `grew by ${Math.round(grown / 1024 / 1024)} MiB`);
    const other = await large.connect();
    assert.equal((await other.call(exchanges.metadata, 12, { topics: [] })).brokers.length, 1);
    for (const socket of sockets) socket.destroy();
    await large.remove();
  });

  it('is shared by large requests one after the other, and all are served', async () => {
    const tight = await startTestBroker({
      config: { 'queued.max.request.bytes': '3000000', 'message.max.bytes': '2000000', 'max.connections': '50' },
    });
    await tight.broker.topics.create([{ name: 't', partitions: 1 }]);
    const records = batchOf('x'.repeat(1_500_000));
    const request = { acks: 1, timeoutMs: 60_000, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] };
    const results = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const connection = await tight.connect();
        const { responses } = await connection.call(exchanges.produce, 9, request);
        return responses[0]!.partitionResponses[0]!.errorCode;
      }),
    );
    assert.deepEqual(new Set(results), new Set([0]));
    assert.equal(tight.broker.log('t', 0).logEndOffset, 12);
    await tight.remove();
  });

  it('is not filled with answers for a client that does not take them', async () => {
    const patient = await startTestBroker({ config: { 'message.max.bytes': '2000000' } });
    try {
      await patient.broker.topics.create([{ name: 't', partitions: 1 }]);
      const log = patient.broker.log('t', 0);
      await new Promise((resolve) =>
        log.append(batchOf('x'.repeat(1_500_000)), { acks: 1, origin: 'client' }, resolve),
      );
      const connection = await patient.connect();
      connection.socket.pause();
      const topics = [{ topic: 't', partitions: [{ partition: 0, partitionMaxBytes: 2_000_000 }] }];
      const fetch = { maxWaitMs: 0, minBytes: 1, maxBytes: 2_000_000, sessionEpoch: -1, topics };
      const before = process.memoryUsage().arrayBuffers;
      const answers = Promise.all(Array.from({ length: 40 }, () => connection.call(exchanges.fetch, 12, fetch)));
      answers.catch(() => {});
      await delay(300);
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 25 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MiB of answers wait`);
      connection.socket.resume();
      for (const { responses } of await answers) {
        assert.ok(responses[0]!.partitions[0]!.records!.length > 1_500_000);
      }
    } finally {
      await patient.remove();
    }
  });

  it('connections beyond max.connections are refused, and there is room again when one leaves', async () => {
    const small = await startTestBroker({ config: { 'max.connections': '1' } });
    const first = await small.connect();
    const second = await small.connect();
    await second.closed;
    assert.match(small.lines.at(-1)!.message, /max\.connections/);
    first.close();
    // The broker hears of it when it hears of it.
    const brokers = async () => {
      const third = await small.connect();
      return third.call(exchanges.metadata, 12, { topics: [] }).then(
        (answer) => answer.brokers.length,
        () => 0,
      );
    };
    for (const deadline = Date.now() + 60_000; (await brokers()) !== 1; await delay(20)) {
      assert.ok(Date.now() < deadline, 'nobody is let in');
    }
    await small.remove();
  });
});
