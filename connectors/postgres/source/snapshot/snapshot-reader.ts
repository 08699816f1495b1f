/**
 * Reads the rows that are already there: several connections under one snapshot, each a range of a table at a time. Step 1
 * of the record's journey, before the stream begins.
 *
 * The snapshot is the moment from which the slot keeps changes (or a later one, after a crash): together with the stream
 * from that slot nothing is missed, and what was deleted meanwhile arrives as a delete. Ranges that were done before a crash
 * are not read again. A record leaves only when the next row is known, because the last one says so.
 */

import type { Header, SourceOffset, SourcePartition, SourceRecord } from '../../../api/index.ts';
import { ConnectionLost } from '../../errors.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import { FrameType, type WireConnection } from '../../wire/connection.ts';
import type { SourceSettings } from '../config/source-config.ts';
import { nameOf } from '../tables/catalog.ts';
import type { KeptValues } from '../tables/kept-values.ts';
import type { Notifications } from '../tables/notifications.ts';
import { type PartialTable, type SnapshotPosition, snapshotOffset } from '../tables/position.ts';
import { contextHeaders, RecordBatch } from '../tables/record-batch.ts';
import { NO_BEFORE, nowMicros, type TransactionInfo } from '../tables/table-encoder.ts';
import { checkUnmoved } from '../tables/table-lock.ts';
import { relationOf, type Tables } from '../tables/tables.ts';
import { readCopyLine } from './copy-rows.ts';
import type { SnapshotThread, ThreadLane } from './snapshot-lanes.ts';
import type { KeptBefore, SnapshotChunk } from './snapshot-messages.ts';
import { copyStatement, rangePages, rangesOf, type SnapshotRange, type SnapshotTable } from './snapshot-plan.ts';
import type { SnapshotProgress } from './snapshot-progress.ts';
import type { SnapshotBeside } from './snapshot-session.ts';
import { Lane, type TableWork, type Waiting } from './snapshot-work.ts';

export interface SnapshotContext {
  readonly settings: SourceSettings;
  readonly partition: SourcePartition;
  readonly tables: Tables;
  /** Each inside a transaction whose view is the snapshot; nobody else uses them. The first is asked about tables. */
  readonly connections: readonly WireConnection[];
  /** Reads instead of the connections, where there is much to read. */
  readonly thread: SnapshotThread | null;
  readonly signal: AbortSignal;
  readonly progress: SnapshotProgress;
  readonly notifications: Notifications;
  /** The oldest transaction this snapshot does not see. */
  readonly xmin: number;
  /** What every row's origin says. */
  readonly transaction: TransactionInfo;
  readonly proof: SourceOffset;
  /** Large values of rows, where they are kept in the log. */
  readonly kept: KeptValues | null;
  /** Its moment is later than where the stream goes on. */
  readonly isLate: boolean;
  /** Where the stream stands still for it; null for a first snapshot. */
  readonly beside: Pick<SnapshotBeside, 'offsetOf'> | null;
  /** Whether the worker would take rows of this topic in runs, as things stand. */
  takesRuns(topic: string): boolean;
}

/** The transaction that rows of a snapshot tell as theirs: the first that began after it, or the one where the stream stands. */
export function snapshotTransaction(xid: number, lastCommitLsn: number | null = null): TransactionInfo {
  return { serial: -2, xid, commitMicros: nowMicros(), lastCommitLsn };
}

export class SnapshotReader {
  readonly #context: SnapshotContext;
  readonly #lanes: readonly Lane[];
  readonly #todo: SnapshotTable[];
  readonly #before: readonly PartialTable[];
  readonly #done: string[];
  readonly #underway: TableWork[] = [];
  readonly #lsn: number;
  /** The last row of the last table that ended; the snapshot's last unless another comes. */
  #held: Waiting | null = null;
  #emitted = 0;
  /** Tables of the snapshot. */
  readonly tablesTotal: number;
  /** With one reader only a row of it is the snapshot's first, as in Debezium: where it is empty, none is. */
  readonly #firstTable: SnapshotTable | undefined;
  /** Of all tables, as notifications list them. */
  readonly #names: string;
  readonly #headers: readonly Header[];
  #offset: SourceOffset;
  #idleSince = Date.now();
  /** Thrown by the next call. */
  #failure: unknown = null;
  /** True once the last row went out. */
  isDone = false;

