/**
 * Sparkplug B through the source, from an edge node that answers commands to records with names: restart, gap, death.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultyMqttBroker } from '../../test/kit/mqtt5.ts';
import { OffsetStore, SourceRun } from '../acceptance/index.ts';
import { plainValue, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';
import { decodePayload } from './sparkplug/payload.ts';
import { FieldWriter } from './sparkplug/protobuf.ts';

const plugin = mqttPlugins[0] as SourceConnectorPlugin;
const DOUBLE = 10;
const DEADLINE_MS = 60_000;

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(10);
  }
}

interface Told {
  readonly name?: string;
  readonly alias?: number;
  readonly value: number;
}

/** What an edge node would send. */
function message(seq: number | null, metrics: readonly Told[]): Buffer {
  const payload = new FieldWriter().varint(1, 1_700_000_000_000);
  for (const { name, alias, value } of metrics) {
    const metric = new FieldWriter();
    if (name !== undefined) metric.bytes(1, name).varint(4, name === 'bdSeq' ? 8 : DOUBLE);
    if (alias !== undefined) metric.varint(2, alias);
    if (name === 'bdSeq') metric.varint(11, value);
    else metric.double(13, value);
    payload.bytes(2, metric.end());
  }
  if (seq !== null) payload.varint(3, seq);
  return payload.end();
}

const birth = message(0, [
  { name: 'bdSeq', value: 1 },
  { name: 'temp', alias: 7, value: 20 },
]);
const reading = (seq: number, value: number) => message(seq, [{ alias: 7, value }]);

async function plant(t: TestContext) {
  const broker = await FaultyMqttBroker.start();
  t.after(() => broker.halt());
  const offsets = new OffsetStore();
  const begin = async (keys: Record<string, string> = {}): Promise<SourceRun> => {
    const config = {
      'mqtt.server.uri': broker.url,
      'mqtt.topics': 'spBv1.0/#',
      'mqtt.client.id': 'host',
      'kafka.topic': 'plant',
      'value.format': 'sparkplug',
      'sparkplug.rebirth.interval.ms': '100',
      ...keys,
    };
    const run = await SourceRun.start(plugin, config, { offsets });
    t.after(() => run.stop());
    await until('connected', () => run.log.some((line) => line.message === 'Connected to the MQTT broker.'));
    return run;
  };
  const send = (topic: string, bytes: Buffer) => broker.publish(`spBv1.0/${topic}`, bytes, { qos: 0 });
  return { broker, begin, send };
}

type Json = Record<string, unknown> & { metrics: Record<string, unknown>[] };
const told = (record: SourceRecord) => plainValue(record.value) as unknown as Json;
const keyed = (records: readonly SourceRecord[]) => records.map((record) => [record.key, told(record).type]);

async function takeAll(run: SourceRun, count: number): Promise<SourceRecord[]> {
  const records = await run.take(count, DEADLINE_MS);
  await run.commit(records);
  return records;
}

test('Data gets names and types from its birth, and is keyed by node and device', async (t) => {
  const { begin, send } = await plant(t);
  const run = await begin({ 'sparkplug.births.topic': 'plant.births' });
  send('g/NBIRTH/n', birth);
  send('g/DBIRTH/n/d', message(1, [{ name: 'rpm', alias: 8, value: 0 }]));
  send('g/DDATA/n/d', message(2, [{ alias: 8, value: 1500 }]));
  const records = await takeAll(run, 5);
  assert.deepEqual(
    records.map(({ topic, key }) => [topic, key]),
    [
      ['plant', 'g/n'],
      ['plant.births', 'g/n'],
      ['plant', 'g/n/d'],
      ['plant.births', 'g/n/d'],
      ['plant', 'g/n/d'],
    ],
  );
  const data = told(records[4]!);
  assert.deepEqual([data.type, data.device, data.seq, data.stale], ['DDATA', 'd', 2, false]);
  assert.deepEqual(data.metrics, [{ name: 'rpm', datatype: 'Double', value: 1500, alias: 8 }]);
});

test('After a restart aliases are known at once, and nobody is asked for a rebirth', async (t) => {
  const { broker, begin, send } = await plant(t);
  const first = await begin();
  send('g/NBIRTH/n', birth);
  send('g/NDATA/n', reading(1, 21));
  await takeAll(first, 2);
  await first.stop();
  const second = await begin();
  send('g/NDATA/n', reading(2, 22));
  const [record] = await takeAll(second, 1);
  assert.deepEqual(told(record!).metrics, [{ name: 'temp', datatype: 'Double', value: 22, alias: 7 }]);
  assert.deepEqual([told(record!).stale, told(record!).gap], [false, undefined]);
  await sleep(200);
  assert.deepEqual(broker.received, []);
});

