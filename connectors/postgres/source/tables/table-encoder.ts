/**
 * Turns the rows of one table into keys and envelopes, as JSON bytes straight from Postgres's text.
 *
 * Built once per relation message; its methods are the hot path of the source and make no object per column.
 */
import type { Schema } from '../../../api/index.ts';
import type { JsonWriter } from '../../types/json-writer.ts';
import type { ColumnMapping } from '../../types/mapping.ts';
import { envelopeSchema, keySchema } from './envelope-schema.ts';
import type { ToastColumns } from './kept-row.ts';
import { type Tuple, TupleKind } from './pgoutput.ts';

/** The version that `source.version` names. */
export const CONNECTOR_VERSION = '0.1.0';

/** A column in the order of the stream's tuples. */
export interface EncodedColumn {
  readonly name: string;
  /** Its name in records. */
  readonly field: string;
  /** Null: the type is left out. */
  readonly mapping: ColumnMapping | null;
  /** The same in keys, whose schemas tell less. */
  readonly keyMapping: ColumnMapping | null;
  readonly isNullable: boolean;
  readonly typeOid: number;
  readonly modifier: number;
  /** Whether an old tuple of kind "key" holds it. */
  readonly isIdentity: boolean;
  /** Whether the filters want it in values. */
  readonly isIncluded: boolean;
}

export interface TableDefinition {
  readonly prefix: string;
  readonly topic: string;
  /** Where tombstones go: the table's own topic, though its rows be parked, because nothing of their shape is in them. */
  readonly tombstoneTopic: string;
  /** Begins the names of its schemas. */
  readonly fullName: string;
  readonly database: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly EncodedColumn[];
  /** The names of the key's columns, in order; empty where there is no key. */
  readonly key: readonly string[];
  /** What of its rows is kept in the log; null where nothing is. */
  readonly toast: ToastColumns | null;
}

/** A transaction, as its rows tell of it. `serial` tells two of them apart. */
export interface TransactionInfo {
  readonly serial: number;
  /** Null for rows that no one transaction brought. */
  readonly xid: number | null;
  readonly commitMicros: number;
  /** The end of the transaction before, or null where there was none. */
  readonly lastCommitLsn: number | null;
  /** Where it was replicated from, where it was. */
  readonly origin?: { readonly name: string; readonly lsn: number };
  /** The oldest transaction the slot keeps rows of, where that is wanted. */
  readonly xmin?: number;
}

/** A column whose value the server did not send. */
export interface UnsentColumn {
  readonly index: number;
  readonly name: string;
  readonly typeOid: number;
  readonly modifier: number;
}

interface WrittenColumn extends UnsentColumn {
  /** `,"name":`, the comma not on the first. */
  readonly prefix: Buffer;
  readonly mapping: ColumnMapping;
  readonly isIdentity: boolean;
  readonly whenNull: Buffer;
  readonly absent: Buffer;
  readonly unavailable: Buffer;
}

/** Begins the envelope of a row that has no before. */
export const NO_BEFORE = Buffer.from('{"before":null,"after":');
const NULL = Buffer.from('null');
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The operations of the envelope. */
export type Operation = 'c' | 'u' | 'd' | 'r' | 't';

/** What ends the source block: horizon and origin. */
export function originTail({ origin, xmin }: Pick<TransactionInfo, 'origin' | 'xmin'>): string {
  const from =
    origin === undefined
      ? '"origin":null,"origin_lsn":null'
      : `"origin":${JSON.stringify(origin.name)},"origin_lsn":${origin.lsn}`;
  return `,"xmin":${xmin ?? null},${from}},"transaction":`;
}

const ORIGIN_TAIL = originTail({});
export class TableEncoder {
  readonly topic: string;
  readonly tombstoneTopic: string;
  readonly schema: string;
  readonly name: string;
  readonly keySchema: Schema | null;
  readonly valueSchema: Schema;
  readonly columnCount: number;
  readonly toast: ToastColumns | null;
  readonly #values: readonly WrittenColumn[];
  readonly #enums: readonly WrittenColumn[];
  readonly #keys: readonly WrittenColumn[];
  readonly #identity: readonly WrittenColumn[];
  readonly #sourceHead: string;
  readonly #sourceNames: string;
  #serial = -1;
  /** What stands before the position, by snapshot marker. */
  readonly #beforeLsn = new Map<string, Buffer>();
  #betweenLsns: Buffer = NULL;
  #originTail = ORIGIN_TAIL;

