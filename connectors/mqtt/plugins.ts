/**
 * The MQTT plugins, for the catalogue. What runs them, and the MQTT library below, is imported when first used.
 */
import type { Config, Plugin } from '../api/index.ts';
import { mqttSourceConfig } from './config.ts';
import { mqttSinkConfig } from './sink-config.ts';

/**
 * With a session that outlives us, a broker sends again what we had not acknowledged, marked as such (MQTT 5, 3.3.1.1), and
 * `mqtt.dedupe` tells it from what is new. Without any of these a message may be lost or doubled.
 */
function recognisesRedeliveries(config: Config): boolean {
  const isPersistent = config.number('mqtt.qos') > 0 && !config.boolean('mqtt.clean.session.enabled');
  return isPersistent && config.string('mqtt.dedupe') === 'redelivery';
}

export const mqttPlugins: Plugin[] = [
  {
    type: 'source',
    class: 'MqttSource',
    aliases: ['MqttSourceConnector', 'io.confluent.connect.mqtt.MqttSourceConnector'],
    version: '0.1.0',
    config: mqttSourceConfig,
    exactlyOnceSupport: (config) => (recognisesRedeliveries(config) ? 'supported' : 'unsupported'),
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
