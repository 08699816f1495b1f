/**
 * How far a snapshot is and how fast, and the brake: rows a second at most, and a wait while the server is busy with others.
 */
import type { Logger } from '../../../api/index.ts';
import type { SnapshotSettings } from '../config/source-config.ts';

/** Told to the log this often. */
const TELL_MS = 10_000;
/** A brake that is asked for load looks this often. */
const LOOK_MS = 1_000;

export class SnapshotProgress {
  readonly #settings: SnapshotSettings;
  readonly #logger: Logger;
  readonly #expected: number;
  /** Read before a restart. */
  readonly #before: number;
  /** Sessions at work on the server, ours not counted. */
  readonly #activeSessions: () => Promise<number>;
  readonly #began = performance.now();
  #rows = 0;
  #told = performance.now();
  #looked = 0;

  constructor(options: {
    readonly settings: SnapshotSettings;
    readonly logger: Logger;
    readonly expectedRows: number;
    /** Rows of tables and ranges that were done before. */
    readonly rowsBefore: number;
    readonly activeSessions: () => Promise<number>;
  }) {
    this.#settings = options.settings;
    this.#logger = options.logger;
    this.#expected = options.expectedRows;
    this.#before = options.rowsBefore;
    this.#activeSessions = options.activeSessions;
  }

  /**
   * Rows read (before a restart too), rows there may be, rows a second since the start, seconds left. Null: nobody can tell, as
   * long as Postgres has not counted the tables.
   */
  get state() {
    const seconds = Math.max(0.001, (performance.now() - this.#began) / 1000);
    const rate = this.#rows / seconds;
    const rows = this.#before + this.#rows;
    const left = this.#expected - rows;
    const secondsLeft = rate === 0 || left < 0 ? null : Math.round(left / rate);
    const expectedRows = this.#expected < rows ? null : this.#expected;
    return { rows, expectedRows, rowsPerSecond: Math.round(rate), secondsLeft };
  }

  add(rows: number): void {
    this.#rows += rows;
    const now = performance.now();
    if (now - this.#told < TELL_MS) return;
    this.#told = now;
    this.#logger.info(this.state, 'Reading the rows that are there.');
  }

  /** Milliseconds to wait before more is read; 0 is go on. */
  async pauseMs(): Promise<number> {
    const { rowsPerSecondMax, activeSessionsMax } = this.#settings;
    if (rowsPerSecondMax > 0) {
      const due = (this.#rows / rowsPerSecondMax) * 1000;
      const ahead = due - (performance.now() - this.#began);
      if (ahead > 1) return Math.min(ahead, LOOK_MS);
    }
    if (activeSessionsMax === 0 || performance.now() - this.#looked < LOOK_MS) return 0;
    this.#looked = performance.now();
    return (await this.#activeSessions()) > activeSessionsMax ? LOOK_MS : 0;
  }
}
