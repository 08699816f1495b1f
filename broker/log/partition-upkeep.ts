/**
 * What is done to a partition's files beside appending and reading: checkpoints, retention, compaction, truncation. The
 * partition log asks for it and keeps its own marks (log start offset, recovery point); here segments, indexes, snapshots
 * and epochs are changed accordingly.
 */
import type { CleanJob } from './clean-job.ts';
import { type CleanPlan, planCleaning } from './clean-plan.ts';
import type { LogConfig } from './config.ts';
import { segmentFile, suffixes, untilSynced, writeFile } from './files.ts';
import type { LogWriter } from './log-writer.ts';
import { encodeSnapshot } from './producer-snapshot.ts';
import { commitSwap, finishSwap } from './replace-segments.ts';
import { removeSnapshots, replayProducers, truncateSegments } from './replay.ts';
import { countExpired, earliestExpiry } from './retention.ts';
import type { Segment } from './segment.ts';
import type { LogSurroundings } from './surroundings.ts';

/** Retries of a batch come within minutes; only then may a log forget all but the last batch of each producer. */
const producersRestMs = 10 * 60 * 1000;

/** What is asked of a log that rests, so that an answer needs no file. */
export interface Resting {
  readonly endOffset: number;
  readonly firstSegmentOffset: number;
  readonly sizeBytes: number;
  /** Before then retention has nothing to do. */
  readonly nextExpiryMs: number;
}

export class PartitionUpkeep {
  readonly #writer: LogWriter;
  readonly #folder: string;
  readonly #around: LogSurroundings;

  constructor(writer: LogWriter, folder: string, around: LogSurroundings) {
    this.#writer = writer;
    this.#folder = folder;
    this.#around = around;
  }

