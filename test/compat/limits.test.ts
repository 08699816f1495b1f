/**
 * The limits: more connections, partitions, bytes and waiting than a broker likes, and clients that do not behave. The
 * broker is a process of its own, so that its memory can be weighed; what it holds must be bounded, and others served.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode } from '../../broker/protocol/error-codes.ts';
import { type BrokerProcess, startBrokerProcess } from '../kit/broker-process.ts';
import { batchOf, encodeRequest, exchanges, KafkaConnection } from '../kit/kafka.ts';
import { oneMiB, RawClient } from '../kit/raw-client.ts';

let dataDir: string;
let broker: BrokerProcess;
let client: RawClient;
const open: { destroy(): void }[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-limits-'));
  broker = await startBrokerProcess(dataDir);
  client = await another();
});
after(async () => {
  for (const one of open) one.destroy();
  await broker.kill();
  await rm(dataDir, { recursive: true, force: true });
});

async function another(): Promise<RawClient> {
  const connection = await KafkaConnection.open(broker);
  open.push(connection.socket);
  return RawClient.of(connection);
}

async function bare(): Promise<Socket> {
  const socket = connect(broker.address);
  socket.on('error', () => {});
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** How long the slowest of a few exchanges of a well-behaved client takes. */
async function slowestMs(ask: () => Promise<unknown>, times = 20): Promise<number> {
  let slowest = 0;
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    await ask();
    slowest = Math.max(slowest, performance.now() - started);
  }
  return slowest;
}

const metadata = () => client.call(exchanges.metadata, 12, { topics: [] });
/** A busy machine with two cores is no reason to fail; a client that waits for others' memory waits for ever. */
const patienceMs = 50_000;

describe('Memory for requests', () => {
  before(() => client.createTopic('busy', 1));
  for (const [what, sentBytes, allowedMiB] of [
    ['64 KiB', 64 * 1024, 100],
    // Beyond queued.max.request.bytes (256 MiB): the bound itself, what is being read, and room to breathe.
    ['1 MiB', oneMiB, 450],
  ] as const) {
    it(`is bounded when three hundred clients announce 100 MB and send ${what} of it, and others are served`, async (test) => {
      const before = broker.rssMiB();
      const part = Buffer.alloc(sentBytes);
      part.writeInt32BE(100 * oneMiB);
      const sockets = await Promise.all(Array.from({ length: 300 }, bare));
      for (const socket of sockets) socket.write(part);
      await sleep(500);
      const fresh = await another();
      const slowest = await slowestMs(() => fresh.call(exchanges.metadata, 12, { topics: [] }));
      const batch = batchOf('x'.repeat(0.9 * oneMiB));
      const produce = await slowestMs(() => fresh.produce('busy', batch));
      const grown = broker.rssMiB() - before;
      for (const socket of sockets) socket.destroy();
      const took = `${Math.round(slowest)} ms, the slowest produce of 0.9 MiB ${Math.round(produce)} ms`;
      test.diagnostic(`grew by ${Math.round(grown)} MiB; the slowest answer to another took ${took}`);
      assert.ok(grown < allowedMiB, `grew by ${grown} MiB`);
      assert.ok(slowest < patienceMs, `another client waited ${slowest} ms`);
      assert.ok(produce < patienceMs, `another client's records waited ${produce} ms`);
    });
  }
});

describe('Connections', () => {
  it('may be a thousand, each served', async (test) => {
    const before = broker.rssMiB();
    const clients = await Promise.all(Array.from({ length: 1000 }, another));
    const started = performance.now();
    await Promise.all(clients.map((one) => one.call(exchanges.metadata, 12, { topics: [] })));
    const each = ((broker.rssMiB() - before) * 1024) / clients.length;
    test.diagnostic(`${Math.round(performance.now() - started)} ms for all; ${each.toFixed(1)} KiB each`);
    for (const one of clients) one.close();
    assert.ok(each < 100, `${each} KiB each`);
  });

  it('that stop in the middle of a frame hold nobody up', async () => {
    const request = encodeRequest(exchanges.metadata, 12, { topics: [] });
    for (let end = 1; end < request.length; end += 3) (await bare()).write(request.subarray(0, end));
    assert.ok((await slowestMs(metadata)) < patienceMs);
  });
});

describe('Slow readers', () => {
  it('and those who never read take bounded memory, and the answers of a slow one are whole', async (test) => {
    await client.createTopic('big', 1, { 'max.message.bytes': String(2 * oneMiB) });
    for (let i = 0; i < 20; i++) await client.produce('big', batchOf(String(i % 10).repeat(oneMiB)));
    const before = broker.rssMiB();
    const topics = [{ topic: 'big', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 20 * oneMiB }] }];
    const request = encodeRequest(exchanges.fetch, 12, { maxBytes: 20 * oneMiB, sessionEpoch: -1, topics });
    const deaf = await Promise.all(Array.from({ length: 20 }, bare));
    for (const socket of deaf) {
      socket.pause();
      for (let i = 0; i < 50; i++) socket.write(request);
    }
    const slow = await bare();
    slow.write(request);
    let [received, expected] = [0, Number.POSITIVE_INFINITY];
    slow.on('data', (chunk) => {
      // A response begins with its length; an answer to a fetch is bounded, whatever was asked for.
      if (received === 0) expected = 4 + chunk.readInt32BE(0);
      received += chunk.length;
      slow.pause();
      setTimeout(() => slow.resume(), 2);
    });
    await sleep(500);
    const slowest = await slowestMs(metadata);
    const deadline = Date.now() + patienceMs;
    while (received < expected && Date.now() < deadline) await sleep(20);
    const grown = broker.rssMiB() - before;
    for (const socket of deaf) socket.destroy();
    test.diagnostic(`grew by ${Math.round(grown)} MiB for ${deaf.length} × 50 fetches of 20 MiB that nobody reads`);
    assert.equal(received, expected, 'the slow one has its answer whole');
    assert.ok(received > 5 * oneMiB, `the slow one has ${received} bytes`);
    assert.ok(slowest < patienceMs, `another client waited ${slowest} ms`);
    assert.ok(grown < 600, `grew by ${grown} MiB`);
  });
});

