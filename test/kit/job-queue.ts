/**
 * BullMQ itself, as an application would use it, on either backend: for tests that look at a queue from its other side.
 */
import type { TestContext } from 'node:test';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';

export type TestQueue = Queue;

/** A queue on the server at `url`; closed with the test. */
export async function openQueue(t: TestContext, url: string, name: string, prefix?: string): Promise<TestQueue> {
  if (url.startsWith('redis')) {
    const connection = new Redis(url, { maxRetriesPerRequest: null });
    const queue = new Queue(name, { connection, ...(prefix === undefined ? {} : { prefix }) });
    t.after(async () => {
      await queue.close();
      connection.disconnect();
    });
    return queue;
  }
  const pool = new pg.Pool({ connectionString: url, max: 4, options: '-c search_path=bullmq' });
  pool.on('error', () => undefined);
  const { Queue: PostgresQueue } = withBackend(createPostgresBackend);
  const connection = pool as unknown as ConstructorParameters<typeof PostgresQueue>[1]['connection'];
  const queue = new PostgresQueue(name, { connection });
  t.after(async () => {
    await queue.close();
    await pool.end();
  });
  return queue as unknown as TestQueue;
}
