/**
 * The topics of this broker: names, ids, partition counts and configs, kept durably in the metadata log.
 *
 * A change is written first, applied when it is on disk, and answered then; changes happen one after the other. The
 * folders of partitions are made when a partition is first used, so that a topic of a thousand costs one record.
 */
import { BrokerError, errorNameOf } from '../errors.ts';
import type { LogConfig } from '../log/config.ts';
import type { LogDirectory } from '../log/log-directory.ts';
import { zeroTopicId } from '../log/meta-properties.ts';
import type { PartitionLog } from '../log/partition-log.ts';
import { type TopicValidation, topicValidation } from '../validation/schema-check.ts';
import type { BrokerConfig } from './broker-config.ts';
import type { MetadataChange, MetadataLog } from './metadata-log.ts';
import { checkTopicConfig, parseTopicConfig } from './topic-config.ts';
import { isInternalTopic, problemWithTopicName, randomTopicId } from './topic-names.ts';

export interface Topic {
  readonly name: string;
  /** Kafka's text form of a random UUID, new for each incarnation. */
  readonly topicId: string;
  readonly partitions: number;
  readonly isInternal: boolean;
  /** What was set on the topic itself. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Everything the log obeys: overrides over the broker's defaults. */
  readonly config: LogConfig;
  /** Null: records are taken as they come. */
  readonly validation: TopicValidation | null;
}

export interface NewTopic {
  readonly name: string;
  /** -1: `num.partitions`. */
  readonly partitions: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** As kept in the metadata log under `topic/<name>`. */
interface TopicEntry {
  readonly id: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Kafka sets no limit; this one keeps a typing mistake from filling every metadata answer. */
const partitionsMax = 100_000;
/** Partitions whose folders are moved away in one turn of the event loop: some milliseconds. */
const deletedAtATime = 100;
const topicPrefix = 'topic/';
const deletedPrefix = 'deleted/';

/** Refusals are BrokerErrors with Kafka's code. */
export class Topics {
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<string, Topic>();
  readonly #metadata: MetadataLog;
  readonly #logs: LogDirectory;
  readonly #config: BrokerConfig;
  readonly #onDeleted = new Set<(topic: Topic) => void>();
  readonly #onChanged = new Set<() => void>();
  readonly #onPartitionsChanged = new Set<() => void>();
  #isChangeDue = false;
  /** Finding a log by its name costs as much as reading from it; a topic that changes is a new object. */
  readonly #knownLogs = new WeakMap<Topic, PartitionLog[]>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(metadata: MetadataLog, logs: LogDirectory, config: BrokerConfig) {
    this.#metadata = metadata;
    this.#logs = logs;
    this.#config = config;
    for (const [key, value] of metadata.entries) {
      if (key.startsWith(topicPrefix)) this.#put(key.slice(topicPrefix.length), value as TopicEntry);
    }
    this.#finishDeletions();
    logs.useConfigOf((topic, topicId) => {
      const known = this.#byName.get(topic);
      return known?.topicId === topicId ? known.config : undefined;
    });
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  byId(topicId: string): Topic | undefined {
    return this.#byId.get(topicId);
  }

  /** In no order. */
  all(): Iterable<Topic> {
    return this.#byName.values();
  }

  get count(): number {
    return this.#byName.size;
  }