  constructor(context: SnapshotContext, tables: readonly SnapshotTable[], position: SnapshotPosition) {
    this.#context = context;
    this.#headers = contextHeaders(context.settings);
    const { connections, thread } = context;
    const remote = thread?.lanes.map((lane) => new Lane(connections[0]!, lane));
    this.#lanes = remote ?? connections.map((connection) => new Lane(connection));
    this.#done = [...position.tablesDone];
    this.#before = position.partial;
    this.#todo = tables.filter(({ table }) => !this.#done.includes(nameOf(table)));
    this.#firstTable = tables[0];
    this.tablesTotal = tables.length;
    this.#lsn = position.lsn;
    this.#offset = this.#offsetNow(false);
    this.#tell('STARTED');
    this.#names = tables.map(({ table }) => nameOf(table)).join(',');
    this.#tell('DATA_COLLECTIONS_RESOLVED', { data_collections: this.#names });
  }

  /** Those that are not read to their end. */
  get tablesLeft(): number {
    return this.isDone ? 0 : this.#todo.length + this.#underway.length;
  }

  /** Where to go on when the connections break now. */
  get position(): SnapshotPosition {
    return { kind: 'snapshot', lsn: this.#lsn, tablesDone: [...this.#done], partial: this.#partials() };
  }

  /** The next records; an empty answer means that none came within `waitMs` or that the snapshot is done. */
  async next(waitMs: number): Promise<SourceRecord[]> {
    if (this.#failure !== null) throw this.#failure;
    const { settings, partition, notifications, progress } = this.#context;
    const batch = new RecordBatch(partition, settings.batchRecordsMax, this.#headers);
    const pause = await progress.pauseMs();
    if (pause > 0) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, waitMs)));
      return [];
    }
    try {
      await this.#fill(batch, waitMs);
    } catch (error) {
      // Records first: the ranges they end count as done, so they must not be lost with what failed.
      if (batch.records.length === 0) throw error;
      this.#failure = error;
    }
    progress.add(batch.count);
    notifications.flush(batch, this.#offset);
    return batch.records;
  }

