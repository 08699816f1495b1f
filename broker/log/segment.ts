/**
 * A segment: one `.log` file of record batches with its indexes. Knows positions and bytes; what a batch means is its
 * callers' business. Step 6 of the record's journey.
 *
 * Batches are staged first (they have a position and index entries, but are in no file) and written together; `mark`
 * and `resetTo` take back a turn's staging when the write fails.
 */
import type { FileHandle, FileSystem } from '../fs/file-system.ts';
import { baseOffset, lastOffset, maxTimestamp } from '../protocol/record-batch.ts';
import { BatchWalker, lookupWindowBytes } from './batch-walker.ts';
import type { CleanableSegment } from './clean-job.ts';
import { segmentFile, suffixes } from './files.ts';
import { OffsetIndex, offsetEntryBytes } from './offset-index.ts';
import { TimeIndex, timeEntryBytes } from './time-index.ts';
import { TransactionIndex } from './transaction-index.ts';

/** Consumers reading one segment in sequence, each remembered so that the next read needs no search. */
const cursors = 8;
const noTimestamp = -1;

/** What `resetTo` needs to take back staged batches. */
export interface SegmentMark {
  readonly size: number;
  readonly offsetEntries: number;
  readonly timeEntries: number;
  readonly transactionEntries: number;
  readonly bytesSinceIndexEntry: number;
  readonly maxTimestamp: number;
  readonly offsetOfMaxTimestamp: number;
  readonly firstTimestamp: number | null;
}

export class Segment {
  readonly baseOffset: number;
  readonly folder: string;
  /** Our clock when the segment was made or opened: its age while its records carry no timestamps. */
  readonly createdMs: number;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  readonly transactionIndex: TransactionIndex;
  /** Bytes including what is staged. */
  size: number;
  /** Bytes in the file. */
  writtenBytes: number;
  /** How far `loadAll` could step from batch to batch; less than `writtenBytes` when the tail is no batch. */
  readableBytes = 0;
  /** The largest timestamp of the segment's records, -1 when none has one, and the last offset of its first batch. */
  maxTimestamp = noTimestamp;
  offsetOfMaxTimestamp: number;
  /** The max timestamp of the first batch, from which a segment's age counts; null while there is none. */
  firstTimestamp: number | null = null;
  bytesSinceIndexEntry = 0;
  /** Written, but not known to be on the device. */
  isLogDirty = false;
  areIndexesDirty = false;
  readonly #fs: FileSystem;
  /** Behind every file's name: a segment that the cleaner writes is not one of the log's yet. */
  readonly #mark: string;
  #handle: FileHandle | null = null;
  #staged: Buffer[] = [];
  readonly #cursorOffsets = new Array<number>(cursors).fill(-1);
  readonly #cursorPositions = new Array<number>(cursors).fill(0);
  #nextCursor = 0;

  /** `isNew`: nothing of it is on disk yet, which nobody has to look up. */
  constructor(fs: FileSystem, folder: string, base: number, createdMs: number, mark = '', isNew = false) {
    this.#fs = fs;
    this.#mark = mark;
    this.folder = folder;
    this.baseOffset = base;
    this.createdMs = createdMs;
    this.offsetIndex = new OffsetIndex(fs, this.pathOf(suffixes.index), base, isNew);
    this.timeIndex = new TimeIndex(fs, this.pathOf(suffixes.timeIndex), base, isNew);
    this.transactionIndex = new TransactionIndex(fs, this.pathOf(suffixes.transactionIndex), isNew);
    this.offsetOfMaxTimestamp = base;
    this.size = isNew ? 0 : (fs.size(this.pathOf(suffixes.log)) ?? 0);
    this.writtenBytes = this.size;
  }

  /** Begins the segment empty. The file itself is made by the first write: most partitions of a new topic stay empty. */
  create(): void {
    if (this.size > 0) this.#file().truncate(0);
    this.size = 0;
    this.writtenBytes = 0;
    this.dropIndexes();
  }

  pathOf(suffix: string): string {
    return `${this.folder}/${segmentFile(this.baseOffset, suffix)}${this.#mark}`;
  }

  /** Takes a batch in, to be written by the next `write`. */
  stage(batch: Buffer, indexIntervalBytes: number): void {
    this.#staged.push(batch);
    this.index(lastOffset(batch), maxTimestamp(batch), this.size, batch.length, indexIntervalBytes);
    this.size += batch.length;
  }

