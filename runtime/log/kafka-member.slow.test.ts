/** Members of the Kafka keeper that kafkajs leaves standing: real kafkajs and a real broker, and sockets that keep requests to themselves. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import kafkajs, { type ISocketFactory, Kafka } from 'kafkajs';
import { startTestBroker } from '../../test/kit/broker.ts';
import type { LogClient, LogConsumer, LogError } from './client.ts';
import { kafkaLog } from './kafka.ts';
import { KafkaConsumer } from './kafka-consumer.ts';

const DEADLINE_MS = 60_000;
/** Short, so that what is given up here is soon given up by the group, too. */
const overrides = { 'session.timeout.ms': '6000', 'heartbeat.interval.ms': '500' };
const SILENCE_MS = 5_000;
const FETCH = 1;
const METADATA = 3;
const OFFSET_COMMIT = 8;
const JOIN_GROUP = 11;
const HEARTBEAT = 12;

const { bootstrap } = await startTestBroker({ after });

/** What becomes of the next requests of an API: the request is sent by `send`, or never. */
type Faults = Map<number, (socket: Socket, send: () => void) => void>;

/** A correct client whose requests meet the faults first. */
function faultyKafka(faults: Faults): (sockets: ISocketFactory) => Kafka {
  return (sockets) => {
    const socketFactory: ISocketFactory = (given) => {
      const socket = sockets(given);
      const write = socket.write.bind(socket) as (bytes: Buffer, encoding: string) => boolean;
      socket.write = ((bytes: Buffer, encoding: string) => {
        const fault = faults.get(bytes.readInt16BE(4));
        if (fault === undefined) return write(bytes, encoding);
        fault(socket, () => void write(bytes, encoding));
        return true;
      }) as typeof socket.write;
      return socket;
    };
    return new Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING, socketFactory });
  };
}

async function openLog(t: { after(cleanUp: () => Promise<void>): void }): Promise<LogClient> {
  const log = await kafkaLog({ bootstrapServers: [bootstrap] });
  t.after(() => log.close());
  return log;
}

async function send(log: LogClient, topic: string, value: string): Promise<void> {
  await log.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  await producer.send([{ topic, partition: 0, key: null, value: Buffer.from(value), headers: [], timestamp: null }]);
  await producer.close();
}

function member(log: LogClient, group: string, topics: readonly string[], faults: Faults): KafkaConsumer {
  const options = { clientId: 'test', group, autoOffsetReset: 'earliest', overrides } as const;
  const consumer = new KafkaConsumer(faultyKafka(faults), log, options, SILENCE_MS);
  consumer.subscribe(topics, { onAssigned: async () => {}, onRevoked: async () => {} });
  return consumer;
}

async function pollFor(consumer: LogConsumer, wanted: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    assert.ok(Date.now() < deadline, `"${wanted}" never came`);
    if ((await consumer.poll(200)).some(({ value }) => value?.toString() === wanted)) return;
  }
}

async function failureOf(consumer: LogConsumer): Promise<LogError> {
  const deadline = Date.now() + DEADLINE_MS;
  while (Date.now() < deadline) {
    try {
      await consumer.poll(200);
    } catch (error) {
      return error as LogError;
    }
  }
  return assert.fail('a member that stood still was not given up');
}

const silences = [
  { name: 'fetches', key: FETCH, says: /neither fetched nor sent a heartbeat/ },
  { name: 'heartbeats', key: HEARTBEAT, says: /neither fetched nor sent a heartbeat/ },
  { name: 'commits', key: OFFSET_COMMIT, says: /no answer to a commit/ },
];

// Side by side, because each mostly waits.
describe('A member of the Kafka keeper', { concurrency: true }, () => {
  for (const { name, key, says } of silences) {
    it(`whose ${name} are never answered is given up, and the next one goes on`, async (t) => {
      const log = await openLog(t);
      const topic = `silent-${name}`;
      await send(log, topic, 'first');
      const faults: Faults = new Map();
      const consumer = member(log, topic, [topic], faults);
      await pollFor(consumer, 'first');
      await consumer.commit([{ topic, partition: 0, offset: 1 }]);
      faults.set(key, () => {});
      consumer.commit([{ topic, partition: 0, offset: 1 }]).catch(() => {});
      const failure = await failureOf(consumer);
      assert.match(failure.message, says);
      assert.equal(failure.retriable, true);
      await consumer.close();
      await send(log, topic, 'second');
      const next = member(log, topic, [topic], new Map());
      t.after(() => next.close());
      await pollFor(next, 'second');
    });
  }

  it('stays one where a topic appears while it joins again, and does not become two that drive each other out', async (t) => {
    const log = await openLog(t);
    await send(log, 'early', 'first');
    const faults: Faults = new Map();
    const group = 'one-member';
    const consumer = member(log, group, ['early', 'late'], faults);
    t.after(() => consumer.close());
    await pollFor(consumer, 'first');
    // The broker is gone for a moment: kafkajs knows none any more, crashes and joins anew, with a request that takes its time.
    let join: (() => void) | null = null;
    faults.set(JOIN_GROUP, (_, goOn) => {
      faults.delete(JOIN_GROUP);
      join = goOn;
    });
    faults.set(FETCH, (socket) => {
      faults.delete(FETCH);
      faults.set(METADATA, (other) => {
        faults.delete(METADATA);
        other.destroy(new Error('connection reset'));
      });
      socket.emit('end');
    });
    const deadline = Date.now() + DEADLINE_MS;
    while (join === null) {
      assert.ok(Date.now() < deadline, 'the member never joined again');
      await consumer.poll(50);
    }
    await send(log, 'late', 'second');
    await pollFor(consumer, 'second');
    (join as () => void)();
    const kafka = new Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    t.after(() => admin.disconnect());
    for (let looks = 0; looks < 20; looks++) {
      await consumer.poll(100);
      const { groups } = await admin.describeGroups([group]);
      assert.equal(groups[0]?.members.length, 1);
    }
    await consumer.commit([{ topic: 'late', partition: 0, offset: 1 }]);
    const committed = await log.groupOffsets(group);
    assert.deepEqual(
      committed.filter(({ topic }) => topic === 'late').map(({ offset }) => offset),
      [1],
    );
  });
});
