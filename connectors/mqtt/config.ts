/**
 * The keys of the MQTT source, declared once: Confluent's names where Confluent has one, ours beside them. Also turns
 * the flat map into the settings the other files read. What concerns the connection itself is in connection-config.ts.
 */
import type { Config, ConfigDef } from '../api/index.ts';
import { type ConnectionSettings, connectionKeys, connectionSettings } from './connection-config.ts';
import { badMqttConfig } from './errors.ts';
import { parseRules, type Rule } from './rules.ts';

export const mqttSourceConfig = {
  ...connectionKeys,
  'mqtt.topics': {
    type: 'list',
    default: [],
    doc: 'MQTT topic filters to subscribe to (+ and # are wildcards). May be empty when mqtt.rules names the filters. Filters are split over the tasks.',
    importance: 'high',
    group: 'Messages',
  },
  'mqtt.qos': {
    type: 'int',
    default: 1,
    min: 0,
    max: 2,
    doc: 'Quality of service to subscribe with. 1 loses nothing: a message is acknowledged only once its record is durable. 2 is taken as 1, because a crash inside the QoS 2 handshake can lose a message.',
    importance: 'high',
    group: 'Messages',
  },
  'kafka.topic': {
    type: 'string',
    default: null,
    doc: 'Topic for messages that no rule routes elsewhere.',
    importance: 'high',
    group: 'Messages',
  },
  'mqtt.key': {
    type: 'string',
    default: '{topic}',
    doc: 'Template of the record key for messages that no rule routes: {topic}, {0} … {n} (levels of the MQTT topic) or {value:/json/pointer}. Empty for no key.',
    importance: 'medium',
    group: 'Messages',
  },
  'value.format': {
    type: 'string',
    default: 'bytes',
    oneOf: ['bytes', 'json', 'string'],
    doc: 'What the payload is. json checks it (a payload that is no JSON goes to the dead letter topic, its neighbours go on) and hands it over without re-encoding; string checks UTF-8; bytes takes it as it is.',
    importance: 'high',
    group: 'Messages',
  },
  'mqtt.rules': {
    type: 'list',
    default: [],
    doc: 'Names of routing rules, tried in this order, the first match wins. Each name has its own keys below.',
    importance: 'medium',
    group: 'Routing',
  },
  'mqtt.rules.*': {
    type: 'string',
    default: null,
    doc: 'For each rule name: mqtt.rules.NAME.filter (a filter whose levels may be named, trucks/{id}/gps), mqtt.rules.NAME.topic and mqtt.rules.NAME.key (templates of {name}, {0}, {#}, {topic}, {value:/json/pointer}).',
    group: 'Routing',
  },
  'mqtt.unmatched': {
    type: 'string',
    default: 'dead-letter',
    oneOf: ['dead-letter', 'ignore'],
    doc: 'What becomes of a message that no rule matches when kafka.topic is not set.',
    group: 'Routing',
  },
  'mqtt.retained': {
    type: 'string',
    default: 'include',
    oneOf: ['include', 'skip'],
    doc: 'Whether messages that the broker had retained before we subscribed become records.',
    group: 'Messages',
  },
  'mqtt.clean.session.enabled': {
    type: 'boolean',
    default: false,
    doc: 'Start without the session of last time. Messages published while the task is away are then lost.',
    importance: 'medium',
    group: 'Session',
  },
  'mqtt.session.expiry.s': {
    type: 'long',
    default: 604_800,
    min: 0,
    max: 4_294_967_295,
    doc: 'MQTT 5: how many seconds the broker keeps our session while we are away. Make it longer than the longest outage.',
    group: 'Session',
  },
  'mqtt.dedupe': {
    type: 'string',
    default: 'redelivery',
    oneOf: ['redelivery', 'none'],
    doc: 'redelivery: after a reconnect to a living session, a message the broker sends again while its record is still with us is acknowledged without a second record.',
    group: 'Session',
  },
  'mqtt.inflight.max': {
    type: 'int',
    default: 10_000,
    min: 1,
    max: 65_535,
    doc: 'Messages taken from the broker but not yet durable, at most. Also sent as Receive Maximum in MQTT 5.',
    group: 'Flow',
  },
  'mqtt.inflight.max.bytes': {
    type: 'long',
    default: 33_554_432,
    min: 1024,
    doc: 'Payload bytes taken from the broker but not yet durable, at most.',
    group: 'Flow',
  },
  'records.buffer.queue.max.batch.size': {
    type: 'int',
    default: 4096,
    min: 1,
    doc: 'Records one poll returns at most.',
    importance: 'low',
    group: 'Flow',
  },
  'records.buffer.queue.size': {
    type: 'int',
    default: 1024,
    doc: "Confluent's bound of its queue: accepted and not needed, because mqtt.inflight.* bounds what is held.",
    importance: 'low',
    group: 'Compatibility',
  },
  'records.buffer.queue.empty.timeout': {
    type: 'int',
    default: 100,
    doc: "How long Confluent's queue waits when it is empty, in ms: accepted and not needed, because a message wakes the poll.",
    importance: 'low',
    group: 'Compatibility',
  },
  'mqtt.task.filters': {
    type: 'string',
    default: null,
    doc: 'The share of the filters one task subscribes to, as a JSON array. Set by the connector, not by hand.',
    importance: 'low',
    group: 'Internal',
  },
} as const satisfies ConfigDef;