test('A gap asks the edge node for its births; until they come, data says that something is missing', async (t) => {
  const { broker, begin, send } = await plant(t);
  const run = await begin();
  send('g/NBIRTH/n', birth);
  send('g/NDATA/n', reading(1, 21));
  send('g/NDATA/n', reading(3, 23));
  const records = await takeAll(run, 3);
  assert.deepEqual(
    records.map((record) => told(record).gap),
    [undefined, undefined, true],
  );
  await until('a command', () => broker.received.length > 0);
  assert.equal(broker.received[0]!.topic, 'spBv1.0/g/NCMD/n');
  const [metric] = decodePayload(broker.received[0]!.payload).metrics;
  assert.deepEqual([metric!.name, metric!.value], ['Node Control/Rebirth', true]);
  send('g/NBIRTH/n', birth);
  send('g/NDATA/n', reading(1, 24));
  const [, after] = await takeAll(run, 2);
  assert.equal(told(after!).gap, undefined);
});

test('A gap over a restart of ours is seen, because the sequence number is kept', async (t) => {
  const { broker, begin, send } = await plant(t);
  const first = await begin();
  send('g/NBIRTH/n', birth);
  await takeAll(first, 1);
  await first.stop();
  send('g/NDATA/n', reading(1, 21));
  const second = await begin();
  send('g/NDATA/n', reading(2, 22));
  const [record] = await takeAll(second, 1);
  assert.equal(told(record!).gap, true);
  await until('a command', () => broker.received.length > 0);
});

test('Data of an unknown node is kept with its aliases, marked stale, and its births are asked for', async (t) => {
  const { broker, begin, send } = await plant(t);
  const run = await begin();
  send('g/NDATA/n', reading(9, 21));
  const [record] = await takeAll(run, 1);
  assert.deepEqual(told(record!).metrics, [{ name: null, datatype: null, value: 21, alias: 7 }]);
  assert.equal(told(record!).stale, true);
  await until('a command', () => broker.received.length > 0);
  assert.equal(broker.received[0]!.topic, 'spBv1.0/g/NCMD/n');
});

test('The death of a node is told of each of its devices, and of each metric where records are per metric', async (t) => {
  const { begin, send } = await plant(t);
  const run = await begin();
  const die = () => {
    send('g/NBIRTH/n', birth);
    send('g/DBIRTH/n/d', message(1, [{ name: 'rpm', alias: 8, value: 0 }]));
    send('g/NDEATH/n', message(null, [{ name: 'bdSeq', value: 1 }]));
  };
  die();
  const records = await takeAll(run, 4);
  assert.deepEqual(keyed(records.slice(2)), [
    ['g/n', 'NDEATH'],
    ['g/n/d', 'DDEATH'],
  ]);
  assert.deepEqual(
    records.map((record) => told(record).stale),
    [false, false, true, true],
  );
  await run.stop();
  const perMetric = await begin({ 'sparkplug.records': 'metric', 'mqtt.client.id': 'other' });
  die();
  const metrics = await takeAll(perMetric, 6);
  assert.deepEqual(keyed(metrics), [
    ['g/n/bdSeq', 'NBIRTH'],
    ['g/n/temp', 'NBIRTH'],
    ['g/n/d/rpm', 'DBIRTH'],
    ['g/n/bdSeq', 'NDEATH'],
    ['g/n/temp', 'NDEATH'],
    ['g/n/d/rpm', 'DDEATH'],
  ]);
  const last = told(metrics[5]!);
  assert.deepEqual([last.name, last.value, last.stale, last.derived], ['rpm', null, true, true]);
});

test('States of hosts are records; a payload that is no Sparkplug is a dead letter and stops nothing', async (t) => {
  const { broker, begin, send } = await plant(t);
  const run = await begin();
  broker.publish('spBv1.0/STATE/scada', '{"online":true,"timestamp":5}');
  send('g/NDATA/n', Buffer.from([0x12, 0x7f]));
  broker.publish('spBv1.0/STATE/old', 'OFFLINE');
  const records = await takeAll(run, 2);
  assert.deepEqual(records.map(told), [
    { type: 'STATE', host: 'scada', online: true, timestamp: 5 },
    { type: 'STATE', host: 'old', online: false, timestamp: null },
  ]);
  assert.match(run.badInput[0]!.error.message, /no Sparkplug B payload: it ends in the middle/);
});

test('A shared subscription is refused, because it would tear sequences apart', async (t) => {
  const { begin } = await plant(t);
  await assert.rejects(begin({ 'mqtt.topics': '$share/g/spBv1.0/#' }), /breaks the order of sequence numbers/);
});
