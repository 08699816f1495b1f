/**
 * Opens what BullMQ needs to take jobs from a queue: a worker and its connections, on Redis or Postgres.
 */
import { createPostgresBackend, type Job, Worker, type WorkerOptions, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { SourceSettings } from './config.ts';
import { isPostgres } from './job-store.ts';
import { BULLMQ_SCHEMA } from './postgres-jobs.ts';
import { redisClient } from './redis-jobs.ts';

export interface WorkerHandle {
  readonly worker: Worker;
  /** Lets the running answers finish for so long, then cuts off. */
  close(graceMs: number): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Queries of one worker at a time; one more is taken by its LISTEN. */
const POOL_SIZE = 8;
/** After so many crashes while it was held a job would count as failed; the crash is ours, not the job's. */
const STALLED_COUNT_MAX = 1_000_000;
const RECONNECT_MS_MAX = 5000;
/** How long the end without a connection may take. */
const CUT_OFF_MS = 1000;

/** Starts taking jobs. Rejects when the server is not there at the start; later it waits for it. */
export async function openWorker(
  settings: SourceSettings,
  process: (job: Job, token?: string) => Promise<unknown>,
): Promise<WorkerHandle> {
  const options = {
    concurrency: settings.maxInFlight,
    lockDuration: settings.lockDurationMs,
    stalledInterval: settings.lockDurationMs,
    maxStalledCount: STALLED_COUNT_MAX,
    prefix: settings.prefix,
  };
  return isPostgres(settings.url)
    ? postgresWorker(settings, options, process)
    : redisWorker(settings, options, process);
}

type Options = Omit<WorkerOptions, 'connection'>;
type Process = (job: Job, token?: string) => Promise<unknown>;

async function redisWorker(settings: SourceSettings, options: Options, process: Process): Promise<WorkerHandle> {
  // Whether anybody is there is asked by a client that does not wait for him.
  const probe = redisClient(settings.url);
  try {
    await probe.connect();
  } finally {
    probe.disconnect();
  }
  const client = new Redis(settings.url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(times * 200, RECONNECT_MS_MAX),
  });
  client.on('error', () => undefined);
  const held = new Held();
  const worker = new Worker(settings.queue, held.around(process), { ...options, connection: client });
  return handleOf(worker, held, async () => client.disconnect());
}

async function postgresWorker(settings: SourceSettings, options: Options, process: Process): Promise<WorkerHandle> {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: POOL_SIZE,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'millrace bullmq',
    options: `-c search_path=${BULLMQ_SCHEMA}`,
  });
  pool.on('error', () => undefined);
  const { Worker: PostgresWorker } = withBackend(createPostgresBackend);
  const connection = pool as unknown as ConstructorParameters<typeof PostgresWorker>[2]['connection'];
  const held = new Held();
  const worker = new PostgresWorker(settings.queue, held.around(process), { ...options, connection });
  worker.on('error', () => undefined);
  try {
    await worker.waitUntilReady();
  } catch (error) {
    await pool.end().catch(() => undefined);
    throw error;
  }
  return handleOf(worker as unknown as Worker, held, () => pool.end());
}

function handleOf(worker: Worker, held: Held, disconnect: () => Promise<void>): WorkerHandle {
  // A call that fails for want of a connection is made again by BullMQ; whoever listens hears of it.
  worker.on('error', () => undefined);
  return {
    worker,
    close: async (graceMs) => {
      const closed = worker.close().catch(() => undefined);
      if (await isDoneWithin(closed, graceMs)) return disconnect().catch(() => undefined);
      // In this order: a job that is let go while Redis still listens would count as failed.
      const disconnected = disconnect().catch(() => undefined);
      held.letGo();
      await isDoneWithin(Promise.all([closed, disconnected]), CUT_OFF_MS);
    },
  };
}

async function isDoneWithin(done: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const isDone = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

/** Jobs being processed, which BullMQ's `close` waits for without an end. */
class Held {
  readonly #ends = new Set<(reason: Error) => void>();
  #isOver = false;

  /** `process`, ended by `letGo`. */
  around(process: Process): Process {
    return async (job, token) => {
      // Taken when nobody waits for it any more: BullMQ would renew its lock for ever.
      if (this.#isOver) throw ended();
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      this.#ends.add(reject);
      try {
        process(job, token).then(resolve, reject);
        return await promise;
      } finally {
        this.#ends.delete(reject);
      }
    };
  }

  letGo(): void {
    this.#isOver = true;
    for (const end of this.#ends) end(ended());
  }
}

const ended = (): Error => new Error('The task has ended.');