  /** The log of a partition, made when it is first asked for. Throws UNKNOWN_TOPIC_OR_PARTITION, KAFKA_STORAGE_ERROR. */
  log(name: string, partition: number): PartitionLog {
    return this.logOf(this.#existing(name), partition);
  }

  /** The same without making it: undefined while the partition was never used. */
  existingLogOf(name: string, partition: number): PartitionLog | undefined {
    const topic = this.#existing(name);
    checkPartition(topic, partition);
    return this.existingLog(topic, partition);
  }

  logOf(topic: Topic, partition: number): PartitionLog {
    checkPartition(topic, partition);
    const known = this.#known(topic)[partition];
    if (known !== undefined) return known;
    const log = this.#logs.get(topic.name, partition);
    if (log !== undefined && log.topicId === topic.topicId) return this.#keep(topic, log);
    try {
      this.#announceChange();
      return this.#keep(topic, this.#logs.create(topic.name, partition, topic.topicId, topic.config));
    } catch (cause) {
      if (errorNameOf(cause) !== 'UNKNOWN_SERVER_ERROR') throw cause;
      const why = (cause as Error).message;
      const message = `The folder of ${topic.name}-${partition} cannot be made (${why}). Free some space, or check the disk.`;
      throw new BrokerError('KAFKA_STORAGE_ERROR', message, { cause });
    }
  }

  /** The log where the partition has been used before; undefined is an empty one. */
  existingLog(topic: Topic, partition: number): PartitionLog | undefined {
    const known = this.#known(topic)[partition];
    if (known !== undefined) return known;
    const log = this.#logs.get(topic.name, partition);
    // A power cut may take the file with the topic's id and leave the records: they are this topic's.
    if (log?.topicId === zeroTopicId) return this.logOf(topic, partition);
    return log?.topicId === topic.topicId ? this.#keep(topic, log) : undefined;
  }

  /**
   * Calls back when partitions have come into use or are gone, once for all of a turn of the event loop: for those who
   * wait for the first record of one. Returns: stop calling.
   */
  onPartitionsChanged(listener: () => void): () => void {
    this.#onPartitionsChanged.add(listener);
    return () => this.#onPartitionsChanged.delete(listener);
  }

  /** Calls back when a topic is gone, for those who keep something about it. */
  onDeleted(listener: (topic: Topic) => void): void {
    this.#onDeleted.add(listener);
  }

  /** Calls back when a topic was created, grew, was configured or is gone, for those who look at all of them. */
  onChanged(listener: () => void): void {
    this.#onChanged.add(listener);
  }

  /** One outcome per topic, in order: the topic, or why it was refused. */
  create(
    wanted: readonly NewTopic[],
    options: { readonly validateOnly?: boolean } = {},
  ): Promise<readonly (Topic | BrokerError)[]> {
    return this.#change(async () => {
      const changes: MetadataChange[] = [];
      const names = new Set<string>();
      const outcomes = wanted.map((topic) => {
        const entry = this.#check(topic, names);
        if (entry instanceof BrokerError) return entry;
        names.add(topic.name);
        changes.push([topicPrefix + topic.name, entry]);
        return { name: topic.name, entry };
      });
      if (changes.length > 0 && options.validateOnly !== true) await this.#metadata.write(changes);
      return outcomes.map((outcome) => {
        if (outcome instanceof BrokerError) return outcome;
        const topic = this.#topicOf(outcome.name, outcome.entry);
        if (options.validateOnly !== true) this.#set(topic);
        return topic;
      });
    });
  }

