/**
 * The MQTT session over everything that happens to it: redelivery after a cut and a restart, a broker that forgets, tasks that
 * come and go, filters that move, shared subscriptions. Against the fault-injecting broker of the test kit.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultyMqttBroker } from '../../test/kit/mqtt5.ts';
import { OffsetStore, SourceRun } from '../acceptance/index.ts';
import { plainValue, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';
import type { MqttSourceTask } from './source-task.ts';

const plugin = mqttPlugins[0] as SourceConnectorPlugin;
const DEADLINE_MS = 60_000;

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(10);
  }
}

/** Resolves when something is true, polling meanwhile, as the worker does; answers what came. */
async function pollUntil(run: SourceRun, what: string, isTrue: () => boolean): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  const deadline = Date.now() + DEADLINE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    records.push(...(await run.poll()));
  }
  return records;
}

const taskOf = (run: SourceRun) => run.task as MqttSourceTask;
const texts = (records: readonly SourceRecord[]) => records.map((record) => String(plainValue(record.value)));
const saidOf = (run: SourceRun, text: string) => run.log.filter((line) => line.message.includes(text)).length;

async function house(t: TestContext) {
  const broker = await FaultyMqttBroker.start();
  t.after(() => broker.halt());
  const offsets = new OffsetStore();
  const begin = async (keys: Record<string, string> = {}, place: { task?: number; maxTasks?: number } = {}) => {
    const config = {
      'mqtt.server.uri': broker.url,
      'mqtt.topics': 'in/#',
      'mqtt.client.id': 'us',
      'kafka.topic': 'out',
      'value.format': 'string',
      ...keys,
    };
    const run = await SourceRun.start(plugin, config, { offsets, name: 'test', ...place });
    t.after(() => run.stop());
    await until('connected', () => saidOf(run, 'Connected to the MQTT broker.') > 0);
    return run;
  };
  return { broker, offsets, begin };
}

/** Publishes `in/x` 0 … count-1. */
function publish(broker: FaultyMqttBroker, from: number, to: number, topic = 'in/x'): void {
  for (let n = from; n < to; n++) broker.publish(topic, String(n));
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => String(from + index));

for (const version of ['5', '4']) {
  test(`MQTT ${version}: acknowledgements that got lost bring no second record after a restart`, async (t) => {
    const { broker, begin } = await house(t);
    const first = await begin({ 'mqtt.protocol': version });
    publish(broker, 0, 3);
    await first.commit(await first.take(3, DEADLINE_MS));
    await until('acknowledged', () => broker.owed('us') === 0);
    broker.faults.losePubacks = true;
    publish(broker, 3, 8);
    // Five records are durable with their offset, and the broker hears of none; two more were never committed.
    await first.commit(await first.take(5, DEADLINE_MS));
    publish(broker, 8, 10);
    await first.take(2, DEADLINE_MS);
    await first.stop();
    broker.faults.losePubacks = false;
    assert.equal(broker.owed('us'), 7);
    const second = await begin({ 'mqtt.protocol': version });
    const records = await second.take(2, DEADLINE_MS);
    await second.commit(records);
    assert.deepEqual(texts(records), ['8', '9']);
    await until('all acknowledged', () => broker.owed('us') === 0);
    assert.equal(taskOf(second).counters.redelivered, 5);
  });
}

test('Without DUP, or without mqtt.dedupe, what comes again is a record again: twice is better than never', async (t) => {
  const { broker, begin } = await house(t);
  for (const [keys, marks] of [
    [{ 'mqtt.dedupe': 'none' }, true],
    [{ 'mqtt.dedupe': 'redelivery' }, false],
  ] as const) {
    broker.faults.marksRedelivery = marks;
    broker.faults.losePubacks = true;
    const first = await begin(keys);
    publish(broker, 0, 2);
    await first.commit(await first.take(2, DEADLINE_MS));
    await first.stop();
    broker.faults.losePubacks = false;
    const second = await begin(keys);
    const again = await second.take(2, DEADLINE_MS);
    assert.deepEqual(texts(again), ['0', '1']);
    await second.commit(again);
    await until('acknowledged', () => broker.owed('us') === 0);
    await second.stop();
  }
});

test('A packet id that is used again for another message, or for the same words, is a new message', async (t) => {
  const { broker, begin } = await house(t);
  const first = await begin();
  broker.publish('in/x', 'on');
  await first.commit(await first.take(1, DEADLINE_MS));
  await first.stop();
  // The acknowledgement has arrived, and our list may still have it: the broker forgets ids, not we.
  broker.sessions.get('us')!.inFlight.clear();
  const second = await begin();
  for (const text of ['on', 'off', 'on']) broker.publish('in/x', text);
  const records = await second.take(3, DEADLINE_MS);
  assert.deepEqual(texts(records), ['on', 'off', 'on']);
});

