/**
 * The keeper of {@link RecordPresence}: looks into the logs, after a start, for the records of a commit whose decision went to
 * the disk together with them.
 */
import type { Topics } from '../metadata/topics.ts';
import type { RecordPresence } from './ports.ts';
import type { AwaitedRecords, ProducerIdentity } from './types.ts';

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
    const producers = this.#topics.existingLogOf(topic, partition)?.producers() ?? [];
    const found = producers.find((each) => each.producerId === producerId);
    if (found === undefined || found.producerEpoch < producerEpoch) return false;
    // Every end has the next epoch, and comes after the records.
    if (found.producerEpoch > producerEpoch) return true;
    return found.currentTransactionStartOffset >= 0 && found.lastSequence >= lastSequence;
  }
}
