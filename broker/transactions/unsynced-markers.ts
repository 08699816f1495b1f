/**
 * Markers of commits within this process, which wait for no disk: a commit is true and seen once its decision is there, and
 * the next transaction of the id begins at once. That one's records bring the markers to the disk in the same fdatasync, and
 * where no next one comes, a timer does. Until then every record of the id says which markers may be missing, so that a start
 * after a power cut appends them again, before anybody else appends anything.
 */
import type { Entry, TransactionSurroundings } from './entry.ts';
import type { MarkerRetries } from './marker-retries.ts';
import { hasPartition, listPartitions } from './partitions.ts';
import { isPrepared } from './transitions.ts';
import type { Marker, ProducerIdentity, TopicPartition, Transaction, UnsyncedMarker } from './types.ts';

/** Nobody waits for it; every start until then looks into the partitions. */
const syncAfterMs = 1000;

export class UnsyncedMarkers {
  readonly #around: TransactionSurroundings;
  readonly #retries: MarkerRetries;
  readonly #onSynced: (entry: Entry) => void;
  readonly #entries = new Set<Entry>();
  /** Found at the start, and not appended in every partition yet. */
  readonly #missing = new Set<UnsyncedMarker>();
  #timer: { cancel(): void } | null = null;

  /** `onSynced`: the timer has brought all of an id's markers to the disk. */
  constructor(around: TransactionSurroundings, retries: MarkerRetries, onSynced: (entry: Entry) => void) {
    this.#around = around;
    this.#retries = retries;
    this.#onSynced = onSynced;
  }

  /** The markers of what was just decided are about to be written. */
  add(entry: Entry, { producerId, producerEpoch, partitions }: Transaction): void {
    entry.unsynced = [...entry.unsynced, { producerId, producerEpoch, partitions }];
    this.#watch(entry);
  }

  /** Resolves when they are on the disk, or cannot be brought there. The request for it has left when the call returns. */
  async sync(entry: Entry): Promise<void> {
    const synced = entry.unsynced.filter((marker) => !this.#missing.has(marker));
    if (synced.length === 0) return;
    const areDurable = await this.#around.markers.sync(synced.flatMap(({ partitions }) => listPartitions(partitions)));
    if (areDurable) entry.unsynced = entry.unsynced.filter((marker) => !synced.includes(marker));
  }

  /** At the start: appends those that a power cut took. */
  writeAgain(entry: Entry): void {
    if (entry.unsynced.length === 0) return;
    this.#watch(entry);
    for (const marker of entry.unsynced) {
      const isOpen = (partition: TopicPartition) => this.#around.records.isOpenBefore(marker, partition);
      this.#write(entry, marker, listPartitions(marker.partitions).filter(isOpen));
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#entries.clear();
  }

  #write(entry: Entry, unsynced: UnsyncedMarker, partitions: readonly TopicPartition[]): void {
    this.#missing.add(unsynced);
    const { producerId, producerEpoch } = unsynced;
    const { coordinatorEpoch } = this.#around;
    const marker: Marker = { producerId, producerEpoch, isCommit: true, coordinatorEpoch, transactionVersion: 2 };
    const { transactionalId } = entry.current;
    this.#retries.write(transactionalId, marker, partitions, 'written', () => this.#missing.delete(unsynced));
  }

  #watch(entry: Entry): void {
    this.#entries.add(entry);
    this.#timer ??= this.#around.timers.set(syncAfterMs, () => this.#look());
  }

  #look(): void {
    this.#timer = null;
    const quietSince = this.#around.timers.now() - syncAfterMs;
    const entries = [...this.#entries];
    this.#entries.clear();
    for (const entry of entries) {
      const { isChanging, current } = entry;
      if (entry.unsynced.length === 0) continue;
      this.#watch(entry);
      // Those of what is still prepared may not be in their partitions yet.
      if (!isChanging && !isPrepared(current) && current.lastUpdateTimestamp <= quietSince) void this.#syncQuiet(entry);
    }
  }

  async #syncQuiet(entry: Entry): Promise<void> {
    await this.sync(entry);
    if (entry.unsynced.length === 0) this.#onSynced(entry);
  }
}

/** Whether what this producer has open here is waiting for one of these markers. */
export function awaitsMarker(
  unsynced: readonly UnsyncedMarker[],
  { producerId, producerEpoch }: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>,
  { topic, partition }: TopicPartition,
): boolean {
  return unsynced.some((marker) => {
    if (marker.producerId !== producerId || producerEpoch >= marker.producerEpoch) return false;
    return hasPartition(marker.partitions, topic, partition);
  });
}