test('What the broker certainly has seen acknowledged is remembered no longer: offsets stay small', async (t) => {
  const { broker, offsets, begin } = await house(t);
  const run = await begin();
  publish(broker, 0, 500);
  for (let done = 0; done < 500; ) {
    const records = await run.take(1, DEADLINE_MS);
    done += records.length;
    await run.commit(records);
  }
  await until('acknowledged', () => broker.owed('us') === 0);
  // The answer to the ping behind the acknowledgements may take its time.
  let listed = Number.POSITIVE_INFINITY;
  const oneMessage = 6;
  const deadline = Date.now() + DEADLINE_MS;
  for (let pauseMs = 20; listed > oneMessage && Date.now() < deadline; pauseMs *= 2) {
    await sleep(pauseMs);
    broker.publish('in/x', 'last');
    await run.commit(await run.take(1, DEADLINE_MS));
    const [, offset] = offsets.entries()[0]!;
    listed = Buffer.from(offset.unacked as string, 'base64').length;
  }
  assert.equal(listed, oneMessage);
});

test('A broker that forgot us is counted, reported, and marked in the topic of gaps', async (t) => {
  const { broker, begin } = await house(t);
  const run = await begin({ 'mqtt.gap.topic': 'gaps' });
  broker.publish('in/x', 'before');
  await run.commit(await run.take(1, DEADLINE_MS));
  broker.forget();
  const [marker] = await pollUntil(
    run,
    'a second connection',
    () => taskOf(run).session!.counters.connections === 2,
  ).then(async (records) => (records.length > 0 ? records : run.take(1, DEADLINE_MS)));
  assert.equal(marker!.topic, 'gaps');
  assert.equal(marker!.key, 'us');
  const value = plainValue(marker!.value) as Record<string, unknown>;
  assert.deepEqual([value.type, value.clientId, value.filters], ['session-lost', 'us', ['in/#']]);
  assert.ok(Number(value.awaySince) <= Number(value.detectedAt));
  await run.commit([marker!]);
  assert.equal(taskOf(run).session!.counters.sessionsLost, 1);
  assert.equal(saidOf(run, 'has lost the session of "us"'), 1);
  await until('subscribed again', () => broker.subscriptions.filter((line) => line === 'us +in/#').length === 2);
  broker.publish('in/x', 'after');
  assert.deepEqual(texts(await run.take(1, DEADLINE_MS)), ['after']);
});

test('A session lost while we were not running is a gap too', async (t) => {
  const { broker, begin } = await house(t);
  const first = await begin({ 'mqtt.gap.topic': 'gaps' });
  broker.publish('in/x', 'before');
  await first.commit(await first.take(1, DEADLINE_MS));
  await first.stop();
  broker.forget();
  const second = await begin({ 'mqtt.gap.topic': 'gaps' });
  const [marker] = await second.take(1, DEADLINE_MS);
  assert.deepEqual([marker!.topic, (plainValue(marker!.value) as Record<string, unknown>).awaySince], ['gaps', null]);
});

test('A session that expired at the broker is a lost one', async (t) => {
  const { broker, begin } = await house(t);
  const run = await begin({ 'mqtt.session.expiry.s': '1' });
  broker.publish('in/x', 'a');
  await run.commit(await run.take(1, DEADLINE_MS));
  assert.equal(broker.connects[0]!.properties!.sessionExpiryInterval, 1);
  broker.sessions.get('us')!.expiryS = 0;
  broker.cut('us');
  await pollUntil(run, 'lost', () => taskOf(run).session!.counters.sessionsLost === 1);
});

test('When tasks become fewer, the sessions left behind are emptied into the log and ended', async (t) => {
  const { broker, begin } = await house(t);
  const topics = { 'mqtt.topics': 'in/a,in/b,in/c', 'mqtt.handover.ms': '200' };
  const runs = [];
  for (const task of [0, 1, 2]) runs.push(await begin(topics, { task, maxTasks: 3 }));
  for (const [index, letter] of ['a', 'b', 'c'].entries()) {
    broker.publish(`in/${letter}`, `${letter}1`);
    await runs[index]!.commit(await runs[index]!.take(1, DEADLINE_MS));
    await runs[index]!.stop();
  }
  // Published while nobody is there: two of them wait in sessions whose tasks do not come back.
  for (const letter of ['a', 'b', 'c']) broker.publish(`in/${letter}`, `${letter}2`);
  const only = await begin(topics, { task: 0, maxTasks: 1 });
  const records: SourceRecord[] = [];
  while (new Set(texts(records)).size < 3) {
    const more = await only.take(1, DEADLINE_MS);
    await only.commit(more);
    records.push(...more);
  }
  assert.deepEqual(new Set(texts(records)), new Set(['a2', 'b2', 'c2']));
  await until('the orphans are gone', () => !broker.sessions.has('us-1') && !broker.sessions.has('us-2'));
  assert.deepEqual(
    taskOf(only).orphans.map(({ drained }) => drained),
    [1, 1],
  );
  assert.ok(broker.subscriptions.indexOf('us +in/b') < broker.subscriptions.indexOf('us-1 -in/b'), 'first ours');
  broker.publish('in/b', 'b3');
  assert.deepEqual(texts(await only.take(1, DEADLINE_MS)), ['b3'], 'and once');
});

