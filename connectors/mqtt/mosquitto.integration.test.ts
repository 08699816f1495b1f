/**
 * The same session against the system's mosquitto, which is nobody's model of a broker: what it sends again after a restart of
 * ours, what it keeps for former tasks, how it spreads a shared subscription. MQTT 5 and 3.1.1.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { testMosquitto } from '../../test/kit/mqtt.ts';
import { OffsetStore, SourceRun } from '../acceptance/index.ts';
import { plainValue, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';
import type { MqttSourceTask } from './source-task.ts';

const plugin = mqttPlugins[0] as SourceConnectorPlugin;
const DEADLINE_MS = 60_000;
const { service, skip } = await testMosquitto();
after(() => service?.stop());
let serial = 0;

const taskOf = (run: SourceRun) => run.task as MqttSourceTask;
const texts = (records: readonly SourceRecord[]) => records.map((record) => String(plainValue(record.value)));

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(10);
  }
}

async function house(t: TestContext, version: string) {
  const id = `mosquitto-${process.pid}-${serial++}`;
  const offsets = new OffsetStore();
  const client = await mqtt.connectAsync(service!.url);
  t.after(() => client.endAsync(true));
  const begin = async (keys: Record<string, string> = {}, place: { task?: number; maxTasks?: number } = {}) => {
    const own = { 'mqtt.topics': `${id}/#`, 'mqtt.client.id': id, 'mqtt.protocol': version };
    const config = { 'mqtt.server.uri': service!.url, 'kafka.topic': 'out', 'value.format': 'string', ...own, ...keys };
    const run = await SourceRun.start(plugin, config, { offsets, name: 'test', ...place });
    t.after(() => run.stop());
    await until('connected', () => run.log.some(({ message }) => message === 'Connected to the MQTT broker.'));
    return run;
  };
  const publish = async (topic: string, ...messages: string[]) => {
    for (const text of messages) await client.publishAsync(`${id}/${topic}`, text, { qos: 1 });
  };
  return { id, begin, publish };
}

for (const version of ['5', '4']) {
  test(
    `mosquitto, MQTT ${version}: what was durable and not acknowledged comes again after a restart, and makes no second record`,
    { skip },
    async (t) => {
      const { begin, publish } = await house(t, version);
      const first = await begin();
      await publish('x', 'a', 'b', 'c', 'd');
      const records = await first.take(4, DEADLINE_MS);
      // Cut before the acknowledgement: three are durable with their offset, the fourth is not.
      taskOf(first).session!.connection!.destroy();
      await first.commit(records.slice(0, 3));
      await first.stop();
      const second = await begin();
      await publish('x', 'e');
      const rest = await second.take(2, DEADLINE_MS);
      assert.deepEqual(texts(rest), ['d', 'e']);
      assert.equal(taskOf(second).counters.redelivered, 3);
    },
  );

  test(`mosquitto, MQTT ${version}: the session of a former task is emptied and ended`, { skip }, async (t) => {
    const { id, begin, publish } = await house(t, version);
    const keys = { 'mqtt.topics': `${id}/a,${id}/b`, 'mqtt.handover.ms': '200' };
    for (const [task, letter] of ['a', 'b'].entries()) {
      const run = await begin(keys, { task, maxTasks: 2 });
      await publish(letter, `${letter}1`);
      await run.commit(await run.take(1, DEADLINE_MS));
      await run.stop();
    }
    await publish('a', 'a2');
    await publish('b', 'b2');
    const only = await begin(keys, { task: 0, maxTasks: 1 });
    const seen: SourceRecord[] = [];
    while (new Set(texts(seen)).size < 2) {
      const records = await only.take(1, DEADLINE_MS);
      await only.commit(records);
      seen.push(...records);
    }
    assert.deepEqual(new Set(texts(seen)), new Set(['a2', 'b2']));
    const orphan = `${id}-1`;
    await until('emptied', () => only.log.some(({ message }) => message.startsWith('Emptied the session of a task')));
    const successor = mqtt.connect(service!.url, { clientId: orphan, clean: false, reconnectPeriod: 0 });
    t.after(() => successor.endAsync(true));
    const isPresent = await new Promise((resolve) =>
      successor.on('connect', ({ sessionPresent }) => resolve(sessionPresent)),
    );
    assert.equal(isPresent, false, 'mosquitto knows it no more');
  });
}

test('mosquitto spreads a shared subscription over the tasks', { skip }, async (t) => {
  const { id, begin, publish } = await house(t, '5');
  const keys = { 'mqtt.topics': `$share/${id}/${id}/#` };
  const runs = [];
  for (const task of [0, 1]) runs.push(await begin(keys, { task, maxTasks: 2 }));
  const sent = Array.from({ length: 20 }, (_, n) => String(n));
  await publish('x', ...sent);
  const got: string[][] = [[], []];
  while (got.flat().length < sent.length) {
    for (const [task, run] of runs.entries()) got[task]!.push(...texts(await run.poll()));
  }
  assert.deepEqual(new Set(got.flat()), new Set(sent));
  assert.ok(
    got.every((share) => share.length > 0),
    'each task has its share',
  );
});
