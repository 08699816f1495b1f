/**
 * The ways to a broker: TLS, mutual TLS, web sockets and both together, several servers, wills; for source and sink. Real
 * brokers (aedes) with certificates of an authority made for the test.
 */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { newAuthority } from '../../test/kit/certificates.ts';
import { type MqttOptions, startMqtt } from '../../test/kit/mqtt.ts';
import { OffsetStore, SinkLog, SinkRun, SourceRun } from '../acceptance/index.ts';
import { plainValue, Schemas, type SinkConnectorPlugin, type SourceConnectorPlugin } from '../api/index.ts';
import { mqttPlugins } from './plugins.ts';
import type { MqttSourceTask } from './source-task.ts';

const source = mqttPlugins[0] as SourceConnectorPlugin;
const sink = mqttPlugins[1] as SinkConnectorPlugin;
const DEADLINE_MS = 60_000;

const folder = await mkdtemp(join(tmpdir(), 'millrace-mqtt-tls-'));
after(() => rm(folder, { recursive: true, force: true }));
const authority = newAuthority();
const server = authority.issue([['CN', 'broker']]);
const client = authority.issue([['CN', 'us']]);
const stranger = newAuthority('Somebody Else').issue([['CN', 'us']]);

async function file(name: string, text: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const trust = await file('trust.pem', authority.cert);
const ours = await file('client.pem', client.cert + client.key);
const theirs = await file('stranger.pem', stranger.cert + stranger.key);
const locked = createPrivateKey(client.key).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'open sesame',
});
const lockedKey = await file('locked.pem', client.cert + locked);

async function broker(t: TestContext, options: MqttOptions = {}) {
  const started = await startMqtt(options);
  t.after(() => started.stop());
  return started;
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`Never: ${what}.`);
    await sleep(10);
  }
}

async function listen(t: TestContext, url: string, keys: Record<string, string> = {}): Promise<SourceRun> {
  const topics = { 'mqtt.topics': 'in/#', 'kafka.topic': 'out', 'value.format': 'string' };
  const offsets = new OffsetStore();
  const run = await SourceRun.start(source, { 'mqtt.server.uri': url, ...topics, ...keys }, { offsets });
  t.after(() => run.stop());
  return run;
}

const connected = (run: SourceRun, times = 1) =>
  until(
    'connected',
    () => run.log.filter(({ message }) => message === 'Connected to the MQTT broker.').length >= times,
  );

async function publish(t: TestContext, url: string, text: string, keys: Record<string, string> = {}): Promise<void> {
  const log = new SinkLog();
  log.append('out', 0, text, Schemas.string);
  const config = { 'mqtt.server.uri': url, 'mqtt.topic': 'in/x', 'mqtt.client.id': 'sink', ...keys };
  const run = await SinkRun.start(sink, config, log, [{ topic: 'out', partition: 0 }]);
  t.after(() => run.stop());
  await run.put();
}

const tls = { cert: server.cert, key: server.key };
const mutual = { ...tls, clientAuthority: authority.cert };
const ways: [string, MqttOptions, Record<string, string>][] = [
  ['TLS', { tls }, { 'mqtt.ssl.trust.store.path': trust }],
  ['mutual TLS', { tls: mutual }, { 'mqtt.ssl.trust.store.path': trust, 'mqtt.ssl.key.store.path': ours }],
  [
    'mutual TLS with a key under a password',
    { tls: mutual },
    {
      'mqtt.ssl.trust.store.path': trust,
      'mqtt.ssl.key.store.path': lockedKey,
      'mqtt.ssl.key.password': 'open sesame',
    },
  ],
  ['web sockets', { webSocket: true }, {}],
  ['web sockets over TLS', { webSocket: true, tls }, { 'mqtt.ssl.trust.store.path': trust }],
  [
    'web sockets over mutual TLS',
    { webSocket: true, tls: mutual },
    { 'mqtt.ssl.trust.store.path': trust, 'mqtt.ssl.key.store.path': ours },
  ],
];

for (const [name, options, keys] of ways) {
  test(`A message goes from the sink to the source over ${name}`, async (t) => {
    const { url } = await broker(t, options);
    const run = await listen(t, url, keys);
    await connected(run);
    await publish(t, url, 'hello', keys);
    const [record] = await run.take(1, DEADLINE_MS);
    assert.equal(plainValue(record!.value), 'hello');
  });
}

