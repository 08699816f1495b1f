/**
 * Reads tables again beside the stream, chunk by chunk in the order of their keys, when a signal asks: no gap, and no key
 * that goes back to an older row.
 *
 * A chunk is what one transaction sees. Behind it a mark is written into the WAL; when the stream brings the mark, all rows
 * of the chunk that no change touched since the chunk was asked for are written there. A change the chunk did not see either
 * comes between asking and mark, so its key is left out, or its transaction was already streamed though not yet visible: the
 * snapshot names transactions that run, and such a chunk is read again.
 * Where nothing may be written (`read.only`, a standby) a place in the WAL stands for the mark: chunk-place.ts.
 * (DBLog, Andreakis and Papapanagiotou 2020; the check of visibility and the mark without a table are ours.)
 */
import { type Logger, RetriableError, type SourceOffset } from '../../../api/index.ts';
import { isInternalError, ServerError, toConnectError } from '../../errors.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import { quoteLiteral, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { MARK_PREFIX, type StreamListener } from '../stream/stream-context.ts';
import { hidesAsFuture, parseView } from '../stream/visibility.ts';
import { type CatalogTable, nameOf, readTables } from '../tables/catalog.ts';
import type { KeptChange, KeptValues } from '../tables/kept-values.ts';
import type { Notifications } from '../tables/notifications.ts';
import { Tuple } from '../tables/pgoutput.ts';
import type { RecordBatch } from '../tables/record-batch.ts';
import { NO_BEFORE, nowMicros, type TableEncoder } from '../tables/table-encoder.ts';
import { lockTable } from '../tables/table-lock.ts';
import { relationOf, type Tables } from '../tables/tables.ts';
import { placeBehind, viewSql } from './chunk-place.ts';
import { readCopyLine } from './copy-rows.ts';
import { type ChunkSource, type Current, chunkKey, chunkSql, firstLook } from './incremental-chunk.ts';

/** What remains to be read, kept in every offset while there is something. */
interface Progress {
  /** The signal's. */
  readonly id: string;
  /** Tables to read, `schema.table`, the current one first. */
  readonly tables: readonly string[];
  /** Conditions by table. */
  readonly filters: Readonly<Record<string, string>>;
  /** Columns to cut chunks by, by table, where a signal names one. */
  readonly surrogates?: Readonly<Record<string, string>>;
  /** The key of the last row written, as text; null at the beginning of a table. */
  readonly after: readonly string[] | null;
  /** Of the current table; absent before its first chunk. */
  readonly current?: Current;
  readonly isPaused: boolean;
}

/** A chunk that was read and waits for its mark, or for the stream to come to its place. */
interface Chunk {
  readonly mark: string;
  readonly place: number | null;
  readonly relation: number;
  readonly encoder: TableEncoder;
  readonly rows: readonly ChunkRow[];
  /** The key of the last row, null without rows. */
  readonly last: readonly string[] | null;
  readonly isEnd: boolean;
  /** With this chunk. */
  readonly current: Current;
}

interface ChunkRow {
  /** What tells the row from others: its key, else the column that chunks are cut by. */
  readonly identity: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
  /** What is kept of its large values. */
  readonly kept: KeptChange | null;
}

export interface IncrementalContext {
  readonly settings: SourceSettings;
  readonly tables: Tables;
  readonly notifications: Notifications;
  readonly logger: Logger;
  readonly kept: KeptValues | null;
  readonly blocking: { readonly offset: SourceOffset | null };
  /** A connection of its own. */
  open(): Promise<WireConnection>;
  /** The captured tables, by catalogue. */
  captured(connection: WireConnection): Promise<readonly CatalogTable[]>;
}

/** Committed transactions that are remembered: more than can hang between their commit and being seen. */
const RECENT_TRANSACTIONS = 100_000;
const RETRY_MS = 50;

export class IncrementalSnapshot implements StreamListener {
  readonly #context: IncrementalContext;
  readonly #out = new JsonWriter();
  #progress: Progress | null;
  #chunk: Chunk | null = null;
  /** Keys that changes touched since the chunk was asked for; null while none is. */
  #touched: Set<string> | null = null;
  #touchedRelation = 0;
  /** That table was truncated since. */
  #isEmptied = false;
  /** The column that tells its rows apart, where it has no key. */
  #identityColumn = '';
  #recent = new Set<number>();
  #reading: Promise<void> | null = null;
  #connection: WireConnection | null = null;
  #failure: Error | null = null;
  #isClosed = false;

  constructor(context: IncrementalContext, stored: SourceOffset | null) {
    this.#context = context;
    this.#progress = parseProgress(stored?.incremental_snapshot);
  }

