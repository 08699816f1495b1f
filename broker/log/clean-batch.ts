/**
 * One batch through the cleaner: the same bytes when every record stays, a smaller batch when some go, only its header
 * when none stays but its offsets or its producer must be remembered, or nothing. Kafka's MemoryRecords.filterTo.
 *
 * Offsets never change: base offset, last offset delta and sequence stay those of the producer's batch, so that a kept
 * record costs a copy of its bytes. Only where the delete horizon is stamped (KIP-534: it takes the place of the base
 * timestamp, from which each record's timestamp counts) are the records written anew.
 */
import { compress } from '../protocol/compression.ts';
import * as batches from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import { varintBytes, writeVarint } from '../protocol/records.ts';

const noTimestamp = -1;

export interface BatchRules {
  /** No record stays: an aborted transaction's batch, or a marker whose time is over. */
  readonly dropsRecords: boolean;
  /** The header stays whatever becomes of the records. */
  readonly keepsHeader: boolean;
  /** A marker whose transaction has no record left: its time begins to run. */
  readonly isMarkerOfNothing: boolean;
  /** When a tombstone or marker first seen now may go. */
  readonly deleteHorizonMs: number;
  keeps(record: RecordCursor): boolean;
}

/** What is to be written for `batch`, or null for nothing. May return `batch` itself. */
export function cleanBatch(batch: Buffer, rules: BatchRules): Buffer | null {
  if (rules.dropsRecords) return rules.keepsHeader ? headerOnly(batch) : null;
  const kept = keptRecords(batch, rules);
  if (kept.count === 0) return rules.keepsHeader ? headerOnly(batch) : null;
  const needsHorizon = (kept.hasTombstone || rules.isMarkerOfNothing) && !batches.hasDeleteHorizon(batch);
  if (kept.count === batches.recordCount(batch) && !needsHorizon) return batch;
  const baseTimestamp = needsHorizon ? rules.deleteHorizonMs : batches.baseTimestamp(batch);
  const records = needsHorizon ? restamped(batch, rules, baseTimestamp) : kept.records;
  const codec = batches.codecOf(batch) ?? 'none';
  const body = compress(codec, Buffer.concat(records));
  const cleaned = Buffer.concat([batch.subarray(0, batches.batchHeaderBytes), body]);
  batches.rewriteHeader(cleaned, {
    codec,
    hasDeleteHorizon: needsHorizon || batches.hasDeleteHorizon(batch),
    baseTimestamp,
    maxTimestamp: batches.isLogAppendTime(batch) ? batches.maxTimestamp(batch) : kept.maxTimestamp,
    recordCount: kept.count,
  });
  return cleaned;
}

interface KeptRecords {
  readonly records: Buffer[];
  count: number;
  hasTombstone: boolean;
  maxTimestamp: number;
}

function keptRecords(batch: Buffer, rules: BatchRules): KeptRecords {
  const kept: KeptRecords = { records: [], count: 0, hasTombstone: false, maxTimestamp: noTimestamp };
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    if (!rules.keeps(cursor)) continue;
    kept.records.push(cursor.bytes());
    kept.count++;
    kept.hasTombstone ||= cursor.value() === null;
    kept.maxTimestamp = Math.max(kept.maxTimestamp, cursor.timestamp);
  }
  return kept;
}

/** The kept records with timestamps that count from another base. */
function restamped(batch: Buffer, rules: BatchRules, baseTimestamp: number): Buffer[] {
  const records: Buffer[] = [];
  const cursor = new RecordCursor(batch);
  while (cursor.next()) {
    if (!rules.keeps(cursor)) continue;
    const rest = cursor.bytesAfterTimestamp();
    const delta = cursor.timestamp - baseTimestamp;
    const bodyBytes = 1 + varintBytes(delta) + rest.length;
    const record = Buffer.alloc(varintBytes(bodyBytes) + bodyBytes);
    // The attributes byte in between is always 0.
    const at = writeVarint(record, writeVarint(record, 0, bodyBytes) + 1, delta);
    rest.copy(record, at);
    records.push(record);
  }
  return records;
}

/** The batch without records, as Kafka keeps it: offsets, producer, epoch and sequence. */
function headerOnly(batch: Buffer): Buffer {
  if (batches.recordCount(batch) === 0) return batch;
  const header = Buffer.from(batch.subarray(0, batches.batchHeaderBytes));
  batches.rewriteHeader(header, {
    codec: 'none',
    hasDeleteHorizon: false,
    baseTimestamp: noTimestamp,
    maxTimestamp: batches.maxTimestamp(batch),
    recordCount: 0,
  });
  return header;
}
