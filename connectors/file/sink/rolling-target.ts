/**
 * Writes finished files, each record exactly once, whatever the folders and whatever is killed when.
 *
 * The records of a partition go to files under temporary names; when one of them is due, all of them are finished
 * together: synced, named, and a commit of their range of offsets in `_commits` says so (`manifest.ts` has the names,
 * `commit-log.ts` the steps). At start a partition goes on behind its last commit. Finished files may be taken away at
 * any time; the commits are what is remembered.
 */
import { join } from 'node:path';
import type { OffsetAndMetadata, SinkRecord, TopicPartition } from '../../api/index.ts';
import { syncFolder } from '../durable.ts';
import { fileUnwritable } from '../errors.ts';
import type { FileFormat } from '../formats/encoder.ts';
import { CommitGroup, type Part } from './commit-group.ts';
import { CommitLog } from './commit-log.ts';
import { nameOf } from './manifest.ts';
import type { PathOf } from './partition-path.ts';
import type { Packing } from './rolled-file.ts';

/** Values held for row groups, over all files, at most: beyond this they are written as they are. */
const heldBytesMax = 128 * 1024 * 1024;

/** When to finish files. */
export interface RollRules {
  /** In one file. */
  readonly records: number;
  readonly bytes: number;
  /** After the first record of a commit, and after its last; null for never. */
  readonly intervalMs: number | null;
  readonly idleMs: number | null;
  /** Files open at once, over all partitions. */
  readonly openFilesMax: number;
}

export interface RollingOptions {
  readonly folder: string;
  readonly rules: RollRules;
  readonly format: FileFormat;
  readonly packing: Packing;
  readonly extension: string;
  readonly pathOf: PathOf | null;
  readonly now: () => number;
}

/** One partition: its files, if any, and the offset behind the last commit. */
interface PartitionState {
  readonly partition: TopicPartition;
  group: CommitGroup | null;
  /** Null when nothing was ever committed here. */
  committed: number | null;
  next: number;
}

export class RollingTarget {
  readonly #options: RollingOptions;
  readonly #log: CommitLog;
  readonly #partitions = new Map<string, PartitionState>();

  constructor(options: RollingOptions) {
    this.#options = options;
    this.#log = new CommitLog(options.folder);
  }

