/**
 * Drives a source task by hand, for tests and benches: what the worker does, with the log kept in an array.
 *
 * What a test starts here ends with `stopAll`, which its file calls behind each test: a test that fails leaves no reader
 * and no writer behind.
 */
import { setImmediate as turn } from 'node:timers/promises';
import {
  type Config,
  isKept,
  isOffsetOnly,
  type KeptRecord,
  type Logger,
  parseConfig,
  plainValue,
  type SourceMemory,
  type SourceOffset,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
  unknownKeys,
} from '../../api/index.ts';
import { ourDefaults, type SourceDefaults } from './config/source-defaults.ts';
import { sourceConfigDef } from './config/source-keys.ts';
import { PostgresSource } from './source.ts';

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
  /** What it counted. */
  readonly figures: Map<string, number>;
  /** A gauge of its own, as it is now. */
  readonly gauge: (figure: string) => number | null;
  /** Everything handed over so far. */
  readonly records: SourceRecord[];
  /** The offset of the last record that was committed. */
  readonly offset: () => SourceOffset | null;
  /** One poll; with `commit` (the default) its records become durable at once. */
  poll(commit?: boolean): Promise<readonly SourceRecord[]>;
  /** Polls until the condition holds for all records so far; throws after {@link DEADLINE_MS}. */
  until(holds: (records: readonly SourceRecord[]) => boolean): Promise<void>;
  /** Polls until a record matches, each record looked at once. */
  untilRecord(matches: (record: SourceRecord) => boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Somebody who writes all the time. */
export interface Writer {
  /** Resolves when the last step is done; rejects with what a step failed with. */
  stop(): Promise<void>;
}

export interface SourceOptions {
  readonly config: Readonly<Record<string, string>>;
  readonly offset?: SourceOffset | null;
  readonly defaults?: SourceDefaults;
  readonly logger?: Logger;
  /** One that is made otherwise than the connector makes it. */
  readonly task?: SourceTask;
  readonly declareSchemas?: SourceTaskContext['declareSchemas'];
  readonly follow?: SourceTaskContext['follow'];
  /** What the source keeps for itself; tasks that go on from one another share it. */
  readonly memory?: TestMemory;
  /** False: records are durable, and a crash comes before their offset is. */
  readonly storesOffset?: () => boolean;
}

/** A source's memory as the log has it, in an array. */
export class TestMemory implements SourceMemory {
  readonly records: (KeptRecord | null)[] = [];
  scans = 0;
  reads = 0;

  async scan(onKept: (record: KeptRecord) => void): Promise<void> {
    this.scans++;
    for (const record of this.records) if (record !== null) onKept(record);
  }

  async read(offset: number): Promise<KeptRecord | null> {
    this.reads++;
    return this.records[offset] ?? null;
  }

  append(record: SourceRecord): number {
    const copy = (bytes: unknown) => (bytes === null ? null : Buffer.from(bytes as Buffer));
    this.records.push({ offset: this.records.length, key: copy(record.key)!, value: copy(record.value) });
    return this.records.length - 1;
  }

  /** As the log's cleaner does: of a key only the last stays, and not that where it forgets. */
  compact(): void {
    const last = new Map(this.records.map((record) => [Buffer.from(record?.key ?? '').toString('hex'), record]));
    for (const [offset, record] of this.records.entries()) {
      const isLast = record !== null && last.get(Buffer.from(record.key).toString('hex')) === record;
      if (!isLast || record.value === null) this.records[offset] = null;
    }
  }
}

/** Long enough for a machine that stands still for a while, shorter than the patience of the test runner. */
const DEADLINE_MS = 90_000;

const underway = new Set<{ stop(): Promise<void> }>();

/** Ends every source and writer that still runs; for `afterEach`. */
export async function stopAll(): Promise<void> {
  // The test said already what went wrong.
  await Promise.allSettled([...underway].map((one) => one.stop()));
}

/** Calls `step` with 1, 2, 3 … until it is stopped. */
export function startWriter(step: (count: number) => Promise<void>): Writer {
  let isWriting = true;
  const writing = (async () => {
    for (let count = 1; isWriting; count++) {
      await step(count);
      await turn();
    }
  })();
  writing.catch(() => {}); // Told by `stop`.
  const writer = {
    async stop() {
      underway.delete(writer);
      isWriting = false;
      await writing;
    },
  };
  underway.add(writer);
  return writer;
}

function configOf(defaults: SourceDefaults, raw: SourceOptions['config']): Config {
  const def = sourceConfigDef(defaults);
  const { config, problems } = parseConfig(def, raw);
  const wrong = [...problems, ...unknownKeys([def], raw)];
  if (wrong.length > 0) throw new Error(wrong.map((problem) => problem.message).join(' '));
  return config;
}

/** Starts a task from raw keys, at an offset. */
export async function startSource(options: SourceOptions): Promise<RunningSource> {
  const { config, offset, defaults, logger, declareSchemas, follow, memory } = options;
  const parsed = configOf(defaults ?? ourDefaults, config);
  const task = options.task ?? new PostgresSource((defaults ?? ourDefaults).isCompatible).createTask();
  const abort = new AbortController();
  let stored = offset ?? null;
  const figures = new Map<string, number>();
  const gauges = new Map<string, () => number | null>();
  const context = {
    connector: 'test',
    task: 0,
    logger: logger ?? silent,
    signal: abort.signal,
    offsets: async () => [stored],
    reportBadInput: async () => {},
    count: (figure: string, more: number) => void figures.set(figure, (figures.get(figure) ?? 0) + more),
    gauge: (figure: string, read: () => number | null) => void gauges.set(figure, read),
    ...(declareSchemas === undefined ? {} : { declareSchemas }),
    ...(follow === undefined ? {} : { follow }),
    ...(memory === undefined ? {} : { memory }),
  };
  await task.start(context, parsed);
  const records: SourceRecord[] = [];
  const poll = async (commit = true) => {
    const batch = (await task.poll()) ?? [];
    for (const record of batch) {
      const isForReaders = !isKept(record) && !isOffsetOnly(record);
      if (isForReaders) records.push(record);
      if (!commit) continue;
      const offset = isKept(record) ? memory!.append(record) : 0;
      if (options.storesOffset?.() ?? true) stored = record.sourceOffset;
      task.commitRecord?.(record, { topic: record.topic, partition: 0, offset, timestamp: 0 });
    }
    if (commit && batch.length > 0) await task.commit?.([{ partition: batch[0]!.sourcePartition, offset: stored }]);
    return batch.filter((record) => !isOffsetOnly(record) && !isKept(record));
  };
  const until = async (holds: (records: readonly SourceRecord[]) => boolean) => {
    const deadline = Date.now() + DEADLINE_MS;
    while (!holds(records)) {
      if (Date.now() > deadline)
        throw new Error(`After ${DEADLINE_MS} ms and ${records.length} records it still does not hold.`);
      await poll();
      // Polls that answer at once would keep timers waiting, the runner's own among them.
      await turn();
    }
  };
  let looked = 0;
  const source: RunningSource = {
    task,
    figures,
    gauge: (figure) => gauges.get(figure)!(),
    records,
    offset: () => stored,
    poll,
    until,
    untilRecord(matches) {
      return until(() => {
        while (looked < records.length) if (matches(records[looked++]!)) return true;
        return false;
      });
    },
    async stop() {
      if (!underway.delete(source)) return;
      abort.abort();
      await task.stop();
    },
  };
  underway.add(source);
  return source;
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

/** An offset as it is after a restart: what JSON keeps of it. */
export function stored<T>(offset: T): T {
  return JSON.parse(JSON.stringify(offset)) as T;
}
