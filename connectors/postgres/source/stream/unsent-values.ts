/**
 * Large values that an update did not change, which Postgres therefore did not send: found in what the source keeps in the log, or
 * asked of the table. What the table holds now may be newer; then the change that made it so follows in the stream.
 */
import { ServerError } from '../../errors.ts';
import { quoteIdentifier, quoteLiteral, type Row, type WireConnection } from '../../wire/connection.ts';
import { qualified } from '../tables/catalog.ts';
import { Fill, type KeptRow, type KeptValue } from '../tables/kept-row.ts';
import type { KeptValues } from '../tables/kept-values.ts';
import { type Tuple, TupleKind } from '../tables/pgoutput.ts';
import type { TableEncoder, UnsentColumn } from '../tables/table-encoder.ts';

/** A row that came without some of its values. */
export interface UnsentRow {
  readonly table: TableEncoder;
  readonly columns: readonly UnsentColumn[];
  /** As the table has it now, and as text. */
  readonly identity: readonly { readonly name: string; readonly text: string }[];
  /** Under which the log knows it: before the change; null where it cannot. */
  readonly key: Buffer | null;
  /** The key was changed. */
  readonly isMoved: boolean;
}

/** Told how many values were found where: `unsent_from_log`, `unsent_from_table`, or `unsent_unavailable`, the placeholder. */
export type CountUnsent = (figure: string, more: number) => void;

/** `before` is the old key where it was sent; `isNew` a row that the stream did not bring before, so that the log knows nothing of it. */
export function unsentOf(table: TableEncoder, row: Tuple, before: Tuple | null, isNew: boolean): UnsentRow {
  const key = isNew || table.toast === null ? null : table.toast.key(before ?? row, null);
  const isMoved = key !== null && before !== null && table.toast?.key(row, before)?.equals(key) === false;
  return { table, columns: table.unsent(row), identity: table.identityTexts(row, before), key, isMoved };
}

export class UnsentValues {
  readonly #kept: KeptValues | null;
  readonly #count: CountUnsent;
  /** Good until the next call. */
  readonly #fill = new Fill();

  constructor(kept: KeptValues | null, count: CountUnsent) {
    this.#kept = kept;
    this.#count = count;
  }

  /** The values, where all of them are known without asking anybody. */
  recall({ key, columns, isMoved }: UnsentRow): Fill | null {
    const row = this.#kept === null || key === null ? null : this.#kept.recall(key);
    if (row == null || (isMoved && row.isEarly) || columns.some((column) => keptValue(row, column) === null))
      return null;
    return this.#fromLog(row, columns);
  }

  /** The values that are to be had; those of a row that is gone stay unsent. */
  async find(unsent: UnsentRow, catalog: WireConnection): Promise<Fill> {
    const { key, columns, isMoved } = unsent;
    const found = this.#kept === null || key === null ? null : await this.#kept.find(key);
    // What its old key will hold would go to the new one, and no change would ever put that right.
    const row = isMoved && found?.isEarly ? null : found;
    const isKnown = (column: UnsentColumn) => row !== null && keptValue(row, column) !== null;
    const asked = columns.filter((column) => !isKnown(column));
    const answer = asked.length === 0 ? null : await readUnsent(catalog, unsent, asked);
    const fill = this.#fromLog(row, columns.filter(isKnown));
    if (answer !== null) this.#fromTable(asked, answer);
    else if (asked.length > 0) this.#count('unsent_unavailable', asked.length);
    return fill;
  }

  #fromLog(row: KeptRow | null, columns: readonly UnsentColumn[]): Fill {
    const fill = this.#fill;
    fill.isEarly = row?.isEarly ?? false;
    fill.kinds.fill(TupleKind.unchanged);
    fill.buffer = row?.buffer ?? NOTHING;
    if (row === null) return fill;
    for (const column of columns) {
      const { start, end } = keptValue(row, column)!;
      set(fill, column.index, start, end);
    }
    if (columns.length > 0) this.#count('unsent_from_log', columns.length);
    return fill;
  }

  /** Adds what the table answered behind what the log had. */
  #fromTable(columns: readonly UnsentColumn[], answer: Row): void {
    const fill = this.#fill;
    const values = columns.map(({ name }) => Buffer.from(answer[name] ?? ''));
    fill.isEarly = true;
    let end = fill.buffer.length;
    fill.buffer = Buffer.concat([fill.buffer, ...values]);
    columns.forEach(({ index, name }, place) => {
      const start = end;
      end += values[place]!.length;
      if (answer[name] == null) fill.kinds[index] = TupleKind.null;
      else set(fill, index, start, end);
    });
    this.#count('unsent_from_table', columns.length);
  }
}

const NOTHING = Buffer.alloc(0);

function set(tuple: Tuple, index: number, start: number, end: number): void {
  tuple.kinds[index] = TupleKind.text;
  tuple.starts[index] = start;
  tuple.ends[index] = end;
}

/** A column that was retyped since has other texts. */
function keptValue({ values }: KeptRow, { name, typeOid, modifier }: UnsentColumn): KeptValue | null {
  const value = values.get(name);
  return value?.typeOid === typeOid && value.modifier === modifier ? value : null;
}

/** Asks the table; null where there is no such row, table or column any more. */
async function readUnsent(
  connection: WireConnection,
  { table, identity }: UnsentRow,
  columns: readonly UnsentColumn[],
): Promise<Row | null> {
  if (identity.length === 0) return null;
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const matches = identity.map(({ name, text }) => `${quoteIdentifier(name)} = ${quoteLiteral(text)}`).join(' AND ');
  const sql = `SELECT ${list} FROM ${qualified(table)} WHERE ${matches}`;
  const rows = await connection.query(sql).catch((error: unknown) => {
    if (error instanceof ServerError && UNDEFINED_STATE.test(error.sqlState)) return [];
    throw error;
  });
  return rows[0] ?? null;
}

/** Undefined table, column, schema. */
const UNDEFINED_STATE = /^(42P01|42703|3F000)$/;
