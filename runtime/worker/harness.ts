/**
 * For the runtime's own tests: a worker on the in-memory log, a source and a sink that a test steers, and patience.
 *
 * Everything is defaulted; what a test sets is what it is about.
 */
import type { TestContext } from 'node:test';
import type {
  ConverterPlugin,
  HeaderConverterPlugin,
  Plugin,
  RecordMetadata,
  SinkRecord,
  SinkTask,
  SinkTaskContext,
  SourceConnectorPlugin,
  SourceRecord,
  SourceTask,
  SourceTaskContext,
} from '../../connectors/api/index.ts';
import { DataError } from '../../connectors/api/index.ts';
import { MemoryLog } from '../log/memory.ts';
import { type RunningWorker, startWorker, type WorkerOptions } from '../worker-server.ts';
import type { WorkerLogger } from './loggers.ts';

export const silent: WorkerLogger = {
  level: 'info',
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => ({ ...silent }),
};

/** Text and bytes as they are; a value that begins with "bad" does not convert. */
export const textConverter: ConverterPlugin = {
  type: 'converter',
  class: 'TextConverter',
  version: '1',
  config: {},
  create: () => ({
    configure() {},
    fromConnectData(_, __, value) {
      if (String(value).startsWith('bad')) throw new Error(`cannot convert ${value}`);
      return value === null ? null : Buffer.from(String(value));
    },
    toConnectData(_, bytes) {
      const value = bytes === null ? null : Buffer.from(bytes).toString();
      if (value?.startsWith('unreadable')) throw new Error(`cannot read ${value}`);
      return { schema: null, value };
    },
  }),
};

export const textHeaderConverter: HeaderConverterPlugin = {
  type: 'header_converter',
  class: 'TextHeaderConverter',
  version: '1',
  config: {},
  create: () => ({
    configure() {},
    fromConnectHeader: (_, { value }) => (value === null ? null : Buffer.from(String(value))),
    toConnectHeader: (_, key, bytes) => ({
      key,
      schema: null,
      value: bytes === null ? null : Buffer.from(bytes).toString(),
    }),
  }),
};

/** Drops records whose value begins with "drop", behind no predicate. */
const dropTransform: Plugin = {
  type: 'transformation',
  class: 'DropSome',
  version: '1',
  config: {},
  create: () => ({ configure() {}, apply: (record) => (String(record.value).startsWith('drop') ? null : record) }),
};

export interface SteeredSource {
  readonly plugin: Plugin;
  /** What `poll` hands out, from the stored offset on. */
  readonly values: string[];
  /** `commitRecord:<value>` and `commit`, in the order they came. */
  readonly calls: string[];
  readonly metadata: (RecordMetadata | null)[];
  readonly started: number[];
  /** Called by each poll, before it answers. */
  onPoll: (context: SourceTaskContext) => void | Promise<void>;
  /** Called with what a poll is about to answer. */
  onRecords: (records: SourceRecord[], context: SourceTaskContext) => void;
  batchSize: number;
}

/** A source over `values`: one source partition, the offset is the index of the next one. */
export function steeredSource(declared: Partial<SourceConnectorPlugin> = {}): SteeredSource {
  const source: SteeredSource = {
    values: [],
    calls: [],
    metadata: [],
    started: [],
    onPoll: () => {},
    onRecords: () => {},
    batchSize: 10,
    plugin: {
      type: 'source',
      class: 'SteeredSource',
      aliases: ['org.example.SteeredSourceConnector'],
      version: '1.2.3',
      config: {
        topic: { type: 'string', default: 'out', doc: 'The topic.' },
        rows: { type: 'int', default: 1, min: 1, doc: 'A number.' },
        password: { type: 'password', default: null, doc: 'A secret.' },
      },
      create: () => ({
        start() {},
        taskConfigs: (max) => Array.from({ length: Math.min(max, 3) }, (_, index) => ({ part: String(index) })),
        createTask: (): SourceTask => task(),
        stop() {},
      }),
      ...declared,
    },
  };
  const task = () => steeredSourceTask(source);
  return source;
}

const steeredPartition = { list: 'values' };