  constructor(table: TableDefinition) {
    const { fullName } = table;
    this.topic = table.topic;
    this.tombstoneTopic = table.tombstoneTopic;
    this.schema = table.schema;
    this.name = table.name;
    this.columnCount = table.columns.length;
    this.toast = table.toast;
    const usable = table.columns.flatMap((column, index) =>
      column.mapping === null ? [] : [{ ...column, mapping: column.mapping, index }],
    );
    const values = usable.filter((column) => column.isIncluded);
    const keys = table.key.flatMap((name) => usable.filter((column) => column.name === name));
    this.#values = values.map(written);
    this.#enums = this.#values.filter(({ mapping }) => mapping.labels !== undefined);
    this.#keys = keys.map(written);
    this.#identity = usable.filter((column) => column.isIdentity).map(written);
    const field = (column: (typeof usable)[number], isOptional: boolean) => {
      return {
        name: column.field,
        schema: isOptional ? { ...column.mapping.schema, optional: true } : column.mapping.schema,
      };
    };
    this.valueSchema = envelopeSchema(
      fullName,
      values.map((column) => field(column, column.isNullable || column.mapping.isAlwaysOptional === true)),
    );
    this.keySchema =
      keys.length === 0
        ? null
        : keySchema(
            fullName,
            keys.map((column) => field({ ...column, mapping: column.keyMapping ?? column.mapping }, column.isNullable)),
          );
    this.#sourceHead = `,"source":{"version":"${CONNECTOR_VERSION}","connector":"postgresql","name":${JSON.stringify(table.prefix)},"ts_ms":`;
    this.#sourceNames = `,"schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.name)},"txId":`;
    this.#database = JSON.stringify(table.database);
  }

  readonly #database: string;

  /** Whether the row has a label that its enum did not have when the table was described: Postgres tells of no new ones. */
  hasNewLabel(row: Tuple): boolean {
    for (const { index, mapping } of this.#enums) {
      if (row.kinds[index] !== TupleKind.text) continue;
      if (!mapping.labels!.has(row.buffer.toString('utf8', row.starts[index]!, row.ends[index]!))) return true;
    }
    return false;
  }

  get hasKey(): boolean {
    return this.#keys.length > 0;
  }

  /** Writes the key of a row; unchanged TOAST values come from `old` where it has them. Call only where {@link hasKey}. */
  writeKey(out: JsonWriter, row: Tuple, old: Tuple | null = null): void {
    this.#write(out, this.#keys, row, old, false);
  }

  /** Writes a whole row; unchanged TOAST values come from `old` where it has them. */
  writeRow(out: JsonWriter, row: Tuple, old: Tuple | null): void {
    this.#write(out, this.#values, row, old, false);
  }

  /** Writes an old row of which only the identity's columns are known: the rest is null, or zero where null is not allowed. */
  writeIdentity(out: JsonWriter, row: Tuple): void {
    this.#write(out, this.#values, row, null, true);
  }

