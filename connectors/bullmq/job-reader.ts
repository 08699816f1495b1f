/**
 * Takes jobs as a worker does and completes each once its record is durable, with the record's place as its result.
 *
 * BullMQ keeps the lock of a held job alive, and gives the job to somebody else once we show no sign of life: at least
 * once, after a crash with the same job id. A failed job is never ours: a bad record is dead-lettered by the policy.
 */
import { randomUUID } from 'node:crypto';
import { type Job, WaitingError, type Worker } from 'bullmq';
import {
  type Config,
  JsonText,
  type RecordMetadata,
  Schemas,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
} from '../api/index.ts';
import { type SourceSettings, sourceSettings } from './config.ts';
import { isLockLost, toQueueError } from './errors.ts';
import { placeOfUrl } from './job-store.ts';
import { openWorker, type WorkerHandle } from './worker.ts';

/** How long a poll waits while there are no jobs. */
const POLL_WAIT_MS = 1000;
/** How long `stop` waits for the answers of jobs that are durable. */
const CLOSE_MS = 3000;

/** A job in our hands, until its record is done. */
interface Held {
  readonly job: Job;
  readonly complete: (result: unknown) => void;
  readonly giveBack: () => void;
}

export class JobReader implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SourceSettings;
  #handle: WorkerHandle | null = null;
  /** Taken from the queue, not polled yet. */
  #arrived: Held[] = [];
  readonly #held = new Map<string, Held>();
  #wake: (() => void) | null = null;
  #failure: unknown = null;
  #isStopped = false;
  /** Distinguishes the lives of this task: a job that comes again in the next one is another delivery. */
  readonly #life = randomUUID();

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sourceSettings(config);
    context.signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    await this.#open();
  }

  async poll(): Promise<readonly SourceRecord[] | null> {
    if (this.#failure !== null) {
      const failure = toQueueError(placeOfUrl(this.#settings.url), this.#failure);
      this.#failure = null;
      throw failure;
    }
    if (this.#arrived.length === 0 && !this.#context.signal.aborted) await this.#waitForJobs();
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived.map(({ job }) => jobRecord(this.#settings, job, this.#tokenOf(job)));
  }

  commitRecord(record: SourceRecord, metadata: RecordMetadata | null): void {
    const id = String(record.sourceOffset.token);
    const held = this.#held.get(id);
    this.#held.delete(id);
    const { topic, partition, offset } = metadata ?? {};
    held?.complete(metadata === null ? { dropped: true } : { topic, partition, offset });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const handle = this.#handle;
    this.#handle = null;
    if (handle === null) return;
    for (const held of this.#held.values()) held.giveBack();
    this.#held.clear();
    this.#arrived = [];
    await handle.close(CLOSE_MS);
  }

  async #open(): Promise<void> {
    try {
      this.#handle = await openWorker(this.#settings, (job, token) => this.#take(job, token ?? ''));
    } catch (error) {
      throw toQueueError(placeOfUrl(this.#settings.url), error);
    }
    if (this.#isStopped) return this.stop();
    this.#handle.worker.on('error', (error) => this.#report(this.#handle?.worker, error));
  }

  /**
   * Connection losses mend themselves inside BullMQ, and a job whose lock ran out while we held it (the process stood
   * still) is given out again; both are said. Everything else is thrown by the next poll.
   */
  #report(worker: Worker | undefined, error: Error): void {
    if (worker === undefined || this.#context.signal.aborted) return;
    if (isLockLost(error)) {
      const message =
        'A job was held for longer than its lock and comes again. Raise lock.duration.ms if this goes on.';
      this.#context.logger.warn({ queue: this.#settings.queue, cause: error.message }, message);
      return;
    }
    const failure = toQueueError(placeOfUrl(this.#settings.url), error);
    if (failure.retriable) this.#context.logger.warn({ err: failure }, 'The job queue does not answer; trying again.');
    else this.#failure = error;
    this.#wake?.();
  }

  /** BullMQ calls this for every job and takes what it resolves to for the job's result. */
  #take(job: Job, token: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const held: Held = {
        job,
        complete: resolve,
        giveBack: () => {
          job.moveToWait(token).then(() => reject(new WaitingError()), reject);
        },
      };
      if (this.#isStopped) {
        held.giveBack();
        return;
      }
      this.#held.set(this.#tokenOf(job), held);
      this.#arrived.push(held);
      this.#wake?.();
    });
  }

  #tokenOf(job: Job): string {
    return `${this.#life}/${job.id}/${job.attemptsStarted}`;
  }

  async #waitForJobs(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_WAIT_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}

/** A job as its record; `token` tells this delivery of it from others. */
export function jobRecord({ queue, topic }: SourceSettings, job: Job, token: string): SourceRecord {
  const header = (key: string, value: string | number) => ({ key, value: String(value), schema: Schemas.string });
  return {
    sourcePartition: { queue },
    sourceOffset: { job: job.id ?? '', token },
    topic,
    partition: null,
    keySchema: Schemas.string,
    key: job.id ?? '',
    valueSchema: null,
    value: new JsonText(Buffer.from(JSON.stringify(job.data ?? null))),
    headers: [
      header('bullmq.job.name', job.name),
      header('bullmq.attempt', Math.max(1, job.attemptsStarted)),
      ...(job.priority ? [header('bullmq.priority', job.priority)] : []),
    ],
    timestamp: job.timestamp,
  };
}
