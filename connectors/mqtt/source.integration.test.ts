/**
 * The MQTT source against real brokers: aedes in this process (3.1.1) and the system's mosquitto (5) where there is one.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import {
  type EmbeddedMqttBroker,
  type OwnMqttBroker,
  startMqtt,
  testMosquitto,
  testMqtt,
} from '../../test/kit/mqtt.ts';
import { examineSource, OffsetStore, type SourceFixture, SourceRun } from '../acceptance/index.ts';
import { JsonText, parseConfig, plainValue, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';
import type { MqttSourceTask } from './source-task.ts';

const plugin = mqttPlugins[0] as SourceConnectorPlugin;
let serial = 0;

async function publisher(t: TestContext, url: string): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { clientId: `publisher-${process.pid}-${serial++}` });
  t.after(() => client.endAsync(true));
  return client;
}

const taskOf = (run: SourceRun) => run.task as MqttSourceTask;
const texts = (records: readonly SourceRecord[]) => records.map((record) => String(plainValue(record.value)));

/** Resolves once the task's subscriptions are made. */
async function ready(run: SourceRun): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (run.log.some((line) => line.message === 'Connected to the MQTT broker.')) return;
    await sleep(10);
  }
  throw new Error(`Not connected: ${JSON.stringify(run.log)}`);
}

async function fixture(t: TestContext, url: string, extra: Record<string, string> = {}): Promise<SourceFixture> {
  const id = `${process.pid}-${serial++}`;
  const client = await publisher(t, url);
  const send = async (payload: string) => void (await client.publishAsync(`a-${id}/x`, payload, { qos: 1 }));
  return {
    config: {
      'mqtt.server.uri': url,
      'mqtt.topics': `a-${id}/#`,
      'mqtt.client.id': `client-${id}`,
      'kafka.topic': 'out',
      'value.format': 'json',
      ...extra,
    },
    write: async (values) => {
      for (const value of values) await send(JSON.stringify(value));
    },
    writeBad: () => send('{"lat":NaN}'),
    read: (record) => plainValue(record.value) as string,
    ready,
  };
}

const aedes = await testMqtt();
after(() => aedes.service?.stop());
const lacks = { tombstones: 'what removes a retained message is a message without bytes' };
examineSource({ plugin, lacks, skip: aedes.skip, prepare: (t) => fixture(t, aedes.service!.url) });

const mosquitto = await testMosquitto();
after(() => mosquitto.service?.stop());
examineSource({
  plugin: { ...plugin, class: 'MqttSource with mosquitto and MQTT 5' },
  lacks,
  skip: mosquitto.skip,
  prepare: (t) => fixture(t, mosquitto.service!.url, { 'mqtt.protocol': '5' }),
});

/** Starts a run that ends with the test. */
async function begin(t: TestContext, config: Record<string, string>, offsets = new OffsetStore()): Promise<SourceRun> {
  const run = await SourceRun.start(plugin, config, { offsets, name: 'test' });
  t.after(() => run.stop());
  return run;
}

async function ownBroker(t: TestContext): Promise<EmbeddedMqttBroker> {
  const broker = await startMqtt();
  t.after(() => broker.stop());
  return broker;
}

const configFor = (url: string, extra: Record<string, string> = {}) => ({
  'mqtt.server.uri': url,
  'mqtt.topics': 'in/#',
  'kafka.topic': 'out',
  'value.format': 'string',
  ...extra,
});

test('Messages published while the broker was restarted and we were away all arrive, in order', async (t) => {
  const broker = await ownBroker(t);
  const offsets = new OffsetStore();
  const first = await begin(t, configFor(broker.url), offsets);
  await ready(first);
  await first.stop();
  const client = await publisher(t, broker.url);
  for (let i = 0; i < 20; i++) await client.publishAsync('in/a', String(i), { qos: 1 });
  await client.endAsync();
  await broker.halt();
  await broker.resume();
  const second = await begin(t, configFor(broker.url), offsets);
  assert.deepEqual(
    texts(await second.take(20)),
    Array.from({ length: 20 }, (_, i) => String(i)),
  );
});

/** Polls until the session has connected this often; answers what came meanwhile. */
async function reconnected(run: SourceRun, connections: number): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  while (taskOf(run).session!.counters.connections < connections) records.push(...(await run.poll()));
  return records;
}

/** Four messages polled, one committed, the connection cut. */
async function cutUncommitted(t: TestContext, url: string, dedupe: string) {
  const id = `cut-${process.pid}-${serial++}`;
  const topics = { 'mqtt.topics': `${id}/#`, 'mqtt.client.id': id };
  const run = await begin(t, configFor(url, { ...topics, 'mqtt.dedupe': dedupe }));
  await ready(run);
  const client = await publisher(t, url);
  for (const text of ['a', 'b', 'c', 'd']) await client.publishAsync(`${id}/x`, text, { qos: 1 });
  const records = await run.take(4);
  await run.commit(records.slice(0, 1));
  await sleep(50);
  taskOf(run).session!.connection!.destroy();
  return { run, records };
}

