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

/** How a producer spreads records that name no partition, by `partitioner.class` and `partitioner.ignore.keys`. */
export type Spreading = 'by key' | 'keys ignored' | 'round robin';

const spreadings: Readonly<Record<string, Spreading>> = {
  DefaultPartitioner: 'by key',
  UniformStickyPartitioner: 'keys ignored',
  RoundRobinPartitioner: 'round robin',
};
/** Kafka's own, by class or simple name; the first two left Kafka with 4.0, and live on in configs. */
const ownPartitioner = /^(?:org\.apache\.kafka\.clients\.producer\.(?:internals\.)?)?(\w+)$/;

/** What a `partitioner.class` means; null for a class of one's own, which cannot be had. Empty is Kafka's default. */
export function spreadingOfClass(name: string): Spreading | null {
  const given = name.trim();
  if (given === '' || given === 'null') return 'by key';
  const simple = ownPartitioner.exec(given)?.[1] ?? '';
  return Object.hasOwn(spreadings, simple) ? spreadings[simple]! : null;
}

/** What a producer's settings say, as written. A round robin asks for no key anyway. */
export function spreadingOf(settings: Readonly<Record<string, string>> = {}): Spreading {
  const ofClass = spreadingOfClass(settings['partitioner.class'] ?? '') ?? 'by key';
  const ignoresKeys = settings['partitioner.ignore.keys']?.trim().toLowerCase() === 'true';
  return ofClass === 'by key' && ignoresKeys ? 'keys ignored' : ofClass;
}

/** One after the other, each topic by itself, from 0: Kafka's RoundRobinPartitioner. One per producer. */
export class RoundRobin {
  readonly #next = new Map<string, number>();

  partition(topic: string, partitions: number): number {
    const next = this.#next.get(topic) ?? 0;
    this.#next.set(topic, (next + 1) % 2 ** 31);
    return next % partitions;
  }
}
