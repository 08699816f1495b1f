/**
 * The keys of the MQTT sink, declared once: Confluent's names where Confluent has one, ours beside them.
 */
import {
  type Config,
  type ConfigDef,
  judgeRecordTemplate,
  parseRecordTemplate,
  type RecordTemplate,
} from '../api/index.ts';
import { type ConnectionSettings, connectionKeys, connectionSettings } from './connection-config.ts';

export const mqttSinkConfig = {
  ...connectionKeys,
  'mqtt.topic': {
    type: 'string',
    default: '{topic}',
    validate: judgeRecordTemplate,
    doc: 'Template of the MQTT topic, for example trucks/{key}/command. Also {value:/json/pointer}, {header.name}, {partition}.',
    importance: 'high',
    group: 'Messages',
  },
  'mqtt.qos': {
    type: 'int',
    default: 1,
    min: 0,
    max: 2,
    doc: 'Quality of service to publish with. With 1 and 2 an offset is committed only once the broker has acknowledged the message; with 0 what is on its way is lost with the connection.',
    importance: 'high',
    group: 'Messages',
  },
  'mqtt.retained': {
    type: 'boolean',
    default: false,
    doc: 'Whether the broker keeps the last message of each topic for those who subscribe later.',
    importance: 'medium',
    group: 'Messages',
  },
  'behavior.on.null.values': {
    type: 'string',
    default: 'clear',
    oneOf: ['clear', 'ignore', 'fail'],
    doc: 'What a tombstone does: clears the retained message of its topic (an empty retained message), nothing, or it counts as a bad record.',
    group: 'Messages',
  },
  'mqtt.headers': {
    type: 'boolean',
    default: true,
    doc: "MQTT 5: record headers become user properties; mqtt.content.type, mqtt.response.topic and mqtt.message.expiry.s become what the source made them of; the source's own mqtt.topic, mqtt.qos, mqtt.retained and mqtt.duplicate are left out.",
    group: 'Messages',
  },
  'mqtt.message.expiry.s': {
    type: 'long',
    default: null,
    min: 1,
    max: 4_294_967_295,
    doc: 'MQTT 5: how long the broker keeps a message for those who are away. Not set: for ever.',
    group: 'Messages',
  },
  'mqtt.inflight.max': {
    type: 'int',
    default: 1000,
    min: 1,
    max: 65_535,
    doc: 'Messages sent and not yet acknowledged, at most; less where the broker asks for less.',
    group: 'Flow',
  },
  'mqtt.retained.enabled': {
    type: 'boolean',
    default: false,
    doc: 'Another name of mqtt.retained, found in older configs: either makes messages retained.',
    importance: 'low',
    group: 'Compatibility',
  },
  'mqtt.clean.session.enabled': {
    type: 'boolean',
    default: true,
    doc: "Confluent's session of a publisher: accepted and not needed, because the log remembers what was not acknowledged.",
    importance: 'low',
    group: 'Compatibility',
  },
  'max.retry.time.ms': {
    type: 'int',
    default: 30_000,
    doc: "Confluent's bound for its own retries: accepted and not needed, because the worker tries again by errors.retry.timeout.",
    importance: 'low',
    group: 'Compatibility',
  },
} as const satisfies ConfigDef;

export interface MqttSinkSettings extends ConnectionSettings {
  readonly topic: RecordTemplate;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly onTombstone: 'clear' | 'ignore' | 'fail';
  readonly headers: boolean;
  readonly expiryS: number | null;
  readonly inflightMax: number;
}

export function mqttSinkSettings(config: Config, connector: string, task: number): MqttSinkSettings {
  return {
    ...connectionSettings(config, connector, task),
    topic: parseRecordTemplate(config.string('mqtt.topic')),
    qos: config.number('mqtt.qos') as 0 | 1 | 2,
    retain: config.boolean('mqtt.retained') || config.boolean('mqtt.retained.enabled'),
    onTombstone: config.string('behavior.on.null.values') as MqttSinkSettings['onTombstone'],
    headers: config.boolean('mqtt.headers'),
    expiryS: config.optionalNumber('mqtt.message.expiry.s'),
    inflightMax: config.number('mqtt.inflight.max'),
  };
}
