/**
 * The MQTT sink against real brokers: aedes in this process (3.1.1) and the system's mosquitto (5) where there is one.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { startMqtt, testMosquitto, testMqtt } from '../../test/kit/mqtt.ts';
import { FaultyMqttBroker } from '../../test/kit/mqtt5.ts';
import { examineSink, SinkLog, SinkRun } from '../acceptance/index.ts';
import { parseConfig, Schemas, type SinkConnectorPlugin } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';

const plugin = mqttPlugins[1] as SinkConnectorPlugin;
const part = { topic: 'commands', partition: 0 };
let serial = 0;

interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
  readonly properties: Record<string, unknown>;
}

/** Hears everything below a prefix. */
async function listener(t: TestContext, url: string, filter: string, version: 4 | 5 = 4): Promise<Heard[]> {
  const client = await mqtt.connectAsync(url, {
    clientId: `listener-${process.pid}-${serial++}`,
    protocolVersion: version,
  });
  t.after(() => client.endAsync(true));
  const heard: Heard[] = [];
  client.on('message', (topic, payload, { retain, properties }) => {
    heard.push({ topic, text: payload.toString(), retain, properties: { ...properties } });
  });
  await client.subscribeAsync(filter, { qos: 1 });
  return heard;
}

async function eventually(check: () => void): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await sleep(10)) {
    try {
      check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

/** What was heard, once nothing more comes. */
async function settled(heard: readonly Heard[]): Promise<string[]> {
  for (let count = -1; count !== heard.length; ) {
    count = heard.length;
    await sleep(50);
  }
  return heard.map(({ text }) => text);
}

const aedes = await testMqtt();
const mosquitto = await testMosquitto();
after(async () => {
  await aedes.service?.stop();
  await mosquitto.service?.stop();
});

for (const { name, found } of [
  { name: 'aedes', found: aedes },
  { name: 'mosquitto', found: mosquitto },
]) {
  examineSink({
    plugin: { ...plugin, class: `MqttSink to ${name}` },
    lacks: { bad: 'a payload is any bytes' },
    skip: found.skip,
    exactlyOnce: false,
    prepare: async (t) => {
      const { url } = found.service!;
      const topic = `out-${process.pid}-${serial++}`;
      const heard = await listener(t, url, `${topic}/#`);
      return {
        config: { 'mqtt.server.uri': url, 'mqtt.topic': `${topic}/{partition}`, 'mqtt.client.id': topic },
        record: (text) => ({ value: text, schema: Schemas.string }),
        read: () => settled(heard),
        snapshot: () => settled(heard),
      };
    },
  });
}

async function begin(t: TestContext, url: string, keys: Record<string, string>, fill: (log: SinkLog) => void) {
  const log = new SinkLog();
  fill(log);
  const config = { 'mqtt.server.uri': url, 'mqtt.client.id': `sink-${process.pid}-${serial++}`, ...keys };
  const run = await SinkRun.start(plugin, config, log, [part]);
  t.after(() => run.stop());
  return { run, log };
}

test('A tombstone clears the retained message of its topic', { skip: aedes.skip }, async (t) => {
  const { url } = aedes.service!;
  const topic = `state-${process.pid}-${serial++}`;
  const keys = { 'mqtt.topic': `${topic}/{key}`, 'mqtt.retained': 'true' };
  const { run, log } = await begin(t, url, keys, (log) => {
    log.append('commands', 0, 'on', Schemas.string, 'a');
    log.append('commands', 0, 'off', Schemas.string, 'b');
  });
  await run.put();
  const before = await listener(t, url, `${topic}/#`);
  await eventually(() =>
    assert.deepEqual(before.map(({ text, retain }) => [text, retain]).sort(), [
      ['off', true],
      ['on', true],
    ]),
  );
  log.append('commands', 0, null, null, 'a');
  await run.put();
  const later = await listener(t, url, `${topic}/#`);
  await eventually(() =>
    assert.deepEqual(
      later.map(({ text }) => text),
      ['off'],
    ),
  );
});

test('Headers, content type and expiry travel as MQTT 5 properties', { skip: mosquitto.skip }, async (t) => {
  const { url } = mosquitto.service!;
  const topic = `props-${process.pid}-${serial++}`;
  const heard = await listener(t, url, `${topic}/#`, 5);
  const { run, log } = await begin(
    t,
    url,
    { 'mqtt.topic': `${topic}/x`, 'mqtt.message.expiry.s': '60' },
    () => undefined,
  );
  const record = log.append('commands', 0, { n: 1 }, null);
  const header = (key: string, value: string) => ({ key, value, schema: Schemas.string });
  const headers = [
    header('trace', 'a'),
    header('trace', 'b'),
    header('mqtt.content.type', 'application/json'),
    header('mqtt.qos', '0'),
  ];
  await run.task.put([{ ...record, headers }]);
  await eventually(() => assert.equal(heard.length, 1));
  const { text, properties } = heard[0]!;
  assert.equal(text, '{"n":1}');
  assert.deepEqual({ ...(properties.userProperties as object) }, { trace: ['a', 'b'] });
  assert.equal(properties.contentType, 'application/json');
  assert(Number(properties.messageExpiryInterval) <= 60);
});

test('A topic that is none is a bad record, and its neighbours are published', { skip: aedes.skip }, async (t) => {
  const { url } = aedes.service!;
  const topic = `bad-${process.pid}-${serial++}`;
  const heard = await listener(t, url, `${topic}/#`);
  const { run } = await begin(t, url, { 'mqtt.topic': `${topic}/{key}` }, (log) => {
    for (const key of ['a', 'b+', 'c']) log.append('commands', 0, key, Schemas.string, key);
    log.append('commands', 0, 'no key', Schemas.string);
  });
  await run.put();
  assert.deepEqual(await settled(heard), ['a', 'c']);
  assert.deepEqual(
    run.badRecords.map(({ record, error }) => [record.offset, (error as { code?: string }).code]),
    [
      [1, 'MQTT_BAD_RECORD'],
      [3, 'TEMPLATE_NO_VALUE'],
    ],
  );
});

test('What was on its way when the broker was cut off is sent again, and nothing is lost', async (t) => {
  const broker = await startMqtt();
  t.after(() => broker.stop());
  // A session that outlives the broker: what the broker has acknowledged to us, it still owes the listener.
  const session = { clientId: 'patient', clean: false, reconnectPeriod: 20 };
  const client = await mqtt.connectAsync(broker.url, session);
  t.after(() => client.endAsync(true));
  client.on('error', () => undefined);
  const heard: number[] = [];
  client.on('message', (_topic, payload) => heard.push(Number(payload.toString())));
  await client.subscribeAsync('out/#', { qos: 1 });

  const keys = { 'mqtt.topic': 'out/{partition}', 'mqtt.inflight.max': '50' };
  const { run, log } = await begin(t, broker.url, keys, (log) => {
    for (let n = 0; n < 2000; n++) log.append('commands', 0, String(n), Schemas.string);
  });
  const putting = run.task.put(log.records(part)).then(
    () => null,
    (error: unknown) => error as { code?: string },
  );
  await eventually(() => assert(heard.length > 20));
  await broker.halt();
  assert.equal((await putting)?.code, 'MQTT_UNAVAILABLE');
  await assert.rejects(run.task.put(log.records(part)), { code: 'MQTT_UNAVAILABLE', retriable: true });
  await broker.resume();
  await run.task.put(log.records(part));
  await eventually(() => assert.equal(new Set(heard).size, 2000));
});

test(
  'The will is published when the connection is cut, and not after a goodbye',
  { skip: mosquitto.skip },
  async (t) => {
    const { url } = mosquitto.service!;
    const topic = `will-${process.pid}-${serial++}`;
    const heard = await listener(t, url, topic);
    const keys = { 'mqtt.topic': `${topic}/x`, 'mqtt.will.topic': topic, 'mqtt.will.payload': 'gone' };
    const fill = (log: SinkLog) => void log.append('commands', 0, 'a', Schemas.string);
    const polite = await begin(t, url, keys, fill);
    await polite.run.put();
    await polite.run.stop();
    assert.deepEqual(await settled(heard), []);
    // A second client of the same id takes the connection over: for ours that is a cut (MQTT 5, 3.1.4).
    const cut = await begin(t, url, { ...keys, 'mqtt.client.id': topic }, fill);
    await cut.run.put();
    const rival = await mqtt.connectAsync(url, { clientId: topic });
    t.after(() => rival.endAsync(true));
    await eventually(() =>
      assert.deepEqual(
        heard.map(({ text }) => text),
        ['gone'],
      ),
    );
  },
);

async function faultyBroker(t: TestContext): Promise<FaultyMqttBroker> {
  const broker = await FaultyMqttBroker.start();
  t.after(() => broker.halt());
  return broker;
}

const fill = (log: SinkLog, count: number) => {
  for (let n = 0; n < count; n++) log.append('commands', 0, String(n), Schemas.string);
};

test('No more messages are on their way than the broker takes, and none counts without its acknowledgement', async (t) => {
  const broker = await faultyBroker(t);
  broker.faults.receiveMaximum = 5;
  broker.faults.withholdPubacks = true;
  const { run, log } = await begin(t, broker.url, { 'mqtt.topic': 'out/x' }, (log) => fill(log, 50));
  const putting = run.task.put(log.records(part)).then(
    () => null,
    (error: unknown) => error as { code?: string },
  );
  await eventually(() => assert.equal(broker.unanswered, 5));
  await sleep(50);
  assert.equal(broker.unanswered, 5);
  broker.cut();
  assert.equal((await putting)?.code, 'MQTT_UNAVAILABLE');
  broker.faults.withholdPubacks = false;
  await run.task.put(log.records(part));
  assert.deepEqual(
    broker.received.map(({ payload }) => payload.toString()),
    Array.from({ length: 50 }, (_, n) => String(n)),
  );
});

test('A message that the broker refuses is a bad record with its reason, and its neighbours go on', async (t) => {
  const broker = await faultyBroker(t);
  const notAuthorized = 135;
  const { run, log } = await begin(t, broker.url, { 'mqtt.topic': 'out/x' }, (log) => fill(log, 3));
  await run.task.put(log.records(part).slice(0, 1));
  broker.faults.pubackReason = notAuthorized;
  await run.task.put(log.records(part).slice(1, 2));
  broker.faults.pubackReason = 0;
  await run.task.put(log.records(part).slice(2));
  assert.deepEqual(
    broker.received.map(({ payload }) => payload.toString()),
    ['0', '2'],
  );
  assert.equal(run.badRecords.length, 1);
  assert.match(
    run.badRecords[0]!.error.message,
    /offset 1 was not published: the broker refused it: .*[Aa]uthori[sz]ed/,
  );
});

test('Check says which broker does not take us', async () => {
  const connector = await plugin.create();
  const config = parseConfig(plugin.config, { 'mqtt.server.uri': 'mqtt://user:secret@127.0.0.1:1' }).config;
  const [problem] = await connector.check!(config);
  assert.match(problem!.message, /mqtt:\/\/127\.0\.0\.1:1 does not take our connection/);
});