  get offset(): SourceOffset | null {
    const { tables, blocking } = this.#context;
    const others = blocking.offset === null ? tables.offset : { ...blocking.offset, ...tables.offset };
    return this.#progress === null ? others : { incremental_snapshot: this.#progress, ...others };
  }

  /** Whether there is something to read. */
  get isBusy(): boolean {
    return this.#progress !== null && !this.#progress.isPaused;
  }

  /** Rows of the table that is read and rows it may have, and tables that are not done; null where none is to be read. */
  get state(): { rows: number; rowsExpected: number | null; tablesLeft: number } | null {
    const progress = this.#progress;
    if (progress === null) return null;
    const { scanned = 0, totalRows = null } = progress.current ?? {};
    return { rows: scanned, rowsExpected: totalRows, tablesLeft: progress.tables.length };
  }

  /** Starts reading where there is something to read; called at every turn. Throws what the reading failed with. */
  step(): void {
    if (this.#failure !== null) throw this.#failure;
    const progress = this.#progress;
    if (progress === null || progress.isPaused || this.#chunk !== null || this.#reading !== null) return;
    this.#reading = this.#read(progress)
      .catch((error: Error) => {
        if (!this.#isClosed) this.#failure = error;
      })
      .finally(() => {
        this.#reading = null;
      });
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.destroy();
    this.#connection = null;
  }

  /** Begins to read these tables; those being read already come first. */
  execute(
    id: string,
    tables: readonly string[],
    filters: Readonly<Record<string, string>>,
    surrogate: string | null = null,
  ): void {
    const before = this.#progress;
    const added = tables.filter((table) => before?.tables.includes(table) !== true);
    const surrogates = surrogate === null ? [] : added.map((table) => [table, surrogate]);
    this.#progress = {
      after: null,
      isPaused: false,
      ...before,
      id,
      tables: [...(before?.tables ?? []), ...added],
      filters: { ...before?.filters, ...filters },
      surrogates: { ...before?.surrogates, ...Object.fromEntries(surrogates) },
    };
    // Tables that join one underway are told with its next chunk, as in Debezium.
    if (before !== null) return;
    this.#tell('STARTED', { data_collections: tables.join(',') });
    this.#tell('DATA_COLLECTIONS_RESOLVED', { data_collections: tables.join(',') });
  }

  /** Ends it, or takes tables out of it. */
  cancel(tables: readonly string[] | null): void {
    const progress = this.#progress;
    if (progress === null) return;
    const left = tables === null ? [] : progress.tables.filter((table) => !tables.includes(table));
    const isCurrent = left[0] !== progress.tables[0];
    if (isCurrent) this.#forgetChunk();
    const stopped = progress.tables.filter((table) => !left.includes(table));
    this.#tell('ABORTED', { data_collections: stopped.join(',') });
    if (left.length === 0) this.#progress = null;
    else if (isCurrent) this.#progress = { ...withoutCurrent(progress), tables: left };
    else this.#progress = { ...progress, tables: left };
  }

  pause(isPaused: boolean): void {
    if (this.#progress === null || this.#progress.isPaused === isPaused) return;
    this.#progress = { ...this.#progress, isPaused };
    this.#tell(isPaused ? 'PAUSED' : 'RESUMED', { data_collections: this.#progress.tables.join(',') });
  }

  changed(relation: number, table: TableEncoder, row: Tuple, before: Tuple | null): void {
    if (this.#touched === null || relation !== this.#touchedRelation) return;
    for (const tuple of before === null ? [row] : [row, before]) {
      if (table.hasKey) {
        table.writeKey(this.#out, tuple);
        this.#touched.add(this.#out.take().toString());
      } else this.#touched.add(this.#identityOf(relation, tuple));
    }
  }

  truncated(relation: number): void {
    if (this.#touched === null || relation !== this.#touchedRelation) return;
    // What the chunk has seen is gone, and what it may have seen of later rows the stream brings by itself.
    this.#isEmptied = true;
  }

  /** What a row without a key is known by: the column that chunks are cut by. */
  #identityOf(relation: number, { buffer, starts, ends }: Tuple): string {
    const columns = this.#context.tables.relation(relation)?.columns ?? [];
    const place = columns.findIndex(({ name }) => name === this.#identityColumn);
    return place < 0 ? '' : buffer.toString('utf8', starts[place]!, ends[place]!);
  }

  committed(xid: number): void {
    this.#recent.add(xid);
    if (this.#recent.size <= RECENT_TRANSACTIONS) return;
    const [oldest] = this.#recent;
    this.#recent.delete(oldest!);
  }

  marked(mark: string): boolean {
    return this.#chunk?.mark === mark;
  }

  passed(lsn: number): boolean {
    const place = this.#chunk?.place ?? null;
    return place !== null && lsn >= place;
  }

  flush(batch: RecordBatch, offset: SourceOffset): void {
    const chunk = this.#chunk!;
    const touched = this.#touched!;
    const progress = this.#progress!;
    const isEmptied = this.#isEmptied;
    this.#forgetChunk();
    const rows = isEmptied ? [] : chunk.rows.filter(({ identity }) => !touched.has(identity));
    this.#advance(progress, chunk);
    const after = { ...offset, incremental_snapshot: undefined, ...this.offset };
    rows.forEach(({ key, value, kept }, index) => {
      const { encoder } = chunk;
      if (kept !== null) this.#context.kept!.add(batch, offset, kept);
      this.#out.raw(value);
      const lsn = String(offset.lsn);
      const transaction = { serial: -3, xid: null, commitMicros: nowMicros(), lastCommitLsn: Number(offset.lsn) };
      encoder.writeOrigin(this.#out, transaction, 'incremental', lsn, 'r', batch.clocks);
      const at = index === rows.length - 1 ? after : offset;
      const keySchema = key === null ? null : encoder.keySchema;
      batch.add(encoder.topic, keySchema, key, encoder.valueSchema, this.#out.take(), at);
    });
    this.#context.notifications.flush(batch, after);
  }

  #advance(progress: Progress, chunk: Chunk): void {
    const { current, last, isEnd } = chunk;
    const now = { ...progress, after: last ?? progress.after, current };
    this.#progress = now;
    if (last !== null) this.#tellProgress(now, current, last);
    if (isEnd) this.#endTable(now, current.maximum === null ? 'EMPTY' : 'SUCCEEDED');
  }

  #tellProgress(progress: Progress, { maximum, totalRows, chunks }: Current, last: readonly string[]): void {
    const { chunkRows } = this.#context.settings.snapshot;
    const total =
      totalRows === null
        ? {}
        : { total_rows: String(totalRows), total_chunks: String(Math.ceil(totalRows / chunkRows)) };
    this.#tell('IN_PROGRESS', {
      current_collection_in_progress: progress.tables[0]!,
      last_processed_key: last.join(','),
      maximum_key: maximum?.join(',') ?? '<null>',
      chunk_index: String(chunks),
      ...total,
      data_collections: progress.tables.join(','),
    });
  }

  #endTable(progress: Progress, status: ScanStatus): void {
    const [table, ...left] = progress.tables;
    const { scanned = 0, totalRows = null } = progress.current ?? {};
    this.#tell('TABLE_SCAN_COMPLETED', {
      scanned_collection: table!,
      total_rows_scanned: String(scanned),
      ...(totalRows === null ? {} : { total_rows: String(totalRows) }),
      data_collections: progress.tables.join(','),
      status,
    });
    if (left.length === 0) this.#tell('COMPLETED');
    this.#progress = left.length === 0 ? null : { ...withoutCurrent(progress), tables: left };
  }

  #forgetChunk(): void {
    this.#chunk = null;
    this.#touched = null;
  }

  #tell(type: string, data?: Readonly<Record<string, string>>): void {
    const id = this.#progress?.id ?? '';
    this.#context.notifications.tell({ id, aggregate: 'Incremental Snapshot', type, ...(data ? { data } : {}) });
  }

