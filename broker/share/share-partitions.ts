/**
 * All share-partitions of the broker: found by group and partition, read back at the start, their locks ended by one
 * timer, their topic kept short. Called by the handlers of the share APIs and by the group coordinator.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { SettingsOf, ShareStateLog, Timers } from './ports.ts';
import { SharePartition, type SharePartitionSurroundings } from './share-partition.ts';
import type { ReplayedState } from './state-records.ts';
import type { SharePartitionKey } from './types.ts';

/** Locks end this much late at most: they are seconds long, and one look serves all that end in it. */
const tickMs = 100;
/** A partition nobody uses is written anew when its snapshot lies this many records back and keeps the topic long. */
const coldRecords = 10_000;

export interface SharePartitionsOptions {
  readonly log: ShareStateLog;
  readonly timers: Timers;
  readonly settingsOf: SettingsOf;
  readonly updatesPerSnapshot: number;
  readonly leaderEpoch: number;
}

export class SharePartitions {
  readonly settingsOf: SettingsOf;
  /** By group, then by topic id and partition. */
  readonly #groups = new Map<string, Map<string, SharePartition>>();
  readonly #locked = new Set<SharePartition>();
  readonly #timers: Timers;
  readonly #surroundings: SharePartitionSurroundings;
  #tick: { cancel(): void } | null = null;
  #isStopped = false;

  constructor({ log, timers, settingsOf, updatesPerSnapshot, leaderEpoch }: SharePartitionsOptions) {
    this.settingsOf = settingsOf;
    this.#timers = timers;
    const onLocked = (partition: SharePartition): void => {
      this.#locked.add(partition);
      this.#schedule();
    };
    this.#surroundings = { log, timers, settingsOf, updatesPerSnapshot, leaderEpoch, onLocked };
  }

  get(key: SharePartitionKey): SharePartition | undefined {
    return this.#groups.get(key.group)?.get(nameOf(key));
  }

  /** Made when it is first asked for; there is nothing on disk of it until it is opened. */
  ensure(key: SharePartitionKey): SharePartition {
    let ofGroup = this.#groups.get(key.group);
    if (ofGroup === undefined) {
      ofGroup = new Map();
      this.#groups.set(key.group, ofGroup);
    }
    let partition = ofGroup.get(nameOf(key));
    if (partition === undefined) {
      partition = new SharePartition(key, this.#surroundings);
      ofGroup.set(nameOf(key), partition);
    }
    return partition;
  }

  /** In no order. */
  ofGroup(group: string): SharePartition[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  *all(): Generator<SharePartition> {
    for (const ofGroup of this.#groups.values()) yield* ofGroup.values();
  }

  /** Forgets the group's state of these; `done` when that is durable, with the first error there was. */
  delete(partitions: readonly SharePartition[], done: (error: ErrorName | null) => void): void {
    let left = partitions.length;
    let first: ErrorName | null = null;
    if (left === 0) done(null);
    for (const partition of partitions) {
      partition.delete((error) => {
        first ??= error;
        if (error === null) this.#drop(partition);
        if (--left === 0) done(first);
      });
    }
  }

  /** The topic is gone, and every group's place in it. */
  topicDeleted(topicId: string): void {
    this.delete(
      [...this.all()].filter(({ key }) => key.topicId === topicId),
      () => {},
    );
  }

  /** Called for each record of the state topic at the start, oldest first for each share-partition. */
  replay(record: ReplayedState, offset: number): void {
    this.ensure(record.key).replay(record, offset);
  }

  /** All has been replayed: what was forgotten is dropped. */
  replayed(): void {
    for (const partition of [...this.all()]) if (partition.isBlank) this.#drop(partition);
  }

  /**
   * From where the state topic is needed, looking only at the share-partitions `isThere` says are kept there. Those that
   * have been quiet for long are written anew, for the next look.
   */
  neededFrom(isThere: (key: SharePartitionKey) => boolean, logEndOffset: number): number {
    let oldest = logEndOffset;
    for (const partition of this.all()) {
      if (partition.snapshotOffset < 0 || !isThere(partition.key)) continue;
      oldest = Math.min(oldest, partition.snapshotOffset);
      if (logEndOffset - partition.snapshotOffset > coldRecords) partition.snapshot(() => {});
    }
    return oldest;
  }

  stop(): void {
    this.#isStopped = true;
    this.#tick?.cancel();
  }

  #drop({ key }: SharePartition): void {
    const ofGroup = this.#groups.get(key.group);
    ofGroup?.delete(nameOf(key));
    if (ofGroup?.size === 0) this.#groups.delete(key.group);
  }

  #schedule(): void {
    if (this.#tick !== null || this.#isStopped) return;
    this.#tick = this.#timers.set(tickMs, () => {
      this.#tick = null;
      for (const partition of this.#locked) {
        partition.expire();
        if (partition.earliestLockMs === Number.POSITIVE_INFINITY) this.#locked.delete(partition);
      }
      if (this.#locked.size > 0) this.#schedule();
    });
  }
}

function nameOf({ topicId, partition }: SharePartitionKey): string {
  return `${topicId}/${partition}`;
}
