/**
 * The keeper of {@link RecordPresence}: looks into the logs, after a start, for the records of a commit whose decision went to
 * the disk together with them.
 */
import type { ProducerDescription } from '../log/types.ts';
import type { Topics } from '../metadata/topics.ts';
import type { RecordPresence } from './ports.ts';
import type { AwaitedRecords, ProducerIdentity, TopicPartition } from './types.ts';

export class LogPresence implements RecordPresence {
  readonly #topics: Topics;

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  holds(
    { producerId, producerEpoch }: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>,
    { topic, partition, lastSequence }: AwaitedRecords,
  ): boolean {
    // A topic that was deleted since tears nothing.
    if (this.#topics.get(topic) === undefined) return true;
    const found = this.#find(producerId, topic, partition);
    if (found === undefined || found.producerEpoch < producerEpoch) return false;
    // Every end has the next epoch, and comes after the records.
    if (found.producerEpoch > producerEpoch) return true;
    return found.currentTransactionStartOffset >= 0 && found.lastSequence >= lastSequence;
  }

  isOpenBefore(
    { producerId, producerEpoch }: Pick<ProducerIdentity, 'producerId' | 'producerEpoch'>,
    { topic, partition }: TopicPartition,
  ): boolean {
    if (this.#topics.get(topic) === undefined) return false;
    const found = this.#find(producerId, topic, partition);
    return found !== undefined && found.currentTransactionStartOffset >= 0 && found.producerEpoch < producerEpoch;
  }

  #find(producerId: number, topic: string, partition: number): ProducerDescription | undefined {
    const producers = this.#topics.existingLogOf(topic, partition)?.producers() ?? [];
    return producers.find((each) => each.producerId === producerId);
  }
}