/** What a process does that is killed in the middle: polls ten, commits four, says so, and waits for the end. */
const doomed = `
const { SourceRun } = await import(process.argv[1] + '/acceptance/index.ts');
const { mqttPlugins } = await import(process.argv[1] + '/mqtt/plugins.ts');
const run = await SourceRun.start(mqttPlugins[0], JSON.parse(process.argv[2]), { name: 'test' });
console.log('started');
const records = await run.take(10);
await run.commit(records.slice(0, 4));
setTimeout(() => console.log('committed'), 100);
setInterval(() => undefined, 1000);
`;

test('Killed with SIGKILL between receipt and commit: the next life gets exactly what was not committed', async (t) => {
  const broker = await ownBroker(t);
  const config = configFor(broker.url);
  const folder = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
  const args = ['--input-type=module', '-e', doomed, folder, JSON.stringify(config)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'started');
  const client = await publisher(t, broker.url);
  // What is published before the subscription reaches nobody.
  while (broker.subscriptions() < 1) await sleep(10);
  for (let i = 0; i < 10; i++) await client.publishAsync('in/x', String(i), { qos: 1 });
  assert.equal((await lines.next()).value, 'committed');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const next = await begin(t, config);
  assert.deepEqual(texts(await next.take(6)), ['4', '5', '6', '7', '8', '9']);
});

test('A connection cut between receipt and commit brings every uncommitted message again', async (t) => {
  const broker = await ownBroker(t);
  const { run } = await cutUncommitted(t, broker.url, 'none');
  assert.deepEqual(texts(await run.take(3)), ['b', 'c', 'd']);
});

test(
  'With mqtt.dedupe=redelivery a message that is still with us makes no second record, and is acknowledged',
  { skip: mosquitto.skip },
  async (t) => {
    const { run, records } = await cutUncommitted(t, mosquitto.service!.url, 'redelivery');
    assert.deepEqual(await reconnected(run, 2), []);
    for (const deadline = Date.now() + 60_000; taskOf(run).counters.redelivered < 3 && Date.now() < deadline; ) {
      assert.deepEqual(await run.takeFor(20), []);
    }
    assert.equal(taskOf(run).counters.redelivered, 3);
    await run.commit(records.slice(1));
    await sleep(50);
    taskOf(run).session!.connection!.destroy();
    assert.deepEqual(await reconnected(run, 3), []);
    assert.deepEqual(await run.takeFor(200), [], 'the broker has nothing left to send');
  },
);

test('A broker that lost our session is noticed, counted and subscribed to again', async (t) => {
  const broker = await ownBroker(t);
  const run = await begin(t, configFor(broker.url));
  await ready(run);
  await broker.halt();
  await broker.resumeEmpty();
  await reconnected(run, 2);
  assert.equal(taskOf(run).session!.counters.sessionsLost, 1);
  assert.ok(run.log.some((line) => line.level === 'error' && /has lost the session/.test(line.message)));
  const client = await publisher(t, broker.url);
  while (broker.subscriptions() < 1) await sleep(10);
  await client.publishAsync('in/x', 'again', { qos: 1 });
  assert.deepEqual(texts(await run.take(1)), ['again']);
});

test('A bad payload becomes a dead letter with its bytes, is acknowledged, and its neighbours go on', async (t) => {
  const broker = await ownBroker(t);
  const run = await begin(t, configFor(broker.url, { 'value.format': 'json', 'mqtt.inflight.max': '2' }));
  await ready(run);
  const client = await publisher(t, broker.url);
  for (const payload of ['1', '{', '{', '{', '2']) await client.publishAsync('in/x', payload, { qos: 1 });
  const first = await run.take(1);
  await run.commit(first);
  const second = await run.take(1);
  await run.commit(second);
  assert.deepEqual(texts([...first, ...second]), ['1', '2']);
  assert.ok(first[0]!.value instanceof JsonText);
  assert.equal(run.badInput.length, 3);
  assert.equal(Buffer.from(run.badInput[0]!.bytes!).toString(), '{');
  assert.equal(run.badInput[0]!.source.topic, 'in/x');
  assert.match(run.badInput[0]!.error.message, /message on "in\/x" is not JSON/);
  await sleep(50);
  broker.cut();
  assert.deepEqual(await reconnected(run, 2), []);
  assert.deepEqual(await run.takeFor(200), []);
  assert.equal(run.badInput.length, 3, 'bad messages were acknowledged');
});

test('When the error policy says to fail, the poll fails with the reason and the message stays with the broker', async (t) => {
  const broker = await ownBroker(t);
  const run = await SourceRun.start(plugin, configFor(broker.url, { 'value.format': 'json' }), {
    onBadInput: async (input) => {
      throw input.error;
    },
  });
  t.after(() => run.stop());
  await ready(run);
  const client = await publisher(t, broker.url);
  await client.publishAsync('in/x', '{', { qos: 1 });
  await assert.rejects(run.take(1), /is not JSON/);
});

