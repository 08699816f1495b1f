/**
 * A queue's events on Postgres: rows with ids from a sequence, read in the order of the ids without stepping over one.
 *
 * A transaction takes its id before it commits, so a row may appear below others that are visible already. What is below a
 * ceiling is settled: the ceiling is where the sequence stood when we looked, and it counts once every transaction that
 * was writing then has ended. Transaction ids would not do: a row's order among them is not the order of its id.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { SourceSettings } from './config.ts';
import type { EventLog, QueueEvent } from './event-log.ts';
import { postgresClient } from './postgres-jobs.ts';

/** How often the table is looked at while nothing comes: NOTIFY would come before the row may be read in order. */
const LOOK_MS = 100;

/** A writer locks the table before it takes an id, and lets go when it ends (PostgreSQL, Explicit Locking). */
const WRITERS_QUERY = `
  SELECT virtualtransaction AS writer FROM pg_locks
  WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted AND relation = 'event'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const EVENTS_QUERY = `
  SELECT id, event, data, created_at_ms FROM event
  WHERE queue = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4`;

interface EventRow {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly created_at_ms: string;
}

/** Connects; rejects when nobody is there. */
export async function openEventTable({ url, queue }: SourceSettings): Promise<EventLog> {
  const client = postgresClient(url);
  client.on('error', () => undefined);
  await client.connect();
  const ceiling = new Ceiling(client);
  const look = async (after: string | null, limit: number): Promise<QueueEvent[]> => {
    await ceiling.raise();
    const { rows } = await client.query<EventRow>(EVENTS_QUERY, [queue, after ?? '0', ceiling.settled, limit]);
    return rows.map(fromRow);
  };
  return {
    async read(after, limit, waitMs, signal) {
      const until = performance.now() + waitMs;
      let events = await look(after, limit);
      while (events.length === 0 && performance.now() < until && !signal.aborted) {
        await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
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

class Ceiling {
  readonly #client: pg.Client;
  /** Every id up to here belongs to a transaction that has ended. */
  settled = '0';
  /** Where the sequence stood, and who was writing then and may still. */
  #next: { readonly id: string; readonly writers: ReadonlySet<string> } | null = null;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Looks who writes; each query sees what was committed before it began. */
  async raise(): Promise<void> {
    // In this order: who took an id up to this one and has not ended is among the writers asked for afterwards.
    const id = this.#next?.id ?? (await this.#lastId());
    const now = await this.#writers();
    const writers = this.#next === null ? now : new Set([...this.#next.writers].filter((writer) => now.has(writer)));
    this.#next = writers.size === 0 ? null : { id, writers };
    if (this.#next === null) this.settled = id;
  }

  async #lastId(): Promise<string> {
    const { rows } = await this.#client.query<{ last_value: string }>('SELECT last_value FROM event_seq');
    return rows[0]!.last_value;
  }

  async #writers(): Promise<Set<string>> {
    const { rows } = await this.#client.query<{ writer: string }>(WRITERS_QUERY);
    return new Set(rows.map(({ writer }) => writer));
  }
}

function fromRow({ id, event, data, created_at_ms }: EventRow): QueueEvent {
  const fields = Object.entries(data ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { id: String(id), name: event, fields: Object.fromEntries(fields), timestamp: Number(created_at_ms) };
}
