/**
 * Jobs on Redis. Redis has no transaction around a script, so delivery is at least once, and the ids make it once: a
 * queue takes an id only while it does not know it.
 */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { OffsetAndMetadata } from '../api/index.ts';
import type { SinkSettings } from './config.ts';
import { inRuns, type JobStore, placeOfUrl, type Step } from './job-store.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A command that Redis does not answer by then is a failure; the worker tries the batch again. */
const COMMAND_TIMEOUT_MS = 30_000;

export class RedisJobs implements JobStore {
  readonly place: string;
  readonly #settings: SinkSettings;
  readonly #queues = new Map<string, Queue>();
  #client: Redis | null = null;

  constructor(settings: SinkSettings) {
    this.#settings = settings;
    this.place = placeOfUrl(settings.url);
  }

  async connect(): Promise<void> {
    if (this.#client !== null) return;
    const client = redisClient(this.#settings.url);
    try {
      await client.connect();
    } catch (error) {
      client.disconnect();
      throw error;
    }
    this.#client = client;
  }

  async open(): Promise<readonly OffsetAndMetadata[]> {
    return [];
  }

  close(): void {}

  isDelivered(): boolean {
    return false;
  }

  async deliver(steps: readonly Step[]): Promise<void> {
    for (const run of inRuns(steps)) {
      if ('jobs' in run) await this.#queue(run.queue).addBulk(run.jobs as Parameters<Queue['addBulk']>[0]);
      else await this.#queue(run.remove.queue).remove(run.remove.jobId);
    }
  }

  drop(): void {
    for (const queue of this.#queues.values()) void queue.close().catch(() => undefined);
    this.#queues.clear();
    this.#client?.disconnect();
    this.#client = null;
  }

  async stop(): Promise<void> {
    this.drop();
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = redisQueue(name, this.#client!, this.#settings.prefix);
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

/** A queue on a client of ours, which whoever made it disconnects. With `isLook` it writes nothing at all. */
export function redisQueue(name: string, client: Redis, prefix: string, isLook = false): Queue {
  const queue = new Queue(name, { connection: client, prefix, skipMetasUpdate: isLook });
  // Each failure is also the answer of the call that met it.
  queue.on('error', () => undefined);
  return queue;
}

/** A client that fails soon instead of waiting for a Redis that is away: retrying is the worker's. */
export function redisClient(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableOfflineQueue: false,
  });
  client.on('error', () => undefined);
  return client;
}
