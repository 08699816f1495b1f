/**
 * The keeper of {@link MarkerWriter}: control batches into the logs themselves, for this node has all partitions. Also
 * what WriteTxnMarkers does when a tool ends a transaction that hangs.
 */
import { errorNameOf } from '../errors.ts';
import { offsetsTopic } from '../metadata/topic-names.ts';
import type { Topics } from '../metadata/topics.ts';
import { encodeMarker } from '../protocol/control-record.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import type { Logger, MarkerWriter } from './ports.ts';
import type { Marker, TopicPartition } from './types.ts';

interface PartitionMarkersOptions {
  readonly topics: Topics;
  readonly now: () => number;
  readonly logger: Logger;
  /** `log.flush.durable`: false lets nobody wait for the device. */
  readonly isFlushDurable: boolean;
  /** The marker is as durable as it was asked to be in this partition of `__consumer_offsets`: offsets of the producer count now, or never. */
  readonly onOffsetsEnded: (partition: number, producerId: number, isCommit: boolean) => void;
}

/** With these there is nothing left to end in the partition: it is gone, or a later epoch has ended it. */
const overFor: ReadonlySet<ErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_PRODUCER_EPOCH',
  'TRANSACTION_COORDINATOR_FENCED',
]);

export class PartitionMarkers implements MarkerWriter {
  readonly #options: PartitionMarkersOptions;

  constructor(options: PartitionMarkersOptions) {
    this.#options = options;
  }

  write(
    marker: Marker,
    partitions: readonly TopicPartition[],
    until: 'durable' | 'written',
    done: (failed: readonly TopicPartition[]) => void,
  ): void {
    const failed: TopicPartition[] = [];
    let pending = partitions.length;
    for (const partition of partitions) {
      this.#append(marker, partition, { acks: until === 'durable' ? -1 : 1, isDecided: true }, (error) => {
        if (error !== 'NONE' && !this.#isOver(marker, partition, error)) failed.push(partition);
        if (--pending === 0) done(failed);
      });
    }
  }

  /** `done` is called once, after the call returned. */
  writeOne(marker: Marker, partition: TopicPartition, done: (error: ErrorName) => void): void {
    this.#append(marker, partition, { acks: -1, isDecided: false }, done);
  }

  async sync(partitions: readonly TopicPartition[]): Promise<boolean> {
    if (!this.#options.isFlushDurable) return true;
    const flushed = await Promise.allSettled(partitions.map((partition) => this.#flush(partition)));
    return flushed.every(({ status }) => status === 'fulfilled');
  }

  /** What is deleted needs no disk. */
  async #flush({ topic, partition }: TopicPartition): Promise<void> {
    const { topics } = this.#options;
    if (topics.get(topic) !== undefined) await topics.existingLogOf(topic, partition)?.flush();
  }

  #append(
    marker: Marker,
    { topic, partition }: TopicPartition,
    how: { readonly acks: -1 | 1; readonly isDecided: boolean },
    done: (error: ErrorName) => void,
  ): void {
    const { producerId, producerEpoch, coordinatorEpoch, isCommit } = marker;
    const type = isCommit ? 'commit' : 'abort';
    const batch = encodeMarker({ type, producerId, producerEpoch, coordinatorEpoch, timestamp: this.#options.now() });
    const transactionVersion = marker.transactionVersion === 2 ? 2 : 1;
    try {
      const log = this.#options.topics.log(topic, partition);
      log.append(batch, { ...how, origin: 'coordinator', transactionVersion }, (error) => {
        if (error === null && topic === offsetsTopic) this.#options.onOffsetsEnded(partition, producerId, isCommit);
        done(error === null ? 'NONE' : error.code);
      });
    } catch (error) {
      const name = errorNameOf(error);
      if (name === 'UNKNOWN_SERVER_ERROR') throw error;
      setImmediate(done, name);
    }
  }

  #isOver(marker: Marker, partition: TopicPartition, error: ErrorName): boolean {
    if (!overFor.has(error)) return false;
    if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') {
      const message =
        'A partition knows a later epoch than the marker of a transaction; its transaction there is over.';
      this.#options.logger.warn({ ...partition, ...marker, error }, message);
    }
    return true;
  }
}