  /** Reads until the batch is full, nothing more is there, or nothing came within `waitMs`. */
  async #fill(batch: RecordBatch, waitMs: number): Promise<void> {
    const { signal } = this.#context;
    while (!signal.aborted && !this.isDone) {
      for (const lane of this.#lanes) if (lane.work === null) await this.#assign(lane);
      const busy = this.#lanes.filter((lane) => lane.work !== null);
      if (busy.length === 0) this.#finish(batch);
      else for (const lane of busy) if (!batch.isFull) this.#read(lane, batch);
      if (batch.isFull || this.isDone) return;
      const idle = this.#lanes.filter((lane) => lane.work === null).length;
      if (idle === this.#lanes.length || (idle > 0 && this.#hasWork())) continue;
      if (batch.records.length > 0) return;
      if (!(await this.#wait(busy, waitMs))) return;
    }
  }

  /** True where something may have come; false when `waitMs` went by. */
  async #wait(busy: readonly Lane[], waitMs: number): Promise<boolean> {
    const { settings, signal } = this.#context;
    if (busy.length === 0) return true;
    if (signal.aborted) return false;
    const waits = busy.map((lane) => lane.wait(waitMs));
    const interrupt = () => {
      for (const lane of busy) lane.interrupt();
    };
    // One listener for all, taken off again: signals made of signals are kept as long as the task lives.
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      if (await Promise.race(waits)) return true;
    } finally {
      signal.removeEventListener('abort', interrupt);
      interrupt();
      await Promise.allSettled(waits);
    }
    const { queryTimeoutMs } = settings.database;
    if (Date.now() - this.#idleSince < queryTimeoutMs) return false;
    throw new ConnectionLost(`Table ${busy[0]!.work!.name} sent no row within ${queryTimeoutMs} ms.`);
  }

  #hasWork(): boolean {
    return this.#todo.length > 0 || this.#underway.some((work) => work.todo.length > 0);
  }

  /** Gives an idle reader the next range: of a table under way, else of the next table. */
  async #assign(lane: Lane): Promise<void> {
    let work = this.#underway.find((it) => it.todo.length > 0);
    while (work === undefined && this.#todo.length > 0)
      work = (await this.#begin(lane, this.#todo.shift()!)) ?? undefined;
    if (work === undefined) return;
    lane.range = work.todo.shift()!;
    lane.work = work;
    work.active++;
    this.#idleSince = Date.now();
    const { relation, isRaw } = work;
    const sql = copyStatement(work.source, work.columns, lane.range);
    if (lane.remote === null) await lane.connection.startStream(sql);
    else lane.remote.read({ relation, sql, isRaw, isInRuns: this.#isInRuns(work) });
  }

  /** Records of a run have no headers. */
  #isInRuns({ isRaw, encoder }: TableWork): boolean {
    return !isRaw && this.#headers.length === 0 && this.#context.takesRuns(encoder.topic);
  }

  async #begin(lane: Lane, source: SnapshotTable): Promise<TableWork | null> {
    const { tables, xmin, kept } = this.#context;
    const name = nameOf(source.table);
    await checkUnmoved(lane.connection, source.table);
    const relation = relationOf(source.table, source.columns);
    await tables.take(relation, lane.connection);
    const encoder = tables.get(relation.oid);
    if (encoder == null) return null;
    const before = this.#before.find(({ table }) => table === name);
    const done = [...(before?.done ?? [])];
    const partial = { table: name, rangePages: rangePages(source, before), done, xmin: before?.xmin ?? xmin };
    const columns = relation.columns.map((column) => column.name);
    const todo = rangesOf(source, before);
    const work: TableWork = {
      source,
      name,
      encoder,
      relation,
      columns,
      isRaw: kept?.mayHoldOf(encoder) ?? false,
      todo,
      partial,
      active: 0,
      rows: 0,
      emitted: 0,
      tail: null,
    };
    this.#underway.push(work);
    this.#tell('IN_PROGRESS', { current_collection_in_progress: name, data_collections: this.#names });
    return work;
  }

  #read(lane: Lane, batch: RecordBatch): void {
    if (lane.remote === null) this.#drain(lane, batch);
    else this.#drainChunks(lane, lane.remote, batch);
  }

  /** The same as {@link #drain}, of rows that a thread has read. */
  #drainChunks(lane: Lane, remote: ThreadLane, batch: RecordBatch): void {
    while (!batch.isFull && lane.work !== null) {
      const { chunk } = remote;
      if (chunk === null) return;
      this.#idleSince = Date.now();
      const bytes = asBuffer(chunk.bytes);
      if (chunk.largestOfRun !== null) this.#takeRun(lane, chunk, chunk.largestOfRun, batch);
      else if (lane.work.isRaw) this.#takeLines(lane, chunk, bytes, batch);
      else this.#takeRows(lane, chunk, bytes, batch);
      if (lane.position < chunk.rows) return;
      lane.position = 0;
      lane.keptPosition = 0;
      remote.used();
      if (chunk.isEnd) this.#endRange(lane, batch);
    }
  }

