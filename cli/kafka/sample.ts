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
  for (const name of topics) {
    const topic = await cluster.topic(name);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const first = await cluster.offsetsAt(topic, partitions, EARLIEST);
    const until = await cluster.offsetsAt(topic, partitions, LATEST);
    const from = new Map(
      partitions.map((each) => [each, Math.max(first.get(each) ?? 0, (until.get(each) ?? 0) - max)]),
    );
    for await (const records of readTopic(cluster, { topic, from, until })) found.push(...records);
  }
  return found.sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset).slice(-max);
}
