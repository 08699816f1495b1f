/**
 * A batch as runs of records that follow one another in one partition: what is asked of a partition is then asked once per
 * run and not once per record. Pure.
 */
import type { SinkRecord } from '../../api/index.ts';

export interface Run {
  readonly topic: string;
  readonly partition: number;
  /** In the order of their offsets. Never empty. */
  readonly records: readonly SinkRecord[];
}

export function runsOf(records: readonly SinkRecord[]): Run[] {
  const runs: Run[] = [];
  for (let from = 0, to = 1; from < records.length; from = to++) {
    const { originalTopic: topic, originalPartition: partition } = records[from]!;
    while (to < records.length && isOf(records[to]!, topic, partition)) to++;
    const isAll = from === 0 && to === records.length;
    runs.push({ topic, partition, records: isAll ? records : records.slice(from, to) });
  }
  return runs;
}

function isOf(record: SinkRecord, topic: string, partition: number): boolean {
  return record.originalPartition === partition && record.originalTopic === topic;
}
