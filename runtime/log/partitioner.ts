/**
 * Chooses a partition as Kafka's own producers do: murmur2 of the key, or a sticky partition where there is no key.
 *
 * Step 4 of the record's journey, for keepers whose library does not choose. The hash must agree with every other
 * Kafka client (org.apache.kafka.common.utils.Utils.murmur2), or one key would live in two partitions.
 */

/** Records without a key stay on one partition for this many, so that batches fill up (KIP-480's aim). */
const STICKY_RECORDS = 512;

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Kafka's 32-bit murmur2, as a signed integer. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let hash = SEED ^ length;
  const blocks = length >> 2;
  for (let block = 0; block < blocks; block++) {
    const at = block << 2;
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const tail = blocks << 2;
  const left = length - tail;
  if (left >= 3) hash ^= data[tail + 2]! << 16;
  if (left >= 2) hash ^= data[tail + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ data[tail]!, M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}

/** One per producer. */
export class Partitioner {
  readonly #sticky = new Map<string, { partition: number; left: number }>();

  partition(topic: string, key: Uint8Array | null, partitions: number): number {
    if (key !== null) return (murmur2(key) & 0x7fffffff) % partitions;
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
