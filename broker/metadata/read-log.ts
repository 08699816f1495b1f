/**
 * Reads a log of ours from its start to its end, record by record: how metadata and groups are replayed when the broker
 * starts. Not for the fetch path, which never looks into a batch.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import { batchStarts, isControl, lastOffset } from '../protocol/record-batch.ts';
import { type BatchRecord, forEachRecord } from '../protocol/records.ts';

/** One read; a log of megabytes is replayed in a few. */
const readBytes = 4 * 1024 * 1024;

/** Calls back for each record, oldest first. Key and value are views that end with the call: copy what is kept. */
export function readLog(log: PartitionLog, visit: (record: BatchRecord) => void): void {
  let position = log.logStartOffset;
  while (position < log.highWatermark) {
    const read = log.read(position, readBytes, { isolation: 'read_uncommitted', minOneBatch: true });
    try {
      if (read.records.length === 0) return;
      for (const start of batchStarts(read.records)) {
        position = lastOffset(read.records, start) + 1;
        if (!isControl(read.records, start)) forEachRecord(read.records, start, visit);
      }
    } finally {
      read.release();
    }
  }
}