  /** One chunk: its rows under one view, checked against what was streamed, and the mark behind it. */
  async #read(progress: Progress): Promise<void> {
    this.#connection ??= await this.#context.open();
    const connection = this.#connection;
    const [name] = progress.tables;
    for (;;) {
      const captured = await this.#context.captured(connection);
      const table = captured.find((it) => nameOf(it) === name);
      if (table === undefined) return this.#skip(progress, 'is not captured', 'UNKNOWN_SCHEMA');
      const key = chunkKey(table, progress.surrogates?.[name!], this.#context.settings);
      if (typeof key === 'string') return this.#skip(progress, key, 'NO_PRIMARY_KEY');
      this.#touchedRelation = table.oid;
      this.#identityColumn = key[0]!;
      this.#touched = new Set();
      this.#isEmptied = false;
      const chunk = await this.#readChunk(connection, progress, { table, key }).catch(refusal);
      if (this.#isClosed || this.#progress !== progress) return this.#forgetChunk();
      if (chunk instanceof ServerError)
        return this.#skip(progress, `is refused by the server (${chunk.message})`, 'SKIPPED');
      if (chunk === 'nulls')
        return this.#skip(
          progress,
          `holds rows whose ${key.join(', ')} is null, and chunks are cut by that`,
          'SKIPPED',
        );
      if (chunk === 'hidden') {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      this.#chunk = chunk;
      if (chunk.place !== null) return;
      // The transaction id makes this commit flush the WAL; a mark alone waits for the WAL writer to come round.
      const mark = quoteLiteral(MARK_PREFIX + chunk.mark);
      await connection.query(`SELECT pg_logical_emit_message(false, ${mark}, ''), pg_current_xact_id()`);
      return;
    }
  }

  #skip(progress: Progress, why: string, status: ScanStatus): void {
    this.#forgetChunk();
    const [name] = progress.tables;
    this.#context.logger.warn({ table: name }, `Table ${name} ${why}, so it cannot be read beside the stream.`);
    this.#endTable(progress, status);
  }

