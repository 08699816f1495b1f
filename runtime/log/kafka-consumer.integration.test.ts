/** A group member of the Kafka keeper whose broker is away for a moment: real kafkajs and a real broker, with one fault put between. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import kafkajs, { type Consumer, type ConsumerRunConfig, type EachBatchPayload, Kafka } from 'kafkajs';
import { startTestBroker } from '../../test/kit/broker.ts';
import type { LogConsumer, TopicPartition } from './client.ts';
import { kafkaLog } from './kafka.ts';
import { KafkaConsumer } from './kafka-consumer.ts';

const DEADLINE_MS = 60_000;
const { bootstrap } = await startTestBroker({ after });

const connectionLost = () => new kafkajs.KafkaJSConnectionError('Connection error: read ECONNRESET');
const rebalancing = () => {
  const known = { type: 'REBALANCE_IN_PROGRESS', code: 27, message: 'The group is rebalancing' };
  return Object.assign(new Error(known.message), known);
};

test('a member whose heartbeat is lost while a batch waits keeps its partitions and reads on', async () => {
  const revoked = await readAcrossFault('lost-heartbeat', connectionLost);
  assert.deepEqual(revoked, []);
});

test('a member that gave up all for a rebalance which died with the broker takes it back and reads on', async () => {
  const revoked = await readAcrossFault('lost-rebalance', rebalancing);
  assert.deepEqual(revoked, [{ topic: 'lost-rebalance', partition: 0 }]);
});

/** Reads one record, lets the first heartbeat of the second one's batch fail, reads the second; answers what was revoked. */
async function readAcrossFault(topic: string, fault: () => Error): Promise<readonly TopicPartition[]> {
  const log = await kafkaLog({ bootstrapServers: [bootstrap] });
  await log.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]);
  const producer = log.producer({ clientId: 'test' });
  const send = (value: string) =>
    producer.send([{ topic, partition: 0, key: null, value: Buffer.from(value), headers: [], timestamp: null }]);
  const faults = { left: 0 };
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING });
  const faulty = { consumer: (config) => withFault(kafka.consumer(config), faults, fault) } as Kafka;
  const consumer = new KafkaConsumer(() => faulty, log, {
    clientId: 'test',
    group: topic,
    autoOffsetReset: 'earliest',
  });
  try {
    const revoked: TopicPartition[] = [];
    consumer.subscribe([topic], { onAssigned: async () => {}, onRevoked: async (each) => void revoked.push(...each) });
    await send('first');
    await pollFor(consumer, 'first');
    await consumer.commit([{ topic, partition: 0, offset: 1 }]);
    consumer.pause([{ topic, partition: 0 }]);
    faults.left = 1;
    await send('second');
    const deadline = Date.now() + DEADLINE_MS;
    while (faults.left > 0) {
      assert.ok(Date.now() < deadline, 'the fault was never met');
      assert.deepEqual(await consumer.poll(50), []);
    }
    consumer.resume([{ topic, partition: 0 }]);
    await pollFor(consumer, 'second');
    return revoked;
  } finally {
    await consumer.close();
    await producer.close();
    await log.close();
  }
}

/** One heartbeat fails with the fault; kafkajs itself sees a lost connection, as when a rebalance dies with the broker. */
function withFault(consumer: Consumer, faults: { left: number }, fault: () => Error): Consumer {
  const run = (config: ConsumerRunConfig) => {
    const eachBatch = async (payload: EachBatchPayload) => {
      let failed = false;
      const heartbeat = async () => {
        if (faults.left === 0) return payload.heartbeat();
        failed = true;
        faults.left--;
        throw fault();
      };
      await config.eachBatch!({ ...payload, heartbeat }).catch((error: unknown) => {
        throw failed ? connectionLost() : error;
      });
    };
    return consumer.run({ ...config, eachBatch });
  };
  return { ...consumer, run };
}

async function pollFor(consumer: LogConsumer, wanted: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  const seen: string[] = [];
  while (!seen.includes(wanted)) {
    assert.ok(Date.now() < deadline, `"${wanted}" never came, only ${seen.join(', ') || 'nothing'}`);
    for (const { value } of await consumer.poll(200)) seen.push(value!.toString());
  }
  assert.deepEqual(seen, [wanted]);
}
