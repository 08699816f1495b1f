/**
 * Chooses a partition as Kafka's own producers do: murmur2 of the key, or a sticky partition where there is no key, unless
 * `partitioner.class` and `partitioner.ignore.keys` say otherwise.
 *
 * Step 4 of the record's journey, for keepers whose library does not choose.
 */
import { partitionForKey, RoundRobin, type Spreading, spreadingOf } from '../../broker/protocol/partitioner.ts';
import type { ProducerRecord } from './client.ts';

/** Records without a key stay on one partition for this many, so that batches fill up (KIP-480's aim). */
const STICKY_RECORDS = 512;

/** One per producer. */
export class Partitioner {
  readonly #spreading: Spreading;
  readonly #roundRobin = new RoundRobin();
  readonly #sticky = new Map<string, { partition: number; left: number }>();

  /** `settings` are the producer's, as written. */
  constructor(settings?: Readonly<Record<string, string>>) {
    this.#spreading = spreadingOf(settings);
  }

  /** For a record that names no partition itself. */
  partition({ topic, key, isRow }: ProducerRecord, partitions: number): number {
    if (key !== null && (isRow || this.#spreading === 'by key')) return partitionForKey(key, partitions);
    if (this.#spreading === 'round robin') return this.#roundRobin.partition(topic, partitions);
    let sticky = this.#sticky.get(topic);
    if (sticky === undefined) {
      sticky = { partition: Math.floor(Math.random() * partitions), left: STICKY_RECORDS };
      this.#sticky.set(topic, sticky);
    }
    if (sticky.left-- === 0) {
      sticky.partition = (sticky.partition + 1) % partitions;
      sticky.left = STICKY_RECORDS - 1;
    }
    return sticky.partition % partitions;
  }
}