  /**
   * Or why not: a transaction that was streamed already is not visible yet, or the table is not what it was; a key is null,
   * and no chunk goes on behind that.
   */
  async #readChunk(
    connection: WireConnection,
    progress: Progress,
    source: ChunkSource,
  ): Promise<Chunk | 'hidden' | 'nulls'> {
    const { table } = source;
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      // Before anything is seen: who looks from before a table was written anew (ALTER TABLE) sees it empty.
      if (!(await lockTable(connection, table))) return 'hidden';
      const { isReadOnly } = this.#context.settings;
      const [view] = await connection.query(viewSql(isReadOnly));
      if (this.#hidesStreamed(view!.view!)) return 'hidden';
      const [seen] = await readTables(connection, [table.oid]);
      if (JSON.stringify(seen) !== JSON.stringify(table)) return 'hidden';
      const current = progress.current ?? (await firstLook(connection, source, filterOf(progress)));
      if (current === null) return 'nulls';
      const relation = relationOf(table, null);
      const encoder = await this.#context.tables.describe(relation, connection);
      const columns = relation.columns.map((column) => column.name);
      const place = { filter: filterOf(progress), after: progress.after, current };
      await connection.startStream(chunkSql(source, columns, place, this.#context.settings.snapshot.chunkRows));
      const chunk = await this.#takeRows(connection, source, encoder, place.current, columns);
      return { ...chunk, place: await placeBehind(connection, view!, isReadOnly) };
    } finally {
      await connection.query('COMMIT');
    }
  }

  /** Running transactions are few, remembered ones many. */
  #hidesStreamed(text: string): boolean {
    const view = parseView(text);
    if (view.running.some((xid) => this.#recent.has(xid))) return true;
    for (const xid of this.#recent) if (hidesAsFuture(view, xid)) return true;
    return false;
  }

  async #takeRows(
    connection: WireConnection,
    { table, key }: ChunkSource,
    encoder: TableEncoder,
    before: Current,
    columns: readonly string[],
  ): Promise<Omit<Chunk, 'place'>> {
    const rows: ChunkRow[] = [];
    const row = new Tuple();
    const keyPlaces = key.map((name) => columns.indexOf(name));
    const { chunkRows } = this.#context.settings.snapshot;
    const { kept } = this.#context;
    let last: string[] | null = null;
    await connection.readCopy((buffer, start, end) => {
      readCopyLine(buffer, start, end - 1, columns.length, row);
      last = keyPlaces.map((place) => row.buffer.toString('utf8', row.starts[place]!, row.ends[place]!));
      let bytes: Buffer | null = null;
      if (encoder.hasKey) {
        encoder.writeKey(this.#out, row);
        bytes = this.#out.take();
      }
      this.#out.raw(NO_BEFORE);
      encoder.writeRow(this.#out, row, null);
      const identity = bytes?.toString() ?? last[0]!;
      rows.push({ identity, key: bytes, value: this.#out.take(), kept: kept?.changeOf(encoder, row) ?? null });
    });
    const mark = `${process.pid}.${nowMicros()}`;
    const isEnd = rows.length < chunkRows;
    const chunks = before.chunks + (rows.length > 0 ? 1 : 0);
    const current = { ...before, chunks, scanned: before.scanned + rows.length };
    return { mark, relation: table.oid, encoder, rows, last, isEnd, current };
  }
}

/**
 * What the server says to statements that no repetition mends, mostly for a condition of the signal's: failing with it would
 * fail every start from here on, because the wish is in the offset. Throws anything else.
 */
function refusal(error: unknown): ServerError {
  const isRefusal = error instanceof ServerError && !isInternalError(error);
  if (isRefusal && !(toConnectError(error, '') instanceof RetriableError)) return error;
  throw error;
}

/** How reading a table ended, in Debezium's words. */
type ScanStatus = 'SUCCEEDED' | 'EMPTY' | 'SKIPPED' | 'NO_PRIMARY_KEY' | 'UNKNOWN_SCHEMA';

/** The condition for the current table. */
function filterOf({ tables, filters }: Progress): string | undefined {
  return filters[tables[0]!];
}

/** The same at the beginning of its next table. */
function withoutCurrent({ current: _, ...progress }: Progress): Progress {
  return { ...progress, after: null };
}

function parseProgress(stored: unknown): Progress | null {
  if (typeof stored !== 'object' || stored === null || !('tables' in stored)) return null;
  return stored as Progress;
}
