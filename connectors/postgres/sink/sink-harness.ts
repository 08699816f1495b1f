/**
 * Drives a sink task by hand, for tests and benches: puts records as the worker would.
 */
import type { Client } from 'pg';
import {
  type Header,
  JsonText,
  type Logger,
  parseConfig,
  type RecordValue,
  type Schema,
  type SinkRecord,
  type SinkTask,
  type TopicPartition,
  unknownKeys,
} from '../../api/index.ts';
import { PostgresSink } from './sink.ts';
import { type SinkDialect, sinkConfigDefs } from './sink-keys.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export interface RunningSink {
  readonly task: SinkTask;
  /** Where the task asked to go on, by `topic-partition`. */
  readonly seeks: Map<string, number>;
  /** The partitions it has paused. */
  readonly paused: Set<string>;
  /** Records it called bad, with the reason; the policy is to fail unless `tolerates` was given. */
  readonly reported: { readonly record: SinkRecord; readonly error: Error }[];
  /** What it counted. */
  readonly figures: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** A server of tests. */
interface TestServer {
  createDatabase(): Promise<string>;
  connect(database: string): Promise<Client>;
  url(database: string): string;
}

/** A database of its own, prepared by `sql`: a client of it, and where a sink finds it. The server ends the client. */
export async function sinkTarget(
  server: TestServer,
  sql: string,
): Promise<{ readonly client: Client; readonly name: string; readonly url: string }> {
  const name = await server.createDatabase();
  const client = await server.connect(name);
  await client.query(sql);
  return { client, name, url: server.url(name) };
}

/** Starts a task from raw keys and opens its partitions. */
export async function startSink(
  config: Readonly<Record<string, string>>,
  partitions: readonly TopicPartition[],
  dialect: SinkDialect = 'own',
  tolerates = false,
): Promise<RunningSink> {
  const def = sinkConfigDefs[dialect];
  const { config: parsed, problems } = parseConfig(def, config);
  const wrong = [...problems, ...unknownKeys([def], config)];
  if (wrong.length > 0) throw new Error(wrong.map((problem) => problem.message).join(' '));
  const task = new PostgresSink(dialect).createTask();
  const abort = new AbortController();
  const seeks = new Map<string, number>();
  const paused = new Set<string>();
  const reported: RunningSink['reported'] = [];
  const figures = new Map<string, number>();
  await task.start(
    {
      connector: 'test',
      task: 0,
      logger: silent,
      signal: abort.signal,
      seek: ({ topic, partition }, offset) => void seeks.set(`${topic}-${partition}`, offset),
      assignment: () => partitions,
      pause(given) {
        for (const { topic, partition } of given) paused.add(`${topic}-${partition}`);
      },
      resume(given) {
        for (const { topic, partition } of given) paused.delete(`${topic}-${partition}`);
      },
      count: (figure, more) => void figures.set(figure, (figures.get(figure) ?? 0) + more),
      requestCommit: () => undefined,
      retryAfter: () => undefined,
      reportBadRecord: async (record, error) => {
        reported.push({ record, error });
        if (!tolerates) throw error;
      },
    },
    parsed,
  );
  await task.open?.(partitions);
  return {
    task,
    seeks,
    paused,
    reported,
    figures,
    async stop() {
      abort.abort();
      await task.close?.(partitions);
      await task.stop();
    },
  };
}

/** What a record is about; the rest is defaulted. */
export interface RecordSpec {
  readonly topic?: string;
  readonly offset: number;
  readonly key?: RecordValue;
  readonly keySchema?: Schema | null;
  readonly value: RecordValue;
  readonly valueSchema?: Schema | null;
  readonly headers?: readonly Header[];
  readonly timestamp?: number | null;
}

export function sinkRecord({
  topic = 't',
  offset,
  key = null,
  keySchema,
  value,
  valueSchema,
  headers = [],
  timestamp = null,
}: RecordSpec): SinkRecord {
  return {
    topic,
    partition: 0,
    originalTopic: topic,
    originalPartition: 0,
    offset,
    keySchema: keySchema ?? null,
    key,
    valueSchema: valueSchema ?? null,
    value,
    headers,
    timestamp,
  };
}

/** JSON text as the converters hand it on. */
export function json(text: string): JsonText {
  return new JsonText(Buffer.from(text));
}
