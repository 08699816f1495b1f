/**
 * All files of one task: finds them, follows them through rotation, and answers the next batch of one of them.
 *
 * Files are read one after the other to their end, in natural order of their names; a file that grows is read on. A file
 * that was renamed or deleted is read to its end and a while longer; one that was truncated starts again, after a copy of
 * what we had not read yet was looked for beside it. Files that must be complete are read once, and are then done.
 */
import { ConfigError, ConnectError, type ConnectValue, type Logger, type Schema } from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import type { Chunk } from '../formats/chunk.ts';
import type { Cutter } from '../formats/cutter.ts';
import type { FileSourceSettings } from '../source-config.ts';
import { Cutters } from './cutters.ts';
import { type Found, findRotated, isCopyOf, isRotatedName } from './discovery.ts';
import { RowFile } from './row-file.ts';
import { FileSelection } from './selection.ts';
import { type Place, ReusableBuffer, startOfFile, TrackedFile } from './tracked-file.ts';

/** Handles kept open beyond this number are closed, those first that have been at their end for longest. */
const openFilesMax = 128;
/** A header longer than this is none. */
const headerBytesMax = 64 * 1024;
/** A file that has not grown for a while is looked at after a tenth of that while again; the scans look at all. */
const patience = 10;
/** Chunks of one file in a row before the others get a turn. */
const turnChunks = 256;

/** A file with its cutter. */
export interface Reading {
  readonly file: TrackedFile;
  readonly cutter: Cutter;
  /** For files of rows, which are not cut. */
  readonly rows: RowFile | null;
  /** True once the cutter knows the file's header. */
  hasBegun: boolean;
  /** When to look whether it has grown. */
  nextLookAt: number;
  /** True once the log says that it cannot be read. */
  isComplainedOf: boolean;
  /** A file whose records come first: an older one at the same path, or a copy made before a truncation. */
  after: Reading | null;
  /** When the file was first seen to end inside a record, at this place; null while it does not. */
  openEnd: { readonly position: number; readonly end: number; readonly since: number } | null;
}

/** What is next: records to cut, or something to report. */
export type Next =
  | { readonly kind: 'chunk'; readonly reading: Reading; readonly chunk: Chunk }
  | {
      readonly kind: 'rows';
      readonly reading: Reading;
      readonly schema: Schema;
      readonly rows: readonly ConnectValue[];
    }
  | {
      readonly kind: 'bad';
      readonly reading: Reading;
      readonly from: number;
      readonly to: number;
      readonly problem: string;
    };

/** Finds what was kept of the files' places: by key, else by path; null for a file that is new. */
export type FindPlaces = (files: readonly Found[]) => Promise<readonly (Place | null)[]>;

export class FileReader {
  readonly #settings: FileSourceSettings;
  readonly #logger: Logger;
  readonly #findPlaces: FindPlaces;
  readonly #readings = new Map<string, Reading>();
  readonly #buffer = new ReusableBuffer();
  readonly #cutters: Cutters;
  readonly #selection: FileSelection;
  /** The readings in order; made when it is needed, forgotten when they change. */
  #list: readonly Reading[] | null = null;
  #current: Reading | null = null;
  #turn = 0;
  #isFirstScan = true;

  constructor(settings: FileSourceSettings, logger: Logger, findPlaces: FindPlaces) {
    this.#settings = settings;
    this.#logger = logger;
    this.#findPlaces = findPlaces;
    this.#cutters = new Cutters(settings);
    this.#selection = new FileSelection(settings);
  }

