/**
 * Chooses a partition as Kafka's own producers do: murmur2 of the key, or a sticky partition where there is no key.
 *
 * Step 4 of the record's journey, for keepers whose library does not choose.
 */
import { partitionForKey } from '../../broker/protocol/partitioner.ts';

/** Records without a key stay on one partition for this many, so that batches fill up (KIP-480's aim). */
const STICKY_RECORDS = 512;

/** One per producer. */
export class Partitioner {
  readonly #sticky = new Map<string, { partition: number; left: number }>();

  partition(topic: string, key: Uint8Array | null, partitions: number): number {
    if (key !== null) return partitionForKey(key, partitions);
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
