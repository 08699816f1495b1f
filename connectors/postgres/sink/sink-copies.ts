/**
 * Which records of a batch go by COPY: runs of rows that are said to be new, of tables where that proved true so far. The
 * server takes COPY for two thirds of what an upsert costs it, and we make it for less than half.
 *
 * It is a guess, and never more than that: what Postgres refuses is rolled back and put again as statements, which alone
 * say what is wrong; and the table is left to statements for a while. No I/O.
 */
import type { SinkRecord } from '../../api/index.ts';
import { toChange } from './sink-change.ts';
import type { SinkSettings } from './sink-config.ts';
import { CopyLines, layoutOf, mayCopy, type RowLayout } from './sink-copy.ts';
import type { TargetTable, TargetTables } from './target-tables.ts';

/** Fewer rows are as quick as a statement. */
const ROWS_MIN = 100;
/** After a row that was there already, this many pieces of records go by statements; four times as many at the next. */
const PENALTY_MIN = 64;
const PENALTY_MAX = 1 << 20;
/** A row is at fault, mostly one that is there already; anything else is about the table. */
const ROW_STATE = /^2[23]/;
/** Topics whose layout is kept; more only cost time. */
const LAYOUTS_MAX = 1000;

/** Rows of one table, as the bytes of one message of COPY. */
export interface Copied {
  readonly layout: RowLayout;
  /** With the room in front that was asked for. */
  readonly bytes: Buffer;
  readonly rows: number;
}

interface Refusal {
  /** Pieces still to go by statements. */
  left: number;
  penalty: number;
}

export class Copies {
  readonly #settings: SinkSettings;
  readonly #tables: TargetTables;
  readonly #mayCopy: boolean;
  readonly #layouts = new Map<string, RowLayout>();
  /** By table as it was looked up: one that was looked up anew has another chance. */
  readonly #refusals = new WeakMap<TargetTable, Refusal>();

  constructor(settings: SinkSettings, tables: TargetTables) {
    this.#settings = settings;
    this.#tables = tables;
    this.#mayCopy = mayCopy(settings);
  }

  /** The records from `from` on that go by COPY, if there are enough of them. `open`: what a COPY that is going on takes. */
  next(records: readonly SinkRecord[], from: number, roomBefore: number, open: RowLayout | null): Copied | null {
    if (!this.#mayCopy) return null;
    const first = records[from]!;
    const layout = this.#layouts.get(first.topic);
    if (layout === undefined || (layout !== open && records.length - from < ROWS_MIN)) return null;
    if (this.#isRefused(layout) || !this.#tables.isKnown(layout.table)) return null;
    const lines = new CopyLines(layout, first, roomBefore);
    let at = from;
    while (at < records.length && lines.add(records[at]!)) at++;
    const { rows, bytes } = lines;
    return rows === 0 || (rows < ROWS_MIN && layout !== open) ? null : { layout, bytes, rows };
  }

  /** Looks at a record that goes by a statement: those behind it may look the same. */
  learn(record: SinkRecord): void {
    if (!this.#mayCopy) return;
    const change = toChange(record, this.#settings);
    const table = change === null ? null : this.#tables.ready(change.target, [change]);
    if (change === null || table === null) return;
    const refusal = this.#refusals.get(table);
    if (refusal !== undefined && refusal.left > 0) {
      refusal.left--;
      return;
    }
    const layout = layoutOf(change, table, this.#settings);
    if (layout === null) {
      this.#layouts.delete(record.topic);
      return;
    }
    if (this.#layouts.size >= LAYOUTS_MAX) this.#layouts.clear();
    this.#layouts.set(record.topic, layout);
  }

  /** These tables' rows were refused with this state: by statements, for a while or, where COPY itself is, for good. */
  refused(tables: ReadonlySet<TargetTable>, state: string): void {
    for (const table of tables) {
      const before = this.#refusals.get(table)?.penalty ?? 0;
      const penalty = Math.min(PENALTY_MAX, before === 0 ? PENALTY_MIN : before * 4);
      const left = ROW_STATE.test(state) ? penalty : Number.POSITIVE_INFINITY;
      this.#refusals.set(table, { left, penalty });
    }
  }

  #isRefused({ table }: RowLayout): boolean {
    return (this.#refusals.get(table)?.left ?? 0) > 0;
  }
}
