/** Records that are really in a topic, for the `schema` commands: the last N of it, as JSON behind any schema id. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type ClusterOptions, withBrokers, withCluster } from './kafka/cluster.ts';
import { readTopic } from './kafka/read.ts';
import type { StoredRecord } from './record-json.ts';

export interface RecordOptions extends ClusterOptions {
  readonly topic?: string;
  readonly last: number;
  readonly key?: boolean;
}

const LAST_DEFAULT = 1000;
const LAST_MAX = 1_000_000;
const EARLIEST = -2;
const LATEST = -1;
const MAGIC_BYTE = 0;
const PREFIX_BYTES = 5;

/** Declares `--topic`, `--last`, `--key` and where the broker is. */
export function withRecords(command: Command): Command {
  command.option('-t, --topic <topic>', 'whose real records to use');
  command.option('--last <n>', 'how many of its last records', parseLast, LAST_DEFAULT);
  command.option('--key', 'their keys, not their values');
  return withBrokers(command);
}

function parseLast(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= LAST_MAX) return count;
  throw new CliError('USAGE', `"${text}" is no number of records from 1 to ${LAST_MAX}.`);
}

/** One record's JSON. */
export interface JsonRecord {
  /** `trucks_gps-0@42`. */
  readonly place: string;
  /** Undefined where the bytes are no JSON. */
  readonly value: unknown;
}

/** The last records of a topic by time, oldest first; tombstones are passed over. */
export async function lastRecords(topicName: string, options: RecordOptions): Promise<JsonRecord[]> {
  const found: StoredRecord[] = [];
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(topicName);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const [start, end] = [
      await cluster.offsetsAt(topic, partitions, EARLIEST),
      await cluster.offsetsAt(topic, partitions, LATEST),
    ];
    const from = partitions.map((partition) => {
      const [first, last] = [start.get(partition) ?? 0, end.get(partition) ?? 0];
      return [partition, Math.max(first, last - options.last)] as const;
    });
    for await (const records of readTopic(cluster, { topic, from: new Map(from), until: end })) found.push(...records);
  });
  const inTime = found.sort((a, b) => Number(a.timestamp) - Number(b.timestamp)).slice(-options.last);
  return inTime.flatMap((record) => {
    const bytes = options.key === true ? record.key : record.value;
    return bytes === null ? [] : [{ place: `${topicName}-${record.partition}@${record.offset}`, value: jsonOf(bytes) }];
  });
}

function jsonOf(bytes: Uint8Array): unknown {
  const body = bytes.length >= PREFIX_BYTES && bytes[0] === MAGIC_BYTE ? bytes.subarray(PREFIX_BYTES) : bytes;
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