  /** Looks for new, renamed and vanished files. */
  async scan(): Promise<void> {
    const now = Date.now();
    const { keys, ready: found } = await this.#selection.look(now);
    for (const { file } of this.#readings.values()) {
      if (!keys.has(file.key)) file.goneSince ??= now;
    }
    const unknown: Found[] = [];
    for (const one of found) {
      const known = this.#readings.get(one.key);
      if (known === undefined) unknown.push(one);
      else this.#sees(known.file, one);
    }
    if (this.#isFirstScan && !this.#settings.isOnce) await this.#resumeRotated(found);
    this.#isFirstScan = false;
    await this.#track(unknown);
    await this.#followRenamed(now);
    await this.#dropGone(now);
  }

  /** The next chunk or report of any file, or null when all have been read to their ends. */
  async next(): Promise<Next | null> {
    const mustTurn = this.#current === null || this.#current.file.isRefused || this.#turn >= turnChunks;
    if (mustTurn) this.#current = this.#choose();
    for (let reading = this.#current; reading !== null; reading = this.#current = this.#choose()) {
      const next = await this.#nextUnlessUnreadable(reading);
      this.#turn++;
      if (next !== null) return next;
      reading.file.mayHaveMore = false;
    }
    await this.#closeSome();
    return null;
  }

  /** Between scans: the open files may have grown, which costs one fstat each to see. */
  lookForGrowth(): void {
    const now = Date.now();
    for (const reading of this.#readings.values()) {
      const { file } = reading;
      if (!file.isOpen || this.#settings.isOnce || now < reading.nextLookAt) continue;
      file.mayHaveMore = true;
      reading.nextLookAt = now + (now - (file.endSince ?? now)) / patience;
    }
  }

  /**
   * The chunk held lines but no whole record (a quoted field is open): wait for more, or give up the record that is too
   * long or was not finished in time.
   */
  stuck(reading: Reading, chunk: Chunk): 'wait' | 'give up' {
    if (chunk.end - chunk.cursor > this.#settings.maxRecordBytes) return 'give up';
    if (!chunk.reachesEnd) {
      reading.file.widen();
      return 'wait';
    }
    const end = chunk.base + chunk.end;
    const known = reading.openEnd;
    if (known === null || known.position !== chunk.position || known.end !== end) {
      reading.openEnd = { position: chunk.position, end, since: Date.now() };
    }
    reading.file.mayHaveMore = false;
    return Date.now() - reading.openEnd!.since >= this.#settings.csv.unclosedQuoteMs ? 'give up' : 'wait';
  }

  /** Files that are complete and were read to their end. */
  finished(): TrackedFile[] {
    if (!this.#settings.isOnce) return [];
    const files = [...this.#readings.values()].map(({ file }) => file);
    return files.filter(
      (file) => !file.isRefused && !file.mayHaveMore && file.endsAt !== null && file.goneSince === null,
    );
  }

  /** Files that cannot be read at all and are still there. */
  refused(): TrackedFile[] {
    const files = [...this.#readings.values()].map(({ file }) => file);
    return files.filter((file) => file.isRefused && file.goneSince === null);
  }

  /** The file was put away. */
  async forget({ key }: TrackedFile): Promise<void> {
    const reading = this.#readings.get(key);
    if (reading !== undefined) await this.#drop(key, reading);
  }

  async close(): Promise<void> {
    for (const { file, rows } of this.#readings.values()) {
      await rows?.close();
      await file.close();
    }
  }

  #sees(file: TrackedFile, found: Found): void {
    file.path = found.path;
    file.goneSince = null;
    // Longer: it grew. Shorter: it was truncated. As long, but changed: it was rewritten. The look finds out.
    const { endsAt } = file;
    if (endsAt?.size !== found.size || endsAt.mtimeMs !== found.mtimeMs) file.mayHaveMore = true;
  }

  /** The next file that may have more than we have read. */
  #choose(): Reading | null {
    this.#turn = 0;
    this.#list ??= [...this.#readings.values()];
    const all = this.#list;
    const after = this.#current === null ? -1 : all.indexOf(this.#current);
    for (let i = 1; i <= all.length; i++) {
      const reading = all[(after + i) % all.length]!;
      if (reading.file.mayHaveMore && !reading.file.isRefused) return reading;
    }
    return null;
  }

  /** Among many files, one that cannot be read is named once and tried again; alone, it fails the task. */
  async #nextUnlessUnreadable(reading: Reading): Promise<Next | null> {
    try {
      const next = await this.#nextOf(reading);
      reading.isComplainedOf = false;
      return next;
    } catch (error) {
      if (this.#readings.size === 1) throw error;
      if (!reading.isComplainedOf) this.#logger.error({ file: reading.file.path }, messageOf(error));
      reading.isComplainedOf = true;
      return null;
    }
  }

  async #nextOf(reading: Reading): Promise<Next | null> {
    // What was written earlier is committed earlier: a crash in between must not leave it behind for good.
    while (reading.after !== null) {
      const earlier = await this.#nextOf(reading.after);
      if (earlier !== null) return earlier;
      reading.after = null;
    }
    if (reading.rows !== null) return this.#nextRows(reading, reading.rows);
    const { file } = reading;
    const begun = reading.hasBegun ? true : await this.#begin(reading);
    if (begun !== true) return begun;
    for (;;) {
      const look = await file.look(this.#buffer);
      switch (look.found) {
        case 'end':
          return null;
        case 'more':
          continue;
        case 'giant': {
          const problem = `are a record longer than max.record.bytes (${this.#settings.maxRecordBytes})`;
          return { kind: 'bad', reading, from: look.from, to: look.to, problem };
        }
        case 'unreadable':
          return refuse(reading, look.problem);
        case 'new generation':
          await this.#rewritten(reading, look.before);
          return this.#nextOf(reading);
        case 'chunk':
          return { kind: 'chunk', reading, chunk: look.chunk };
      }
    }
  }

  async #nextRows(reading: Reading, rows: RowFile): Promise<Next | null> {
    const look = await rows.look();
    if (look.found === 'rows') return { kind: 'rows', reading, schema: look.schema, rows: look.rows };
    return look.found === 'end' ? null : refuse(reading, look.problem);
  }

  /** Reads the header. True when records may be cut, null when it is not whole yet. */
  async #begin(reading: Reading): Promise<true | Next | null> {
    const { file, cutter } = reading;
    if (cutter.begin === undefined) {
      reading.hasBegun = true;
      return true;
    }
    try {
      const head = await file.head(headerBytesMax);
      if (head === null) return null;
      const end = cutter.begin(head);
      if (end < 0 && this.#settings.isOnce && isBlank(head)) {
        await file.reachEnd();
        return null;
      }
      if (end < 0 && !this.#settings.isOnce && head.end < headerBytesMax) return null;
      if (end < 0) throw new Error(`have no whole header within ${headerBytesMax} bytes`);
      file.startAt(head.positionAt(end));
      reading.hasBegun = true;
      return true;
    } catch (error) {
      if (error instanceof ConnectError && !(error instanceof ConfigError)) throw error;
      return refuse(reading, `hold no header for this configuration, so the file is left alone: ${messageOf(error)}`);
    }
  }

  async #track(unknown: readonly Found[]): Promise<void> {
    if (unknown.length === 0) return;
    const places = await this.#findPlaces(unknown);
    const earlier = [...this.#readings.values()];
    for (const [index, found] of unknown.entries()) {
      const place = places[index] ?? (await placeInCopy(earlier, found)) ?? startOfFile;
      this.#add(found, place).after = goneFrom(earlier, found.path);
    }
  }

  #add(found: Found, place: Place): Reading {
    const file = new TrackedFile(found.key, found.path, place, this.#cutters.options);
    const cutter = this.#cutters.cutter();
    const rows = this.#settings.format === 'parquet' ? new RowFile(file) : null;
    const reading: Reading = {
      file,
      cutter,
      rows,
      hasBegun: false,
      nextLookAt: 0,
      isComplainedOf: false,
      after: null,
      openEnd: null,
    };
    this.#readings.set(found.key, reading);
    this.#list = null;
    return reading;
  }

  /** Files renamed away while we were not looking: those with a kept place that is not their end are read on, first. */
  async #resumeRotated(current: readonly Found[]): Promise<void> {
    const paths = current.length > 0 ? current.map((one) => one.path) : [this.#settings.file];
    const keys = new Set(current.map((one) => one.key));
    const rotated = (await findRotated(paths)).filter((found) => !keys.has(found.key) && this.#selection.isOurs(found));
    if (rotated.length === 0) return;
    const places = await this.#findPlaces(rotated);
    for (const [index, found] of rotated.entries()) {
      const place = places[index];
      if (place == null || found.size <= place.position) continue;
      this.#logger.info({ file: found.path, position: place.position }, 'Reading the rest of a file that was rotated.');
      this.#add(found, place).file.goneSince = Date.now();
    }
  }

  /** Files that lost their names while no handle of ours was open: the rest of them stands under the name they have now. */
  async #followRenamed(now: number): Promise<void> {
    if (this.#settings.isOnce) return;
    const files = [...this.#readings.values()].map(({ file }) => file);
    const lost = files.filter((file) => file.goneSince === now && !file.isOpen && !file.isRefused);
    if (lost.length === 0) return;
    const rotated = new Map((await findRotated(lost.map(({ path }) => path))).map((found) => [found.key, found]));
    for (const file of lost) {
      const found = rotated.get(file.key);
      if (found === undefined) continue;
      file.path = found.path;
      file.mayHaveMore = true;
      file.endSince = null;
    }
  }

  /** The file was truncated or written anew: the rest of what it held may stand in a copy beside it. */
  async #rewritten(reading: Reading, before: Place): Promise<void> {
    reading.hasBegun = false;
    const { path } = reading.file;
    this.#logger.warn(
      { file: path, position: before.position, generation: before.generation + 1 },
      `"${path}" was truncated or written anew; reading it from its start.`,
    );
    for (const found of await findRotated([path])) {
      if (this.#readings.has(found.key) || !(await isCopyOf(found, before))) continue;
      this.#logger.info({ file: found.path, position: before.position }, 'Reading the rest from the copy beside it.');
      const copy = this.#add(found, { ...before, generation: 0 });
      copy.file.goneSince = Date.now();
      copy.after = reading.after;
      reading.after = copy;
    }
  }

  async #dropGone(now: number): Promise<void> {
    for (const [key, reading] of this.#readings) {
      const { file } = reading;
      if (file.goneSince === null || (file.endSince === null && !file.isRefused)) continue;
      if (now - Math.max(file.goneSince, file.endSince ?? 0) < this.#settings.rotateWaitMs) continue;
      await this.#drop(key, reading);
    }
  }

  async #drop(key: string, reading: Reading): Promise<void> {
    if (this.#current === reading) this.#current = null;
    await reading.rows?.close();
    await reading.file.close();
    this.#readings.delete(key);
    this.#list = null;
  }

  async #closeSome(): Promise<void> {
    const open = [...this.#readings.values()].filter(({ file }) => file.isOpen);
    if (open.length <= openFilesMax) return;
    open.sort((a, b) => (a.file.endSince ?? 0) - (b.file.endSince ?? 0));
    for (const { file } of open.slice(0, open.length - openFilesMax)) {
      if (file.goneSince === null) await file.close();
    }
  }
}

/** Nothing but blanks: a complete file of these holds no record. */
function isBlank({ bytes }: Chunk): boolean {
  return bytes.toString().replace('\ufeff', '').trim() === '';
}

/** Leaves a file alone for good, after one report. */
function refuse(reading: Reading, problem: string): Next {
  reading.file.isRefused = true;
  return { kind: 'bad', reading, from: 0, to: 0, problem };
}

/** The file that stood at this path until now. */
function goneFrom(readings: readonly Reading[], path: string): Reading | null {
  return readings.find(({ file }) => file.goneSince !== null && file.path === path && !file.isRefused) ?? null;
}

/** A new file named after one we read, with the same content up to our place: `cp` before a truncation made it. */
async function placeInCopy(readings: readonly Reading[], found: Found): Promise<Place | null> {
  for (const { file } of readings) {
    if (!found.path.startsWith(file.path) || !isRotatedName(file.path, found.path)) continue;
    if (await isCopyOf(found, file.place)) return { ...file.place, generation: 0 };
  }
  return null;
}