/** What a payload is taken for. */
export type ValueFormat = 'bytes' | 'json' | 'string';

/** The configuration of one task, ready to use. Times in the unit their name says. */
export interface MqttSettings extends ConnectionSettings {
  readonly filters: readonly string[];
  readonly qos: 0 | 1;
  readonly clean: boolean;
  readonly sessionExpiryS: number;
  readonly inflightMax: number;
  readonly inflightMaxBytes: number;
  readonly batchMax: number;
  readonly format: ValueFormat;
  readonly rules: readonly Rule[];
  readonly unmatched: 'dead-letter' | 'ignore';
  readonly skipRetained: boolean;
  readonly dedupe: boolean;
}

/** Reads the settings of task `task`; throws ConfigError naming the key where keys do not fit together. */
export function mqttSettings(config: Config, connector: string, task: number): MqttSettings {
  return {
    ...connectionSettings(config, connector, task),
    filters: taskFilters(config),
    qos: config.number('mqtt.qos') === 0 ? 0 : 1,
    clean: config.boolean('mqtt.clean.session.enabled'),
    sessionExpiryS: config.number('mqtt.session.expiry.s'),
    inflightMax: config.number('mqtt.inflight.max'),
    inflightMaxBytes: config.number('mqtt.inflight.max.bytes'),
    batchMax: config.number('records.buffer.queue.max.batch.size'),
    format: config.string('value.format') as ValueFormat,
    rules: parseRules(config),
    unmatched: config.string('mqtt.unmatched') as 'dead-letter' | 'ignore',
    skipRetained: config.string('mqtt.retained') === 'skip',
    dedupe: config.string('mqtt.dedupe') === 'redelivery',
  };
}

/** All filters of the connector: those of `mqtt.topics`, then those of the rules that are not among them. */
export function allFilters(config: Config): readonly string[] {
  const filters = [...config.list('mqtt.topics'), ...parseRules(config).map((rule) => rule.filter)];
  const distinct = [...new Set(filters.filter((filter) => filter !== ''))];
  // With `mqtt.topics` given, it alone says what to subscribe to; the rules only route.
  const chosen = config.list('mqtt.topics').length > 0 ? [...new Set(config.list('mqtt.topics'))] : distinct;
  if (chosen.length === 0) {
    throw badMqttConfig(
      'mqtt.topics',
      null,
      'Nothing to subscribe to: set "mqtt.topics", or "mqtt.rules" with filters.',
    );
  }
  const routed = config.optionalString('kafka.topic') !== null || parseRules(config).length > 0;
  if (!routed) {
    throw badMqttConfig('kafka.topic', null, 'No topic to write to: set "kafka.topic", or "mqtt.rules" with topics.');
  }
  return chosen;
}

function taskFilters(config: Config): readonly string[] {
  const share = config.optionalString('mqtt.task.filters');
  return share === null ? allFilters(config) : (JSON.parse(share) as string[]);
}
