/**
 * Reads tables again beside the stream, chunk by chunk in the order of their keys, when a signal asks: no gap, and no key
 * that goes back to an older row.
 *
 * A chunk is what one transaction sees. Behind it a mark is written into the WAL; when the stream brings the mark, all rows
 * of the chunk that no change touched since the chunk was asked for are written there. A change the chunk did not see either
 * comes between asking and mark, so its key is left out, or its transaction was already streamed though not yet visible: the
 * snapshot names transactions that run, and such a chunk is read again.
 * (DBLog, Andreakis and Papapanagiotou 2020; the check of visibility and the mark without a table are ours.)
 */
import type { Logger, SourceOffset } from '../api/index.ts';
import { type CatalogTable, readTables } from './catalog.ts';
import { readCopyLine } from './copy-rows.ts';
import type { KeptChange, KeptValues } from './kept-values.ts';
import type { Notifications } from './notifications.ts';
import { Tuple } from './pgoutput.ts';
import type { RecordBatch } from './record-batch.ts';
import type { SourceSettings } from './source-config.ts';
import { MARK_PREFIX, type StreamListener } from './stream-context.ts';
import { nowMicros, type TableEncoder } from './table-encoder.ts';
import { lockTable } from './table-lock.ts';
import { relationOf, type Tables } from './tables.ts';
import { JsonWriter } from './types/json-writer.ts';
import { hidesAsFuture, parseView } from './visibility.ts';
import { quoteIdentifier, quoteLiteral, type WireConnection } from './wire/connection.ts';

/** What remains to be read, kept in every offset while there is something. */
interface Progress {
  /** The signal's. */
  readonly id: string;
  /** Tables to read, `schema.table`, the current one first. */
  readonly tables: readonly string[];
  /** Conditions by table. */
  readonly filters: Readonly<Record<string, string>>;
  /** The key of the last row written, as text; null at the beginning of a table. */
  readonly after: readonly string[] | null;
  readonly isPaused: boolean;
}

/** A chunk that was read and waits for its mark. */
interface Chunk {
  readonly mark: string;
  readonly relation: number;
  readonly encoder: TableEncoder;
  /** Rows by key, in order: key bytes and the beginning of the envelope. */
  readonly rows: Map<string, ChunkRow>;
  /** Where the table goes on; null at its end. */
  readonly next: readonly string[] | null;
  readonly scanned: number;
}

