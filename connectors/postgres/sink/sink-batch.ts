/**
 * Writes a batch of records as one transaction: their statements, and the offsets behind them. All or nothing.
 */
import type { Client, QueryConfig } from 'pg';
import { ConnectError, type SinkRecord } from '../../api/index.ts';
import { isForeignKeyViolation, sqlStateOf } from '../errors.ts';
import { beginCopy, COPY_HEADER_BYTES, type CopyIn } from './copy-in.ts';
import { type SinkChange, type TargetName, toChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { type Copied, Copies } from './sink-copies.ts';
import type { RowLayout } from './sink-copy.ts';
import { idOf, type Reached, type SinkOffsets } from './sink-offsets.ts';
import { byTarget, inOrder, type TableWork } from './sink-order.ts';
import { runsOf } from './sink-runs.ts';
import { reduced, type Statement } from './sink-statements.ts';
import { type TargetTable, type TargetTables, targetSql } from './target-tables.ts';

/** Records made into statements at once; small enough that the server begins soon, large enough for good statements. */
const SLICE_RECORDS = 500;

/** What a guess that rows are new may be refused for: the rows, or the way they came. The rest would meet statements too. */
const GUESS_STATE = /^(2[23]|42|0A)/;

/** What is sent as one piece: statements, or rows for COPY. Null: what is left needs a look at the server first. */
type Piece = readonly Statement[] | Copied | null;

/** A transaction that was sent to its end. */
export interface Sent {
  /** Where it leaves the partitions, those of the transaction before it included. */
  readonly next: ReadonlyMap<string, Reached>;
  /** Settles with its commit. */
  readonly done: Promise<void>;
}

/** Adds to a figure of the task. */
type Count = (figure: string, more: number) => void;

export class BatchWriter {
  readonly #settings: SinkSettings;
  readonly #tables: TargetTables;
  readonly #offsets: SinkOffsets | null;
  readonly #onBroken: () => void;
  readonly #count: Count;
  readonly #copies: Copies;
  /** Errors of transactions that had guessed rows to be new. */
  readonly #guesses = new WeakSet<object>();
  /** The tables whose statements failed, by their errors. */
  readonly #failed = new WeakMap<object, string>();
  /** The last commit may have happened without our hearing of it. */
  isUncertain = false;
  /** The table whose statement last met a foreign key that does not hold; null where it was the commit. */
  violated: string | null = null;

  /** `onBroken`: a connection takes nothing any more. `count` is told what each transaction did. */
  constructor(
    settings: SinkSettings,
    tables: TargetTables,
    offsets: SinkOffsets | null,
    onBroken: () => void,
    count: Count = () => {},
  ) {
    this.#onBroken = onBroken;
    this.#count = count;
    this.#settings = settings;
    this.#tables = tables;
    this.#offsets = offsets;
    this.#copies = new Copies(settings, tables);
  }

  /** Resolves once these are committed. */
  async write(client: Client, records: readonly SinkRecord[]): Promise<void> {
    const sent = this.send(client, records, null);
    if (sent !== null) {
      try {
        return await sent.done;
      } catch (error) {
        if (!this.#guesses.has(error as object)) throw error;
      }
      // By statements now, which say what is wrong, if anything is.
      return this.write(client, records);
    }
    const next = nextOffsets(records);
    const work: TableWork[] = [];
    for (const [target, changes] of this.#folded(records)) {
      const table = await this.#tables.prepare(client, target, changes);
      if (table !== null) work.push({ table, changes });
    }
    await this.#transactInOrder(client, work, next);
  }

  /**
   * Sends the whole transaction before anything is awaited, so that another may be sent behind it: then `behind` says where
   * this one leaves off, and the server commits neither without the other. In pieces: it works on one while the next is
   * made. Null, and nothing is done, where something has to be looked up first. Throws DataError.
   */
  send(client: Client, records: readonly SinkRecord[], behind: ReadonlyMap<string, Reached> | null): Sent | null {
    const next = new Map([...(behind ?? []), ...nextOffsets(records)]);
    const done = this.#sendAll(client, this.#pieces(records), next, behind);
    return done === null ? null : { next, done };
  }

  /** Deletes first; where a foreign key forbids that and there are some, deletes last. */
  async #transactInOrder(
    client: Client,
    work: readonly TableWork[],
    next: ReadonlyMap<string, Reached>,
  ): Promise<void> {
    const statements = inOrder(work, this.#settings);
    try {
      await this.#sendAll(client, [statements].values(), next, null);
    } catch (error) {
      if (!isForeignKeyViolation(error) || !statements.some(({ isDelete }) => isDelete)) throw error;
      const { violated } = this;
      try {
        await this.#sendAll(client, [inOrder(work, this.#settings, true)].values(), next, null);
      } catch (again) {
        if (sqlStateOf(again as Error) === null) throw again;
        this.violated = violated;
        throw error;
      }
    }
  }

  /** These records are done without being written: only their offsets move. */
  async pass(client: Client, records: readonly SinkRecord[]): Promise<void> {
    await this.#sendAll(client, [[]].values(), nextOffsets(records), null);
  }

  /** The table a record goes to, as `violated` names it; null where it goes nowhere. Throws DataError. */
  tableOf(record: SinkRecord): string | null {
    const change = toChange(record, this.#settings);
    return change === null ? null : targetSql(change.target);
  }

  /** The table whose statement failed with this error; null where it was none's. */
  tableOfFailure(error: unknown): string | null {
    return typeof error === 'object' && error !== null ? (this.#failed.get(error) ?? null) : null;
  }

  *#pieces(records: readonly SinkRecord[]): Generator<Piece> {
    let open: RowLayout | null = null;
    for (let from = 0; from < records.length; ) {
      const copied = this.#copies.next(records, from, COPY_HEADER_BYTES, open);
      if (copied !== null) {
        open = copied.layout;
        from += copied.rows;
        yield copied;
        continue;
      }
      open = null;
      const slice = records.slice(from, from + SLICE_RECORDS);
      const statements = this.#statementsNow(slice);
      yield statements;
      from += slice.length;
      this.#copies.learn(slice.at(-1)!);
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

  /** Null, and rolled back, where a piece is. The first one is made before anything is sent. */
  #sendAll(
    client: Client,
    pieces: Iterator<Piece>,
    next: ReadonlyMap<string, Reached>,
    behind: ReadonlyMap<string, Reached> | null,
  ): Promise<void> | null {
    let piece = pieces.next();
    if (piece.value === null) return null;
    const moves = this.#offsets?.moves(next, behind) ?? [];
    const sending = new Sending(client, (error, table) => {
      if (isForeignKeyViolation(error)) this.violated = table;
      if (table !== null && error instanceof Error) this.#failed.set(error, table);
    });
    this.violated = null;
    sending.query('BEGIN', null);
    if (this.#offsets !== null) sending.add(this.#offsets.write(client, moves), null);
    let isWhole = false;
    try {
      for (; piece.done !== true && piece.value !== null; piece = pieces.next()) sending.piece(piece.value);
      isWhole = piece.done === true;
    } finally {
      sending.endCopy();
      // Whoever throws here throws past what was sent.
      if (!isWhole) client.query('ROLLBACK').catch(() => this.#onBroken());
    }
    if (!isWhole) return null;
    sending.query('COMMIT', null);
    return this.#answered(sending, next);
  }

  async #answered({ sent, copied, changes }: Sending, next: ReadonlyMap<string, Reached>): Promise<void> {
    const answers = await Promise.allSettled(sent);
    // The first error is what went wrong; those behind it are about the aborted transaction.
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed === undefined) {
      this.#offsets?.committed(next);
      this.#tell(changes.map((index) => (answers[index] as PromiseFulfilledResult<ServerCount>).value));
      return;
    }
    this.#count('transactions_failed', 1);
    const error = failed.reason as Error;
    const state = sqlStateOf(error);
    if (state === null && !(error instanceof ConnectError)) {
      this.isUncertain = true;
      this.#onBroken();
    }
    if (state !== null && copied.size > 0 && GUESS_STATE.test(state)) {
      this.#copies.refused(copied, state);
      this.#guesses.add(error);
    }
    throw error;
  }

  /** Of a committed transaction. Rows are those that the server changed: one that is newer already is none. */
  #tell(counts: readonly ServerCount[]): void {
    let [written, deleted] = [0, 0];
    for (const { command, rowCount } of counts) {
      if (command === 'DELETE') deleted += rowCount ?? 0;
      else written += rowCount ?? 0;
    }
    this.#count('transactions_committed', 1);
    if (written > 0) this.#count('rows_written', written);
    if (deleted > 0) this.#count('rows_deleted', deleted);
  }
}

/** What the server says of a statement that is done; null where it counts nothing (TRUNCATE). */
interface ServerCount {
  readonly command: string;
  readonly rowCount: number | null;
}

/** What a transaction has sent so far. */
class Sending {
  readonly #client: Client;
  readonly #onFailed: (error: unknown, table: string | null) => void;
  /** All that an answer is owed to. */
  readonly sent: Promise<unknown>[] = [];
  /** Which of them change rows of a table. */
  readonly changes: number[] = [];
  /** The tables that got rows by COPY. */
  readonly copied = new Set<TargetTable>();
  #copy: CopyIn | null = null;
  #layout: RowLayout | null = null;

  constructor(client: Client, onFailed: (error: unknown, table: string | null) => void) {
    this.#client = client;
    this.#onFailed = onFailed;
  }

  /** Awaited by the owner; until then nobody listens. Only the first error is not about the aborted transaction. */
  add(answer: Promise<unknown>, table: string | null): void {
    answer.catch((error: unknown) => this.#onFailed(error, table));
    if (table !== null) this.changes.push(this.sent.length);
    this.sent.push(answer);
  }

  query(query: string | QueryConfig, table: string | null): void {
    this.add(this.#client.query(query), table);
  }

  piece(piece: readonly Statement[] | Copied): void {
    if ('layout' in piece) {
      this.#copyRows(piece);
      return;
    }
    this.endCopy();
    for (const { table, text, parameters } of piece) {
      this.query({ name: statementName(text), text, values: [...parameters] }, table);
    }
  }

  #copyRows({ layout, bytes }: Copied): void {
    if (this.#layout !== layout) {
      this.endCopy();
      this.#copy = beginCopy(this.#client, layout.sql);
      this.#layout = layout;
      this.copied.add(layout.table);
      this.add(this.#copy.done, layout.table.sql);
    }
    this.#copy!.write(bytes);
  }

  endCopy(): void {
    this.#copy?.end();
    this.#copy = null;
    this.#layout = null;
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
