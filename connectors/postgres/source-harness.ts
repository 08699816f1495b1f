/**
 * Drives a source task by hand, for tests and benches: what the worker does, with the log kept in an array.
 */
import {
  type Logger,
  parseConfig,
  plainValue,
  type SourceOffset,
  type SourceRecord,
  type SourceTask,
  unknownKeys,
} from '../api/index.ts';
import { PostgresSource } from './source.ts';
import { ourDefaults, type SourceDefaults, sourceConfigDef } from './source-keys.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** An envelope as far as tests look into it. */
export interface Envelope {
  readonly op: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly source: Readonly<Record<string, unknown>>;
}

export interface RunningSource {
  readonly task: SourceTask;
  /** Everything handed over so far. */
  readonly records: SourceRecord[];
  /** The offset of the last record that was committed. */
  readonly offset: () => SourceOffset | null;
  /** One poll; with `commit` (the default) its records become durable at once. */
  poll(commit?: boolean): Promise<readonly SourceRecord[]>;
  /** Polls until the condition holds for all records so far; throws after ten seconds. */
  until(holds: (records: readonly SourceRecord[]) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface SourceOptions {
  readonly config: Readonly<Record<string, string>>;
  readonly offset?: SourceOffset | null;
  readonly defaults?: SourceDefaults;
  readonly logger?: Logger;
}

const DEADLINE_MS = 30_000;

/** Starts a task from raw keys, at an offset. */
export async function startSource({ config, offset, defaults, logger }: SourceOptions): Promise<RunningSource> {
  const def = sourceConfigDef(defaults ?? ourDefaults);
  const { config: parsed, problems } = parseConfig(def, config);
  const wrong = [...problems, ...unknownKeys([def], config)];
  if (wrong.length > 0) throw new Error(wrong.map((problem) => problem.message).join(' '));
  const task = new PostgresSource((defaults ?? ourDefaults).isCompatible).createTask();
  const abort = new AbortController();
  let stored = offset ?? null;
  const context = {
    connector: 'test',
    task: 0,
    logger: logger ?? silent,
    signal: abort.signal,
    offsets: async () => [stored],
    reportBadInput: async () => {},
  };
  await task.start(context, parsed);
  const records: SourceRecord[] = [];
  const poll = async (commit = true) => {
    const batch = (await task.poll()) ?? [];
    for (const record of batch) {
      records.push(record);
      if (!commit) continue;
      stored = record.sourceOffset;
      task.commitRecord?.(record, { topic: record.topic, partition: 0, offset: 0, timestamp: 0 });
    }
    if (commit && batch.length > 0) await task.commit?.();
    return batch;
  };
  return {
    task,
    records,
    offset: () => stored,
    poll,
    async until(holds) {
      const deadline = Date.now() + DEADLINE_MS;
      while (!holds(records)) {
        if (Date.now() > deadline)
          throw new Error(`After ${DEADLINE_MS} ms and ${records.length} records it still does not hold.`);
        await poll();
      }
    },
    async stop() {
      abort.abort();
      await task.stop();
    },
  };
}

/** The envelope in a record. */
export function envelope(record: SourceRecord): Envelope {
  return plainValue(record.value) as unknown as Envelope;
}

/** What a consumer ends up with: the last row per key and topic, deletes and tombstones applied. */
export function materialise(records: readonly SourceRecord[]): Map<string, Readonly<Record<string, unknown>>> {
  const rows = new Map<string, Readonly<Record<string, unknown>>>();
  for (const record of records) {
    const key = `${record.topic} ${JSON.stringify(plainValue(record.key))}`;
    const after = record.value === null ? null : envelope(record).after;
    if (after === null) rows.delete(key);
    else rows.set(key, after);
  }
  return rows;
}
