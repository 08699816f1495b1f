/**
 * A look at a queue for `millrace preview`: the jobs that would be taken next, without taking one.
 */
import type { Job, Queue } from 'bullmq';
import type { SourceRecord } from '../api/index.ts';
import type { SourceSettings } from './config.ts';
import { toQueueError } from './errors.ts';
import { jobRecord } from './job-reader.ts';
import { isPostgres, placeOfUrl } from './job-store.ts';

/** In the order in which a worker would come to them. */
const STATES = ['waiting', 'prioritized', 'delayed'] as const;

/** At most `max` jobs that wait. Throws as the task would where the queue cannot be reached. */
export async function sampleJobs(settings: SourceSettings, max: number): Promise<readonly SourceRecord[]> {
  const lookInto = isPostgres(settings.url) ? lookIntoTable : lookIntoRedis;
  try {
    const jobs = await lookInto(settings, max);
    return jobs.map((job) => jobRecord(settings, job, 'preview'));
  } catch (error) {
    throw toQueueError(placeOfUrl(settings.url), error);
  }
}

async function lookIntoTable({ url, queue: name }: SourceSettings, max: number): Promise<Job[]> {
  const { postgresClient, postgresQueue } = await import('./postgres-jobs.ts');
  const client = postgresClient(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await look(postgresQueue(name, client) as unknown as Queue, max);
  } finally {
    await client.end();
  }
}

async function lookIntoRedis({ url, queue: name, prefix }: SourceSettings, max: number): Promise<Job[]> {
  const { redisClient, redisQueue } = await import('./redis-jobs.ts');
  const client = redisClient(url);
  try {
    await client.connect();
    return await look(redisQueue(name, client, prefix, true), max);
  } finally {
    client.disconnect();
  }
}

/** One after the other: a single Postgres client does one thing at a time. */
async function look(queue: Queue, max: number): Promise<Job[]> {
  const ids = await queue.getRanges([...STATES], 0, max - 1, true);
  const jobs: Job[] = [];
  for (const id of ids.slice(0, max)) {
    const job = await queue.getJob(id);
    // One that was taken in between is no longer waiting.
    if (job !== undefined) jobs.push(job);
  }
  await queue.close();
  return jobs;
}
