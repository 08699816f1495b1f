/**
 * Reads the rows that are already there, table by table, in one transaction. Step 1 of the record's journey, before
 * the stream begins.
 *
 * The transaction sees the moment from which the slot keeps changes (or a later one, after a crash): together with the
 * stream from that slot nothing is missed, and what was deleted meanwhile arrives as a delete. Tables that were done
 * before a crash are not read again. A record leaves only when the next row is known, because the last one says so.
 */
import type { SourceOffset, SourcePartition, SourceRecord } from '../api/index.ts';
import type { CatalogTable } from './catalog.ts';
import { readCopyLine } from './copy-rows.ts';
import { ConnectionLost } from './errors.ts';
import { Tuple } from './pgoutput.ts';
import { type SnapshotPosition, snapshotOffset } from './position.ts';
import { RecordBatch } from './record-batch.ts';
import type { SourceSettings } from './source-config.ts';
import { nowMicros, type TableEncoder, type TransactionInfo } from './table-encoder.ts';
import { relationOf, type Tables } from './tables.ts';
import { JsonWriter } from './types/json-writer.ts';
import { FrameType, quoteIdentifier, type WireConnection } from './wire/connection.ts';

/** A table to read, with what the publication leaves out of it. */
export interface SnapshotTable {
  readonly table: CatalogTable;
  readonly columns: readonly string[] | null;
  readonly rowFilter: string | null;
}

export interface SnapshotContext {
  readonly settings: SourceSettings;
  readonly partition: SourcePartition;
  readonly tables: Tables;
  /** Inside the transaction whose view is the snapshot; nobody else uses it. */
  readonly connection: WireConnection;
  readonly signal: AbortSignal;
  /** Told when a table begins, for the log. */
  readonly onTable: (name: string) => void;
}

const NO_BEFORE = Buffer.from('{"before":null,"after":');

/** A record whose origin is not written yet. */
interface Pending {
  readonly encoder: TableEncoder;
  readonly key: Buffer | null;
  readonly isFirst: boolean;
  readonly isFirstOfTable: boolean;
}

export class SnapshotReader {
  readonly #context: SnapshotContext;
  readonly #todo: SnapshotTable[];
  readonly #done: string[];
  readonly #lsn: number;
  readonly #transaction: TransactionInfo;
  readonly #out = new JsonWriter();
  readonly #row = new Tuple();
  #current: { readonly name: string; readonly encoder: TableEncoder; rows: number } | null = null;
  #pending: Pending | null = null;
  #rows = 0;
  #offset: SourceOffset;
  /** True once the last row went out. */
  isDone = false;

  constructor(context: SnapshotContext, tables: readonly SnapshotTable[], position: SnapshotPosition, xid: number) {
    this.#context = context;
    this.#done = [...position.tablesDone];
    this.#todo = tables.filter(({ table }) => !this.#done.includes(nameOf(table)));
    this.#lsn = position.lsn;
    this.#transaction = { serial: -2, xid, commitMicros: nowMicros(), lastCommitLsn: null };
    this.#offset = this.#offsetNow(false);
  }

  /** Where to go on when the connection breaks now. */
  get position(): SnapshotPosition {
    return { kind: 'snapshot', lsn: this.#lsn, tablesDone: this.#done };
  }

  /** The next records; an empty answer means that none came within `waitMs` or that the snapshot is done. */
  async next(waitMs: number): Promise<SourceRecord[]> {
    const { settings, partition, connection, signal } = this.#context;
    const batch = new RecordBatch(partition, settings.batchRecordsMax);
    const deadline = Date.now() + settings.database.queryTimeoutMs;
    while (!signal.aborted && !this.isDone) {
      if (this.#current === null) await this.#beginTable(batch);
      else if (this.#drain(batch)) await this.#endTable();
      else if (batch.records.length > 0) break;
      else if (!(await connection.frames.wait(waitMs, signal)) && Date.now() > deadline) {
        throw new ConnectionLost(
          `Table ${this.#current.name} sent no row within ${settings.database.queryTimeoutMs} ms.`,
        );
      }
      if (batch.isFull) break;
    }
    return batch.records;
  }

  async #beginTable(batch: RecordBatch): Promise<void> {
    const next = this.#todo.shift();
    if (next === undefined) {
      this.#finishPending(batch, 'last');
      this.isDone = true;
      return;
    }
    const { tables, connection, onTable } = this.#context;
    const relation = relationOf(next.table, next.columns);
    onTable(nameOf(next.table));
    await tables.take(relation, connection);
    const encoder = tables.get(relation.oid);
    if (encoder == null) return;
    await connection.startStream(
      copyStatement(
        next,
        relation.columns.map((column) => column.name),
      ),
    );
    this.#current = { name: nameOf(next.table), encoder, rows: 0 };
  }

  /** Reads rows until there are no more here or the batch is full; true at the table's end. */
  #drain(batch: RecordBatch): boolean {
    const { connection } = this.#context;
    const { frames } = connection;
    const current = this.#current!;
    while (!batch.isFull && frames.next()) {
      if (frames.type === FrameType.copyData) {
        this.#take(batch, current, frames.buffer, frames.start, frames.end);
      } else if (frames.type === FrameType.error) throw connection.currentError();
      else if (frames.type === FrameType.copyDone) return true;
    }
    return false;
  }

  #take(
    batch: RecordBatch,
    current: { readonly encoder: TableEncoder; rows: number },
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const { encoder } = current;
    this.#finishPending(batch, current.rows === 0 ? 'last_in_data_collection' : 'true');
    readCopyLine(buffer, start, end - 1, encoder.columnCount, this.#row);
    let key: Buffer | null = null;
    if (encoder.hasKey) {
      encoder.writeKey(this.#out, this.#row);
      key = this.#out.take();
    }
    this.#out.raw(NO_BEFORE);
    encoder.writeRow(this.#out, this.#row, null);
    this.#pending = { encoder, key, isFirst: this.#rows === 0, isFirstOfTable: current.rows === 0 };
    this.#rows++;
    current.rows++;
  }

  /** Completes the record that waited for its successor; `place` is what the successor made of it. */
  #finishPending(batch: RecordBatch, place: 'true' | 'last_in_data_collection' | 'last'): void {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    if (place !== 'true') this.#offset = this.#offsetNow(place === 'last');
    const first = pending.isFirst ? 'first' : pending.isFirstOfTable ? 'first_in_data_collection' : 'true';
    const marker = place === 'true' ? first : place;
    const { encoder, key } = pending;
    encoder.writeOrigin(this.#out, this.#transaction, marker, String(this.#lsn), 'r', batch.clocks);
    const value = this.#out.take();
    batch.add(encoder.topic, key === null ? null : encoder.keySchema, key, encoder.valueSchema, value, this.#offset);
  }

  async #endTable(): Promise<void> {
    await this.#context.connection.finishStream();
    this.#done.push(this.#current!.name);
    this.#current = null;
  }

  #offsetNow(isLast: boolean): SourceOffset {
    return snapshotOffset(this.#lsn, [...this.#done], isLast, this.#transaction.commitMicros);
  }
}

function nameOf(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`;
}

/** COPY of the table itself is fastest; a filter or a partitioned root needs a query. */
function copyStatement({ table, rowFilter }: SnapshotTable, columns: readonly string[]): string {
  const from = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const list = columns.map(quoteIdentifier).join(', ');
  if (rowFilter === null && !table.isPartitioned) return `COPY ${from} (${list}) TO STDOUT`;
  return `COPY (SELECT ${list} FROM ${from}${rowFilter === null ? '' : ` WHERE ${rowFilter}`}) TO STDOUT`;
}