function steeredSourceTask(source: SteeredSource): SourceTask {
  let next = 0;
  let topic = '';
  let context: SourceTaskContext;
  const recordOf = (value: string): SourceRecord => {
    next++;
    return {
      sourcePartition: steeredPartition,
      sourceOffset: { next },
      topic,
      partition: null,
      keySchema: null,
      key: null,
      valueSchema: null,
      value,
      headers: [],
      timestamp: 1_700_000_000_000,
    };
  };
  return {
    async start(given, config) {
      context = given;
      topic = config.string('topic');
      const [offset] = await given.offsets([steeredPartition]);
      next = Number(offset?.next ?? 0);
      source.started.push(next);
    },
    async poll() {
      await source.onPoll(context);
      if (next < source.values.length) {
        const records = source.values.slice(next, next + source.batchSize).map(recordOf);
        source.onRecords(records, context);
        return records;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      return null;
    },
    commitRecord(record, metadata) {
      source.calls.push(`commitRecord:${record.value}`);
      source.metadata.push(metadata);
    },
    commit: () => void source.calls.push('commit'),
    signal({ id, type, data }) {
      if (type !== 'known') throw new DataError(`Nobody knows a signal of type "${type}".`);
      source.calls.push(`signal ${id} ${JSON.stringify(data)}`);
    },
    stop: () => void source.calls.push('stop'),
  };
}

export interface SteeredSink {
  readonly plugin: Plugin;
  readonly received: string[];
  readonly batches: string[][];
  readonly calls: string[];
  /** May throw to refuse a batch. */
  onPut: (records: readonly SinkRecord[], task: number) => void | Promise<void>;
  onFlush: () => void | Promise<void>;
  onClose: () => void;
  context: SinkTaskContext | null;
  report: ((record: SinkRecord, error: Error) => Promise<void>) | null;
}

export function steeredSink(): SteeredSink {
  const sink: SteeredSink = {
    received: [],
    batches: [],
    calls: [],
    onPut: () => {},
    onFlush: () => {},
    onClose: () => {},
    context: null,
    report: null,
    plugin: {
      type: 'sink',
      class: 'SteeredSink',
      version: '1.2.3',
      config: {},
      create: () => ({
        start() {},
        taskConfigs: (max) => Array.from({ length: max }, () => ({})),
        createTask: (): SinkTask => task(),
        stop() {},
      }),
    },
  };
  const task = (): SinkTask => {
    let id = 0;
    return {
      start(context) {
        id = context.task;
        sink.context = context;
        sink.report = (record, error) => context.reportBadRecord(record, error);
      },
      open: (partitions) => void sink.calls.push(`open ${id}:${partitions.map((each) => each.partition).sort()}`),
      async put(records) {
        if (records.length === 0) return;
        await sink.onPut(records, id);
        const values = records.map(({ value }) => String(value));
        sink.batches.push(values);
        sink.received.push(...values);
      },
      async flush() {
        await sink.onFlush();
        sink.calls.push('flush');
        return undefined;
      },
      close(partitions) {
        sink.calls.push(`close ${id}:${partitions.map((each) => each.partition).sort()}`);
        sink.onClose();
      },
      stop: () => void sink.calls.push('stop'),
    };
  };
  return sink;
}

export interface Harness {
  readonly log: MemoryLog;
  readonly running: RunningWorker;
  create(name: string, config: Record<string, string>): Promise<void>;
  /** Values of all partitions of a topic. */
  values(topic: string): string[];
  write(topic: string, values: readonly string[], partitions?: number): Promise<void>;
  /** Ends this worker and starts another on the same log. */
  restart(): Promise<void>;
}

const workerConfig = {
  'key.converter': 'TextConverter',
  'value.converter': 'TextConverter',
  'header.converter': 'TextHeaderConverter',
  'offset.flush.interval.ms': '20',
  'task.shutdown.graceful.timeout.ms': '500',
};

/** A worker that ends with the test. */
export async function harness(
  context: TestContext,
  plugins: readonly Plugin[],
  more: Partial<Omit<WorkerOptions, 'log'>> & { readonly log?: MemoryLog } = {},
): Promise<Harness> {
  const log = more.log ?? new MemoryLog();
  const start = () =>
    startWorker({
      host: '127.0.0.1',
      port: 0,
      logger: silent,
      ...more,
      log,
      plugins: [textConverter, textHeaderConverter, dropTransform, ...plugins],
      config: { ...workerConfig, ...more.config },
    });
  let running = await start();
  context.after(async () => {
    await running.stop();
    await log.close();
  });
  return {
    log,
    get running() {
      return running;
    },
    async create(name, config) {
      await running.worker.create(name, config);
      await running.worker.settled(name);
    },
    values: (topic) => valuesOf(log, topic),
    async write(topic, values, partitions = 1) {
      await log.createTopics([{ topic, partitions, replicationFactor: 1 }]);
      const records = values.map((value, index) => ({
        topic,
        partition: index % partitions,
        key: null,
        value: Buffer.from(value),
        headers: [],
        timestamp: null,
      }));
      await log.producer().send(records);
    },
    async restart() {
      await running.stop();
      running = await start();
    },
  };
}

export function valuesOf(log: MemoryLog, topic: string): string[] {
  return Array.from({ length: log.partitionCount(topic) }, (_, partition) => log.committed({ topic, partition }))
    .flat()
    .map(({ value }) => value?.toString() ?? 'null');
}

/** Waits until `check` stops throwing; then answers what it answered. */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const range = (count: number, prefix = 'v') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
