/**
 * Plays the worker for one source task: starts it, polls, commits in order, keeps offsets as the worker would (through
 * JSON). For tests of connectors, ours and other people's; nothing here retries or hides an error.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type BadInput,
  type Config,
  isOffsetOnly,
  parseConfig,
  type SourceConnector,
  type SourceConnectorPlugin,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
  type SourceTask,
} from '../api/index.ts';
import { type LogLine, recordingLogger } from './logger.ts';

/** Durable source offsets, as one connector's worker keeps them. Outlives the runs that share it. */
export class OffsetStore {
  readonly #offsets = new Map<string, string>();

  get(partition: SourcePartition): SourceOffset | null {
    const text = this.#offsets.get(keyOf(partition));
    return text === undefined ? null : (JSON.parse(text) as SourceOffset);
  }
  set(partition: SourcePartition, offset: SourceOffset): void {
    this.#offsets.set(keyOf(partition), JSON.stringify(offset));
  }
  /** All partitions with their offsets, for a look in a test. */
  entries(): [SourcePartition, SourceOffset][] {
    return [...this.#offsets].map(([key, text]) => [Object.fromEntries(JSON.parse(key)), JSON.parse(text)]);
  }
}

function keyOf(partition: SourcePartition): string {
  return JSON.stringify(Object.entries(partition).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface SourceRunOptions {
  readonly offsets?: OffsetStore;
  readonly name?: string;
  /** Which of the task configs to run; 0 by default. */
  readonly task?: number;
  readonly maxTasks?: number;
  /** What the error policy does with bad input; by default it counts as dead-lettered. */
  readonly onBadInput?: (input: BadInput) => Promise<void>;
}

/** One life of one source task. */
export class SourceRun {
  readonly task: SourceTask;
  readonly offsets: OffsetStore;
  readonly badInput: BadInput[] = [];
  readonly log: LogLine[];
  readonly #connector: SourceConnector;
  readonly #abort = new AbortController();
  #position = 0;

  private constructor(connector: SourceConnector, task: SourceTask, offsets: OffsetStore, log: LogLine[]) {
    this.#connector = connector;
    this.task = task;
    this.offsets = offsets;
    this.log = log;
  }

  /** Creates connector and task and starts both; rejects with whatever they throw. */
  static async start(
    plugin: SourceConnectorPlugin,
    raw: Readonly<Record<string, string>>,
    options: SourceRunOptions = {},
  ): Promise<SourceRun> {
    const { logger, lines } = recordingLogger();
    const name = options.name ?? 'acceptance';
    const connector = await plugin.create();
    await connector.start(
      {
        name,
        logger,
        requestTaskReconfiguration: () => undefined,
        raiseError: (error) => {
          throw error;
        },
      },
      parsed(plugin, raw),
    );
    const taskConfigs = await connector.taskConfigs(options.maxTasks ?? 1);
    const index = options.task ?? 0;
    const taskConfig = taskConfigs[index];
    if (taskConfig === undefined) throw new Error(`The connector makes ${taskConfigs.length} tasks, not ${index + 1}.`);
    const run = new SourceRun(connector, connector.createTask(), options.offsets ?? new OffsetStore(), lines);
    await run.task.start(
      {
        connector: name,
        task: index,
        logger,
        signal: run.#abort.signal,
        offsets: async (partitions) => partitions.map((partition) => run.offsets.get(partition)),
        allOffsets: async () => run.offsets.entries().map(([partition, offset]) => ({ partition, offset })),
        reportBadInput: async (input) => {
          run.badInput.push(input);
          await options.onBadInput?.(input);
          input.onDurable?.();
        },
      },
      parsed(plugin, { ...raw, ...taskConfig }),
    );
    return run;
  }

  /** One poll; an empty array where the task answered null. Offsets alone are never kept here, as by a worker that dies. */
  async poll(): Promise<readonly SourceRecord[]> {
    return ((await this.task.poll()) ?? []).filter((record) => !isOffsetOnly(record));
  }

  /** Polls until there are `count` records (or more, if one poll brought more); throws after `timeoutMs`. */
  async take(count: number, timeoutMs = 30_000): Promise<SourceRecord[]> {
    const records: SourceRecord[] = [];
    const deadline = Date.now() + timeoutMs;
    while (records.length < count) {
      if (Date.now() > deadline) {
        throw new Error(`Only ${records.length} of ${count} records came within ${timeoutMs} ms.`);
      }
      records.push(...(await this.poll()));
      // Not only microtasks: timers and sockets must get their turn, whatever a poll does.
      await nextTurn();
    }
    return records;
  }

  /** Polls for `quietMs` and answers what came, for "and nothing more". */
  async takeFor(quietMs: number): Promise<SourceRecord[]> {
    const records: SourceRecord[] = [];
    const deadline = Date.now() + quietMs;
    while (Date.now() < deadline) {
      records.push(...(await this.poll()));
      await nextTurn();
    }
    return records;
  }

  /**
   * What the worker does once records are done: tells the task one by one, then keeps the offsets, then says so. All are
   * durable, except those that a transform has dropped.
   */
  async commit(records: readonly SourceRecord[], dropped: readonly SourceRecord[] = []): Promise<void> {
    for (const record of records) {
      const metadata = { topic: record.topic, partition: 0, offset: this.#position, timestamp: Date.now() };
      const isDropped = dropped.includes(record);
      if (!isDropped) this.#position++;
      this.task.commitRecord?.(record, isDropped ? null : metadata);
    }
    for (const record of records) this.offsets.set(record.sourcePartition, record.sourceOffset);
    await this.task.commit?.(
      records.map(({ sourcePartition, sourceOffset }) => ({ partition: sourcePartition, offset: sourceOffset })),
    );
  }

  /** Aborts the signal, as the worker does first of all when a task must end. */
  abort(): void {
    this.#abort.abort();
  }

  /** Ends the task. What was not committed before is not committed: as close to a crash as one process allows. */
  async stop(): Promise<void> {
    this.abort();
    await this.task.stop();
    await this.#connector.stop();
  }
}

/** The config as the worker would parse it; throws when a key is wrong. */
export function parsed(
  plugin: { readonly class: string; readonly config: SourceConnectorPlugin['config'] },
  raw: Readonly<Record<string, string>>,
): Config {
  const { config, problems } = parseConfig(plugin.config, raw);
  if (problems.length > 0) throw new Error(`${plugin.class}: ${problems.map((problem) => problem.message).join(' ')}`);
  return config;
}
