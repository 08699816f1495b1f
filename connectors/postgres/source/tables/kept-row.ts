/**
 * The large values of one row, as the source keeps them in the log: a line of JSON that says what follows, then the values as
 * Postgres wrote them. Masks and modes come later, when a record is written; columns that are masked are not kept at all. No I/O.
 * ```
 * {"era":…,"columns":[[name, type oid, type modifier, bytes],…],"early":true} \n | value | value | …
 * ```
 * `early` is there where values were read from the table at a later moment than the stream had reached.
 */
import { Tuple, TupleKind } from './pgoutput.ts';

/** A column whose values Postgres may store out of line. */
export interface ToastColumn {
  readonly index: number;
  readonly name: string;
  readonly typeOid: number;
  readonly modifier: number;
  /** Its text is at least as long as what is stored. */
  readonly isDense: boolean;
}

/** A kept row, read: places in `buffer`. */
export interface KeptRow {
  readonly era: string;
  readonly values: ReadonlyMap<string, KeptValue>;
  /** It may be what the key will hold, of another row even: true of the key in the end, and of no row that moves away from it. */
  readonly isEarly: boolean;
  readonly buffer: Buffer;
}

/** Values that a row came without, as they were found. */
export class Fill extends Tuple {
  /** Some of them may be newer than the change, as in {@link KeptRow}. */
  isEarly = false;
}

export interface KeptValue {
  readonly typeOid: number;
  readonly modifier: number;
  readonly start: number;
  readonly end: number;
}

const LINE_END = 0x0a;
/** A value that is no larger than the pointer to it (18 bytes, aligned to 24, a header of 4 included) stays where it is. */
const INLINE_TEXT_BYTES = 20;
/** A record with its key fits every Kafka's default of 1 MiB. */
const ROW_BYTES_MAX = 1_000_000;
/** What is stored takes hardly more than this per byte of text: `{0,0}` as int8[]. */
const STORED_PER_TEXT = 4;
/** A tuple's header, and what a column of fixed size takes, or a short one with its alignment. */
const TUPLE_BYTES = 24;
const COLUMN_BYTES = 16;

/** Which of a table's columns are kept, and for which rows that pays. */
export class ToastColumns {
  readonly oid: number;
  readonly columns: readonly ToastColumn[];
  /** Places of the columns that tell a row from all others. */
  readonly #identity: readonly number[];
  readonly #textBytesMin: number;
  /** No row of fewer bytes is large. */
  readonly #rowBytesMin: number;

  /** `inlineBytesMax`: a row that is no larger is stored in one piece; `columnCount` counts its columns. */
  constructor(table: {
    readonly oid: number;
    readonly columns: readonly ToastColumn[];
    readonly identity: readonly number[];
    readonly inlineBytesMax: number;
    readonly columnCount: number;
  }) {
    this.oid = table.oid;
    this.columns = table.columns;
    this.#identity = table.identity;
    this.#textBytesMin = Math.max(0, table.inlineBytesMax - TUPLE_BYTES - COLUMN_BYTES * table.columnCount);
    const isDense = table.columns.every((column) => column.isDense);
    this.#rowBytesMin = this.#textBytesMin / (isDense ? 1 : STORED_PER_TEXT);
  }

  /**
   * Whether Postgres may have stored values of this row out of line. An estimate, in doubt yes: a row that is not kept is asked of the
   * table, never taken for another.
   */
  isLarge(row: Tuple): boolean {
    if (row.bytes <= this.#rowBytesMin) return false;
    const { kinds, starts, ends } = row;
    let bytes = 0;
    for (const { index, isDense } of this.columns) {
      if (kinds[index] !== TupleKind.text) continue;
      const length = ends[index]! - starts[index]!;
      bytes += isDense ? length : length * STORED_PER_TEXT;
    }
    return bytes > this.#textBytesMin;
  }

  /** The row's key in the log: the table's oid and the identity's values; null where one was not sent. `before` has a key's large column. */
  key(row: Tuple, before: Tuple | null): Buffer | null {
    const parts: Buffer[] = [];
    for (const index of this.#identity) {
      const tuple = row.kinds[index] === TupleKind.unchanged && before !== null ? before : row;
      if (tuple.kinds[index] !== TupleKind.text) return null;
      parts.push(tuple.buffer.subarray(tuple.starts[index]!, tuple.ends[index]!));
    }
    const bytes = parts.reduce((sum, part) => sum + 4 + part.length, 4);
    const key = Buffer.allocUnsafe(bytes);
    let position = key.writeUInt32BE(this.oid, 0);
    for (const part of parts) {
      position = key.writeUInt32BE(part.length, position);
      position += part.copy(key, position);
    }
    return key;
  }

  /** What to keep of a row, `fill` having the values it was not sent; null where that is nothing, or too much. */
  encode(era: string, row: Tuple, fill: Tuple | null, isEarly: boolean): Buffer | null {
    const columns: [string, number, number, number][] = [];
    const values: Buffer[] = [];
    let bytes = 0;
    for (const { index, name, typeOid, modifier, isDense } of this.columns) {
      const tuple = row.kinds[index] === TupleKind.unchanged && fill !== null ? fill : row;
      if (tuple.kinds[index] !== TupleKind.text) continue;
      const value = tuple.buffer.subarray(tuple.starts[index]!, tuple.ends[index]!);
      if (isDense && value.length <= INLINE_TEXT_BYTES) continue;
      columns.push([name, typeOid, modifier, value.length]);
      values.push(value);
      bytes += value.length;
    }
    if (columns.length === 0 || bytes > ROW_BYTES_MAX) return null;
    const line = JSON.stringify(isEarly ? { era, columns, early: true } : { era, columns });
    return Buffer.concat([Buffer.from(`${line}\n`), ...values]);
  }
}

/** Reads what {@link ToastColumns.encode} wrote. */
export function decodeKeptRow(buffer: Buffer): KeptRow {
  const line = buffer.indexOf(LINE_END);
  const { era, columns, early } = JSON.parse(buffer.toString('utf8', 0, line)) as {
    era: string;
    columns: [string, number, number, number][];
    early?: boolean;
  };
  let start = line + 1;
  const values = new Map<string, KeptValue>();
  for (const [name, typeOid, modifier, length] of columns) {
    values.set(name, { typeOid, modifier, start, end: start + length });
    start += length;
  }
  return { era, values, isEarly: early === true, buffer };
}
