/**
 * Offsets of delivered records, in a table of the target: written in the transaction of the rows, so that a record's
 * row and its offset are there together or not at all.
 *
 * Whoever opens a partition raises its epoch; a task that lost the partition updates no row any more, learns that it is
 * fenced, and rolls back.
 */
import type { Client } from 'pg';
import { ConnectError, type TopicPartition } from '../../api/index.ts';
import { sqlStateOf } from '../errors.ts';
import { quoteIdentifier } from '../wire/connection.ts';

interface Held {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  /** The next to deliver; null before the first delivery. */
  next: number | null;
  /** What it was when the partition was taken over: nothing before it is asked for any more. */
  floor: number;
  /** The time of the last record delivered by then; null where nobody wrote it down. */
  readonly floorTime: number | null;
}

/** How far a partition is delivered. */
export interface Reached {
  /** The next to deliver. */
  readonly offset: number;
  /** Of the last record. */
  readonly timestamp: number | null;
}

/** One row of the offsets table, as a transaction moves it. */
interface Move {
  readonly topic: string;
  readonly partition: number;
  readonly epoch: number;
  readonly next_offset: number;
  readonly last_timestamp: number | null;
  /** Where it must stand before; null: anywhere. */
  readonly before: number | null;
}

export class SinkOffsets {
  readonly #table: string;
  readonly #connector: string;
  readonly #held = new Map<string, Held>();
  #isReady = false;

  constructor(table: string, connector: string) {
    this.#table = table.split('.').map(quoteIdentifier).join('.');
    this.#connector = connector;
  }

