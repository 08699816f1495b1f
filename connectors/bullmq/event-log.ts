/**
 * Where a queue's events are read from: a Redis stream or a Postgres table, each event with an id that grows.
 */
import type { SourceSettings } from './config.ts';
import { isPostgres } from './job-store.ts';

export interface QueueEvent {
  readonly id: string;
  readonly name: string;
  /** Everything else BullMQ says of it, as text. */
  readonly fields: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

export interface EventLog {
  /** At most `limit` events behind `after` (null: from the oldest), in order; waits up to `waitMs` for the first. */
  read(after: string | null, limit: number, waitMs: number, signal: AbortSignal): Promise<readonly QueueEvent[]>;
  /** True when the event of this id is no longer kept, so that later ones may be gone too. */
  hasForgotten(id: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Connects; rejects when nobody is there. */
export async function eventLogFor(settings: SourceSettings): Promise<EventLog> {
  if (!isPostgres(settings.url)) return openStream(settings);
  const { openEventTable } = await import('./event-table.ts');
  return openEventTable(settings);
}

type StreamEntry = [id: string, fields: string[]];

async function openStream({ url, prefix, queue }: SourceSettings): Promise<EventLog> {
  const { redisClient } = await import('./redis-jobs.ts');
  const client = redisClient(url);
  await client.connect().catch((error: unknown) => {
    client.disconnect();
    throw error;
  });
  const stream = `${prefix}:${queue}:events`;
  return {
    async read(after, limit, waitMs, signal) {
      if (signal.aborted) return [];
      // A command that waits inside Redis ends early only with its connection.
      const leave = () => client.disconnect();
      signal.addEventListener('abort', leave, { once: true });
      try {
        const answer = await client.xread('COUNT', limit, 'BLOCK', waitMs, 'STREAMS', stream, after ?? '0');
        return ((answer?.[0]?.[1] ?? []) as StreamEntry[]).map(fromStream);
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    hasForgotten: async (id) => (await client.xrange(stream, id, id)).length === 0,
    close: async () => client.disconnect(),
  };
}

function fromStream([id, pairs]: StreamEntry): QueueEvent {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) fields[pairs[i]!] = pairs[i + 1]!;
  const { event: name = 'unknown', ...rest } = fields;
  return { id, name, fields: rest, timestamp: Number(id.split('-')[0]) };
}