test('A slow log parks the session before the keepalive would kill it, and nothing is lost', async (t) => {
  const broker = await ownBroker(t);
  const config = configFor(broker.url, { 'mqtt.inflight.max': '10', 'mqtt.keepalive.interval.seconds': '1' });
  const run = await begin(t, config);
  await ready(run);
  const client = await publisher(t, broker.url);
  for (let i = 0; i < 100; i++) await client.publishAsync('in/x', String(i), { qos: 1 });
  const { counters } = taskOf(run).session!;
  for (const deadline = Date.now() + 60_000; counters.parked === 0 && Date.now() < deadline; ) await sleep(20);
  assert.equal(counters.parked, 1);
  // aedes sends again without DUP what was not acknowledged when we parked: once more, never less.
  const seen = new Set<string>();
  while (seen.size < 100) {
    const records = await run.take(1);
    for (const text of texts(records)) seen.add(text);
    await run.commit(records);
  }
  assert.deepEqual(
    [...seen],
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
});

test('A broker that is not there: named in the log, then the task fails with url and next step', async (t) => {
  const run = await begin(t, configFor('mqtt://me:secret@127.0.0.1:1', { 'mqtt.offline.fail.s': '1' }));
  await assert.rejects(run.take(1), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'MQTT_UNREACHABLE');
    assert.match(error.message, /at mqtt:\/\/127\.0\.0\.1:1 for 1 s: .*ECONNREFUSED.*Start the broker or correct/);
    return true;
  });
  assert.doesNotMatch(JSON.stringify(run.log), /secret/, 'a password in the URL stays out of the log');
  assert.ok(run.log.some((line) => line.level === 'warn' && /Not connected to MQTT \(mqtt:/.test(line.message)));
});

test('check names a broker that is not there and what to do', async () => {
  const connector = (await plugin.create())!;
  const { config } = parseConfig(plugin.config, configFor('mqtt://127.0.0.1:1'));
  const problems = await connector.check!(config);
  assert.equal(problems.length, 1);
  assert.match(problems[0]!.message, /mqtt:\/\/127\.0\.0\.1:1 does not take our connection: .* Start it, or correct/);
});

test('The second server of the list is used when the first is not there', async (t) => {
  const broker = await ownBroker(t);
  const run = await begin(t, configFor(`mqtt://127.0.0.1:1,${broker.url}`));
  await ready(run);
});

test('Filters are split over the tasks, each with its own session', async (t) => {
  const broker = await ownBroker(t);
  const config = configFor(broker.url, { 'mqtt.topics': 'in/a,in/b,in/c' });
  const runs = [];
  for (const task of [0, 1]) {
    const run = await SourceRun.start(plugin, config, { task, maxTasks: 2 });
    t.after(() => run.stop());
    await ready(run);
    runs.push(run);
  }
  const client = await publisher(t, broker.url);
  for (const letter of ['a', 'b', 'c']) await client.publishAsync(`in/${letter}`, letter, { qos: 1 });
  assert.deepEqual(texts(await runs[0]!.take(2)), ['a', 'c']);
  assert.deepEqual(texts(await runs[1]!.take(1)), ['b']);
});

test('A filter that was taken out of the config is unsubscribed from the living session', async (t) => {
  const broker = await ownBroker(t);
  const offsets = new OffsetStore();
  const client = await publisher(t, broker.url);
  const first = await begin(t, configFor(broker.url, { 'mqtt.topics': 'in/a,in/b' }), offsets);
  await ready(first);
  await client.publishAsync('in/a', '1', { qos: 1 });
  await first.commit(await first.take(1));
  await first.stop();
  const second = await begin(t, configFor(broker.url, { 'mqtt.topics': 'in/a' }), offsets);
  await ready(second);
  await client.publishAsync('in/b', 'unwanted', { qos: 1 });
  await client.publishAsync('in/a', '2', { qos: 1 });
  assert.deepEqual(texts(await second.take(1)), ['2']);
});

test('mosquitto restarted in the middle loses nothing over MQTT 5', { skip: mosquitto.skip }, async (t) => {
  const broker = mosquitto.service as OwnMqttBroker;
  const id = `restart-${process.pid}`;
  const config = configFor(broker.url, { 'mqtt.topics': `${id}/#`, 'mqtt.client.id': id, 'mqtt.protocol': '5' });
  const run = await begin(t, config);
  await ready(run);
  const client = await publisher(t, broker.url);
  for (let i = 0; i < 200; i++) await client.publishAsync(`${id}/x`, String(i), { qos: 1 });
  await client.endAsync();
  const records = await run.take(50);
  await run.commit(records.slice(0, 50));
  await broker.halt();
  await broker.resume();
  const rest = await run.take(200 - records.length);
  await run.commit(rest);
  assert.deepEqual(new Set(texts([...records, ...rest])), new Set(Array.from({ length: 200 }, (_, i) => String(i))));
  assert.equal(taskOf(run).session!.counters.sessionsLost, 0);
});