for (const scheme of ['ssl', 'tls']) {
  test(`${scheme}:// is another word for mqtts://, as Paho's users write it`, async (t) => {
    const { url } = await broker(t, { tls });
    await connected(await listen(t, url.replace('mqtts', scheme), { 'mqtt.ssl.trust.store.path': trust }));
  });
}

const refusals: [string, MqttOptions, Record<string, string>, RegExp][] = [
  ['a broker whose authority we do not trust', { tls }, {}, /certificate|self-signed|unable to verify/i],
  [
    'us, without a certificate, by a broker that wants one',
    { tls: mutual },
    { 'mqtt.ssl.trust.store.path': trust },
    /certificate|alert|reset|closed|ECONNRESET|EPIPE/i,
  ],
  [
    'us, with a stranger’s certificate',
    { tls: mutual },
    { 'mqtt.ssl.trust.store.path': trust, 'mqtt.ssl.key.store.path': theirs },
    /certificate|alert|reset|closed|ECONNRESET|EPIPE/i,
  ],
];

for (const [name, options, keys, reason] of refusals) {
  test(`The connection is refused: ${name}`, async (t) => {
    const { url } = await broker(t, options);
    const run = await listen(t, url, { ...keys, 'mqtt.offline.fail.s': '1' });
    await assert.rejects(run.take(1, DEADLINE_MS), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'MQTT_UNREACHABLE');
      assert.match(error.message, reason);
      return true;
    });
  });
}

test('A certificate for another host is refused', async (t) => {
  // The certificate names localhost, 127.0.0.1 and ::1.
  const { url } = await broker(t, { tls, host: '127.0.0.2' });
  const run = await listen(t, url, { 'mqtt.ssl.trust.store.path': trust, 'mqtt.offline.fail.s': '1' });
  await assert.rejects(run.take(1, DEADLINE_MS), /altnames/);
});

test('Stores that Node cannot read are refused with the command that converts them', async (t) => {
  const jks = await file('trust.jks', Buffer.from([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]));
  const p12 = await file('trust.p12', Buffer.from([0x30, 0x82, 0x01, 0x00]));
  for (const [path, command] of [
    [jks, /keytool -importkeystore/],
    [p12, /openssl pkcs12 -in .*trust\.p12 -nokeys/],
    [join(folder, 'nothing.pem'), /cannot be read: ENOENT/],
  ] as const) {
    await assert.rejects(listen(t, 'mqtts://127.0.0.1:1', { 'mqtt.ssl.trust.store.path': path }), command);
  }
});

test('When the server in use goes, the next of the list takes over, and the first again when that goes', async (t) => {
  const one = await broker(t);
  const two = await broker(t);
  const run = await listen(t, `${one.url},${two.url}`);
  await connected(run);
  const session = () => (run.task as MqttSourceTask).session!;
  assert.equal(session().connection!.server, one.url);
  await one.halt();
  await connected(run, 2);
  assert.equal(session().connection!.server, two.url);
  await publish(t, `${one.url},${two.url}`, 'through the second');
  const [record] = await run.take(1, DEADLINE_MS);
  assert.equal(plainValue(record!.value), 'through the second');
  await one.resume();
  await two.halt();
  await connected(run, 3);
  assert.equal(session().connection!.server, one.url);
});

test('The source’s will is published when it is cut off, and not when it stops', async (t) => {
  const { url, cut } = await broker(t);
  const heard: string[] = [];
  const witness = await mqtt.connectAsync(url, { reconnectPeriod: 20 });
  t.after(() => witness.endAsync(true));
  witness.on('error', () => undefined);
  witness.on('message', (_topic, payload) => heard.push(payload.toString()));
  await witness.subscribeAsync('status/us', { qos: 1 });
  const will = { 'mqtt.will.topic': 'status/us', 'mqtt.will.payload': 'gone', 'mqtt.will.retained': 'true' };
  const polite = await listen(t, url, will);
  await connected(polite);
  await polite.stop();
  const run = await listen(t, url, will);
  await connected(run);
  assert.equal(heard.length, 0);
  cut();
  await until('the will', () => heard.length > 0);
  assert.deepEqual(heard, ['gone']);
});
