/** A few records from the ends of topics, without a group: for previews. */
import type { StoredRecord } from '../record-json.ts';
import type { Cluster } from './cluster.ts';
import { readTopic } from './read.ts';

/** ListOffsets' words for the first offset kept and the next one written. */
const EARLIEST = -2;
const LATEST = -1;

/** The newest `max` records of the topics together, oldest first. Fewer where there are not as many. */
export async function lastRecords(cluster: Cluster, topics: readonly string[], max: number): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (const name of topics) found.push(...(await lastOf(cluster, name, max)));
  return found.sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset).slice(-max);
}

/** Not every offset is a record (markers of transactions, what compaction took), so it goes further back where it must. */
async function lastOf(cluster: Cluster, name: string, max: number): Promise<StoredRecord[]> {
  const topic = await cluster.topic(name);
  const partitions = topic.partitions.map(({ partition }) => partition);
  const first = await cluster.offsetsAt(topic, partitions, EARLIEST);
  const until = await cluster.offsetsAt(topic, partitions, LATEST);
  for (let back = 2 * max; ; back *= 8) {
    const places = partitions.map(
      (each) => [each, Math.max(first.get(each) ?? 0, (until.get(each) ?? 0) - back)] as const,
    );
    const found: StoredRecord[] = [];
    for await (const records of readTopic(cluster, { topic, from: new Map(places), until })) found.push(...records);
    const isAll = places.every(([partition, from]) => from <= (first.get(partition) ?? 0));
    if (found.length >= max || isAll) return found;
  }
}
