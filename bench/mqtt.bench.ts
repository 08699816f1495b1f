/**
 * Question: how many QoS 1 messages of 100 bytes a second does the MQTT source take, acknowledged after the "append"?
 * Method: a persistent session with MESSAGES messages (default 200,000) queued at the broker is drained: by the source
 * task with records committed as polled, and by a plain MQTT.js subscriber that acknowledges on receipt (the limit of
 * the library as it is meant to be used). No publisher runs meanwhile, so the broker only delivers. Median of three; the second table has a log that takes 5 ms for each append.
 * Broker: mosquitto where there is one, else aedes in this process. Run: node bench/mqtt.bench.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { SourceRun } from '../connectors/acceptance/index.ts';
import type { SourceConnectorPlugin, SourceRecord } from '../connectors/api/index.ts';
import { mqttPlugins } from '../connectors/mqtt/plugins.ts';
import { startMosquitto, startMqtt } from '../test/kit/mqtt.ts';
import { ServiceUnavailable } from '../test/kit/service.ts';
import { median, type Row, report } from './report.ts';

const count = Number(process.env.MESSAGES ?? 200_000);
const slowCount = Math.min(count, 5_000);
/** What one append costs in the second table. */
const appendMs = 5;
const plugin = mqttPlugins[0] as SourceConnectorPlugin;
const payload = Buffer.from('{"id":"truck-1","lat":47.3769,"long":8.5417}'.padEnd(100, ' '));

async function broker() {
  try {
    return { name: 'mosquitto', ...(await startMosquitto()) };
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error;
    return { name: 'aedes in this process', ...(await startMqtt()) };
  }
}

const service = await broker();
let serial = 0;

/** Makes a session with this many messages waiting in it. */
async function queued(clientId: string, topic: string, messages: number): Promise<void> {
  const owner = await mqtt.connectAsync(service.url, { clientId, clean: false, reconnectPeriod: 0 });
  await owner.subscribeAsync(topic, { qos: 1 });
  await owner.endAsync();
  const publisher = await mqtt.connectAsync(service.url);
  await new Promise<void>((resolve) => {
    let done = 0;
    let sent = 0;
    const next = (): void => {
      if (sent < messages) {
        sent++;
        publisher.publish(topic, payload, { qos: 1 }, () => {
          if (++done === messages) resolve();
          next();
        });
      }
    };
    for (let i = 0; i < 2_000; i++) next();
  });
  await publisher.endAsync();
}

async function withSource(what: string, messages: number, format: string, slow: boolean): Promise<Row> {
  const id = `bench-${process.pid}-${serial++}`;
  await queued(id, id, messages);
  const began = performance.now();
  const run = await SourceRun.start(plugin, {
    'mqtt.server.uri': service.url,
    'mqtt.topics': id,
    'mqtt.client.id': id,
    'mqtt.protocol': '4',
    'kafka.topic': 't',
    'value.format': format,
  });
  const appends: Promise<void>[] = [];
  let left = messages;
  while (left > 0) {
    const records = await run.poll();
    left -= records.length;
    appends.push(commit(run, records, slow));
  }
  await Promise.all(appends);
  const ms = performance.now() - began;
  await run.stop();
  return { what, count: messages, ms };
}

async function commit(run: SourceRun, records: readonly SourceRecord[], slow: boolean): Promise<void> {
  if (slow) await sleep(appendMs);
  for (const record of records) run.task.commitRecord?.(record, null);
}

async function withPlainClient(what: string, messages: number, slow: boolean): Promise<Row> {
  const clientId = `bench-${process.pid}-${serial++}`;
  await queued(clientId, clientId, messages);
  const began = performance.now();
  const client: MqttClient = mqtt.connect(service.url, { clientId, clean: false, reconnectPeriod: 0 });
  let left = messages;
  const done = new Promise<void>((resolve) => {
    client.handleMessage = (_packet, callback) => {
      if (--left === 0) resolve();
      if (slow) setTimeout(callback, appendMs);
      else callback();
    };
  });
  await done;
  const ms = performance.now() - began;
  await client.endAsync();
  return { what, count: messages, ms };
}

try {
  const three = (run: () => Promise<Row>): Promise<Row> => median(3, run);
  report(`${service.name} → QoS 1, ${count.toLocaleString('en')} queued messages of 100 bytes`, 'messages', [
    await three(() => withPlainClient('plain MQTT.js, acknowledged on receipt', count, false)),
    await three(() => withSource('MqttSource, bytes', count, 'bytes', false)),
    await three(() => withSource('MqttSource, json (each checked)', count, 'json', false)),
  ]);
  report(
    `the same, ${slowCount.toLocaleString('en')} messages and ${appendMs} ms until an append is durable`,
    'messages',
    [
      await three(() => withPlainClient('plain MQTT.js, acknowledged after the append', slowCount, true)),
      await three(() => withSource('MqttSource, bytes', slowCount, 'bytes', true)),
    ],
  );
} finally {
  await service.stop();
}
