/**
 * Starts the fold from a snapshot where there is a sound one, and writes the next one in the background.
 *
 * The log stays the truth. A snapshot counts only if it is whole, of this very log (cluster and topic), not beyond its ends,
 * and if the log from its offset on has no hole: compaction might have taken a deletion away that the snapshot does not know.
 * Whatever else it is, a line of the log says why and the whole log is read instead.
 */
import { isDeepStrictEqual } from 'node:util';
import type { RegistryState } from '../state.ts';
import type { LogDescription, SchemaStore, StoreRecord } from '../store/store.ts';
import { readSnapshotFile, writeSnapshotFile } from './file.ts';
import { decodeSnapshot, type Snapshot, type SnapshotFacts } from './format.ts';

export interface SnapshotLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SnapshotOptions {
  /** The file; its folder is there. */
  readonly path: string;
  readonly logger: SnapshotLogger;
}

/** Records folded since the last snapshot that are worth a new one: reading so many takes ten milliseconds. */
const CHANGES_WORTH = 1000;
/** At the end of the process, when nobody waits for an answer. */
const CHANGES_WORTH_AT_STOP = 100;
/** Milliseconds until a snapshot is begun that is worth it: who has just started has others to answer. */
const DELAY_MS = 2000;

export class SnapshotKeeper {
  readonly #state: RegistryState;
  readonly #store: SchemaStore;
  readonly #options: SnapshotOptions | null;
  #log: LogDescription | null = null;
  /** The offset behind the last record folded. */
  #position = 0;
  #last: SnapshotFacts['last'] = [0, 0, 0];
  #changes = 0;
  /** The file was ignored: it is replaced when the process stops, so that nobody is told of it again. */
  #isBad = false;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: RegistryState, store: SchemaStore, options: SnapshotOptions | null) {
    this.#state = state;
    this.#store = store;
    this.#options = options;
  }

  /** Folds the log, from a snapshot on where that is possible. Call it once. */
  async start(): Promise<void> {
    this.#log = this.#options === null ? null : ((await this.#store.describe?.()) ?? null);
    const snapshot = this.#log === null ? null : await this.#read(this.#log);
    if (snapshot !== null && (await this.#foldFrom(snapshot, this.#log!))) return;
    await this.#store.open((record) => this.#fold(record));
  }

  /** Writes what is worth it. Call it before the store is closed. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#isBad || this.#changes >= CHANGES_WORTH_AT_STOP) await this.write();
  }

  /** Writes a snapshot of now; one at a time. A failure is a line of the log: the next start reads the whole log. */
  async write(): Promise<void> {
    if (this.#options === null || this.#log === null) return;
    while (this.#writing !== null) await this.#writing;
    const { path, logger } = this.#options;
    const began = performance.now();
    const content = this.#state.capture({ log: this.#log.identity, offset: this.#position, last: this.#last });
    this.#changes = 0;
    this.#isBad = false;
    this.#writing = writeSnapshotFile(path, content).then(
      () => {
        this.#writing = null;
        const ms = Math.round(performance.now() - began);
        logger.debug({ path, versions: content.rows.length, ms }, 'A snapshot of the schema registry was written.');
      },
      (error: unknown) => {
        this.#writing = null;
        logger.warn(
          { err: error, path },
          'No snapshot of the schema registry could be written; its log has everything.',
        );
      },
    );
    await this.#writing;
  }

  async #read(log: LogDescription): Promise<Snapshot | null> {
    const { path, logger } = this.#options!;
    const ignored = (why: string): null => {
      this.#isBad = true;
      logger.warn({ path }, `The snapshot of the schema registry is ignored: ${why}. The whole log is read instead.`);
      return null;
    };
    try {
      const bytes = await readSnapshotFile(path);
      if (bytes === null) return null;
      const snapshot = decodeSnapshot(bytes);
      if (typeof snapshot === 'string') return ignored(snapshot);
      const { log: identity, offset } = snapshot.facts;
      // Of an empty log: there is nothing to go on from, and nothing to say.
      if (offset === 0) return null;
      if (identity !== log.identity) return ignored('it is of another log');
      if (offset > log.endOffset) return ignored(`it goes to offset ${offset}, and the log ends at ${log.endOffset}`);
      if (offset < log.startOffset)
        return ignored(`it goes to offset ${offset}, and the log begins at ${log.startOffset}`);
      return snapshot;
    } catch (error) {
      return ignored(`it cannot be read (${(error as Error).message})`);
    }
  }

  /** False when the log does not go on from the snapshot; then nothing of it is left. */
  async #foldFrom(snapshot: Snapshot, log: LogDescription): Promise<boolean> {
    const { offset, last } = snapshot.facts;
    this.#state.restore(snapshot);
    this.#position = offset - 1;
    let follows = true;
    await this.#store.open((record) => {
      // Records from the end on that the log had at first are new: aborted ones before them may leave holes.
      if (this.#position < log.endOffset && record.offset !== this.#position) follows = false;
      if (!follows) return;
      if (record.offset >= offset) this.#fold(record);
      else {
        follows = isDeepStrictEqual(lookOf(record), last);
        this.#position = offset;
        this.#last = last;
      }
    }, offset - 1);
    if (follows && this.#position >= log.endOffset) return true;
    const { path, logger } = this.#options!;
    const message =
      'The snapshot of the schema registry is ignored: records of the log behind it are others, or were compacted away. The whole log is read instead.';
    logger.warn({ path, offset }, message);
    this.#isBad = true;
    await this.#store.close();
    this.#state.clear();
    this.#position = 0;
    this.#changes = 0;
    return false;
  }

  #fold(record: StoreRecord): void {
    this.#state.apply(record);
    this.#position = record.offset + 1;
    this.#last = lookOf(record);
    this.#changes++;
    if (this.#changes < CHANGES_WORTH || this.#timer !== undefined || this.#log === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#writing === null) void this.write();
    }, DELAY_MS).unref();
  }
}

/** What a record looks like from afar: enough to notice that another one stands at its offset. */
function lookOf({ timestamp, key, value }: StoreRecord): SnapshotFacts['last'] {
  return [timestamp, key?.length ?? -1, value?.length ?? -1];
}
