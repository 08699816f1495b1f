/**
 * The MQTT sink: records become messages, in the order of their partition; an offset is committed only once the broker
 * has acknowledged the message (QoS 1 and 2). Step 10 of the record's journey.
 *
 * At least once: what was not acknowledged when a connection ended is sent again, and everything behind it, so that the
 * last message of a key stays the last.
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  RetriableError,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../api/index.ts';
import { checkBrokers } from './check.ts';
import type { MqttLibrary } from './connection.ts';
import { badMessage, reason } from './errors.ts';
import { type Message, toMessage } from './message.ts';
import { Publisher } from './publisher.ts';
import { type MqttSinkSettings, mqttSinkSettings } from './sink-config.ts';

export class MqttSink implements SinkConnector {
  start(context: ConnectorContext, config: Config): void {
    mqttSinkSettings(config, context.name, 0);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    return Array.from({ length: maxTasks }, () => ({}));
  }

  createTask(): MqttSinkTask {
    return new MqttSinkTask();
  }

  stop(): void {}

  async explain(config: Config, records: readonly SinkRecord[]): Promise<readonly string[]> {
    const settings = mqttSinkSettings(config, 'preview', 0);
    return records.flatMap((record) => {
      try {
        // As for MQTT 5, which carries more: whether the broker speaks it is seen when it is asked.
        const message = toMessage(settings, record, 5);
        if (message === null) return [];
        const { topic, payload, options } = message;
        return `publish ${topic} qos=${options.qos ?? 0} retain=${options.retain ?? false}: ${payload.toString()}`;
      } catch (error) {
        return `refused: ${reason(error)}`;
      }
    });
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      return await checkBrokers(mqttSinkSettings(config, 'check', 0));
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

/** What became of a record of the batch. */
type Fate = { readonly done: true } | { readonly refused: Error } | null;

export class MqttSinkTask implements SinkTask {
  #context!: SinkTaskContext;
  #settings!: MqttSinkSettings;
  #library: MqttLibrary | null = null;
  #publisher: Publisher | null = null;
  /** The next offset of each partition that was not acknowledged yet: a batch that is put again sends only the rest. */
  readonly #next = new Map<string, number>();

  start(context: SinkTaskContext, config: Config): void {
    this.#context = context;
    this.#settings = mqttSinkSettings(config, context.connector, context.task);
  }

  open(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#next.delete(`${topic}-${partition}`);
  }

  async put(records: readonly SinkRecord[]): Promise<void> {
    const fresh = records.filter((record) => record.offset >= (this.#next.get(idOf(record)) ?? 0));
    if (fresh.length === 0) return;
    const publisher = await this.#connected();
    const { fates, failure } = await this.#publishAll(publisher, fresh);
    await this.#settle(fresh, fates);
    if (failure !== null) {
      publisher.destroy();
      this.#publisher = null;
      throw failure;
    }
  }

  close(partitions: readonly TopicPartition[]): void {
    this.open(partitions);
  }

  async stop(): Promise<void> {
    await this.#publisher?.close();
    this.#publisher = null;
  }

  async #connected(): Promise<Publisher> {
    if (this.#publisher !== null && !this.#publisher.isOver) return this.#publisher;
    this.#library ??= (await import('mqtt')).default as unknown as MqttLibrary;
    this.#publisher = await Publisher.open(this.#library, this.#settings, this.#settings.clientId);
    const { server, version } = this.#publisher;
    this.#context.logger.info({ server, version }, 'Connected to the MQTT broker.');
    return this.#publisher;
  }

  /** Publishes with a window; after the first failure of the connection nothing more is sent. */
  async #publishAll(
    publisher: Publisher,
    records: readonly SinkRecord[],
  ): Promise<{ fates: readonly Fate[]; failure: RetriableError | null }> {
    const window = Math.min(this.#settings.inflightMax, publisher.receiveMaximum);
    const fates = new Array<Fate>(records.length).fill(null);
    const inFlight = new Set<Promise<void>>();
    let failure: RetriableError | null = null;
    for (const [index, record] of records.entries()) {
      const message = this.#messageOf(record, publisher.version);
      if (message === null || message instanceof Error) {
        fates[index] = message === null ? { done: true } : { refused: message };
        continue;
      }
      if (inFlight.size >= window) await Promise.race(inFlight);
      if (failure !== null) break;
      const sent: Promise<void> = publisher.publish(message.topic, message.payload, message.options).then(
        () => {
          fates[index] = { done: true };
        },
        (error: Error) => {
          if (error instanceof RetriableError) failure ??= error;
          else fates[index] = { refused: badMessage(placeOf(record), `the broker refused it: ${reason(error)}`) };
        },
      );
      inFlight.add(sent);
      void sent.then(() => inFlight.delete(sent));
    }
    await Promise.all(inFlight);
    return { fates, failure };
  }

  #messageOf(record: SinkRecord, version: 4 | 5): Message | Error | null {
    try {
      return toMessage(this.#settings, record, version);
    } catch (error) {
      return error as Error;
    }
  }

  /** Moves each partition on over what is done; refused records go to the error policy in their place. */
  async #settle(records: readonly SinkRecord[], fates: readonly Fate[]): Promise<void> {
    const stuck = new Set<string>();
    for (const [index, record] of records.entries()) {
      const id = idOf(record);
      const fate = fates[index] ?? null;
      if (fate === null) stuck.add(id);
      if (fate === null || stuck.has(id)) continue;
      if ('refused' in fate) await this.#context.reportBadRecord(record, fate.refused);
      this.#next.set(id, record.offset + 1);
    }
  }
}

function idOf({ originalTopic, originalPartition }: SinkRecord): string {
  return `${originalTopic}-${originalPartition}`;
}

function placeOf(record: SinkRecord): string {
  return `${idOf(record)} offset ${record.offset}`;
}
