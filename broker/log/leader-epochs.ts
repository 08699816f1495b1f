/**
 * `leader-epoch-checkpoint`: at which offset each leader epoch began. With one node there is one leader, but every
 * start of the broker begins a new epoch, so that a client can tell records lost in a crash from records never written
 * (KIP-101, KIP-320). Kafka's format: a checkpoint file with lines `epoch startOffset`.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { parseOffset, readCheckpoint, writeCheckpointLater } from './checkpoint-file.ts';
import { names } from './files.ts';
import type { EpochEndOffset } from './types.ts';

interface EpochStart {
  readonly epoch: number;
  readonly startOffset: number;
}

export class LeaderEpochs {
  readonly #fs: FileSystem;
  readonly #folder: string;
  #entries: EpochStart[] = [];
  #isDirty = false;

  constructor(fs: FileSystem, folder: string, isNew = false) {
    this.#fs = fs;
    this.#folder = folder;
    if (isNew) return;
    for (const [epochWord, offsetWord] of readCheckpoint(fs, `${folder}/${names.leaderEpochs}`, 2) ?? []) {
      const epoch = parseOffset(epochWord);
      const startOffset = parseOffset(offsetWord);
      if (epoch !== null && startOffset !== null) this.assign(epoch, startOffset);
    }
    this.#isDirty = false;
  }

  /** The largest epoch with a record, or -1. */
  get latest(): number {
    return this.#entries.at(-1)?.epoch ?? -1;
  }

  /** Notes that a record of this epoch stands at this offset. Called for every batch, so cheap when nothing is new. */
  assign(epoch: number, startOffset: number): void {
    const last = this.#entries.at(-1);
    if (epoch < 0) return;
    if (last !== undefined && (epoch <= last.epoch || startOffset < last.startOffset)) return;
    // An epoch in which nothing was written leaves no trace.
    if (last?.startOffset === startOffset) this.#entries.pop();
    this.#entries.push({ epoch, startOffset });
    this.#isDirty = true;
  }

  /** Takes in what a walk over the whole log found, whatever is known already. */
  learn(found: readonly EpochStart[]): void {
    const all = [...this.#entries, ...found].sort((a, b) => a.epoch - b.epoch || a.startOffset - b.startOffset);
    const before = this.#entries;
    this.#entries = [];
    for (const { epoch, startOffset } of all) this.assign(epoch, startOffset);
    this.#isDirty ||= this.#entries.length !== before.length;
  }

  /**
   * The end of the largest epoch not above the one asked for (KIP-101 as changed by KIP-279). `currentEpoch` lasts until
   * `logEndOffset`, whether or not it has records.
   */
  endOffsetFor(epoch: number, currentEpoch: number, logEndOffset: number): EpochEndOffset {
    if (epoch === currentEpoch) return { epoch, endOffset: logEndOffset };
    if (epoch < 0 || epoch > currentEpoch) return { epoch: -1, endOffset: -1 };
    const next = this.#entries.find((entry) => entry.epoch > epoch);
    const endOffset = next?.startOffset ?? logEndOffset;
    const floor = this.#entries.findLast((entry) => entry.epoch <= epoch);
    return { epoch: floor?.epoch ?? epoch, endOffset };
  }

  /** The epoch of the record at `offset`, or -1. */
  epochFor(offset: number): number {
    return this.#entries.findLast((entry) => entry.startOffset <= offset)?.epoch ?? -1;
  }

  truncateFromEnd(endOffset: number): void {
    const kept = this.#entries.filter((entry) => entry.startOffset < endOffset);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#isDirty = true;
  }

  /** Drops epochs that ended before the log starts; the one that contains the start begins there from now on. */
  truncateFromStart(startOffset: number): void {
    const current = this.#entries.findLast((entry) => entry.startOffset <= startOffset);
    if (current === undefined || (current === this.#entries[0] && current.startOffset === startOffset)) return;
    this.#entries = [
      { epoch: current.epoch, startOffset },
      ...this.#entries.filter((entry) => entry.startOffset > startOffset),
    ];
    this.#isDirty = true;
  }

  /** Makes the epochs known now durable. Not called twice at a time. */
  async write(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const lines = this.#entries.map((entry) => [entry.epoch, entry.startOffset]);
    try {
      await writeCheckpointLater(this.#fs, this.#folder, names.leaderEpochs, lines);
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }
}
