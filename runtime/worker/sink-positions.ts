/**
 * How far a sink task has got in each partition it owns: delivered, and committed.
 */
import type { OffsetAndMetadata, TopicPartition } from '../../connectors/api/index.ts';
import type { ConsumerRecord } from '../log/client.ts';

interface Position extends TopicPartition {
  /** Next offset to deliver; null until something was delivered or sought. */
  delivered: number | null;
  committed: number | null;
  /** The first offset that was delivered since the assignment: where to go back to before anything is committed. */
  first: number | null;
}

const keyOf = (topic: string, partition: number) => `${topic}-${partition}`;

export class SinkPositions {
  readonly #positions = new Map<string, Position>();
  /** Grows with every revocation, so that a batch can tell whether it has to look for records that are gone. */
  revocations = 0;

  assign(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#positions.set(keyOf(topic, partition), { topic, partition, delivered: null, committed: null, first: null });
    }
  }

  revoke(partitions: readonly TopicPartition[]): void {
    this.revocations++;
    for (const { topic, partition } of partitions) this.#positions.delete(keyOf(topic, partition));
  }

  owns(topic: string, partition: number): boolean {
    return this.#positions.has(keyOf(topic, partition));
  }

  owned(): readonly TopicPartition[] {
    return [...this.#positions.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  /** The task continues elsewhere; what is before that place needs no commit of ours. */
  seek({ topic, partition }: TopicPartition, offset: number): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (position !== undefined) position.delivered = offset;
  }

  /** Goes back behind everything that is not committed; answers where to read from, and up to where it had been. */
  rewind(): { readonly partition: TopicPartition; readonly from: number; readonly until: number }[] {
    return [...this.#positions.values()].flatMap((position) => {
      const { topic, partition, delivered, committed, first } = position;
      const from = committed ?? first;
      if (from === null || delivered === null || delivered <= from) return [];
      position.delivered = from;
      return [{ partition: { topic, partition }, from, until: delivered }];
    });
  }

  /**
   * All that was read is delivered, and reading stands here: behind the end of a transaction, which is no record. Without
   * this a group that has read everything would show a lag of one for ever.
   */
  caughtUp({ topic, partition }: TopicPartition, offset: number | null): void {
    const position = this.#positions.get(keyOf(topic, partition));
    if (offset !== null && position?.delivered != null && offset > position.delivered) position.delivered = offset;
  }

  /** These records are about to be delivered. */
  beginning(read: readonly ConsumerRecord[]): void {
    for (let index = 0; index < read.length; index++) {
      const { topic, partition, offset } = read[index]!;
      const before = read[index - 1];
      if (before !== undefined && before.partition === partition && before.topic === topic) continue;
      const position = this.#positions.get(keyOf(topic, partition));
      if (position !== undefined) position.first ??= offset;
    }
  }

  /** Everything in this read is done; a partition that was revoked meanwhile is somebody else's business. */
  delivered(read: readonly ConsumerRecord[]): void {
    for (let index = 0; index < read.length; index++) {
      const { topic, partition, offset } = read[index]!;
      const next = read[index + 1];
      if (next !== undefined && next.partition === partition && next.topic === topic) continue;
      const position = this.#positions.get(keyOf(topic, partition));
      if (position !== undefined) position.delivered = offset + 1;
    }
  }

  uncommitted(partitions: readonly TopicPartition[]): OffsetAndMetadata[] {
    return partitions.flatMap(({ topic, partition }) => {
      const position = this.#positions.get(keyOf(topic, partition));
      if (position?.delivered == null || position.delivered === position.committed) return [];
      return [{ topic, partition, offset: position.delivered }];
    });
  }

  /** What of a sink's answer may be committed: owned, and not beyond what was delivered (as in Kafka Connect). */
  allowed(offsets: readonly OffsetAndMetadata[]): OffsetAndMetadata[] {
    return offsets.filter(({ topic, partition, offset }) => {
      const position = this.#positions.get(keyOf(topic, partition));
      return position?.delivered != null && offset <= position.delivered && offset !== position.committed;
    });
  }

  committed(offsets: readonly OffsetAndMetadata[]): void {
    for (const { topic, partition, offset } of offsets) {
      const position = this.#positions.get(keyOf(topic, partition));
      if (position !== undefined) position.committed = offset;
    }
  }
}
