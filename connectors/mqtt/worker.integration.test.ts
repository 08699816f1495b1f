/**
 * The MQTT source in the real worker, over a log in memory: routing, dead letters, and that the broker hears of an
 * append only once it has happened.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { LogError } from '../../runtime/log/client.ts';
import { MemoryLog } from '../../runtime/log/memory.ts';
import { startWorker } from '../../runtime/worker-server.ts';
import { startMqtt } from '../../test/kit/mqtt.ts';
import { catalogue } from '../catalogue.ts';

const silent = { level: 'silent', error() {}, warn() {}, info() {}, debug() {}, child: () => silent };

async function begin(t: TestContext, log: MemoryLog, url: string) {
  const worker = await startWorker({
    log,
    plugins: catalogue,
    host: '127.0.0.1',
    port: 0,
    logger: silent,
    config: { 'offset.flush.interval.ms': '100', 'task.shutdown.graceful.timeout.ms': '300' },
  });
  t.after(() => worker.stop());
  const answer = await fetch(`${worker.url}/connectors/fleet/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      'connector.class': 'MqttSource',
      'mqtt.server.uri': url,
      'mqtt.rules': 'gps',
      'mqtt.rules.gps.filter': 'trucks/{id}/gps',
      'mqtt.rules.gps.topic': 'trucks_gps',
      'mqtt.rules.gps.key': '{id}',
      'value.format': 'json',
      'key.converter': 'StringConverter',
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'trucks_bad',
    }),
  });
  assert.ok(answer.ok, await answer.text());
  return worker;
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(10);
  }
}

const all = (log: MemoryLog, topic: string) => log.records({ topic, partition: 0 });

test('Reports reach their topic by key, a bad one the dead letters; without an append there is no acknowledgement', async (t) => {
  const broker = await startMqtt();
  t.after(() => broker.stop());
  let isLogStuck = false;
  const log = new MemoryLog({
    beforeAppend: async (records) => {
      if (!isLogStuck || records.every((record) => record.topic !== 'trucks_gps')) return;
      while (isLogStuck) await sleep(10);
      throw new LogError('NOT_ENOUGH_REPLICAS', 'This append never happened.', { retriable: false });
    },
  });
  await log.createTopics(['trucks_gps', 'trucks_bad'].map((topic) => ({ topic, partitions: 1, replicationFactor: 1 })));
  const first = await begin(t, log, broker.url);
  await until('a subscription', () => broker.subscriptions() === 1);
  const client = await mqtt.connectAsync(broker.url);
  t.after(() => client.endAsync(true));
  await client.publishAsync('trucks/1/gps', '{"lat":1}', { qos: 1 });
  await client.publishAsync('trucks/2/gps', '{"lat":NaN}', { qos: 1 });
  await until(
    'one record and one dead letter',
    () => all(log, 'trucks_gps').length + all(log, 'trucks_bad').length === 2,
  );
  const [record] = all(log, 'trucks_gps');
  assert.deepEqual([record!.key!.toString(), record!.value!.toString()], ['1', '{"lat":1}']);
  assert.equal(all(log, 'trucks_bad')[0]!.value!.toString(), '{"lat":NaN}');

  isLogStuck = true;
  await client.publishAsync('trucks/3/gps', '{"lat":3}', { qos: 1 });
  await sleep(200);
  // The worker gives the stuck append up; the message was never acknowledged, so the next worker gets it.
  await first.stop();
  isLogStuck = false;
  await begin(t, log, broker.url);
  await until('the message again', () => all(log, 'trucks_gps').some((found) => found.key!.toString() === '3'));
  assert.equal(all(log, 'trucks_bad').length, 1, 'the dead letter was acknowledged and does not come again');
});
