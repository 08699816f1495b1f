/**
 * Writes a batch of records as one transaction: their statements, and the offsets behind them. All or nothing.
 */
import type { Client } from 'pg';
import type { SinkRecord } from '../api/index.ts';
import { isForeignKeyViolation, sqlStateOf } from './errors.ts';
import { type SinkChange, type TargetName, toChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { idOf, type Reached, type SinkOffsets } from './sink-offsets.ts';
import { byTarget, inOrder, type TableWork } from './sink-order.ts';
import { runsOf } from './sink-runs.ts';
import { reduced, type Statement } from './sink-statements.ts';
import { type TargetTables, targetSql } from './target-tables.ts';

/** Records made into statements at once; small enough that the server begins soon, large enough for good statements. */
const SLICE_RECORDS = 500;

/** A slice needs what only a look at the server can tell; the batch begins again. */
class LookFirst extends Error {}

export class BatchWriter {
  readonly #settings: SinkSettings;
  readonly #tables: TargetTables;
  readonly #offsets: SinkOffsets | null;
  readonly #onBroken: () => void;
  /** The last commit may have happened without our hearing of it. */
  isUncertain = false;
  /** The table whose statement last met a foreign key that does not hold; null where it was the commit. */
  violated: string | null = null;

  /** `onBroken`: a connection does not even take a ROLLBACK. */
  constructor(settings: SinkSettings, tables: TargetTables, offsets: SinkOffsets | null, onBroken: () => void) {
    this.#onBroken = onBroken;
    this.#settings = settings;
    this.#tables = tables;
    this.#offsets = offsets;
  }

  /** In slices where nothing has to be looked up: the server works on one while the next is made. */
  async write(client: Client, records: readonly SinkRecord[]): Promise<void> {
    const next = nextOffsets(records);
    const first = this.#statementsNow(records.slice(0, SLICE_RECORDS));
    if (first !== null) {
      try {
        return await this.#transact(client, this.#slices(first, records), next);
      } catch (error) {
        if (!(error instanceof LookFirst)) throw error;
      }
    }
    const work: TableWork[] = [];
    for (const [target, changes] of this.#folded(records)) {
      const table = await this.#tables.prepare(client, target, changes);
      if (table !== null) work.push({ table, changes });
    }
    await this.#transactInOrder(client, work, next);
  }

  /** Deletes first; where a foreign key forbids that and there are some, deletes last. */
  async #transactInOrder(
    client: Client,
    work: readonly TableWork[],
    next: ReadonlyMap<string, Reached>,
  ): Promise<void> {
    const statements = inOrder(work, this.#settings);
    try {
      await this.#transact(client, [statements], next);
    } catch (error) {
      if (!isForeignKeyViolation(error) || !statements.some(({ isDelete }) => isDelete)) throw error;
      const { violated } = this;
      try {
        await this.#transact(client, [inOrder(work, this.#settings, true)], next);
      } catch (again) {
        if (sqlStateOf(again as Error) === null) throw again;
        this.violated = violated;
        throw error;
      }
    }
  }

  /** These records are done without being written: only their offsets move. */
  async pass(client: Client, records: readonly SinkRecord[]): Promise<void> {
    await this.#transact(client, [], nextOffsets(records));
  }

  /** The table a record goes to, as `violated` names it; null where it goes nowhere. Throws DataError. */
  tableOf(record: SinkRecord): string | null {
    const change = toChange(record, this.#settings);
    return change === null ? null : targetSql(change.target);
  }

  *#slices(first: readonly Statement[], records: readonly SinkRecord[]): Generator<readonly Statement[]> {
    yield first;
    for (let from = SLICE_RECORDS; from < records.length; from += SLICE_RECORDS) {
      const statements = this.#statementsNow(records.slice(from, from + SLICE_RECORDS));
      if (statements === null) throw new LookFirst();
      yield statements;
    }
  }

  /** The statements for these records, or null where a table must be looked at or all records be seen together. */
  #statementsNow(records: readonly SinkRecord[]): readonly Statement[] | null {
    const work: TableWork[] = [];
    for (const [target, changes] of this.#folded(records)) {
      const table = this.#tables.ready(target, changes);
      // Rows that point to others are ordered over the whole batch.
      if (table === null || table.parents.length > 0) return null;
      work.push({ table, changes });
    }
    return inOrder(work, this.#settings);
  }

  #folded(records: readonly SinkRecord[]): [TargetName, readonly SinkChange[]][] {
    const settings = this.#settings;
    const changes: SinkChange[] = [];
    for (const record of records) {
      const change = toChange(record, settings);
      if (change !== null) changes.push(change);
    }
    return [...byTarget(changes)].map(([target, all]) => [target, reduced(all, settings)]);
  }

  async #transact(
    client: Client,
    batches: Iterable<readonly Statement[]>,
    next: ReadonlyMap<string, Reached>,
  ): Promise<void> {
    const sent: Promise<unknown>[] = [];
    this.violated = null;
    const send = (answer: Promise<unknown>, table: string | null) => {
      // Awaited below; until then nobody listens. Only the first error is not about the aborted transaction.
      answer.catch((error: unknown) => {
        if (isForeignKeyViolation(error)) this.violated = table;
      });
      sent.push(answer);
    };
    try {
      send(client.query('BEGIN'), null);
      if (this.#offsets !== null) send(this.#offsets.write(client, next), null);
      for (const statements of batches) {
        for (const { table, text, parameters } of statements) {
          send(client.query({ name: statementName(text), text, values: [...parameters] }), table);
        }
      }
      await Promise.all(sent);
      this.isUncertain = true;
      await client.query('COMMIT');
      this.isUncertain = false;
      this.#offsets?.committed(next);
    } catch (error) {
      if (error instanceof LookFirst || sqlStateOf(error as Error) !== null) this.isUncertain = false;
      await Promise.allSettled(sent);
      await client.query('ROLLBACK').catch(() => this.#onBroken());
      throw error;
    }
  }
}

function nextOffsets(records: readonly SinkRecord[]): Map<string, Reached> {
  const next = new Map<string, Reached>();
  for (const { topic, partition, records: run } of runsOf(records)) {
    const { offset, timestamp } = run.at(-1)!;
    next.set(idOf(topic, partition), { offset: offset + 1, timestamp });
  }
  return next;
}

/** Prepared statements are told apart by name; Postgres cuts names at 63 bytes. */
const names = new Map<string, string>();

function statementName(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `millrace-${names.size}`;
    names.set(text, name);
  }
  return name;
}
