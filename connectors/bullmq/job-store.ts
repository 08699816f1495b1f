/**
 * Where jobs go: one port, two keepers (Redis, Postgres). The sink task is its only user.
 */
import type { OffsetAndMetadata, TopicPartition } from '../api/index.ts';
import type { SinkSettings } from './config.ts';
import type { Job } from './job.ts';

/** One thing to do, in the order of the log. */
export type Step = { readonly add: Job } | { readonly remove: { readonly queue: string; readonly jobId: string } };

export interface JobStore {
  /** For messages: the address without its password. */
  readonly place: string;
  /** Connects where there is no connection. Throws what the client library throws. */
  connect(): Promise<void>;
  /** Takes partitions over; answers where to go on, for a store that keeps offsets beside its jobs. */
  open(partitions: readonly TopicPartition[]): Promise<readonly OffsetAndMetadata[]>;
  close(partitions: readonly TopicPartition[]): void;
  /** True when the store knows that the record of this place was delivered. */
  isDelivered(topic: string, partition: number, offset: number): boolean;
  /** Does all steps, in order; `next` are the offsets behind them. All or nothing where the store has transactions. */
  deliver(steps: readonly Step[], next: readonly OffsetAndMetadata[]): Promise<void>;
  /** Drops the connection after a failure; the next `connect` begins anew. */
  drop(): void;
  stop(): Promise<void>;
}

/** The keeper for the address of the settings. Imports the client library it needs, and no other. */
export async function jobStoreFor(settings: SinkSettings, connector: string): Promise<JobStore> {
  if (isPostgres(settings.url)) {
    const { PostgresJobs } = await import('./postgres-jobs.ts');
    return new PostgresJobs(settings, connector);
  }
  const { RedisJobs } = await import('./redis-jobs.ts');
  return new RedisJobs(settings);
}

export function isPostgres(url: string): boolean {
  return url.startsWith('postgres');
}

/** The address as it may be shown. */
export function placeOfUrl(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${hostname}${port === '' ? '' : `:${port}`}${pathname}`;
}

/** Steps in runs that can be done by one call each: jobs added to one queue, or one removal. Keeps the order. */
export function inRuns(
  steps: readonly Step[],
): ({ readonly queue: string; readonly jobs: Job[] } | Extract<Step, { remove: unknown }>)[] {
  const runs: ({ queue: string; jobs: Job[] } | Extract<Step, { remove: unknown }>)[] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if ('remove' in step) runs.push(step);
    else if (last !== undefined && 'jobs' in last && last.queue === step.add.queue) last.jobs.push(step.add);
    else runs.push({ queue: step.add.queue, jobs: [step.add] });
  }
  return runs;
}