  #write(out: JsonWriter, columns: readonly WrittenColumn[], row: Tuple, old: Tuple | null, isPartial: boolean): void {
    out.byte(OPEN);
    const { kinds, starts, ends, buffer } = row;
    for (let position = 0; position < columns.length; position++) {
      const column = columns[position]!;
      const index = column.index;
      const kind = kinds[index];
      out.raw(column.prefix);
      if (kind === TupleKind.text) column.mapping.write(out, buffer, starts[index]!, ends[index]!);
      else if (kind === TupleKind.null) {
        out.raw(isPartial && !column.isIdentity ? column.absent : column.whenNull);
      } else if (old !== null && old.kinds[index] === TupleKind.text) {
        column.mapping.write(out, old.buffer, old.starts[index]!, old.ends[index]!);
      } else if (old !== null && old.kinds[index] === TupleKind.null) out.raw(column.whenNull);
      else out.raw(column.unavailable);
    }
    out.byte(CLOSE);
  }

  /**
   * Writes what follows `after` in the envelope: source, transaction, op, and the clocks, which come ready.
   * `snapshot` is the marker's text, `false` in the stream; `block` the transaction's JSON where it is wanted.
   */
  writeOrigin(
    out: JsonWriter,
    transaction: TransactionInfo,
    snapshot: string,
    lsn: string,
    op: Operation,
    clocks: Uint8Array,
    block: string | null = null,
  ): void {
    if (this.#serial !== transaction.serial) this.#enter(transaction);
    let beforeLsn = this.#beforeLsn.get(snapshot);
    if (beforeLsn === undefined) {
      beforeLsn = this.#upToLsn(transaction, snapshot);
      this.#beforeLsn.set(snapshot, beforeLsn);
    }
    out.raw(beforeLsn);
    out.ascii(lsn);
    out.raw(this.#betweenLsns);
    out.ascii(transaction.xid === null ? 'null' : lsn);
    if (block === null && this.#originTail === ORIGIN_TAIL) out.raw(OPERATION_TAILS[op]);
    else out.raw(Buffer.from(`${this.#originTail}${block},"op":"${op}"`));
    out.raw(clocks);
  }

  /** Whether the server did not send a value that is written. */
  hasUnsent({ kinds, unchanged }: Tuple): boolean {
    return unchanged > 0 && this.#values.some(({ index }) => kinds[index] === TupleKind.unchanged);
  }

  /** The written columns whose value the server did not send. */
  unsent(row: Tuple): UnsentColumn[] {
    return this.#values.filter(({ index }) => row.kinds[index] === TupleKind.unchanged);
  }

  /** The columns that tell the row from all others, with their text; one that was not sent either is as it was before. */
  identityTexts(row: Tuple, before: Tuple | null): { readonly name: string; readonly text: string }[] {
    return this.#identity.map(({ index, name }) => {
      const tuple = row.kinds[index] === TupleKind.unchanged && before !== null ? before : row;
      return { name, text: tuple.buffer.toString('utf8', tuple.starts[index]!, tuple.ends[index]!) };
    });
  }

  /** Whether two rows have the same values in every column that is written. */
  isSame(one: Tuple, other: Tuple): boolean {
    return this.#values.every(({ index }) => {
      const kind = one.kinds[index];
      // Unchanged is what Postgres calls a large value that is the same.
      if (other.kinds[index] === TupleKind.unchanged) return true;
      if (kind !== other.kinds[index]) return false;
      if (kind !== TupleKind.text) return true;
      const [start, end] = [one.starts[index]!, one.ends[index]!];
      return one.buffer.compare(other.buffer, other.starts[index]!, other.ends[index]!, start, end) === 0;
    });
  }

  /** Prepares what all rows of a transaction share. */
  #enter(transaction: TransactionInfo): void {
    const { xid, commitMicros, serial } = transaction;
    this.#serial = serial;
    this.#originTail = originTail(transaction);
    this.#beforeLsn.clear();
    this.#betweenLsns = Buffer.from(
      `\\"]","ts_us":${commitMicros},"ts_ns":${commitMicros}000${this.#sourceNames}${xid},"lsn":`,
    );
  }

  #upToLsn({ commitMicros, lastCommitLsn }: TransactionInfo, snapshot: string): Buffer {
    const last = lastCommitLsn === null ? 'null' : `\\"${lastCommitLsn}\\"`;
    const millis = Math.floor(commitMicros / 1000);
    return Buffer.from(
      `${this.#sourceHead}${millis},"snapshot":"${snapshot}","db":${this.#database},"sequence":"[${last},\\"`,
    );
  }
}

const operationTail = (op: string) => Buffer.from(`${ORIGIN_TAIL}null,"op":"${op}"`);

const OPERATION_TAILS: Readonly<Record<Operation, Buffer>> = {
  c: operationTail('c'),
  u: operationTail('u'),
  d: operationTail('d'),
  r: operationTail('r'),
  t: operationTail('t'),
};

/** The three clocks that end an envelope, its brace included; `micros` since 1970. */
export function clockTail(micros: number): Buffer {
  return Buffer.from(`,"ts_ms":${Math.floor(micros / 1000)},"ts_us":${micros},"ts_ns":${micros}000}`);
}

/** Now, in microseconds since 1970. */
export function nowMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

function written(
  column: EncodedColumn & { readonly index: number; readonly mapping: ColumnMapping },
  position: number,
): WrittenColumn {
  const { absent = { null: 'null', zero: column.mapping.zero } } = column.mapping;
  return {
    index: column.index,
    name: column.name,
    typeOid: column.typeOid,
    modifier: column.modifier,
    prefix: Buffer.from(`${position === 0 ? '' : ','}${JSON.stringify(column.field)}:`),
    mapping: column.mapping,
    isIdentity: column.isIdentity,
    whenNull: column.mapping.whenNull === undefined ? NULL : Buffer.from(column.mapping.whenNull),
    absent: Buffer.from(absent[column.isNullable ? 'null' : 'zero']),
    unavailable: Buffer.from(column.mapping.unavailable ?? 'null'),
  };
}