  /** Notes a batch in the indexes as Kafka does: an entry for the batch that comes after a full interval. */
  index(last: number, timestamp: number, position: number, bytes: number, indexIntervalBytes: number): void {
    this.firstTimestamp ??= timestamp;
    if (timestamp > this.maxTimestamp) {
      this.maxTimestamp = timestamp;
      this.offsetOfMaxTimestamp = last;
    }
    if (this.bytesSinceIndexEntry > indexIntervalBytes) {
      this.offsetIndex.append(last, position);
      this.timeIndex.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp);
      this.bytesSinceIndexEntry = 0;
    }
    this.bytesSinceIndexEntry += bytes;
  }

  isIndexFull(indexBytesMax: number): boolean {
    return (
      this.offsetIndex.file.count * offsetEntryBytes >= indexBytesMax ||
      this.timeIndex.file.count * timeEntryBytes >= indexBytesMax
    );
  }

  /** What the cleaner's thread is told of a sealed segment. */
  describeForCleaner(): CleanableSegment {
    return {
      baseOffset: this.baseOffset,
      sizeBytes: this.writtenBytes,
      offsetIndexBytes: this.offsetIndex.file.count * offsetEntryBytes,
      timeIndexBytes: this.timeIndex.file.count * timeEntryBytes,
    };
  }

  mark(): SegmentMark {
    return {
      size: this.size,
      offsetEntries: this.offsetIndex.file.count,
      timeEntries: this.timeIndex.file.count,
      transactionEntries: this.transactionIndex.file.count,
      bytesSinceIndexEntry: this.bytesSinceIndexEntry,
      maxTimestamp: this.maxTimestamp,
      offsetOfMaxTimestamp: this.offsetOfMaxTimestamp,
      firstTimestamp: this.firstTimestamp,
    };
  }

  /** Forgets what was staged since the mark and cuts a half-written tail off the file. */
  resetTo(mark: SegmentMark): void {
    this.#staged = [];
    this.size = mark.size;
    this.offsetIndex.file.truncate(mark.offsetEntries);
    this.timeIndex.file.truncate(mark.timeEntries);
    this.transactionIndex.file.truncate(mark.transactionEntries);
    this.bytesSinceIndexEntry = mark.bytesSinceIndexEntry;
    this.maxTimestamp = mark.maxTimestamp;
    this.offsetOfMaxTimestamp = mark.offsetOfMaxTimestamp;
    this.firstTimestamp = mark.firstTimestamp;
    // Without a handle nothing was written, not even half.
    this.#handle?.truncate(this.writtenBytes);
  }

  /** Writes what is staged with one system call. */
  write(): void {
    if (this.#staged.length === 0) return;
    this.isLogDirty = true;
    this.areIndexesDirty = true;
    this.#file().write(this.#staged, this.writtenBytes);
    this.#staged = [];
    this.writtenBytes = this.size;
  }

  /** Fills `target` from the file; the walker's and the reader's way in. */
  readAt(target: Buffer, position: number): number {
    return this.#file().read(target, position);
  }

  /** Where the batch begins that holds `offset` or the first one after it; the end of the file when there is none. */
  positionOf(offset: number): number {
    for (let slot = 0; slot < cursors; slot++) {
      if (this.#cursorOffsets[slot] === offset) return this.#cursorPositions[slot]!;
    }
    const walker = this.walk(this.offsetIndex.positionFor(offset), lookupWindowBytes);
    while (walker.read() && lastOffset(walker.buffer, walker.at) < offset) walker.advance();
    return walker.position;
  }

  /** Remembers where a consumer will go on. */
  rememberCursor(offset: number, position: number): void {
    this.#cursorOffsets[this.#nextCursor] = offset;
    this.#cursorPositions[this.#nextCursor] = position;
    this.#nextCursor = (this.#nextCursor + 1) % cursors;
  }

  /** A walker over what is written, from a position where a batch begins. */
  walk(from: number, windowBytes: number): BatchWalker {
    return new BatchWalker(this, from, this.writtenBytes, windowBytes);
  }

  /** Reads from the indexes what `index` would have kept in memory; batches after the last entry are not looked at. */
  loadIndexed(): void {
    const first = this.walk(0, lookupWindowBytes);
    this.firstTimestamp = first.read() ? maxTimestamp(first.buffer, first.at) : null;
    const lastTime = this.timeIndex.file.count - 1;
    this.maxTimestamp = lastTime < 0 ? noTimestamp : this.timeIndex.timestampAt(lastTime);
    this.offsetOfMaxTimestamp = lastTime < 0 ? this.baseOffset : this.timeIndex.offsetAt(lastTime);
    this.bytesSinceIndexEntry = 0;
  }

  /** The same, and the batches after the last entry too. Returns the offset after the last record. */
  loadAll(): number {
    this.loadIndexed();
    const last = this.offsetIndex.file.count - 1;
    const from = last < 0 ? 0 : this.offsetIndex.positionAt(last);
    const walker = this.walk(from, lookupWindowBytes);
    let next = this.baseOffset;
    while (walker.read()) {
      const ends = lastOffset(walker.buffer, walker.at);
      const timestamp = maxTimestamp(walker.buffer, walker.at);
      if (timestamp > this.maxTimestamp) {
        this.maxTimestamp = timestamp;
        this.offsetOfMaxTimestamp = ends;
      }
      next = ends + 1;
      walker.advance();
    }
    this.bytesSinceIndexEntry = walker.position - from;
    this.readableBytes = walker.position;
    return next;
  }

  /** Cuts the file off at a position where a batch begins; batches from `offset` on are gone. Returns what is next. */
  truncateTo(position: number, offset: number): number {
    this.#file().truncate(position);
    this.size = position;
    this.writtenBytes = position;
    this.offsetIndex.truncateToPosition(position);
    this.timeIndex.truncateToOffset(offset);
    this.transactionIndex.truncateToOffset(offset);
    this.#cursorOffsets.fill(-1);
    this.isLogDirty = true;
    this.areIndexesDirty = true;
    return this.loadAll();
  }

  /** Cuts off what a power cut left of an entry that was being written. */
  dropStrayBytes(): void {
    for (const { file } of [this.offsetIndex, this.timeIndex, this.transactionIndex]) file.truncate(file.count);
  }

  dropIndexes(): void {
    this.offsetIndex.file.truncate(0);
    this.timeIndex.file.truncate(0);
    this.transactionIndex.file.truncate(0);
    this.bytesSinceIndexEntry = 0;
  }

  /** Ends the time index with the segment's largest timestamp, so that retention and searches need no walk. */
  seal(): void {
    if (this.maxTimestamp > noTimestamp) this.timeIndex.maybeAppend(this.maxTimestamp, this.offsetOfMaxTimestamp);
  }

  writeIndexes(): void {
    this.offsetIndex.file.write();
    this.timeIndex.file.write();
    this.transactionIndex.write();
  }

  /** The same, but an index without entries gets no file yet. */
  writeIndexEntries(): void {
    for (const { file } of [this.offsetIndex, this.timeIndex, this.transactionIndex]) if (file.count > 0) file.write();
  }

  /** fdatasync of the records, waiting for the device; only while a log is opened. */
  syncLog(): void {
    if (this.writtenBytes > 0 || this.#handle !== null) this.#file().sync();
    this.isLogDirty = false;
  }

  /** fdatasync of the records, beside the event loop. */
  syncLogLater(done: (error: Error | null) => void): void {
    this.#file().syncLater(done);
  }

  /** fdatasync of the indexes, waiting for the device; not on the event loop. */
  syncIndexes(): void {
    this.offsetIndex.file.sync();
    this.timeIndex.file.sync();
    this.transactionIndex.file.sync();
  }

  syncIndexesLater(done: (error: Error | null) => void): void {
    const files = [this.offsetIndex.file, this.timeIndex.file, this.transactionIndex.file].filter(
      (file) => file.isUnsynced,
    );
    let pending = files.length;
    if (pending === 0) setImmediate(done, null);
    let failure: Error | null = null;
    for (const file of files) {
      file.syncLater((error) => {
        failure ??= error;
        if (--pending === 0) done(failure);
      });
    }
  }

  /**
   * Renames the files to `.deleted` and closes them; `removeDeleted` ends them. The records come last: a crash in
   * between leaves a segment with too few indexes, never indexes without their segment.
   */
  markDeleted(options: { readonly keepsSnapshot: boolean } = { keepsSnapshot: false }): void {
    this.close();
    for (const suffix of segmentSuffixes) {
      if (options.keepsSnapshot && suffix === suffixes.snapshot) continue;
      if (this.#fs.size(this.pathOf(suffix)) === null) continue;
      this.#fs.rename(this.pathOf(suffix), this.pathOf(suffix) + suffixes.deleted);
    }
  }

  removeDeleted(): void {
    for (const suffix of segmentSuffixes) this.#fs.remove(this.pathOf(suffix) + suffixes.deleted);
  }

  /** Removes the files at once; for a segment that is not one of a log. */
  removeFiles(): void {
    this.close();
    for (const suffix of segmentSuffixes) this.#fs.remove(this.pathOf(suffix));
  }

  close(): void {
    this.#handle?.close();
    this.#handle = null;
    this.offsetIndex.file.close();
    this.timeIndex.file.close();
    this.transactionIndex.file.close();
  }

  #file(): FileHandle {
    const how = this.writtenBytes === 0 ? 'create' : 'must-exist';
    this.#handle ??= this.#fs.open(this.pathOf(suffixes.log), how);
    return this.#handle;
  }
}

const segmentSuffixes = [
  suffixes.index,
  suffixes.timeIndex,
  suffixes.transactionIndex,
  suffixes.snapshot,
  suffixes.log,
] as const;

/** The offset of the first batch in the file, or null when it is empty: in a compacted log it may lie after the base. */
export function firstOffsetOf(segment: Segment): number | null {
  const walker = segment.walk(0, lookupWindowBytes);
  return walker.read() ? baseOffset(walker.buffer, walker.at) : null;
}
