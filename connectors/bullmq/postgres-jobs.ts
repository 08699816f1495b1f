/**
 * Jobs on BullMQ's Postgres backend: jobs and offsets in one transaction, so that each record becomes one job, exactly
 * once, whatever is killed.
 *
 * BullMQ takes a pool and runs each command by itself. It gets one of a single client, on which a transaction is open.
 */
import { createPostgresBackend, type PgPool, runMigrations, withBackend } from 'bullmq';
import pg from 'pg';
import type { OffsetAndMetadata, TopicPartition } from '../api/index.ts';
import { idOf, SinkOffsets } from '../postgres/sink/sink-offsets.ts';
import type { SinkSettings } from './config.ts';
import { inRuns, type JobStore, placeOfUrl, type Step } from './job-store.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** BullMQ's schema; with a pool of ours it looks nowhere else. */
export const BULLMQ_SCHEMA = 'bullmq';

const { Queue } = withBackend(createPostgresBackend);
type PostgresQueue = InstanceType<typeof Queue>;

export class PostgresJobs implements JobStore {
  readonly place: string;
  readonly #settings: SinkSettings;
  readonly #offsets: SinkOffsets | null;
  readonly #queues = new Map<string, PostgresQueue>();
  #client: pg.Client | null = null;
  #isMigrated = false;
  /** The last commit may have happened without our hearing of it. */
  #isUncertain = false;

  constructor(settings: SinkSettings, connector: string) {
    this.#settings = settings;
    this.place = placeOfUrl(settings.url);
    this.#offsets = settings.offsetsTable === null ? null : new SinkOffsets(settings.offsetsTable, connector);
  }

  async connect(): Promise<void> {
    if (this.#client === null) {
      const client = postgresClient(this.#settings.url);
      client.on('error', () => this.#forget(client));
      client.on('end', () => this.#forget(client));
      await client.connect();
      this.#client = client;
      if (this.#settings.migrate && !this.#isMigrated) await runMigrations(client, BULLMQ_SCHEMA);
      this.#isMigrated = true;
    }
    if (!this.#isUncertain) return;
    await this.#offsets?.refresh(this.#client);
    this.#isUncertain = false;
  }

  async open(partitions: readonly TopicPartition[]): Promise<readonly OffsetAndMetadata[]> {
    const places = (await this.#offsets?.open(this.#client!, partitions)) ?? [];
    return [...places].flatMap(([partition, offset]) => (offset === null ? [] : [{ ...partition, offset }]));
  }

  close(partitions: readonly TopicPartition[]): void {
    this.#offsets?.close(partitions);
  }

  isDelivered(topic: string, partition: number, offset: number): boolean {
    return this.#offsets?.isDelivered(topic, partition, offset) ?? false;
  }

  async deliver(steps: readonly Step[], next: readonly OffsetAndMetadata[]): Promise<void> {
    const client = this.#client!;
    const places = new Map(
      next.map(({ topic, partition, offset }) => [idOf(topic, partition), { offset, timestamp: null }]),
    );
    const runs = inRuns(steps);
    // A queue looks at the schema when it is first used; that must not happen inside the transaction.
    for (const run of runs) await this.#queue('jobs' in run ? run.queue : run.remove.queue).waitUntilReady();
    const moves = this.#offsets?.moves(places, null) ?? [];
    await client.query('BEGIN');
    try {
      await this.#offsets?.write(client, moves);
      for (const run of runs) {
        if ('jobs' in run) await this.#queue(run.queue).addBulk(run.jobs as Parameters<PostgresQueue['addBulk']>[0]);
        else await this.#queue(run.remove.queue).remove(run.remove.jobId);
      }
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
    this.#isUncertain = true;
    await client.query('COMMIT');
    this.#isUncertain = false;
    this.#offsets?.committed(places);
  }

  drop(): void {
    const client = this.#client;
    if (client === null) return;
    this.#forget(client);
    void client.end().catch(() => undefined);
  }

  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    for (const queue of this.#queues.values()) await queue.close();
    this.#queues.clear();
    await client?.end();
  }

  #forget(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    for (const queue of this.#queues.values()) void queue.close().catch(() => undefined);
    this.#queues.clear();
  }

  #queue(name: string): PostgresQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = postgresQueue(name, this.#client!);
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

/** A client whose search path is BullMQ's schema. Not connected yet. */
export function postgresClient(url: string): pg.Client {
  return new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'millrace bullmq',
    options: `-c search_path=${BULLMQ_SCHEMA}`,
  });
}

/** A queue on a client of ours, which whoever made it ends. It writes nothing unless asked. */
export function postgresQueue(name: string, client: pg.Client): PostgresQueue {
  // Its metadata would be written outside our transaction, at a moment of its own.
  const queue = new Queue(name, { connection: poolOf(client), skipMetasUpdate: true });
  queue.on('error', () => undefined);
  return queue;
}

/** One client in the shape of a pool, as BullMQ wants it. Whoever made the client ends it. */
function poolOf(client: pg.Client): PgPool {
  const query = client.query.bind(client);
  const listening = { on: () => pool, removeListener: () => pool, removeAllListeners: () => pool };
  const pool = {
    ...listening,
    query,
    connect: async () => ({ ...listening, query, release: () => undefined }),
    end: async () => undefined,
    options: {},
  };
  return pool as unknown as PgPool;
}
