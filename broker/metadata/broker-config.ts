/**
 * The broker's own keys: Kafka's names and meanings (kafka.server.KafkaConfig), and where our default differs the
 * reason beside it. Keys that only give topics their defaults are those named as synonyms in topic-config.ts.
 */
import { BrokerConfigError } from '../errors.ts';
import { consumerGroupBounds, consumerGroupConfigs } from '../groups/consumer/config.ts';
import { securityConfigs, splitListenerKey } from '../security/security-config.ts';
import { shareConfigs } from '../share/config.ts';
import { cleanerConfigs } from './cleaner-config.ts';
import {
  type ConfigDefinition,
  ConfigSource,
  type ConfigValue,
  listOf,
  numberOf,
  problemWith,
} from './config-definition.ts';
import { topicConfigs } from './topic-config.ts';

const ownConfigs: readonly ConfigDefinition[] = [
  { name: 'broker.id', type: 'int', defaultValue: '1', min: 0, doc: "This node's id." },
  {
    name: 'auto.create.topics.enable',
    type: 'boolean',
    defaultValue: 'true',
    doc: 'A topic that a client names and that is not there is created.',
  },
  { name: 'delete.topic.enable', type: 'boolean', defaultValue: 'true', doc: 'Topics may be deleted.' },
  {
    name: 'num.partitions',
    type: 'int',
    defaultValue: '1',
    min: 1,
    doc: 'Partitions of a topic whose creator does not say.',
  },
  {
    name: 'default.replication.factor',
    type: 'int',
    defaultValue: '1',
    min: 1,
    max: 1,
    doc: 'One node keeps one replica.',
  },
  {
    name: 'socket.request.max.bytes',
    type: 'int',
    defaultValue: '104857600',
    min: 1,
    doc: 'The largest request read, in bytes.',
  },
  // Kafka's is -1, no bound, which is how three hundred announced requests end it.
  {
    name: 'queued.max.request.bytes',
    type: 'long',
    defaultValue: '268435456',
    min: 1,
    doc: 'Memory for requests in flight over all connections, in bytes.',
  },
  {
    name: 'connections.max.idle.ms',
    type: 'long',
    defaultValue: '600000',
    min: 1,
    doc: 'Idle connections are closed after this time, in milliseconds.',
  },
  {
    name: 'max.connections',
    update: 'cluster-wide',
    type: 'int',
    defaultValue: '10000',
    min: 1,
    doc: 'Connections at a time.',
  },
  {
    name: 'max.connection.creation.rate',
    update: 'cluster-wide',
    type: 'int',
    defaultValue: '2147483647',
    min: 1,
    doc: 'New connections per second; those beyond it wait, each for its turn.',
  },
  {
    name: 'max.incremental.fetch.session.cache.slots',
    type: 'int',
    defaultValue: '1000',
    min: 0,
    doc: 'Incremental fetch sessions at a time.',
  },
  {
    name: 'fetch.max.bytes',
    type: 'int',
    defaultValue: '57671680',
    min: 1024,
    doc: 'The most bytes one fetch is answered with.',
  },
  {
    name: 'log.retention.check.interval.ms',
    type: 'long',
    defaultValue: '300000',
    min: 1,
    doc: 'How often retention is looked at, in milliseconds.',
  },
  {
    name: 'log.flush.offset.checkpoint.interval.ms',
    type: 'int',
    defaultValue: '60000',
    min: 0,
    doc: 'How often the recovery point is written down, in milliseconds.',
  },
  // A single node has no replica to lean on: an acknowledged record is on disk.
  {
    name: 'log.flush.durable',
    type: 'boolean',
    defaultValue: 'true',
    doc: "acks=all waits for the disk. false is Kafka's way: it waits for the page cache.",
  },
  // Opening them costs more than all the rest of an append; a broken one is found by its consumers, as before KIP-98.
  {
    name: 'log.validate.compressed',
    type: 'boolean',
    defaultValue: 'false',
    doc: "Whether compressed batches are opened before they are taken. true is Kafka's way; uncompressed ones always are.",
  },
  // Kafka's 3 s spare large groups a rebalance per starting member; with one node and quick members it is only a wait.
  {
    name: 'group.initial.rebalance.delay.ms',
    type: 'int',
    defaultValue: '100',
    min: 0,
    doc: 'How long a new group waits for more members, in milliseconds.',
  },
  {
    name: 'group.min.session.timeout.ms',
    type: 'int',
    defaultValue: '6000',
    min: 1,
    doc: 'The shortest session timeout a member may ask for.',
  },
  {
    name: 'group.max.session.timeout.ms',
    type: 'int',
    defaultValue: '1800000',
    min: 1,
    doc: 'The longest session timeout a member may ask for.',
  },
  { name: 'group.max.size', type: 'int', defaultValue: '2147483647', min: 1, doc: 'Members a group may have.' },
  {
    name: 'offsets.retention.minutes',
    type: 'int',
    defaultValue: '10080',
    min: 1,
    doc: 'How long offsets of an empty group are kept.',
  },
  {
    name: 'offsets.retention.check.interval.ms',
    type: 'long',
    defaultValue: '600000',
    min: 1,
    doc: 'How often offsets are looked at for expiry.',
  },
  {
    name: 'offset.metadata.max.bytes',
    type: 'int',
    defaultValue: '4096',
    min: 0,
    doc: 'The longest metadata of a committed offset.',
  },
  {
    name: 'offsets.topic.num.partitions',
    type: 'int',
    defaultValue: '50',
    min: 1,
    doc: 'Partitions of __consumer_offsets.',
  },
  {
    name: 'offsets.topic.segment.bytes',
    type: 'int',
    defaultValue: '104857600',
    min: 1024 * 1024,
    doc: 'segment.bytes of __consumer_offsets.',
  },
  {
    name: 'offsets.topic.replication.factor',
    type: 'short',
    defaultValue: '1',
    min: 1,
    doc: 'One node keeps one replica.',
  },
  {
    name: 'transaction.max.timeout.ms',
    type: 'int',
    defaultValue: '900000',
    min: 1,
    doc: 'The longest transaction.timeout.ms a producer may ask for.',
  },
  {
    name: 'transactional.id.expiration.ms',
    type: 'int',
    defaultValue: '604800000',
    min: 1,
    doc: 'How long a transactional id that nobody uses is remembered.',
  },
  {
    name: 'transaction.abort.timed.out.transaction.cleanup.interval.ms',
    type: 'int',
    defaultValue: '10000',
    min: 1,
    doc: 'How often transactions are looked at for their timeout.',
  },
  {
    name: 'transaction.remove.expired.transaction.cleanup.interval.ms',
    type: 'int',
    defaultValue: '3600000',
    min: 1,
    doc: 'How often transactional ids are looked at for their expiry.',
  },
  {
    name: 'transaction.state.log.num.partitions',
    type: 'int',
    defaultValue: '50',
    min: 1,
    doc: 'Partitions of __transaction_state.',
  },
  {
    name: 'transaction.state.log.segment.bytes',
    type: 'int',
    defaultValue: '104857600',
    min: 1024 * 1024,
    doc: 'segment.bytes of __transaction_state.',
  },
  {
    name: 'transaction.state.log.replication.factor',
    type: 'short',
    defaultValue: '1',
    min: 1,
    doc: 'One node keeps one replica.',
  },
  {
    name: 'transaction.state.log.min.isr',
    type: 'int',
    defaultValue: '1',
    min: 1,
    doc: 'One node is always in sync with itself.',
  },
  {
    name: 'producer.id.expiration.ms',
    update: 'cluster-wide',
    type: 'int',
    defaultValue: '86400000',
    min: 1,
    doc: 'How long the state of an idle producer is kept.',
  },
];

