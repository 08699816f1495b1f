/**
 * Plays the worker for one sink task: opens partitions, puts batches, flushes, keeps the group's offsets, honours
 * seeks. For tests of connectors. Nothing here retries or hides an error.
 */
import type {
  OffsetAndMetadata,
  RecordValue,
  Schema,
  SinkConnector,
  SinkConnectorPlugin,
  SinkRecord,
  SinkTask,
  TopicPartition,
} from '../api/index.ts';
import { type LogLine, recordingLogger } from './logger.ts';
import { parsed } from './source-run.ts';

/** A log in memory: records per partition, and how far a group has committed. Outlives the runs that share it. */
export class SinkLog {
  readonly #records = new Map<string, SinkRecord[]>();
  readonly #committed = new Map<string, number>();

  /** Appends a record and answers it. */
  append(
    topic: string,
    partition: number,
    value: RecordValue,
    schema: Schema | null,
    key: string | null = null,
  ): SinkRecord {
    const records = this.records({ topic, partition });
    const record: SinkRecord = {
      topic,
      partition,
      keySchema: null,
      key,
      valueSchema: schema,
      value,
      headers: [],
      timestamp: 1_700_000_000_000 + records.length,
      originalTopic: topic,
      originalPartition: partition,
      offset: records.length,
    };
    records.push(record);
    return record;
  }

  /** The records of a partition, from offset 0. */
  records({ topic, partition }: TopicPartition): SinkRecord[] {
    const key = `${topic}-${partition}`;
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const records: SinkRecord[] = [];
    this.#records.set(key, records);
    return records;
  }

  committed({ topic, partition }: TopicPartition): number {
    return this.#committed.get(`${topic}-${partition}`) ?? 0;
  }
  commit({ topic, partition, offset }: OffsetAndMetadata): void {
    this.#committed.set(`${topic}-${partition}`, offset);
  }
}

export interface SinkRunOptions {
  readonly name?: string;
  readonly task?: number;
  readonly onBadRecord?: (record: SinkRecord, error: Error) => Promise<void>;
}

/** One life of one sink task. */
export class SinkRun {
  readonly task: SinkTask;
  readonly badRecords: { readonly record: SinkRecord; readonly error: Error }[] = [];
  readonly logLines: LogLine[];
  readonly #connector: SinkConnector;
  readonly #log: SinkLog;
  readonly #partitions: readonly TopicPartition[];
  readonly #abort = new AbortController();
  /** The next offset to put, per partition. */
  readonly #positions = new Map<string, number>();

  private constructor(
    connector: SinkConnector,
    task: SinkTask,
    log: SinkLog,
    partitions: readonly TopicPartition[],
    lines: LogLine[],
  ) {
    this.#connector = connector;
    this.task = task;
    this.#log = log;
    this.#partitions = partitions;
    this.logLines = lines;
  }

  /** Creates connector and task, starts both and opens the partitions at the group's committed offsets. */
  static async start(
    plugin: SinkConnectorPlugin,
    raw: Readonly<Record<string, string>>,
    log: SinkLog,
    partitions: readonly TopicPartition[],
    options: SinkRunOptions = {},
  ): Promise<SinkRun> {
    const { logger, lines } = recordingLogger();
    const name = options.name ?? 'acceptance';
    const connector = await plugin.create();
    const raiseError = (error: Error): void => {
      throw error;
    };
    await connector.start(
      { name, logger, requestTaskReconfiguration: () => undefined, raiseError },
      parsed(plugin, raw),
    );
    const [taskConfig] = await connector.taskConfigs(1);
    const run = new SinkRun(connector, connector.createTask(), log, partitions, lines);
    for (const partition of partitions) run.#positions.set(nameOf(partition), log.committed(partition));
    await run.task.start(
      {
        connector: name,
        task: options.task ?? 0,
        logger,
        signal: run.#abort.signal,
        seek: (partition, offset) => run.#positions.set(nameOf(partition), offset),
        assignment: () => partitions,
        // The examination decides itself what it puts, and when it flushes.
        pause: () => undefined,
        resume: () => undefined,
        requestCommit: () => undefined,
        retryAfter: () => undefined,
        reportBadRecord: async (record, error) => {
          run.badRecords.push({ record, error });
          await options.onBadRecord?.(record, error);
        },
      },
      parsed(plugin, { ...raw, ...taskConfig }),
    );
    await run.task.open?.(partitions);
    return run;
  }

  /** Where the next put of this partition begins. */
  position(partition: TopicPartition): number {
    return this.#positions.get(nameOf(partition)) ?? 0;
  }

  /** Puts what the log holds beyond the positions, at most `max` records of each partition, as one batch. */
  async put(max = Number.POSITIVE_INFINITY): Promise<number> {
    const batch: SinkRecord[] = [];
    for (const partition of this.#partitions) {
      const from = this.position(partition);
      const records = this.#log.records(partition).slice(from, from + max);
      if (records.length > 0) this.#positions.set(nameOf(partition), records.at(-1)!.offset + 1);
      batch.push(...records);
    }
    await this.task.put(batch);
    return batch.length;
  }

  /** Puts the next record of one partition alone. */
  async putOne(partition: TopicPartition): Promise<void> {
    const from = this.position(partition);
    this.#positions.set(nameOf(partition), from + 1);
    await this.task.put(this.#log.records(partition).slice(from, from + 1));
  }

  /** Flushes and commits what the task says is safe, as the worker does. */
  async flush(): Promise<void> {
    const offsets = this.#partitions.map((partition) => ({ ...partition, offset: this.position(partition) }));
    const safe = (await this.task.flush?.(offsets)) ?? offsets;
    for (const offset of safe) this.#log.commit(offset);
  }

  /** Ends the task as a crash would see it: no flush, no close; its handles are freed by `stop`. */
  async kill(): Promise<void> {
    this.#abort.abort();
    await this.task.stop();
  }

  /** The worker's graceful end. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.flush();
    await this.task.close?.(this.#partitions);
    await this.task.stop();
    await this.#connector.stop();
  }
}

function nameOf(partition: TopicPartition): string {
  return `${partition.topic}-${partition.partition}`;
}
