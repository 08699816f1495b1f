/**
 * What `/metrics` shows of a broker that kafkajs worked with for a moment.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import kafkajs from 'kafkajs';
import { startTestBroker } from '../test/kit/broker.ts';

const { Kafka, logLevel } = kafkajs;
const fixture = await startTestBroker({ after });

function figure(name: string, labels: Readonly<Record<string, string>> = {}, suffix?: string): number | undefined {
  const family = fixture.broker.collect().find((each) => each.name === name)!;
  return family.samples.find(
    (sample) =>
      sample.suffix === suffix && Object.entries(labels).every(([label, value]) => sample.labels?.[label] === value),
  )?.value;
}

it('requests, records, bytes, groups and partitions are counted, with the names Kafka has for them', async () => {
  const kafka = new Kafka({ brokers: [fixture.bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 60_000 });
  await fixture.broker.topics.create([{ name: 'counted', partitions: 2 }]);
  const producer = kafka.producer();
  await producer.connect();
  const messages = ['a', 'b', 'c'].map((value) => ({ value, partition: 0 }));
  await producer.send({ topic: 'counted', messages });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: 'counting' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'counted', fromBeginning: true });
  let seen = 0;
  await new Promise<void>((resolve) => {
    void consumer.run({
      async eachMessage() {
        if (++seen === messages.length) resolve();
      },
    });
  });
  assert.equal(figure('kafka_server_brokertopicmetrics_messagesin_total', { topic: 'counted' }), 3);
  assert.ok(figure('kafka_log_log_size', { topic: 'counted' })! > 0);
  assert.equal(figure('kafka_network_requestmetrics_requests_total', { request: 'Produce' }), 1);
  assert.equal(figure('kafka_network_requestmetrics_totaltimems', { request: 'Produce' }, '_count'), 1);
  assert.ok(figure('kafka_network_requestmetrics_totaltimems', { request: 'Produce' }, '_sum')! > 0);
  assert.ok(figure('kafka_server_brokertopicmetrics_bytesin_total')! > 0);
  assert.ok(figure('kafka_server_brokertopicmetrics_bytesout_total')! > 0);
  const stable = { type: 'classic', state: 'Stable' };
  assert.equal(figure('kafka_coordinator_group_groupmetadatamanager_numgroups', stable), 1);
  assert.ok(figure('kafka_server_replicamanager_partitioncount')! >= 2);
  await consumer.disconnect();
});
