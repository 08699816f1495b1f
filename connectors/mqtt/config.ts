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
    default: null,
    doc: 'Template of the record key for messages that no rule routes: {topic} (the default), {0} … {n} (levels of the MQTT topic) or {value:/json/pointer}. Empty for no key. With value.format=sparkplug the default is GROUP/NODE, for a device GROUP/NODE/DEVICE.',
    importance: 'medium',
    group: 'Messages',
  },
  'value.format': {
    type: 'string',
    default: 'bytes',
    oneOf: ['bytes', 'json', 'string', 'sparkplug'],
    doc: 'What the payload is. json checks it (a payload that is no JSON goes to the dead letter topic, its neighbours go on) and hands it over without re-encoding; string checks UTF-8; bytes takes it as it is; sparkplug decodes Sparkplug B into objects.',
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
    doc: 'redelivery: a message that the broker sends again (with its DUP flag) after a broken connection or a restart of ours is recognised by packet id and content, and acknowledged without a second record. Makes QoS 1 with a persistent session exactly once.',
    group: 'Session',
  },
  'mqtt.gap.topic': {
    type: 'string',
    default: null,
    doc: 'Topic for a marker record whenever the broker has lost our session, so that readers know what may be missing: client id, server, filters, and since when we were away. Not set: only the log says so.',
    group: 'Session',
  },
  'mqtt.handover.ms': {
    type: 'long',
    default: 10_000,
    min: 0,
    doc: 'When the number of tasks changes: how long the task that had a filter stays subscribed beside its new task. Messages of that time may come twice, none is missed.',
    importance: 'low',
    group: 'Session',
  },
  'sparkplug.records': {
    type: 'string',
    default: 'message',
    oneOf: ['message', 'metric'],
    doc: 'One record per Sparkplug message, or one per metric, with its name behind the key.',
    group: 'Sparkplug',
  },
  'sparkplug.births.topic': {
    type: 'string',
    default: null,
    doc: 'Topic that gets every birth once more, by the same key: compacted (topic.creation.*), it tells readers what each metric is.',
    group: 'Sparkplug',
  },
  'sparkplug.rebirth': {
    type: 'boolean',
    default: true,
    doc: 'Whether an edge node is asked (NCMD Node Control/Rebirth) for its births when a sequence number is left out or its births are not known.',
    group: 'Sparkplug',
  },
  'sparkplug.rebirth.interval.ms': {
    type: 'long',
    default: 10_000,
    min: 100,
    doc: 'Time before the same edge node is asked again.',
    importance: 'low',
    group: 'Sparkplug',
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
  'mqtt.task.count': {
    type: 'int',
    default: 1,
    doc: 'How many tasks share the filters. Set by the connector, not by hand.',
    importance: 'low',
    group: 'Internal',
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
export type ValueFormat = 'bytes' | 'json' | 'string' | 'sparkplug';

/** The configuration of one task, ready to use. Times in the unit their name says. */
export interface MqttSettings extends ConnectionSettings {
  /** This task's. */
  readonly filters: readonly string[];
  /** The whole connector's. */
  readonly allFilters: readonly string[];
  readonly tasks: number;
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
  readonly gapTopic: string | null;
  readonly handoverMs: number;
  readonly sparkplug: SparkplugSettings | null;
}

/** What `value.format=sparkplug` brings along; null without it. */
export interface SparkplugSettings {
  readonly isPerMetric: boolean;
  readonly birthsTopic: string | null;
  /** Null: never ask. */
  readonly rebirthIntervalMs: number | null;
}

/** Reads the settings of task `task`; throws ConfigError naming the key where keys do not fit together. */
export function mqttSettings(config: Config, connector: string, task: number): MqttSettings {
  return {
    ...connectionSettings(config, connector, task),
    filters: taskFilters(config),
    allFilters: allFilters(config),
    tasks: config.number('mqtt.task.count'),
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
    gapTopic: config.optionalString('mqtt.gap.topic'),
    handoverMs: config.number('mqtt.handover.ms'),
    sparkplug: config.string('value.format') === 'sparkplug' ? sparkplugSettings(config) : null,
  };
}

function sparkplugSettings(config: Config): SparkplugSettings {
  const shared = allFilters(config).find(isShared);
  if (shared !== undefined) {
    throw badMqttConfig(
      'mqtt.topics',
      shared,
      `"${shared}" is a shared subscription: it breaks the order of sequence numbers that Sparkplug rests on. Subscribe without $share.`,
    );
  }
  return {
    isPerMetric: config.string('sparkplug.records') === 'metric',
    birthsTopic: config.optionalString('sparkplug.births.topic'),
    rebirthIntervalMs: config.boolean('sparkplug.rebirth') ? config.number('sparkplug.rebirth.interval.ms') : null,
  };
}

/** `$share/GROUP/FILTER`: the broker gives each message to one member of the group. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

/**
 * The filters of each task. Plain filters are split; a shared one is for every task, because sharing is the broker's work.
 * Sparkplug's are one task's, because an edge node's messages make sense only in their order.
 */
export function splitFilters(config: Config, maxTasks: number): readonly (readonly string[])[] {
  const filters = allFilters(config);
  const shared = filters.filter(isShared);
  const plain = filters.filter((filter) => !isShared(filter));
  const isOne = config.string('value.format') === 'sparkplug';
  const count = isOne ? 1 : Math.max(1, shared.length > 0 ? maxTasks : Math.min(maxTasks, plain.length));
  return Array.from({ length: count }, (_, task) => [
    ...plain.filter((_filter, index) => index % count === task),
    ...shared,
  ]);
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