  /**
   * Makes durable all that a start needs for the records below the log's end: the records themselves (`flush`), indexes,
   * epochs, producer snapshot. Returns that end, from which recovery may begin. Never concurrently.
   */
  async checkpoint(flush: () => Promise<void>): Promise<number> {
    const writer = this.#writer;
    writer.pipeline.commit();
    const point = writer.logEndOffset;
    const isReplayed = writer.isReplayedAtOnce;
    const snapshot = writer.needsSnapshot ? encodeSnapshot(writer.producers) : null;
    await flush();
    const dirty = writer.segments.all.filter((segment) => segment.areIndexesDirty);
    for (const segment of dirty) segment.areIndexesDirty = false;
    try {
      for (const segment of dirty) segment.writeIndexEntries();
      // All at once: the device gathers what waits for it at the same time.
      const synced = dirty.map((segment) => untilSynced((done) => segment.syncIndexesLater(done)));
      const epochs = isReplayed ? Promise.resolve() : writer.epochs.write();
      await Promise.all([...synced, this.#writeSnapshot(point, snapshot), epochs]);
    } catch (error) {
      for (const segment of dirty) segment.areIndexesDirty = true;
      throw error;
    }
    return point;
  }

  /** Readies the indexes for a clean stop. */
  seal(): void {
    const { active } = this.#writer.segments;
    // Without an index entry a start walks the whole segment anyway, which is short.
    if (active.offsetIndex.file.count > 0) active.seal();
    active.areIndexesDirty = active.size > 0;
  }

  /** Makes the indexes that have no entries yet, when no more are to come: other programs expect the files. */
  makeIndexFiles(): void {
    const { active } = this.#writer.segments;
    if (active.size > 0) active.writeIndexes();
  }

  /** Takes out the segments that have had their time, rolling the active one where it is among them. */
  takeExpired(config: LogConfig, logStartOffset: number): readonly Segment[] {
    const { segments, logEndOffset, pipeline } = this.#writer;
    const { highWatermark } = pipeline;
    const limits = { logStartOffset, logEndOffset, highWatermark, nowMs: this.#around.now() };
    const expired = countExpired(segments, config, limits);
    if (expired === 0) return [];
    if (expired === segments.all.length) this.#writer.roll();
    return segments.takeFirst(expired);
  }

  /** Renames their files at once, removes them after `file.delete.delay.ms`. */
  removeSegments(gone: readonly Segment[], config: LogConfig): void {
    for (const segment of gone) segment.markDeleted();
    this.#around.removeLater(config.fileDeleteDelayMs, () => {
      for (const segment of gone) segment.removeDeleted();
    });
  }

  /** Closes the files where nobody may miss them soon, and answers what is to be remembered; null where they stay open. */
  putAway(config: LogConfig): Resting | null {
    const { segments, producers, logEndOffset, isIdle } = this.#writer;
    // The cleaner looks at a compacted log's segments all the time.
    if (!isIdle || config.cleanupPolicy.includes('compact')) return null;
    if (!producers.areIdleSince(this.#around.now() - producersRestMs)) return null;
    this.makeIndexFiles();
    for (const segment of segments.all) segment.close();
    const nextExpiryMs = earliestExpiry(segments, config);
    const firstSegmentOffset = segments.all[0]!.baseOffset;
    return { endOffset: logEndOffset, firstSegmentOffset, sizeBytes: segments.sizeBytes, nextExpiryMs };
  }

  /** What the cleaner may do now; null when nothing is due. */
  planCleaning(config: LogConfig, marks: PlanMarks): CleanPlan | null {
    return planCleaning({ segments: this.#writer.segments.all, nowMs: this.#around.now(), ...marks }, config);
  }

  cleanJob(plan: CleanPlan, config: LogConfig, limits: Pick<CleanJob, 'dedupeBytes' | 'loadFactor'>): CleanJob {
    return {
      ...limits,
      folder: this.#folder,
      segments: plan.segments.map((segment) => segment.describeForCleaner()),
      firstDirtyOffset: plan.firstDirtyOffset,
      boundOffset: plan.boundOffset,
      aborted: this.#writer.segments.all.flatMap((segment) => segment.transactionIndex.entries()),
      producers: this.#writer.producers.lastRecords(),
      nowMs: this.#around.now(),
      deleteRetentionMs: config.deleteRetentionMs,
      segmentBytes: config.segmentBytes,
      segmentIndexBytes: config.segmentIndexBytes,
      indexIntervalBytes: config.indexIntervalBytes,
    };
  }

  /** See PartitionLog.putCleaned. */
  putCleaned(bases: readonly number[], config: LogConfig): boolean {
    const { segments, pipeline } = this.#writer;
    const first = segments.all.findIndex((segment) => segment.baseOffset === bases[0]);
    const last = segments.all.findIndex((segment) => segment.baseOffset === bases.at(-1));
    if (first < 0 || last < 0 || last >= segments.all.length - 1) return false;
    const originals = segments.all.slice(first, last + 1).filter((segment) => segment.writtenBytes > 0);
    if (originals.length !== bases.length || originals.some((one, at) => one.baseOffset !== bases[at])) return false;
    const { fs } = this.#around;
    commitSwap(fs, this.#folder, bases[0]!);
    try {
      segments.replace(first, last - first + 1, finishSwap(fs, this.#folder, originals));
    } catch (error) {
      pipeline.fail(error as Error);
      throw error;
    }
    this.#around.removeLater(config.fileDeleteDelayMs, () => {
      for (const segment of originals) segment.removeDeleted();
    });
    return true;
  }

  /** The last offset below which nothing is cut off by a truncation to `offset`. */
  untouchedBelow(offset: number): number {
    const { segments } = this.#writer;
    return segments.all[segments.indexFor(offset)]!.baseOffset;
  }

  /** Cuts off everything from the batch that holds `offset`. Returns the new log end offset. */
  truncate(offset: number): number {
    const { fs } = this.#around;
    const { segments, producers } = this.#writer;
    const end = truncateSegments(segments, offset);
    fs.syncDirectory(this.#folder);
    removeSnapshots(fs, this.#folder, (at) => at > end);
    replayProducers(this.#around, this.#folder, segments, producers, { from: end, to: end });
    this.#writer.resetEnd(end);
    return end;
  }

  /** Its checksum makes a torn snapshot harmless, so it needs no rename; an older one is kept until it is safe. */
  async #writeSnapshot(offset: number, bytes: Buffer | null): Promise<void> {
    const { fs } = this.#around;
    const fresh = this.#writer.unsyncedSnapshots.filter((at) => fs.size(this.#snapshotPath(at)) !== null);
    if (bytes !== null) {
      writeFile(fs, this.#snapshotPath(offset), bytes);
      this.#writer.hasSnapshots = true;
      fresh.push(offset);
    }
    this.#writer.unsyncedSnapshots = [];
    await Promise.all(fresh.map((at) => this.#syncFile(this.#snapshotPath(at))));
    if (!this.#writer.hasSnapshots) return;
    const bases = new Set(this.#writer.segments.all.map((segment) => segment.baseOffset));
    removeSnapshots(fs, this.#folder, (at) => at < offset && !bases.has(at));
  }

  #snapshotPath(offset: number): string {
    return `${this.#folder}/${segmentFile(offset, suffixes.snapshot)}`;
  }

  async #syncFile(path: string): Promise<void> {
    const file = this.#around.fs.open(path, 'must-exist');
    try {
      await untilSynced((done) => file.syncLater(done));
    } finally {
      file.close();
    }
  }
}

/** Where the log stands, for the cleaner's plan. */
interface PlanMarks {
  readonly logStartOffset: number;
  readonly lastStableOffset: number;
  /** How far the cleaner came before, or undefined where none has been. */
  readonly checkpointed: number | undefined;
}