interface ChunkRow {
  readonly key: Buffer;
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
const OPERATION_HEAD = Buffer.from('{"before":null,"after":');

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
  #recent = new Set<number>();
  #reading: Promise<void> | null = null;
  #connection: WireConnection | null = null;
  #scanned = 0;
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
  execute(id: string, tables: readonly string[], filters: Readonly<Record<string, string>>): void {
    const before = this.#progress;
    this.#progress = {
      id,
      tables: [...(before?.tables ?? []), ...tables.filter((table) => before?.tables.includes(table) !== true)],
      filters: { ...before?.filters, ...filters },
      after: before?.after ?? null,
      isPaused: before?.isPaused ?? false,
    };
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
    this.#tell('ABORTED', { data_collections: (tables ?? progress.tables).join(',') });
    this.#progress = left.length === 0 ? null : { ...progress, tables: left, after: isCurrent ? null : progress.after };
  }

  pause(isPaused: boolean): void {
    if (this.#progress === null) return;
    this.#progress = { ...this.#progress, isPaused };
    this.#tell(isPaused ? 'PAUSED' : 'RESUMED', { data_collections: this.#progress.tables.join(',') });
  }

  changed(relation: number, table: TableEncoder, row: Tuple, before: Tuple | null): void {
    if (this.#touched === null || relation !== this.#touchedRelation || !table.hasKey) return;
    for (const tuple of before === null ? [row] : [row, before]) {
      table.writeKey(this.#out, tuple);
      this.#touched.add(this.#out.take().toString());
    }
  }

  truncated(relation: number): void {
    if (this.#touched === null || relation !== this.#touchedRelation) return;
    // What the chunk has seen is gone, and what it may have seen of later rows the stream brings by itself.
    this.#isEmptied = true;
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

  flush(batch: RecordBatch, offset: SourceOffset): void {
    const chunk = this.#chunk!;
    const touched = this.#touched!;
    const progress = this.#progress!;
    const isEmptied = this.#isEmptied;
    this.#forgetChunk();
    const rows = isEmptied ? [] : [...chunk.rows].filter(([key]) => !touched.has(key));
    this.#advance(progress, chunk);
    const after = { ...offset, incremental_snapshot: undefined, ...this.offset };
    rows.forEach(([, { key, value, kept }], index) => {
      const { encoder } = chunk;
      if (kept !== null) this.#context.kept!.add(batch, offset, kept);
      this.#out.raw(value);
      const lsn = String(offset.lsn);
      const transaction = { serial: -3, xid: null, commitMicros: nowMicros(), lastCommitLsn: Number(offset.lsn) };
      encoder.writeOrigin(this.#out, transaction, 'incremental', lsn, 'r', batch.clocks);
      const at = index === rows.length - 1 ? after : offset;
      batch.add(encoder.topic, encoder.keySchema, key, encoder.valueSchema, this.#out.take(), at);
    });
    this.#context.notifications.flush(batch, after);
  }

  #advance(progress: Progress, chunk: Chunk): void {
    this.#scanned += chunk.scanned;
    const [table] = progress.tables;
    if (chunk.next !== null) {
      this.#progress = { ...progress, after: chunk.next };
      const data = { current_collection_in_progress: table!, last_processed_key: chunk.next.join(',') };
      this.#tell('IN_PROGRESS', { ...data, data_collections: progress.tables.join(',') });
      return;
    }
    this.#endTable(progress);
  }

  #endTable(progress: Progress): void {
    const [table, ...left] = progress.tables;
    this.#tell('TABLE_SCAN_COMPLETED', {
      scanned_collection: table!,
      total_rows_scanned: String(this.#scanned),
      data_collections: progress.tables.join(','),
      status: 'SUCCEEDED',
    });
    this.#scanned = 0;
    if (left.length === 0) this.#tell('COMPLETED');
    this.#progress = left.length === 0 ? null : { ...progress, tables: left, after: null };
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
      const table = captured.find((it) => `${it.schema}.${it.name}` === name);
      if (table === undefined || table.primaryKey.length === 0) return this.#skip(progress, name!, table !== undefined);
      this.#touchedRelation = table.oid;
      this.#touched = new Set();
      this.#isEmptied = false;
      const chunk = await this.#readChunk(connection, progress, table);
      if (this.#isClosed || this.#progress !== progress) return this.#forgetChunk();
      if (chunk === null) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      this.#chunk = chunk;
      // The transaction id makes this commit flush the WAL; a mark alone waits for the WAL writer to come round.
      const mark = quoteLiteral(MARK_PREFIX + chunk.mark);
      await connection.query(`SELECT pg_logical_emit_message(false, ${mark}, ''), pg_current_xact_id()`);
      return;
    }
  }

  #skip(progress: Progress, name: string, hasTable: boolean): void {
    const why = hasTable ? 'has no primary key' : 'is not captured';
    this.#context.logger.warn({ table: name }, `Table ${name} ${why}, so it cannot be read beside the stream.`);
    this.#endTable(progress);
  }

  /** Null where a transaction that was streamed already is not visible yet, or the table is not what it was. */
  async #readChunk(connection: WireConnection, progress: Progress, table: CatalogTable): Promise<Chunk | null> {
    await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      // Before anything is seen: who looks from before a table was written anew (ALTER TABLE) sees it empty.
      if (!(await lockTable(connection, table))) return null;
      const [view] = await connection.query('SELECT pg_current_snapshot()::text AS view');
      if (this.#hidesStreamed(view!.view!)) return null;
      const [current] = await readTables(connection, [table.oid]);
      if (JSON.stringify(current) !== JSON.stringify(table)) return null;
      const relation = relationOf(table, null);
      const encoder = await this.#context.tables.describe(relation, connection);
      const columns = relation.columns.map((column) => column.name);
      await connection.startStream(chunkSql(table, columns, progress, this.#context.settings.snapshot.chunkRows));
      return await this.#takeRows(connection, table, encoder, columns);
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
    table: CatalogTable,
    encoder: TableEncoder,
    columns: readonly string[],
  ): Promise<Chunk> {
    const rows: Chunk['rows'] = new Map();
    const row = new Tuple();
    const keyPlaces = table.primaryKey.map((name) => columns.indexOf(name));
    const { chunkRows } = this.#context.settings.snapshot;
    const { kept } = this.#context;
    let last: string[] = [];
    let count = 0;
    await connection.readCopy((buffer, start, end) => {
      readCopyLine(buffer, start, end - 1, columns.length, row);
      last = keyPlaces.map((place) => row.buffer.toString('utf8', row.starts[place]!, row.ends[place]!));
      encoder.writeKey(this.#out, row);
      const key = this.#out.take();
      this.#out.raw(OPERATION_HEAD);
      encoder.writeRow(this.#out, row, null);
      rows.set(key.toString(), { key, value: this.#out.take(), kept: kept?.changeOf(encoder, row) ?? null });
      count++;
    });
    const mark = `${process.pid}.${nowMicros()}`;
    return { mark, relation: table.oid, encoder, rows, next: count < chunkRows ? null : last, scanned: count };
  }
}

function chunkSql(table: CatalogTable, columns: readonly string[], progress: Progress, rows: number): string {
  const from = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const key = table.primaryKey.map(quoteIdentifier).join(', ');
  const conditions: string[] = [];
  const filter = progress.filters[`${table.schema}.${table.name}`];
  if (filter !== undefined) conditions.push(`(${filter})`);
  // A literal without a type takes that of the column it is compared with.
  if (progress.after !== null) conditions.push(`(${key}) > (${progress.after.map(quoteLiteral).join(', ')})`);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const list = columns.map(quoteIdentifier).join(', ');
  return `COPY (SELECT ${list} FROM ${from}${where} ORDER BY ${key} LIMIT ${rows}) TO STDOUT`;
}

function parseProgress(stored: unknown): Progress | null {
  if (typeof stored !== 'object' || stored === null || !('tables' in stored)) return null;
  return stored as Progress;
}