  #takeLines(lane: Lane, { ends, rows }: SnapshotChunk, bytes: Buffer, batch: RecordBatch): void {
    for (; lane.position < rows && !batch.isFull; lane.position++) {
      const at = 2 * lane.position;
      this.#take(lane, batch, bytes, ends[at]!, ends[at + 1]!);
    }
  }

  /** Makes records of a thread's rows. The range's last waits for what comes behind it, as ever. */
  #takeRows(lane: Lane, chunk: SnapshotChunk, bytes: Buffer, batch: RecordBatch): void {
    const work = lane.work!;
    const { encoder } = work;
    const { ends, rows, tailBytes, kept } = chunk;
    if (work.tail !== null && rows > 0) {
      this.#emitWaiting(batch, work.tail, 'true');
      work.tail = null;
    }
    for (; lane.position < rows && !batch.isFull; lane.position++) {
      const row = lane.position;
      const start = row === 0 ? 0 : ends[2 * row - 1]!;
      const keyEnd = ends[2 * row]!;
      const end = ends[2 * row + 1]!;
      if (kept.length > 0) this.#keepBefore(lane, kept, batch);
      work.rows++;
      const key = encoder.hasKey ? bytes.subarray(start, keyEnd) : null;
      const isLast = chunk.isEnd && row === rows - 1;
      // The first of all, or of its table, says so, and the last is not known before its successor.
      if (isLast || work.emitted === 0 || this.#held !== null) {
        lane.out.copy(bytes, keyEnd, end - tailBytes);
        lane.pendingKey = key === null ? null : Buffer.from(key);
        lane.hasPending = isLast;
        if (!isLast) this.#emit(batch, lane.out, work, lane.pendingKey, 'true');
        continue;
      }
      this.#emitted++;
      work.emitted++;
      batch.add(encoder.topic, encoder.keySchema, key, encoder.valueSchema, bytes.subarray(keyEnd, end), this.#offset);
    }
  }

  /** Rows in a run are neither the first nor the last of their range. What is kept of them is durable with them, so it may come before. */
  #takeRun(lane: Lane, { bytes, rows, kept }: SnapshotChunk, largestBytes: number, batch: RecordBatch): void {
    const work = lane.work!;
    const { encoder } = work;
    if (work.tail !== null) {
      this.#emitWaiting(batch, work.tail, 'true');
      work.tail = null;
    }
    if (this.#held !== null) this.#release(batch);
    for (const { key, value } of kept) {
      this.#context.kept!.add(batch, this.#offset, { key: asBuffer(key), value: asBuffer(value) });
    }
    work.rows += rows;
    work.emitted += rows;
    this.#emitted += rows;
    lane.position = rows;
    const release = () => lane.remote!.giveBack(bytes.buffer);
    batch.addRun(encoder, { bytes, count: rows, largestBytes, release }, this.#offset);
  }

  #keepBefore(lane: Lane, kept: readonly KeptBefore[], batch: RecordBatch): void {
    for (let next = kept[lane.keptPosition]; next?.row === lane.position; next = kept[lane.keptPosition]) {
      lane.keptPosition++;
      const change = { key: asBuffer(next.key), value: asBuffer(next.value) };
      this.#context.kept!.add(batch, this.#offset, change);
    }
  }

  /** Reads a reader's rows until there are no more here or the batch is full. */
  #drain(lane: Lane, batch: RecordBatch): void {
    const { connection } = lane;
    const { frames } = connection;
    while (!batch.isFull && lane.work !== null && frames.next()) {
      this.#idleSince = Date.now();
      if (frames.type === FrameType.copyData) this.#take(lane, batch, frames.buffer, frames.start, frames.end);
      else if (frames.type === FrameType.error) throw connection.currentError();
      // The reader is free once the server is ready for the next statement.
      else if (frames.type === FrameType.ready) this.#endRange(lane, batch);
    }
  }

  #take(lane: Lane, batch: RecordBatch, buffer: Buffer, start: number, end: number): void {
    const work = lane.work!;
    const { encoder } = work;
    // There is a row behind it: it is not the table's last, and its range is done.
    if (work.tail !== null) {
      this.#emitWaiting(batch, work.tail, 'true');
      work.tail = null;
    }
    if (lane.hasPending) this.#emit(batch, lane.out, work, lane.pendingKey, 'true');
    readCopyLine(buffer, start, end - 1, encoder.columnCount, lane.row);
    this.#context.kept?.inserted(batch, this.#offset, encoder, lane.row, null, this.#context.isLate);
    lane.pendingKey = null;
    if (encoder.hasKey) {
      encoder.writeKey(lane.out, lane.row);
      lane.pendingKey = lane.out.take();
    }
    lane.out.raw(NO_BEFORE);
    encoder.writeRow(lane.out, lane.row, null);
    lane.hasPending = true;
    work.rows++;
  }

  #endRange(lane: Lane, batch: RecordBatch): void {
    const work = lane.work!;
    const range = lane.range!;
    if (lane.hasPending) {
      if (work.tail !== null) this.#emitWaiting(batch, work.tail, 'true');
      work.tail = { work, range, key: lane.pendingKey, head: lane.out.take() };
    } else this.#rangeDone(work, range);
    lane.hasPending = false;
    lane.work = null;
    lane.range = null;
    work.active--;
    if (work.active === 0 && work.todo.length === 0) this.#endTable(work, batch);
  }

  #endTable(work: TableWork, batch: RecordBatch): void {
    this.#underway.splice(this.#underway.indexOf(work), 1);
    this.#tell('TABLE_SCAN_COMPLETED', {
      scanned_collection: work.name,
      total_rows_scanned: String(work.rows),
      data_collections: this.#names,
      status: 'SUCCEEDED',
    });
    if (work.tail === null) {
      this.#done.push(work.name);
      this.#offset = this.#offsetNow(false);
      return;
    }
    if (this.#held !== null) this.#release(batch);
    this.#held = work.tail;
  }

  /** The held row was its table's last; the table is done with it. */
  #release(batch: RecordBatch): void {
    const held = this.#held!;
    this.#held = null;
    this.#done.push(held.work.name);
    this.#offset = this.#offsetNow(false);
    this.#emitWaiting(batch, held, 'last_in_data_collection');
  }

  #finish(batch: RecordBatch): void {
    this.isDone = true;
    this.#tell('COMPLETED');
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    this.#done.push(held.work.name);
    this.#offset = this.#offsetNow(true);
    this.#emitWaiting(batch, held, 'last');
  }

  #emitWaiting(batch: RecordBatch, waiting: Waiting, place: 'true' | 'last_in_data_collection' | 'last'): void {
    // It needs the same writer.
    if (this.#held !== null && this.#held.work !== waiting.work) this.#release(batch);
    const out = this.#spare;
    if (place === 'true') this.#rangeDone(waiting.work, waiting.range);
    out.raw(waiting.head);
    this.#emit(batch, out, waiting.work, waiting.key, place);
  }

  /** For rows that were set aside; every reader may have one under construction. */
  readonly #spare = new JsonWriter();

  /** Completes the row in `out`; `place` is what its successor made of it. */
  #emit(
    batch: RecordBatch,
    out: JsonWriter,
    work: TableWork,
    key: Buffer | null,
    place: 'true' | 'last_in_data_collection' | 'last',
  ): void {
    if (this.#held !== null && this.#held.work !== work) this.#release(batch);
    const isFirst = this.#emitted === 0 && (this.#lanes.length > 1 || work.source === this.#firstTable);
    // A table's only row is its last before it is its first, but the snapshot's first before that.
    const inTable = place === 'true' && work.emitted === 0 ? 'first_in_data_collection' : place;
    const marker = isFirst && place !== 'last' ? 'first' : inTable;
    const { encoder } = work;
    encoder.writeOrigin(out, this.#context.transaction, marker, String(this.#lsn), 'r', batch.clocks);
    this.#emitted++;
    work.emitted++;
    batch.add(
      encoder.topic,
      key === null ? null : encoder.keySchema,
      key,
      encoder.valueSchema,
      out.take(),
      this.#offset,
    );
  }

  #rangeDone(work: TableWork, range: SnapshotRange): void {
    if (range.number === null) return;
    work.partial.done.push(range.number);
    this.#offset = this.#offsetNow(false);
  }

  /** Tables done in part, those not begun again since a crash among them. */
  #partials(): PartialTable[] {
    const current = this.#underway.map(({ partial }) => ({ ...partial, done: [...partial.done] }));
    const held = this.#held === null ? [] : [this.#held.work.partial].map((it) => ({ ...it, done: [...it.done] }));
    const waiting = this.#before.filter(({ table }) => this.#todo.some((source) => nameOf(source.table) === table));
    return [...current, ...held, ...waiting].filter(({ done }) => done.length > 0);
  }

  #offsetNow(isLast: boolean): SourceOffset {
    const { proof, tables, beside, transaction } = this.#context;
    if (beside !== null) return beside.offsetOf([...this.#done], this.#partials(), isLast);
    return {
      ...snapshotOffset(this.#lsn, [...this.#done], this.#partials(), isLast, transaction.commitMicros),
      ...proof,
      ...tables.offset,
    };
  }

  #tell(type: string, data?: Readonly<Record<string, string>>): void {
    this.#context.notifications.tell({ aggregate: 'Initial Snapshot', type, ...(data ? { data } : {}) });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
