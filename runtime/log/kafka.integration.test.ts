/** The Kafka keeper against the port's case file, on the built-in broker over TCP. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startTestBroker } from '../../test/kit/broker.ts';
import { logClientCases } from './client.cases.ts';
import { kafkaLog } from './kafka.ts';

const bootstrap = process.env.TEST_KAFKA_BOOTSTRAP ?? (await startTestBroker({ after })).bootstrap;

logClientCases('The Kafka keeper', () => kafkaLog({ bootstrapServers: bootstrap.split(',') }), {
  nullHeaderValues: 'kafkajs 2.2.4 measures the value of a header without asking whether it is null, and throws.',
});

test('what the broker took of an append that it refused in part does not put later ones out of order', async () => {
  const log = await kafkaLog({ bootstrapServers: bootstrap.split(',') });
  const [open, narrow] = [`open-${process.pid}`, `narrow-${process.pid}`];
  await log.createTopics([
    { topic: open, partitions: 1, replicationFactor: 1 },
    { topic: narrow, partitions: 1, replicationFactor: 1, config: { 'max.message.bytes': '1000' } },
  ]);
  const producer = await log.transactionalProducer({ clientId: 'test', transactionalId: `t-${process.pid}` });
  const record = (topic: string, text: string) => {
    return { topic, partition: 0, key: null, value: Buffer.from(text), headers: [], timestamp: null };
  };
  for (const text of ['one', 'two']) {
    await assert.rejects(
      producer.send([record(open, 'half'), record(open, 'half'), record(narrow, 'x'.repeat(5000))]),
      {
        code: 'MESSAGE_TOO_LARGE',
      },
    );
    await producer.abort();
    await producer.send([record(open, text), record(narrow, text)]);
    await producer.commit();
  }
  for (const topic of [open, narrow]) {
    const seen: string[] = [];
    const table = await log.table(topic, ({ value }) => void seen.push(value!.toString()));
    await table.readToEnd();
    assert.deepEqual(seen, ['one', 'two'], topic);
  }
  await producer.close();
  await log.close();
});

test('records that are more together than a broker takes in one batch are written in several, in their order', async () => {
  const log = await kafkaLog({ bootstrapServers: bootstrap.split(',') });
  const topic = `many-${process.pid}`;
  await log.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]);
  const producer = await log.transactionalProducer({ clientId: 'test', transactionalId: `many-${process.pid}` });
  const texts = Array.from({ length: 3000 }, (_, index) => `${index} `.padEnd(1000, 'x'));
  const metadata = await producer.send(
    texts.map((text) => ({ topic, partition: 0, key: null, value: Buffer.from(text), headers: [], timestamp: null })),
  );
  await producer.commit();
  assert.deepEqual(
    metadata.map(({ offset }) => offset - metadata[0]!.offset),
    texts.map((_, index) => index),
  );
  const seen: string[] = [];
  const table = await log.table(topic, ({ value }) => void seen.push(value!.toString()));
  await table.readToEnd();
  assert.deepEqual(seen, texts);
  await producer.close();
  await log.close();
});

test('records in every compression are written and read, also those kafkajs has no codec for', async () => {
  const log = await kafkaLog({ bootstrapServers: bootstrap.split(',') });
  const topic = `codecs-${process.pid}`;
  await log.createTopics([{ topic, partitions: 1, replicationFactor: 1 }]);
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
  for (const codec of codecs) {
    const producer = log.producer({ clientId: 'test', overrides: { 'compression.type': codec } });
    const value = Buffer.from(codec.repeat(200));
    await producer.send([{ topic, partition: 0, key: null, value, headers: [], timestamp: null }]);
    await producer.close();
  }
  const seen: string[] = [];
  const table = await log.table(topic, ({ value }) => void seen.push(value!.toString()));
  await table.readToEnd();
  assert.deepEqual(
    seen,
    codecs.map((codec) => codec.repeat(200)),
  );
  assert.throws(() => log.producer({ clientId: 'test', overrides: { 'compression.type': 'brotli' } }), /brotli/);
  await log.close();
});