/** Every key a broker may be given, by name. */
export const brokerConfigs: ReadonlyMap<string, ConfigDefinition> = new Map([
  ...topicConfigs
    .filter((definition) => definition.synonym !== null)
    .map((definition): [string, ConfigDefinition] => [
      definition.synonym!,
      // Topics obey a new default at once.
      { ...definition, name: definition.synonym!, update: 'cluster-wide' },
    ]),
  ...[
    ...ownConfigs,
    ...consumerGroupConfigs,
    ...consumerGroupBounds,
    ...shareConfigs,
    ...cleanerConfigs,
    ...securityConfigs,
  ].map((definition): [string, ConfigDefinition] => [definition.name, definition]),
]);

/** Kafka's coarser spellings of one key, and what they are worth in it. */
const unitAliases: Readonly<Record<string, { readonly key: string; readonly milliseconds: number }>> = {
  'log.retention.hours': { key: 'log.retention.ms', milliseconds: 3_600_000 },
  'log.retention.minutes': { key: 'log.retention.ms', milliseconds: 60_000 },
  'log.roll.hours': { key: 'log.roll.ms', milliseconds: 3_600_000 },
};

/** What a running broker was told, over what it was started with (KIP-226). */
export interface DynamicLayers {
  /** For this broker. */
  readonly broker: Readonly<Record<string, string>>;
  /** For all brokers. */
  readonly cluster: Readonly<Record<string, string>>;
}

