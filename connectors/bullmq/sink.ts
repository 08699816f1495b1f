/**
 * The job queue sink: a record becomes a job, a tombstone takes one back. Step 10 of the record's journey.
 */
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type OffsetAndMetadata,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../api/index.ts';
import { checkQueue } from './check.ts';
import { type SinkSettings, sinkSettings } from './config.ts';
import { badJob, messageOf, toQueueError } from './errors.ts';
import { jobIdOf, placeOf, queueOf, toJob } from './job.ts';
import { type JobStore, jobStoreFor, type Step } from './job-store.ts';

export class BullmqSink implements SinkConnector {
  start(_context: ConnectorContext, config: Config): void {
    sinkSettings(config);
  }

  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    return Array.from({ length: maxTasks }, () => ({}));
  }

  createTask(): BullmqSinkTask {
    return new BullmqSinkTask();
  }

  stop(): void {}

  async explain(config: Config, records: readonly SinkRecord[]): Promise<readonly string[]> {
    const settings = sinkSettings(config);
    return records.map((record) => {
      try {
        const { queue, name, data, opts } = toJob(settings, record, Date.now());
        return `add to ${queue}: ${name} ${JSON.stringify(data)} ${JSON.stringify(opts)}`;
      } catch (error) {
        return `refused: ${(error as Error).message}`;
      }
    });
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      const { url, migrate } = sinkSettings(config);
      return await checkQueue(url, migrate);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

export class BullmqSinkTask implements SinkTask {
  #context!: SinkTaskContext;
  #settings!: SinkSettings;
  #store!: JobStore;
  /** Partitions that are assigned and not taken over in the store yet. */
  #unopened: TopicPartition[] = [];

  async start(context: SinkTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sinkSettings(config);
    this.#store = await jobStoreFor(this.#settings, context.connector);
  }

  async open(partitions: readonly TopicPartition[]): Promise<void> {
    this.#unopened.push(...partitions);
    // A server that is away must not fail the task: `put` tries again.
    await this.#takeOver().catch((error: unknown) => {
      this.#store.drop();
      const failure = toQueueError(this.#store.place, error);
      if (!failure.retriable) throw failure;
      this.#context.logger.warn({ err: failure }, 'The job queue is not there yet.');
    });
  }

  async put(records: readonly SinkRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      await this.#takeOver();
      const fresh = records.filter(
        (record) => !this.#store.isDelivered(record.originalTopic, record.originalPartition, record.offset),
      );
      if (fresh.length === 0) return;
      const nowMs = Date.now();
      const steps = fresh.flatMap((record) => this.#stepOf(record, nowMs));
      await this.#store.deliver(steps, nextOffsets(fresh));
    } catch (error) {
      const failure = toQueueError(this.#store.place, error);
      if (failure.retriable) this.#store.drop();
      throw failure;
    }
  }

  async close(partitions: readonly TopicPartition[]): Promise<void> {
    const isGone = ({ topic, partition }: TopicPartition): boolean =>
      partitions.some((gone) => gone.topic === topic && gone.partition === partition);
    this.#unopened = this.#unopened.filter((partition) => !isGone(partition));
    this.#store.close(partitions);
  }

  async stop(): Promise<void> {
    await this.#store?.stop().catch((error: unknown) => {
      this.#context.logger.warn({ cause: messageOf(error) }, 'The job queue could not be closed.');
    });
  }

  async #takeOver(): Promise<void> {
    await this.#store.connect();
    if (this.#unopened.length === 0) return;
    for (const { offset, ...partition } of await this.#store.open(this.#unopened)) {
      this.#context.seek(partition, offset);
    }
    this.#unopened = [];
  }

  #stepOf(record: SinkRecord, nowMs: number): Step[] {
    const settings = this.#settings;
    if (record.value !== null) return [{ add: toJob(settings, record, nowMs) }];
    if (settings.onTombstone === 'ignore') return [];
    if (settings.onTombstone === 'fail') throw badJob(placeOf(record), 'it is a tombstone');
    return [{ remove: { queue: queueOf(settings, record), jobId: jobIdOf(settings, record) } }];
  }
}

/** The offset behind the last record of each partition. */
function nextOffsets(records: readonly SinkRecord[]): OffsetAndMetadata[] {
  const next = new Map<string, OffsetAndMetadata>();
  for (const { originalTopic: topic, originalPartition: partition, offset } of records) {
    next.set(`${topic}-${partition}`, { topic, partition, offset: offset + 1 });
  }
  return [...next.values()];
}
