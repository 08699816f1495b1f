/**
 * Reads records for a member of a share group and gives them to it: whole batches from the log, as stored, and which of
 * their records are the member's. Step 8 of the record's journey, for share groups.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import type { Isolation, LogRead } from '../log/types.ts';
import { readMarker } from '../protocol/control-record.ts';
import {
  baseOffset,
  batchBytes,
  batchStarts,
  isControl,
  isTransactional,
  lastOffset,
  producerId,
  recordCount,
} from '../protocol/record-batch.ts';
import type { Span } from './in-flight.ts';
import type { SharePartition } from './share-partition.ts';
import type { AcquiredRecords } from './types.ts';

/** Enough for any small batch; less would cost more reads than it saves. */
const readBytesMin = 64 * 1024;
/** More than a consumer is given at once, unless a single batch is larger. */
const readBytesMax = 1024 * 1024;
/** Reads in one turn of the event loop that may find nothing but aborted or compacted records. */
const readsMax = 16;

export interface ShareRead {
  readonly memberId: string;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly batchSize: number;
  readonly isStrict: boolean;
  readonly minOneBatch: boolean;
  readonly isolation: Isolation;
}

/** Records for a member. They lie in `read`, which must be released. */
export interface Delivery {
  readonly records: Buffer;
  readonly acquired: readonly AcquiredRecords[];
  readonly read: LogRead;
}

/** `again`: only what nobody is to see was found so far, and there may be more; come back in another turn. */
export type ShareReadResult = Delivery | 'nothing' | 'again';

/** The partition is open. Throws the log's errors. */
export function readShare(
  partition: SharePartition,
  log: PartitionLog,
  request: ShareRead,
  locksMax: number,
): ShareReadResult {
  const inFlight = partition.inFlight!;
  inFlight.moveStart(log.logStartOffset);
  for (let reads = 0; reads < readsMax; reads++) {
    const offset = inFlight.nextFetchOffset(locksMax);
    // Beyond the end: the log lost its tail, which only acks=1 allows.
    if (offset === null || offset >= log.logEndOffset) return 'nothing';
    const read = log.read(offset, bytesFor(partition, request), request);
    const spans = spansIn(read);
    if (spans.length === 0) {
      read.release();
      return 'nothing';
    }
    measure(partition, read.records);
    const acquired = partition.acquire(offset, spans, request);
    if (acquired.length > 0) return { records: sliceOf(read.records, spans, acquired), acquired, read };
    read.release();
    if (inFlight.nextFetchOffset(locksMax) === offset) return 'nothing';
  }
  return 'again';
}

/** Bytes `readShare` may find, at most, for min.bytes. */
export function bytesAvailable(
  partition: SharePartition,
  log: PartitionLog,
  isolation: Isolation,
  locksMax: number,
): number {
  const offset = partition.inFlight?.nextFetchOffset(locksMax) ?? null;
  return offset === null ? 0 : log.bytesAvailable(Math.max(offset, log.logStartOffset), isolation);
}

function bytesFor({ bytesPerRecord }: SharePartition, { maxRecords, maxBytes }: ShareRead): number {
  const wanted = bytesPerRecord === 0 ? readBytesMax : Math.ceil(bytesPerRecord * maxRecords);
  return Math.min(maxBytes, Math.max(readBytesMin, Math.min(wanted, readBytesMax)));
}

function measure(partition: SharePartition, records: Buffer): void {
  let count = 0;
  for (const start of batchStarts(records)) count += recordCount(records, start);
  if (count > 0) partition.bytesPerRecord = records.length / count;
}

/** A record batch and where it stands in the buffer. */
interface BatchSpan extends Span {
  readonly start: number;
  readonly end: number;
}

/** Control records are nobody's; with read_committed, nor are those of aborted transactions. */
function spansIn({ records, abortedTransactions }: LogRead): BatchSpan[] {
  const spans: BatchSpan[] = [];
  const aborted = [...(abortedTransactions ?? [])];
  const aborting = new Set<number>();
  for (const start of batchStarts(records)) {
    const last = lastOffset(records, start);
    while (aborted.length > 0 && aborted[0]!.firstOffset <= last) aborting.add(aborted.shift()!.producerId);
    const producer = producerId(records, start);
    const isMarker = isControl(records, start);
    if (isMarker && readMarker(records, start)?.type === 'abort') aborting.delete(producer);
    spans.push({
      firstOffset: baseOffset(records, start),
      lastOffset: last,
      isHidden: isMarker || (isTransactional(records, start) && aborting.has(producer)),
      start,
      end: start + batchBytes(records, start),
    });
  }
  return spans;
}

/** Only the batches that hold acquired records. */
function sliceOf(records: Buffer, spans: readonly BatchSpan[], acquired: readonly AcquiredRecords[]): Buffer {
  const first = spans.find((span) => span.lastOffset >= acquired[0]!.firstOffset)!;
  const last = spans.findLast((span) => span.firstOffset <= acquired.at(-1)!.lastOffset)!;
  return records.subarray(first.start, last.end);
}
