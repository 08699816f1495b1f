/**
 * Reads partitions of a topic from given offsets, without a group: what `consume` does.
 *
 * Each broker is asked for all its partitions at once; records come out in the log's order per partition. Only what is
 * committed is read: control records are passed over and aborted transactions left out (isolation level 1).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readMarker } from '../../broker/protocol/control-record.ts';
import { ErrorCode, isRetriable } from '../../broker/protocol/error-codes.ts';
import type { PartitionData } from '../../broker/protocol/messages/generated/fetch-response.ts';
import {
  batchStarts,
  checkBatch,
  isControl,
  isTransactional,
  lastOffset,
  producerId,
} from '../../broker/protocol/record-batch.ts';
import { forEachRecord } from '../../broker/protocol/records.ts';
import { CliError } from '../errors.ts';
import type { StoredRecord } from '../record-json.ts';
import { fetch } from './calls.ts';
import { byLeader, type Cluster, check, type TopicMetadata } from './cluster.ts';

const FETCH_WAIT_MS = 500;
const FETCH_BYTES_MAX = 8 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
const RETRY_WAIT_MS = 200;
/** A partition without a leader for longer than this is an error, not a hiccup. */
const RETRIES_MAX = 50;

export interface ReadOptions {
  readonly topic: TopicMetadata;
  /** Partition → the first offset wanted. Partitions not in it are not read. */
  readonly from: ReadonlyMap<number, number>;
  /** Partition → the offset to stop before; absent: follow for ever. */
  readonly until?: ReadonlyMap<number, number>;
}

interface Reading {
  readonly partition: number;
  readonly until: number;
  position: number;
  retries: number;
}

/** Yields records in small arrays as they arrive. Ends when every partition has reached its end. */
export async function* readTopic(cluster: Cluster, options: ReadOptions): AsyncGenerator<StoredRecord[]> {
  let topic = options.topic;
  let readings = [...options.from].map(([partition, position]) => {
    return { partition, position, until: options.until?.get(partition) ?? Number.POSITIVE_INFINITY, retries: 0 };
  });
  for (;;) {
    readings = readings.filter((reading) => reading.position < reading.until);
    if (readings.length === 0) return;
    let mustWait = false;
    for (const [leader, partitions] of byLeader(
      topic,
      readings.map(({ partition }) => partition),
    )) {
      const group = readings.filter(({ partition }) => partitions.includes(partition));
      const { records, hasMoved } = await readOnce(cluster, topic.topic, leader, group);
      if (records.length > 0) yield records;
      mustWait ||= hasMoved;
    }
    if (mustWait) {
      await sleep(RETRY_WAIT_MS);
      topic = await cluster.topic(topic.topic);
    }
  }
}

async function readOnce(
  cluster: Cluster,
  topic: string,
  leader: number,
  readings: readonly Reading[],
): Promise<{ records: StoredRecord[]; hasMoved: boolean }> {
  const connection = await cluster.node(leader);
  const answer = await connection.request(fetch, {
    replicaId: -1,
    maxWaitMs: FETCH_WAIT_MS,
    minBytes: 1,
    maxBytes: FETCH_BYTES_MAX,
    isolationLevel: 1,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        partitions: readings.map(({ partition, position }) => {
          return { partition, fetchOffset: position, partitionMaxBytes: PARTITION_BYTES_MAX };
        }),
      },
    ],
  });
  check(answer.errorCode, `Topic ${topic}`);
  const records: StoredRecord[] = [];
  let hasMoved = false;
  for (const data of answer.responses[0]?.partitions ?? []) {
    const reading = readings.find(({ partition }) => partition === data.partitionIndex);
    if (reading === undefined) continue;
    if (isRetriable(data.errorCode) && reading.retries++ < RETRIES_MAX) hasMoved = true;
    else take(topic, data, reading, records);
  }
  return { records, hasMoved };
}

/** Moves the records of one partition's answer into `records` and its reading forward. */
function take(topic: string, data: PartitionData, reading: Reading, records: StoredRecord[]): void {
  const subject = `Partition ${topic}-${reading.partition}`;
  if (data.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
    throw new CliError('NOT_FOUND', `${subject} has no offset ${reading.position}.`, {
      next: `See what it holds with: millrace topic describe ${topic}`,
    });
  }
  check(data.errorCode, subject);
  reading.retries = 0;
  const bytes = data.records;
  if (bytes === null || bytes.length === 0) return;
  const aborted = new AbortedTransactions(data.abortedTransactions ?? []);
  for (const start of batchStarts(bytes)) {
    const problem = checkBatch(bytes, start);
    if (problem !== null) throw new CliError('FAILED', `${subject}: a batch is damaged: ${problem.reason}.`);
    if (!aborted.hides(bytes, start)) {
      forEachRecord(bytes, start, (record) => {
        if (record.offset < reading.position || record.offset >= reading.until) return;
        records.push({ topic, partition: reading.partition, ...record });
      });
    }
    reading.position = Math.max(reading.position, lastOffset(bytes, start) + 1);
  }
}

/** Which batches of a fetch belong to transactions that were aborted: KIP-98's list, walked beside the batches. */
class AbortedTransactions {
  readonly #pending: { readonly producerId: number; readonly firstOffset: number }[];
  readonly #open = new Set<number>();

  constructor(list: readonly { readonly producerId: number; readonly firstOffset: number }[]) {
    this.#pending = [...list].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  hides(bytes: Buffer, start: number): boolean {
    const end = lastOffset(bytes, start);
    while (this.#pending.length > 0 && this.#pending[0]!.firstOffset <= end) {
      this.#open.add(this.#pending.shift()!.producerId);
    }
    const producer = producerId(bytes, start);
    if (isControl(bytes, start)) {
      if (readMarker(bytes, start)?.type === 'abort') this.#open.delete(producer);
      return true;
    }
    return isTransactional(bytes, start) && this.#open.has(producer);
  }
}
