/**
 * Which partition a key belongs to: Kafka's murmur2 (org.apache.kafka.common.utils.Utils), so that a record of ours
 * and one of any other client with the same key meet in the same partition.
 */

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
const shift = 24;

/** MurmurHash2, 32 bits, with Kafka's seed; a signed number as in Java. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  const words = length >> 2;
  for (let i = 0; i < words; i++) {
    const at = i * 4;
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> shift;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  const rest = words * 4;
  if ((length & 3) === 3) hash ^= bytes[rest + 2]! << 16;
  if ((length & 3) >= 2) hash ^= bytes[rest + 1]! << 8;
  if ((length & 3) >= 1) hash = Math.imul(hash ^ bytes[rest]!, multiplier);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** The partition of a key among `partitions`, as Kafka's default partitioner chooses it. */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
