/**
 * Where a queue's events are read from: a Redis stream or a Postgres table, each event with an id that grows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
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
  return isPostgres(settings.url) ? openTable(settings) : openStream(settings);
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

/** How often the table is looked at while nothing comes: NOTIFY would come before the row may be read in order. */
const TABLE_LOOK_MS = 100;

/**
 * Ids come from a sequence, and a transaction with a lower one may commit later: a row counts only when no transaction
 * is open that is as old as the one which wrote it. `age` compares transaction ids across their wraparound.
 */
const TABLE_QUERY = `
  SELECT e.id, e.event, e.data, e.created_at_ms FROM event e
  WHERE e.queue = $1 AND e.id > $2
    AND age(e.xmin) > age(((pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text)::xid)
  ORDER BY e.id LIMIT $3`;

interface EventRow {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly created_at_ms: string;
}

async function openTable({ url, queue }: SourceSettings): Promise<EventLog> {
  const { postgresClient } = await import('./postgres-jobs.ts');
  const client = postgresClient(url);
  client.on('error', () => undefined);
  await client.connect();
  const look = async (after: string | null, limit: number): Promise<QueueEvent[]> => {
    const { rows } = await client.query<EventRow>(TABLE_QUERY, [queue, after ?? '0', limit]);
    return rows.map(fromTable);
  };
  return {
    async read(after, limit, waitMs, signal) {
      const until = performance.now() + waitMs;
      let events = await look(after, limit);
      while (events.length === 0 && performance.now() < until && !signal.aborted) {
        await sleep(TABLE_LOOK_MS, undefined, { signal }).catch(() => undefined);
        events = await look(after, limit);
      }
      return events;
    },
    async hasForgotten(id) {
      const { rowCount } = await client.query('SELECT 1 FROM event WHERE queue = $1 AND id = $2', [queue, id]);
      return rowCount === 0;
    },
    close: () => client.end(),
  };
}

function fromTable({ id, event, data, created_at_ms }: EventRow): QueueEvent {
  const fields = Object.entries(data ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { id: String(id), name: event, fields: Object.fromEntries(fields), timestamp: Number(created_at_ms) };
}
