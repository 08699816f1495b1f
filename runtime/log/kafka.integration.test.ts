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
