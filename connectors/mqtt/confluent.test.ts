/**
 * Configs of Confluent's MQTT connectors (self-managed, versions 4.1 to 7), key by key: taken over with their meaning, or
 * refused with their name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, type SinkConnectorPlugin, type SourceConnectorPlugin } from '../api/index.ts';
import { mqttSettings } from './config.ts';
import { mqttPlugins } from './plugins.ts';
import { mqttSinkSettings } from './sink-config.ts';

const source = mqttPlugins[0] as SourceConnectorPlugin;
const sink = mqttPlugins[1] as SinkConnectorPlugin;

const connection = {
  'mqtt.server.uri': 'tcp://one:1883,ssl://two:8883',
  'mqtt.username': 'me',
  'mqtt.password': 'secret',
  'mqtt.clean.session.enabled': 'false',
  'mqtt.connect.timeout.seconds': '7',
  'mqtt.keepalive.interval.seconds': '13',
  'mqtt.ssl.trust.store.path': '',
  'mqtt.ssl.trust.store.password': 'a',
  'mqtt.ssl.key.store.path': '',
  'mqtt.ssl.key.store.password': 'b',
  'mqtt.ssl.key.password': 'c',
};
const licence = {
  'confluent.license': '',
  'confluent.topic': '_confluent-command',
  'confluent.topic.bootstrap.servers': 'broker:9092',
  'confluent.topic.replication.factor': '1',
};

/** A family key (`confluent.*`) stands for all keys that begin so. */
const isDeclared = (plugin: { config: object }, key: string) =>
  Object.keys(plugin.config).some(
    (known) => known === key || (known.endsWith('.*') && key.startsWith(known.slice(0, -1))),
  );

test("Confluent's class names are ours", () => {
  assert.ok(source.aliases!.includes('io.confluent.connect.mqtt.MqttSourceConnector'));
  assert.ok(sink.aliases!.includes('io.confluent.connect.mqtt.MqttSinkConnector'));
});

test("Every key of Confluent's source is taken over with its meaning", () => {
  const raw = {
    ...connection,
    ...licence,
    'mqtt.topics': 'sensors/#,trucks/+',
    'kafka.topic': 'mqtt',
    'mqtt.qos': '1',
    'records.buffer.queue.size': '2048',
    'records.buffer.queue.max.batch.size': '512',
    'records.buffer.queue.empty.timeout': '250',
  };
  for (const key of Object.keys(raw)) assert.ok(isDeclared(source, key), key);
  const { config, problems } = parseConfig(source.config, raw);
  assert.deepEqual(problems, []);
  const settings = mqttSettings(config, 'fleet', 0);
  assert.deepEqual(settings.servers, ['tcp://one:1883', 'ssl://two:8883']);
  assert.deepEqual([settings.connectTimeoutMs, settings.keepaliveS, settings.username], [7000, 13, 'me']);
  assert.deepEqual([settings.qos, settings.clean, settings.batchMax], [1, false, 512]);
  assert.deepEqual(settings.filters, ['sensors/#', 'trucks/+']);
});

test("Every key of Confluent's sink is taken over with its meaning", () => {
  const raw = { ...connection, ...licence, 'mqtt.qos': '2', 'mqtt.retained': 'true', 'max.retry.time.ms': '1000' };
  for (const key of Object.keys(raw)) assert.ok(isDeclared(sink, key), key);
  const { config, problems } = parseConfig(sink.config, raw);
  assert.deepEqual(problems, []);
  const settings = mqttSinkSettings(config, 'commands', 0);
  assert.deepEqual([settings.qos, settings.retain, settings.keepaliveS], [2, true, 13]);
  assert.equal(settings.topic.source, '{topic}');
  const older = parseConfig(sink.config, { ...connection, 'mqtt.retained.enabled': 'true' }).config;
  assert.equal(mqttSinkSettings(older, 'commands', 0).retain, true);
});

test('Values that Confluent would refuse are refused with the name of their key', () => {
  const wrong = { 'mqtt.qos': '3', 'mqtt.keepalive.interval.seconds': '0', 'mqtt.server.uri': 'http://x' };
  for (const [key, value] of Object.entries(wrong)) {
    const { problems } = parseConfig(source.config, {
      ...connection,
      'mqtt.topics': 'a',
      'kafka.topic': 'b',
      [key]: value,
    });
    assert.deepEqual(
      problems.map((problem) => problem.key),
      [key],
    );
  }
});