test('A filter that moves to another task is left only when that task has had time to subscribe', async (t) => {
  const { broker, begin } = await house(t);
  const topics = { 'mqtt.topics': 'in/a,in/b', 'mqtt.handover.ms': '300' };
  const one = await begin(topics);
  broker.publish('in/b', '1');
  await one.commit(await one.take(1, DEADLINE_MS));
  await one.stop();
  const first = await begin(topics, { task: 0, maxTasks: 2 });
  assert.equal(broker.subscriptions.includes('us -in/b'), false);
  // Meanwhile nobody else has it: the old task still gets what is published.
  broker.publish('in/b', '2');
  assert.deepEqual(texts(await first.take(1, DEADLINE_MS)), ['2']);
  await begin(topics, { task: 1, maxTasks: 2 });
  await until('handed over', () => broker.subscriptions.includes('us -in/b'));
  assert.ok(broker.subscriptions.indexOf('us-1 +in/b') < broker.subscriptions.indexOf('us -in/b'));
});

test('A filter that is in the config no more is unsubscribed at once, and a new one subscribed', async (t) => {
  const { broker, begin } = await house(t);
  const one = await begin({ 'mqtt.topics': 'in/a,in/b' });
  broker.publish('in/a', '1');
  await one.commit(await one.take(1, DEADLINE_MS));
  await one.stop();
  await begin({ 'mqtt.topics': 'in/a,in/c' });
  assert.deepEqual(broker.subscriptions.slice(2), ['us -in/b', 'us +in/a', 'us +in/c']);
});

test('A shared subscription is every task’s, its messages are spread, and the log warns of their order', async (t) => {
  const { broker, begin } = await house(t);
  const shared = { 'mqtt.topics': '$share/fleet/in/#' };
  const runs = [];
  for (const task of [0, 1]) runs.push(await begin(shared, { task, maxTasks: 2 }));
  publish(broker, 0, 10);
  const each = [texts(await runs[0]!.take(5, DEADLINE_MS)), texts(await runs[1]!.take(5, DEADLINE_MS))];
  assert.deepEqual(each.flat().sort(), numbers(0, 10));
  for (const run of runs) assert.equal(saidOf(run, 'may be written out of order'), 1);
});

test('Topic aliases are resolved, and messages beyond our Receive Maximum are kept all the same', async (t) => {
  const { broker, begin } = await house(t);
  broker.faults.usesAliases = true;
  broker.faults.overruns = true;
  const run = await begin({ 'mqtt.inflight.max': '4', 'mqtt.protocol': '5' });
  publish(broker, 0, 50);
  const seen: SourceRecord[] = [];
  while (seen.length < 50) {
    const records = await run.take(1, DEADLINE_MS);
    await run.commit(records);
    seen.push(...records);
  }
  assert.deepEqual(texts(seen), numbers(0, 50));
  assert.ok(seen.every((record) => record.key === 'in/x'));
});

test('A disconnect with a reason is named in the log and gone through; half a packet brings no half record', async (t) => {
  const { broker, begin } = await house(t);
  const run = await begin({ 'mqtt.protocol': '5' });
  const serverBusy = 137;
  broker.disconnect(serverBusy);
  await pollUntil(run, 'back', () => taskOf(run).session!.counters.connections === 2);
  assert.equal(saidOf(run, 'disconnected us with reason code 137'), 1);
  broker.faults.halvesNextPublish = true;
  broker.publish('in/x', 'a whole sentence, in two halves');
  assert.deepEqual(texts(await run.take(1, DEADLINE_MS)), ['a whole sentence, in two halves']);
});

test('A broker that refuses us says why, and one that is busy only for now is tried again', async (t) => {
  const { broker, begin } = await house(t);
  const badUserOrPassword = 134;
  broker.faults.refuse = badUserOrPassword;
  const run = await SourceRun.start(plugin, { 'mqtt.server.uri': broker.url, 'mqtt.topics': 'a', 'kafka.topic': 'a' });
  t.after(() => run.stop());
  await assert.rejects(run.take(1, DEADLINE_MS), { code: 'MQTT_REFUSED' });
  const busy = 137;
  broker.faults.refuse = busy;
  const patient = begin();
  await until('refused', () => broker.connects.length > 1);
  broker.faults.refuse = 0;
  await patient;
});

test('A subscription that is refused fails the task with the filter’s name', async (t) => {
  const { broker } = await house(t);
  broker.faults.forbid = 'secret';
  const config = { 'mqtt.server.uri': broker.url, 'mqtt.topics': 'secret/#', 'kafka.topic': 'a' };
  const run = await SourceRun.start(plugin, config);
  t.after(() => run.stop());
  await assert.rejects(run.take(1, DEADLINE_MS), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'MQTT_SUBSCRIBE_REFUSED');
    assert.match(error.message, /secret\/#/);
    return true;
  });
});