  async start(): Promise<void> {
    await this.#log.start().catch((error: unknown) => {
      throw fileUnwritable(this.#options.folder, error);
    });
  }

  /** Takes a partition: removes what was not committed, answers where to continue or null. */
  async open(partition: TopicPartition): Promise<number | null> {
    try {
      const committed = await this.#log.open(partition);
      this.#partitions.set(nameOf(partition), { partition, group: null, committed, next: committed ?? 0 });
      return committed;
    } catch (error) {
      throw fileUnwritable(this.#options.folder, error);
    }
  }

  /**
   * Takes the records into the open files and finishes those that are due. A record that cannot be written leaves no
   * trace; after a failed write the rest is written when the batch comes again, whose records we then have.
   */
  async put(records: readonly SinkRecord[]): Promise<void> {
    await this.#settleAll();
    for (const [state, run] of this.#runs(records)) await this.#append(state, run);
    await this.#settleAll();
  }

  /** Finishes files that are due, or all; answers what is committed. */
  async flush(all: boolean): Promise<OffsetAndMetadata[]> {
    if (all) for (const { group } of this.#partitions.values()) if (group !== null) group.isDue = true;
    await this.#settleAll();
    return [...this.#partitions.values()]
      .filter((state) => state.committed !== null)
      .map((state) => ({ ...state.partition, offset: state.committed! }));
  }

  /** Gives up a partition with what is not finished: its next owner reads that again. */
  async close(partition: TopicPartition): Promise<void> {
    const group = this.#partitions.get(nameOf(partition))?.group;
    this.#partitions.delete(nameOf(partition));
    for (const file of group?.files ?? []) await file.discard();
  }

  async stop(): Promise<void> {
    for (const { group } of this.#partitions.values()) for (const file of group?.files ?? []) await file.leave();
    this.#partitions.clear();
  }

  /** The batch split into runs of one partition, without records we have. */
  *#runs(records: readonly SinkRecord[]): Generator<[PartitionState, SinkRecord[]]> {
    let run: SinkRecord[] = [];
    let state: PartitionState | undefined;
    for (const record of records) {
      const { originalTopic: topic, originalPartition: partition } = record;
      if (state?.partition.topic !== topic || state.partition.partition !== partition) {
        if (state !== undefined && run.length > 0) yield [state, run];
        run = [];
        state = this.#stateOf({ topic, partition });
      }
      if (record.offset >= state.next) run.push(record);
    }
    if (state !== undefined && run.length > 0) yield [state, run];
  }

  #stateOf(partition: TopicPartition): PartitionState {
    const state = this.#partitions.get(nameOf(partition));
    if (state === undefined) throw new Error(`Partition ${nameOf(partition)} was put before it was opened.`);
    return state;
  }

  async #append(state: PartitionState, records: readonly SinkRecord[]): Promise<void> {
    let at = 0;
    while (at < records.length) {
      const group = state.group ?? this.#begin(state, records[at]!.offset);
      const piece = this.#nextPiece(group, records, at);
      if (piece.end > at) {
        try {
          group.add(piece.parts);
        } catch (error) {
          if (group.records === 0) state.group = null;
          throw error;
        }
        group.cover(records.slice(at, piece.end));
        group.lastAt = this.#options.now();
        state.next = group.to + 1;
        at = piece.end;
      }
      if (piece.isFull) group.isDue = true;
      if (piece.needsRoom) this.#largest().isDue = true;
      await this.#settleAll();
    }
  }

  #begin(state: PartitionState, first: number): CommitGroup {
    const { folder: root, format, packing, extension, now } = this.#options;
    const options = { root, partition: state.partition, format, packing, extension };
    // Ranges follow one another without a gap, so that `file verify` can tell a lost one.
    state.group = new CommitGroup(state.committed ?? first, now(), options);
    return state.group;
  }

  /** As many records as fit until a file is full or too many would be open. */
  #nextPiece(group: CommitGroup, records: readonly SinkRecord[], from: number) {
    const { format, pathOf, rules } = this.#options;
    const parts = new Map<string, Part>();
    let open = this.#openFiles();
    if (pathOf === null && format.layoutOf === null && (group.has('') || open < rules.openFilesMax)) {
      // One file takes them all: nothing to sort.
      const end = Math.min(records.length, from + rules.records - group.recordsFor(''));
      parts.set('', { folder: '', records: records.slice(from, end) });
      return { parts, end, isFull: end - from + group.recordsFor('') >= rules.records, needsRoom: false };
    }
    for (let at = from; at < records.length; at++) {
      const record = records[at]!;
      const folder = pathOf?.(record) ?? '';
      const target = format.layoutOf === null ? folder : `${folder}\n${format.layoutOf(record)}`;
      let part = parts.get(target);
      if (part === undefined) {
        if (!group.has(target)) {
          // One file is always allowed, or nothing would ever be written.
          if (open >= rules.openFilesMax && open > 0) return { parts, end: at, isFull: false, needsRoom: true };
          open++;
        }
        part = { folder, records: [] };
        parts.set(target, part);
      }
      part.records.push(record);
      if (group.recordsFor(target) + part.records.length >= rules.records) {
        return { parts, end: at + 1, isFull: true, needsRoom: false };
      }
    }
    return { parts, end: records.length, isFull: false, needsRoom: false };
  }

  #openFiles(): number {
    let count = 0;
    for (const { group } of this.#partitions.values()) count += group?.fileCount ?? 0;
    return count;
  }

  #largest(): CommitGroup {
    const groups = [...this.#partitions.values()].flatMap(({ group }) => group ?? []);
    return groups.reduce((most, group) => (group.fileCount > most.fileCount ? group : most));
  }

  /** Writes what is ready and finishes what is due. */
  async #settleAll(): Promise<void> {
    const groups = [...this.#partitions.values()].flatMap(({ group }) => group ?? []);
    this.#boundMemory(groups);
    for (const state of this.#partitions.values()) {
      const { group } = state;
      if (group === null || group.records === 0) continue;
      for (const file of group.files) await file.write();
      if (group.isDue || this.#isDue(group)) await this.#finish(state, group);
    }
  }

  #boundMemory(groups: readonly CommitGroup[]): void {
    const encoders = groups.flatMap((group) => [...group.files].map(({ encoder }) => encoder));
    if (encoders.reduce((sum, { heldBytes }) => sum + heldBytes, 0) < heldBytesMax) return;
    for (const encoder of encoders) encoder.release(false);
  }

  #isDue(group: CommitGroup): boolean {
    const { bytes, intervalMs, idleMs } = this.#options.rules;
    const now = this.#options.now();
    if (intervalMs !== null && now - group.since >= intervalMs) return true;
    if (idleMs !== null && now - group.lastAt >= idleMs) return true;
    for (const file of group.files) if (file.bytes + file.encoder.heldBytes >= bytes) return true;
    return false;
  }

  /** Sealed, prepared, named, committed, in this order; after a full disk it goes on where it was. */
  async #finish(state: PartitionState, group: CommitGroup): Promise<void> {
    group.isDue = true;
    for (const file of group.files) await file.seal();
    const manifest = group.manifest();
    await this.#log.prepare(manifest);
    try {
      for (const folder of await group.nameFiles()) await syncFolder(join(this.#options.folder, folder));
    } catch (error) {
      throw this.#log.refused(state.partition, error);
    }
    await this.#log.commit(manifest);
    state.group = null;
    state.committed = group.to + 1;
  }
}
