/**
 * The MQTT plugins, for the catalogue. What runs them, and the MQTT library below, is imported when first used.
 */
import type { Plugin } from '../api/index.ts';
import { mqttSourceConfig } from './config.ts';
import { mqttSinkConfig } from './sink-config.ts';

export const mqttPlugins: Plugin[] = [
  {
    type: 'source',
    class: 'MqttSource',
    aliases: ['MqttSourceConnector', 'io.confluent.connect.mqtt.MqttSourceConnector'],
    version: '0.1.0',
    config: mqttSourceConfig,
    create: async () => new (await import('./source.ts')).MqttSource(),
  },
  {
    type: 'sink',
    class: 'MqttSink',
    aliases: ['MqttSinkConnector', 'io.confluent.connect.mqtt.MqttSinkConnector'],
    version: '0.1.0',
    config: mqttSinkConfig,
    create: async () => new (await import('./sink.ts')).MqttSink(),
  },
];
