/**
 * The contract with the pinned MQTT.js: what `connection.ts` relies on and its types do not promise. If an upgrade of
 * the library breaks one of these, messages would be acknowledged too early, one at a time, or not at all.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IPublishPacket } from 'mqtt';
import { parseConfig } from '../api/index.ts';
import { Delivery } from './ack-line.ts';
import { mqttSettings, mqttSourceConfig } from './config.ts';
import { MqttConnection, type MqttLibrary } from './connection.ts';

/** CONNACK without a session; PUBLISH QoS 1 on topic "t" with this packet id and a one-byte payload. */
const connack = Buffer.from([0x20, 2, 0, 0]);
const publish = (id: number) => Buffer.from([0x32, 6, 0, 1, 0x74, id >>> 8, id & 0xff, 0x78]);

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !isTrue(); await sleep(5)) {
    assert.ok(Date.now() < deadline, `Never: ${what}.`);
  }
}

/** A broker of ten lines that sends 50 messages at once and keeps every byte it gets after CONNECT. */
async function scriptedBroker(t: TestContext) {
  const got: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(Buffer.concat([connack, ...Array.from({ length: 50 }, (_, index) => publish(index + 1))]));
      socket.on('data', (bytes) => got.push(bytes));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `mqtt://127.0.0.1:${port}`, bytes: () => Buffer.concat(got), sockets };
}

function settingsFor(url: string) {
  const raw = { 'mqtt.server.uri': url, 'mqtt.topics': 't', 'kafka.topic': 't', 'mqtt.connect.timeout.seconds': '1' };
  return mqttSettings(parseConfig(mqttSourceConfig, raw).config, 'contract', 0);
}

type OnPublish = (packet: IPublishPacket, release: () => void, from: MqttConnection) => void;

async function connect(t: TestContext, url: string, onPublish: OnPublish) {
  const connection = new MqttConnection(mqtt as unknown as MqttLibrary, url, 4, settingsFor(url), {
    onConnack: () => undefined,
    onPublish: (from, packet, release) => onPublish(packet, release, from),
  });
  t.after(() => connection.destroy());
  await connection.open();
  return connection;
}

test('The version of MQTT.js is pinned to the one this contract was checked with', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.match(manifest.dependencies.mqtt, /^\d+\.\d+\.\d+$/);
});

test('All messages arrive while none is acknowledged, and acknowledgements leave when told, in order', async (t) => {
  const broker = await scriptedBroker(t);
  const deliveries: Delivery[] = [];
  const connection = await connect(t, broker.url, (packet, release, from) => {
    const delivery = new Delivery(packet.topic, packet.payload as Buffer, packet.messageId!);
    deliveries.push(delivery);
    from.acks.owe(delivery);
    release();
  });
  await until('fifty messages', () => deliveries.length === 50);
  await sleep(20);
  assert.equal(broker.bytes().length, 0, 'nothing was acknowledged by the library itself');
  for (const delivery of deliveries.slice(0, 3)) delivery.isDone = true;
  connection.scheduleAcks();
  await until('three acknowledgements', () => broker.bytes().length >= 12);
  assert.deepEqual([...broker.bytes()], [0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3]);
});

test('No further message comes until the one before is released', async (t) => {
  const broker = await scriptedBroker(t);
  const releases: (() => void)[] = [];
  await connect(t, broker.url, (_packet, release) => releases.push(release));
  await until('the first message', () => releases.length > 0);
  await sleep(20);
  assert.equal(releases.length, 1);
  releases[0]!();
  await until('the second message', () => releases.length > 1);
  assert.equal(releases.length, 2);
});

test('An acknowledgement that becomes due after the connection broke is not sent anywhere', async (t) => {
  const broker = await scriptedBroker(t);
  const delivery = new Delivery('t', Buffer.from('x'), 1);
  const connection = await connect(t, broker.url, (packet, release, from) => {
    if (packet.messageId === 1) from.acks.owe(delivery);
    release();
  });
  await until('the message', () => connection.acks.length === 1);
  broker.sockets[0]!.destroy();
  await connection.closed;
  delivery.isDone = true;
  connection.scheduleAcks();
  connection.sendAcks();
  await sleep(20);
  assert.equal(broker.bytes().length, 0);
  assert.equal(connection.acks.length, 1, 'it is still owed');
});

test('A broker that never answers is given up after the connect timeout', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  t.after(() => server.close());
  await assert.rejects(
    connect(t, `mqtt://127.0.0.1:${port}`, () => undefined),
    /connack timeout/,
  );
});
