/**
 * Reads a log of ours from its start to its end, record by record: how metadata and groups are replayed when the broker
 * starts. Not for the fetch path, which never looks into a batch.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import { readMarker } from '../protocol/control-record.ts';
import { batchStarts, isControl, isTransactional, lastOffset, producerId } from '../protocol/record-batch.ts';
import { type BatchRecord, forEachRecord } from '../protocol/records.ts';

/** One read; a log of megabytes is replayed in a few. */
const readBytes = 4 * 1024 * 1024;

/** `producerId` is -1 for records that are part of no transaction. */
export type RecordVisitor = (record: BatchRecord, producerId: number) => void;
export type MarkerVisitor = (producerId: number, isCommit: boolean) => void;

/**
 * Calls back for each record, oldest first, and for each end of a transaction. Key and value are views that end with the
 * call: copy what is kept.
 */
export function readLog(log: PartitionLog, visit: RecordVisitor, visitMarker: MarkerVisitor = () => {}): void {
  let position = log.logStartOffset;
  while (position < log.highWatermark) {
    const read = log.read(position, readBytes, { isolation: 'read_uncommitted', minOneBatch: true });
    try {
      if (read.records.length === 0) return;
      for (const start of batchStarts(read.records)) {
        position = lastOffset(read.records, start) + 1;
        visitBatch(read.records, start, visit, visitMarker);
      }
    } finally {
      read.release();
    }
  }
}

function visitBatch(records: Buffer, start: number, visit: RecordVisitor, visitMarker: MarkerVisitor): void {
  if (isControl(records, start)) {
    const marker = readMarker(records, start);
    if (marker !== null) visitMarker(producerId(records, start), marker.type === 'commit');
    return;
  }
  const inTransactionOf = isTransactional(records, start) ? producerId(records, start) : -1;
  forEachRecord(records, start, (record) => visit(record, inTransactionOf));
}