/** The broker's configuration, checked. What is read from it is the value of this moment. */
export class BrokerConfig {
  /** What it was started with, with coarser units turned into milliseconds; nothing for keys left at their default. */
  readonly atStart: Readonly<Record<string, string>>;
  #dynamic: DynamicLayers = { broker: {}, cluster: {} };
  #given: Readonly<Record<string, string>>;

  constructor(given: Readonly<Record<string, string>>) {
    this.atStart = given;
    this.#given = given;
  }

  /** Everything that is not at its default, the nearest value of each key. */
  get given(): Readonly<Record<string, string>> {
    return this.#given;
  }

  /** Called by who keeps these (resource-configs.ts), at the start and when they change. The values have been checked. */
  setDynamic(layers: DynamicLayers): void {
    this.#dynamic = layers;
    this.#given = { ...this.atStart, ...layers.cluster, ...layers.broker };
  }

  /** All values that were given to a key, the one that counts first; the default is not among them. */
  valuesOf(name: string): ConfigValue[] {
    const layers: [Readonly<Record<string, string>>, number][] = [
      [this.#dynamic.broker, ConfigSource.dynamicBroker],
      [this.#dynamic.cluster, ConfigSource.dynamicDefaultBroker],
      [this.atStart, ConfigSource.staticBroker],
    ];
    return layers.flatMap(([values, source]) => {
      const value = values[name];
      return value === undefined ? [] : [{ name, value, source }];
    });
  }

  text(name: string): string {
    const definition = brokerConfigs.get(name);
    if (definition === undefined) throw new Error(`Broker config "${name}" is not declared.`);
    return this.#given[name] ?? definition.defaultValue;
  }
  number(name: string): number {
    return numberOf(this.text(name));
  }
  boolean(name: string): boolean {
    return this.text(name).toLowerCase() === 'true';
  }
  list(name: string): string[] {
    return listOf(this.text(name));
  }

  /** As the listener of this name (in lower case) sees it: its own keys over everybody's. */
  forListener(listener: string): BrokerConfig {
    const merged: Record<string, string> = { ...this.#given };
    for (const [name, value] of Object.entries(this.#given)) {
      const own = splitListenerKey(name);
      if (own?.listener === listener) merged[own.key] = value;
    }
    return new BrokerConfig(merged);
  }
}

/** Throws {@link BrokerConfigError} for the first key that is unknown or whose value cannot be. */
export function parseBrokerConfig(given: Readonly<Record<string, string>>): BrokerConfig {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const alias = unitAliases[name];
    const key = alias?.key ?? name;
    const definition = brokerConfigs.get(splitListenerKey(name)?.key ?? key);
    if (definition === undefined)
      throw new BrokerConfigError(
        name,
        `Unknown broker configuration "${name}". See docs for the keys that are served.`,
      );
    const text = alias === undefined || !(Number(value) > 0) ? value : String(Number(value) * alias.milliseconds);
    const problem = problemWith(definition, text);
    if (problem !== null)
      throw new BrokerConfigError(
        name,
        `Invalid value ${JSON.stringify(value)} for broker configuration "${name}": it ${problem}.`,
      );
    // The finer unit wins where both are given, as in Kafka.
    if (alias === undefined || given[key] === undefined) plain[key] = text;
  }
  return new BrokerConfig(plain);
}