  delete(name: string): Promise<void> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      if (!this.#config.boolean('delete.topic.enable')) {
        throw new BrokerError(
          'TOPIC_DELETION_DISABLED',
          'Topics are not deleted because delete.topic.enable is false.',
        );
      }
      await this.#metadata.write([
        [topicPrefix + name, null],
        [deletedPrefix + topic.topicId, { name }],
      ]);
      this.#byName.delete(name);
      this.#byId.delete(topic.topicId);
      await this.#deleteLogs(name, topic.topicId, true);
      this.#announceChange();
      for (const listener of this.#onDeleted) listener(topic);
      for (const listener of this.#onChanged) listener();
      await this.#metadata.write([[deletedPrefix + topic.topicId, null]]);
    });
  }

  /** Raises the number of partitions; it never shrinks. */
  addPartitions(name: string, partitions: number): Promise<Topic> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      if (partitions <= topic.partitions) {
        throw new BrokerError(
          'INVALID_PARTITIONS',
          `The topic ${name} has ${topic.partitions} partitions; ${partitions} would not be an increase.`,
        );
      }
      if (partitions > partitionsMax) throw tooManyPartitions(name, partitions);
      const entry = { id: topic.topicId, partitions, config: topic.overrides };
      await this.#metadata.write([[topicPrefix + name, entry]]);
      return this.#put(name, entry);
    });
  }

  /**
   * Changes the overrides. `change` is called when all changes before are done, so that two who alter different keys at
   * the same time both get what they want; what it throws is the outcome.
   */
  configure(
    name: string,
    change: (overrides: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
  ): Promise<Topic> {
    return this.#change(async () => {
      const topic = this.#existing(name);
      const overrides = change(topic.overrides);
      checkTopicConfig(overrides);
      const entry = { id: topic.topicId, partitions: topic.partitions, config: overrides };
      await this.#metadata.write([[topicPrefix + name, entry]]);
      const changed = this.#put(name, entry);
      this.#reconfigureLogs(changed);
      return changed;
    });
  }

  /** The broker's keys have new values (KIP-226): topics without values of their own obey them at once. */
  brokerConfigChanged(): void {
    for (const { name, topicId, partitions, overrides } of [...this.#byName.values()]) {
      this.#reconfigureLogs(this.#put(name, { id: topicId, partitions, config: overrides }));
    }
  }

  #reconfigureLogs(topic: Topic): void {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const log = this.#logs.get(topic.name, partition);
      // The others ask for it when they are opened.
      if (log?.hasConfig === true && log.topicId === topic.topicId) log.setConfig(topic.config);
    }
  }

  #check(topic: NewTopic, names: ReadonlySet<string>): TopicEntry | BrokerError {
    const badName = problemWithTopicName(topic.name);
    if (badName !== null) return new BrokerError('INVALID_TOPIC_EXCEPTION', badName);
    if (this.#byName.has(topic.name) || names.has(topic.name)) {
      return new BrokerError('TOPIC_ALREADY_EXISTS', `Topic '${topic.name}' already exists.`);
    }
    const partitions = topic.partitions === -1 ? this.#config.number('num.partitions') : topic.partitions;
    if (partitions < 1) {
      return new BrokerError(
        'INVALID_PARTITIONS',
        `Number of partitions was set to ${partitions}; it must be 1 or more, or -1.`,
      );
    }
    if (partitions > partitionsMax) return tooManyPartitions(topic.name, partitions);
    const config = topic.config ?? {};
    try {
      checkTopicConfig(config);
    } catch (error) {
      return error as BrokerError;
    }
    return { id: randomTopicId(), partitions, config };
  }

  #known(topic: Topic): PartitionLog[] {
    let logs = this.#knownLogs.get(topic);
    if (logs === undefined) {
      logs = [];
      this.#knownLogs.set(topic, logs);
    }
    return logs;
  }

  #keep(topic: Topic, log: PartitionLog): PartitionLog {
    this.#known(topic)[log.partition] = log;
    return log;
  }

  #announceChange(): void {
    if (this.#isChangeDue || this.#onPartitionsChanged.size === 0) return;
    this.#isChangeDue = true;
    setImmediate(() => {
      this.#isChangeDue = false;
      for (const listener of [...this.#onPartitionsChanged]) listener();
    });
  }

  #existing(name: string): Topic {
    const topic = this.#byName.get(name);
    if (topic === undefined) throw unknownTopic(name);
    return topic;
  }

  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(work);
    this.#lastChange = result.catch(() => {});
    return result;
  }

  #topicOf(name: string, entry: TopicEntry): Topic {
    return {
      name,
      topicId: entry.id,
      partitions: entry.partitions,
      isInternal: isInternalTopic(name),
      overrides: entry.config,
      config: parseTopicConfig(entry.config, this.#config.given),
      validation: topicValidation((key) => entry.config[key] ?? ''),
    };
  }

  #put(name: string, entry: TopicEntry): Topic {
    return this.#set(this.#topicOf(name, entry));
  }

  #set(topic: Topic): Topic {
    this.#byName.set(topic.name, topic);
    this.#byId.set(topic.topicId, topic);
    for (const listener of this.#onChanged) listener();
    return topic;
  }

  /** A crash between the record of a deletion and the end of its folders. */
  #finishDeletions(): void {
    for (const [key, value] of this.#metadata.entries) {
      if (!key.startsWith(deletedPrefix)) continue;
      const { name } = value as { name: string };
      const deleted = this.#deleteLogs(name, key.slice(deletedPrefix.length), !this.#byName.has(name));
      void this.#change(async () => {
        await deleted;
        await this.#metadata.write([[key, null]]);
      });
    }
  }

  /** `withUnknown`: also those of which a power cut took the id; no other topic has the name. */
  async #deleteLogs(name: string, topicId: string, withUnknown: boolean): Promise<void> {
    const isOfTopic = (id: string): boolean => id === topicId || (withUnknown && id === zeroTopicId);
    const logs = [...this.#logs.logs.values()].filter((log) => log.topic === name && isOfTopic(log.topicId));
    for (let at = 0; at < logs.length; at += deletedAtATime) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      this.#logs.delete(logs.slice(at, at + deletedAtATime));
    }
  }
}

function checkPartition(topic: Topic, partition: number): void {
  if (partition >= 0 && partition < topic.partitions) return;
  throw new BrokerError(
    'UNKNOWN_TOPIC_OR_PARTITION',
    `Topic ${topic.name} has partitions 0 to ${topic.partitions - 1}; there is no partition ${partition}.`,
  );
}

function unknownTopic(name: string): BrokerError {
  return new BrokerError('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic ${name}.`);
}

function tooManyPartitions(name: string, partitions: number): BrokerError {
  return new BrokerError(
    'INVALID_PARTITIONS',
    `Topic ${name} cannot have ${partitions} partitions; ${partitionsMax} is the most.`,
  );
}