  /** Takes partitions over and answers where each goes on; null where nothing was delivered yet. */
  async open(client: Client, partitions: readonly TopicPartition[]): Promise<Map<TopicPartition, number | null>> {
    await this.#createTable(client);
    const { rows } = await client.query<{
      topic: string;
      partition: number;
      next_offset: string | null;
      epoch: string;
      last_timestamp: string | null;
    }>(
      `INSERT INTO ${this.#table} AS o (connector, topic, partition, epoch)
       SELECT $1, topic, partition, 1 FROM json_to_recordset($2) AS x(topic text, partition int) ORDER BY topic, partition
       ON CONFLICT (connector, topic, partition) DO UPDATE SET epoch = o.epoch + 1
       RETURNING topic, partition, next_offset, epoch, last_timestamp`,
      [this.#connector, JSON.stringify(partitions)],
    );
    for (const { topic, partition, next_offset, epoch, last_timestamp: time } of rows) {
      const next = next_offset === null ? null : Number(next_offset);
      this.#held.set(idOf(topic, partition), {
        topic,
        partition,
        epoch: Number(epoch),
        next,
        floor: next ?? 0,
        floorTime: time === null ? null : Number(time),
      });
    }
    return new Map(partitions.map((tp) => [tp, this.#held.get(idOf(tp.topic, tp.partition))?.next ?? null]));
  }

  close(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#held.delete(idOf(topic, partition));
  }

  /** Whether a record was delivered before. */
  isDelivered(topic: string, partition: number, offset: number): boolean {
    const next = this.#held.get(idOf(topic, partition))?.next;
    return next != null && offset < next;
  }

  /** Whether a record stands before where the partition was taken over: it should not come at all. */
  isBelowFloor(topic: string, partition: number, offset: number): boolean {
    const floor = this.#held.get(idOf(topic, partition))?.floor;
    return floor !== undefined && offset < floor;
  }

  /**
   * Begins a partition anew where a record stands before what was delivered and is younger than all of it: then the log does
   * not reach that far, because the topic was deleted and made again. Answers whether it did.
   */
  startedOver(topic: string, partition: number, offset: number, timestamp: number | null): boolean {
    const held = this.#held.get(idOf(topic, partition));
    if (held === undefined || offset >= held.floor || held.floorTime === null) return false;
    if (timestamp === null || timestamp <= held.floorTime) return false;
    held.next = offset;
    held.floor = offset;
    return true;
  }

  /** Looks again what was delivered: after a commit whose answer was lost. */
  async refresh(client: Client): Promise<void> {
    const { rows } = await client.query<{ topic: string; partition: number; next_offset: string | null }>(
      `SELECT topic, partition, next_offset FROM ${this.#table} WHERE connector = $1`,
      [this.#connector],
    );
    for (const { topic, partition, next_offset } of rows) {
      const held = this.#held.get(idOf(topic, partition));
      if (held !== undefined && next_offset !== null) held.next = Number(next_offset);
    }
  }

  /**
   * What {@link write} is to write. Asked before a transaction begins, because its COMMIT follows the rows unasked: throws
   * where a partition is not taken over, and then nothing may be sent. `behind`: offsets of a transaction that was sent
   * before and not answered yet, whose partitions `next` has too; where that one fails, this one does.
   */
  moves(next: ReadonlyMap<string, Reached>, behind: ReadonlyMap<string, Reached> | null): readonly Move[] {
    return [...next].map(([id, { offset, timestamp }]) => {
      const held = this.#held.get(id);
      if (held === undefined) {
        const message = `Connector "${this.#connector}" is to write records of ${id}, which its task has not taken over. Nothing of them is written; restart the task.`;
        throw new ConnectError(message, { code: 'PG_FENCED' });
      }
      const { topic, partition, epoch } = held;
      const before = behind?.get(id)?.offset ?? null;
      return { topic, partition, epoch, next_offset: offset, last_timestamp: timestamp, before };
    });
  }

  /**
   * Writes the offsets inside the open transaction, which the server itself aborts (so that a COMMIT may follow unasked)
   * where another task has taken a partition over; then this throws.
   */
  async write(client: Client, rows: readonly Move[]): Promise<void> {
    try {
      await client.query({
        name: 'millrace-offsets',
        text: `WITH moved AS (
               UPDATE ${this.#table} o SET next_offset = x.next_offset, last_timestamp = x.last_timestamp, updated_at = now()
               FROM json_to_recordset($2::json) AS x(topic text, partition int, epoch bigint, next_offset bigint, last_timestamp bigint, before bigint)
               WHERE o.connector = $1 AND o.topic = x.topic AND o.partition = x.partition AND o.epoch = x.epoch
                 AND (x.before IS NULL OR o.next_offset = x.before) RETURNING 1)
               SELECT 1 / (count(*) = $3::bigint)::int FROM moved`,
        values: [this.#connector, JSON.stringify(rows), String(rows.length)],
      });
    } catch (error) {
      if (sqlStateOf(error as Error) !== DIVISION_BY_ZERO) throw error;
      throw new ConnectError(
        `Another task of connector "${this.#connector}" has taken over ${rows.map(({ topic, partition }) => `${topic}-${partition}`).join(', ')}; this one stops before it writes anything twice. If no other worker runs, look for a second connector of that name on the same database.`,
        { code: 'PG_FENCED' },
      );
    }
  }

  /** The transaction of {@link write} is committed. */
  committed(next: ReadonlyMap<string, Reached>): void {
    for (const [id, { offset }] of next) {
      const held = this.#held.get(id);
      if (held !== undefined) held.next = offset;
    }
  }

  /** Makes the table, or adds what a table of an earlier version lacks; looks first, because only an owner may alter. */
  async #createTable(client: Client): Promise<void> {
    if (this.#isReady) return;
    const { rows } = await client.query<{ isThere: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'last_timestamp') AS "isThere"`,
      [this.#table],
    );
    // One statement sequence is one transaction. Two tasks that start at once do this one after the other, and a table
    // that somebody reads for hours is given up soon, because whoever waits for it holds up the tasks that write to it.
    if (!rows[0]!.isThere) {
      await client.query(
        `SELECT set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true);
         SELECT pg_advisory_xact_lock(${DDL_LOCK});
         CREATE TABLE IF NOT EXISTS ${this.#table} (connector text, topic text, partition int, next_offset bigint,
           epoch bigint NOT NULL, updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connector, topic, partition));
         ALTER TABLE ${this.#table} ADD COLUMN IF NOT EXISTS last_timestamp bigint`,
      );
    }
    this.#isReady = true;
  }
}

/** How the server says that not all rows were there to be updated. */
const DIVISION_BY_ZERO = '22012';
/** Tried again by the worker. */
const LOCK_TIMEOUT_MS = 1000;
/** Any number that is nobody else's: "mill" in ASCII. */
const DDL_LOCK = 0x6d696c6c;

/** One string per partition. */
export function idOf(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}