describe('Fetches', () => {
  it('of no bytes at all still give one batch of what is there, and nothing of what is not', async () => {
    await client.createTopic('none');
    assert.equal((await client.fetch('none', 0, { maxBytes: 0 })).records!.length, 0);
    await client.produce('none', batchOf('x'));
    assert.ok((await client.fetch('none', 0, { maxBytes: 0 })).records!.length > 0);
  });

  it('that wait for more than can be are answered when their time is up', async () => {
    const started = performance.now();
    const { errorCode, records } = await client.fetch('none', 0, { minBytes: 2 ** 31 - 1, maxWaitMs: 300 });
    const waited = performance.now() - started;
    assert.deepEqual([errorCode, records!.length > 0], [0, true]);
    assert.ok(waited >= 290 && waited < patienceMs, `${waited} ms`);
  });

  it('of five hundred clients wake by one append', async (test) => {
    await client.createTopic('awaited');
    const readers = await Promise.all(Array.from({ length: 500 }, another));
    const waiting = readers.map((reader) => reader.fetch('awaited', 0, { maxWaitMs: 55_000 }));
    await sleep(200);
    const started = performance.now();
    await client.produce('awaited', batchOf('now'));
    const found = await Promise.all(waiting);
    test.diagnostic(`all answered ${Math.round(performance.now() - started)} ms after the append`);
    assert.ok(found.every(({ records }) => records!.length > 0));
    assert.ok(performance.now() - started < patienceMs);
    for (const reader of readers) reader.close();
  });
});

describe('Names of topics', () => {
  const create = async (name: string) => {
    const topics = [{ name, numPartitions: 1, replicationFactor: 1 }];
    return (await client.call(exchanges.createTopics, 7, { topics, timeoutMs: 60_000 })).topics[0]!.errorCode;
  };

  it('may have 249 characters, and what is written there is read', async () => {
    const name = 'x'.repeat(249);
    assert.equal(await create(name), 0);
    assert.equal((await client.produce(name, batchOf('far'))).errorCode, 0);
    assert.ok((await client.fetch(name, 0)).records!.length > 0);
  });

  it('that cannot be are refused, also where a topic would be made by asking for it', async () => {
    for (const name of ['', '.', '..', 'a b', 'a/b', '../up', 'ä', 'a\0b', 'x'.repeat(250)]) {
      assert.equal(await create(name), ErrorCode.INVALID_TOPIC_EXCEPTION, JSON.stringify(name));
      const asked = await client.call(exchanges.metadata, 12, { topics: [{ name }], allowAutoTopicCreation: true });
      assert.equal(asked.topics[0]!.errorCode, ErrorCode.INVALID_TOPIC_EXCEPTION, JSON.stringify(name));
    }
  });

  it('that differ in . and _ only are two topics', async () => {
    assert.equal(await create('a.b'), 0);
    assert.equal(await create('a_b'), 0);
    await client.produce('a.b', batchOf('dot'));
    assert.equal((await client.listOffset('a_b', -1)).offset, 0);
    assert.equal(await create('a.b'), ErrorCode.TOPIC_ALREADY_EXISTS);
  });
});

describe('Ten thousand partitions', () => {
  it('are created and idle at no cost; three hundred of them are written by one request, and there again after kill -9', async (test) => {
    const count = 10_000;
    const written = 300;
    const before = broker.rssMiB();
    let started = performance.now();
    await client.createTopic('wide', count);
    const createdMs = performance.now() - started;
    const idleMiB = broker.rssMiB() - before;
    const described = await client.call(exchanges.metadata, 12, { topics: [{ name: 'wide' }] });
    assert.equal(described.topics[0]!.partitions.length, count);
    const partitionData = Array.from({ length: written }, (_, index) => ({ index, records: batchOf('x') }));
    started = performance.now();
    const request = { acks: 1, timeoutMs: 9000, topicData: [{ name: 'wide', partitionData }] };
    const { responses } = await client.call(exchanges.produce, 9, request);
    const producedMs = performance.now() - started;
    const results = responses[0]!.partitionResponses.map(({ errorCode, baseOffset }) => errorCode + baseOffset);
    assert.deepEqual(new Set(results), new Set([0]));
    const usedMiB = broker.rssMiB() - before;
    await broker.kill();
    broker = await startBrokerProcess(dataDir);
    client = await another();
    assert.equal((await client.listOffset('wide', -1, { partition: written - 1 })).offset, 1);
    assert.equal((await client.listOffset('wide', -1, { partition: count - 1 })).offset, 0);
    const figures = {
      createdMs,
      idleMiB,
      producedMs,
      usedMiB,
      restartMs: broker.startMs,
      restartedMiB: broker.rssMiB(),
    };
    test.diagnostic(JSON.stringify(figures, (_, value) => (typeof value === 'number' ? Math.round(value) : value)));
    assert.ok(idleMiB < 50 && usedMiB < 200, `${idleMiB} and ${usedMiB} MiB`);
  });
});
