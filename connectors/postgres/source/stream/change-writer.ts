/**
 * Makes records of changes: inserts, updates, deletes and truncates in Debezium's form. No I/O.
 *
 * A change of key is three records (delete, tombstone, create), so that a compacted topic forgets the old key.
 */
import { type Header, JsonText, type SourceOffset } from '../../../api/index.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import type { OldTuple, Tuple } from '../tables/pgoutput.ts';
import type { RecordBatch } from '../tables/record-batch.ts';
import { NO_BEFORE, type Operation, type TableEncoder, type TransactionInfo } from '../tables/table-encoder.ts';
import type { TransactionMetadata } from '../tables/transaction-metadata.ts';

const BEFORE = Buffer.from('{"before":');
const AFTER = Buffer.from(',"after":');
const AFTER_NULL = Buffer.from(',"after":null');
const NEITHER = Buffer.from('{"before":null,"after":null');

/** Where a change stands: shared by the records it becomes. */
export interface ChangePlace {
  transaction: TransactionInfo;
  /** The position in digits. */
  lsn: string;
  /** The offset once the whole change is done, and until then. */
  offset: SourceOffset;
  offsetBefore: SourceOffset;
  /** Counts the records where that is wanted. */
  readonly metadata: TransactionMetadata | null;
}

export interface ChangeOptions {
  readonly tombstones: boolean;
  /** Operations that are not written. */
  readonly skipped: ReadonlySet<string>;
  /** Whether updates of nothing that is captured are not written either. */
  readonly skipsWithoutChange: boolean;
}

export class ChangeWriter {
  readonly #out = new JsonWriter();
  readonly #tombstones: boolean;
  readonly #skipped: ReadonlySet<string>;
  readonly #skipsWithoutChange: boolean;

  constructor(options: ChangeOptions) {
    this.#skipsWithoutChange = options.skipsWithoutChange;
    this.#tombstones = options.tombstones;
    this.#skipped = options.skipped;
  }

  /** `fill` has large values that were not sent. */
  insert(batch: RecordBatch, table: TableEncoder, row: Tuple, place: ChangePlace, fill: Tuple | null = null): void {
    if (this.#skipped.has('c')) return;
    const key = this.#key(table, row, fill);
    this.#create(batch, table, row, fill, key, place, undefined);
  }

  /** `fill` has large values that were not sent. */
  update(
    batch: RecordBatch,
    table: TableEncoder,
    old: OldTuple,
    before: Tuple,
    after: Tuple,
    place: ChangePlace,
    fill: Tuple | null = null,
  ): void {
    if (this.#skipped.has('u')) return;
    if (this.#skipsWithoutChange && old === 'full' && table.isSame(before, after)) return;
    const full = old === 'full' ? before : null;
    const known = full ?? fill;
    const key = this.#key(table, after, known);
    if (old !== 'none' && key !== null) {
      const oldKey = this.#key(table, before, known)!;
      if (!oldKey.equals(key)) {
        const newer = [{ key: '__debezium.newkey', value: new JsonText(key), schema: table.keySchema }];
        const older = [{ key: '__debezium.oldkey', value: new JsonText(oldKey), schema: table.keySchema }];
        this.#remove(batch, table, old, before, oldKey, { ...place, offset: place.offsetBefore }, newer);
        this.#create(batch, table, after, known, key, place, older);
        return;
      }
    }
    const out = this.#out;
    if (full === null) out.raw(NO_BEFORE);
    else {
      out.raw(BEFORE);
      table.writeRow(out, full, null);
      out.raw(AFTER);
    }
    table.writeRow(out, after, known);
    this.#finish(batch, table, 'u', key, place, undefined);
  }

  delete(batch: RecordBatch, table: TableEncoder, old: OldTuple, before: Tuple, place: ChangePlace): void {
    if (this.#skipped.has('d')) return;
    const key = this.#key(table, before, null);
    this.#remove(batch, table, old, before, key, place, undefined);
  }

  truncate(batch: RecordBatch, table: TableEncoder, place: ChangePlace): void {
    if (this.#skipped.has('t')) return;
    this.#out.raw(NEITHER);
    this.#finish(batch, table, 't', null, place, undefined);
  }

  #key(table: TableEncoder, row: Tuple, known: Tuple | null): Buffer | null {
    if (!table.hasKey) return null;
    table.writeKey(this.#out, row, known);
    return this.#out.take();
  }

  #create(
    batch: RecordBatch,
    table: TableEncoder,
    row: Tuple,
    old: Tuple | null,
    key: Buffer | null,
    place: ChangePlace,
    headers: readonly Header[] | undefined,
  ): void {
    this.#out.raw(NO_BEFORE);
    table.writeRow(this.#out, row, old);
    this.#finish(batch, table, 'c', key, place, headers);
  }

  #remove(
    batch: RecordBatch,
    table: TableEncoder,
    old: OldTuple,
    before: Tuple,
    key: Buffer | null,
    place: ChangePlace,
    headers: readonly Header[] | undefined,
  ): void {
    const out = this.#out;
    out.raw(BEFORE);
    if (old === 'full') table.writeRow(out, before, null);
    else table.writeIdentity(out, before);
    out.raw(AFTER_NULL);
    const withTombstone = this.#tombstones && key !== null;
    // A crash between the two must bring both again.
    const first = withTombstone ? { ...place, offset: place.offsetBefore } : place;
    this.#finish(batch, table, 'd', key, first, headers);
    if (withTombstone) batch.add(table.tombstoneTopic, table.keySchema, key, null, null, place.offset, headers);
  }

  #finish(
    batch: RecordBatch,
    table: TableEncoder,
    op: Operation,
    key: Buffer | null,
    place: ChangePlace,
    headers: readonly Header[] | undefined,
  ): void {
    const block = place.metadata?.next(`${table.schema}.${table.name}`, place.lsn) ?? null;
    table.writeOrigin(this.#out, place.transaction, 'false', place.lsn, op, batch.clocks, block);
    const value = this.#out.take();
    const keySchema = key === null ? null : table.keySchema;
    batch.add(table.topic, keySchema, key, table.valueSchema, value, place.offset, headers);
  }
}
