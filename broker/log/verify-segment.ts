/**
 * One segment's files read back and compared with each other: batches and the records in them, then each index against
 * what the batches say. Changes nothing; every fault is a sentence that names file and place.
 */
import { decompress } from '../protocol/compression.ts';
import { readMarker } from '../protocol/control-record.ts';
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import { scanRecords } from '../protocol/record-scan.ts';
import { scanWindowBytes } from './batch-walker.ts';
import { suffixes } from './files.ts';
import { offsetEntryBytes } from './offset-index.ts';
import type { Segment } from './segment.ts';
import { timeEntryBytes } from './time-index.ts';
import { transactionEntryBytes } from './transaction-index.ts';

/** What a walk over one segment found. */
export interface SegmentContents {
  /** Where the batch begins that ends with this offset. */
  readonly positions: Map<number, number>;
  /** The largest timestamp up to and including the batch that ends with this offset. */
  readonly largestSoFar: Map<number, number>;
  /** Markers that aborted a transaction, by offset. */
  readonly aborts: Map<number, Abort>;
  /** The offset after the last record. */
  nextOffset: number;
}

interface Abort {
  readonly producerId: number;
  /** Records of the transaction are in the log; else the cleaner, or retention, took them and the entry with them. */
  readonly hasRecords: boolean;
}

/** What is known from the segments before. */
export interface VerifiedSoFar {
  /** Offsets may be missing (a cleaner was here), or it is not known whether. */
  readonly hasGaps: boolean;
  /** Producers with records since their last marker. */
  readonly open: Set<number>;
}

export function verifySegment(segment: Segment, before: VerifiedSoFar, faults: string[]): SegmentContents {
  const contents = verifyRecords(segment, before, faults);
  verifyOffsetIndex(segment, contents, faults);
  verifyTimeIndex(segment, contents, faults);
  verifyTransactionIndex(segment, contents, faults);
  return contents;
}

function verifyRecords(segment: Segment, before: VerifiedSoFar, faults: string[]): SegmentContents {
  const path = segment.pathOf(suffixes.log);
  const contents: SegmentContents = {
    positions: new Map(),
    largestSoFar: new Map(),
    aborts: new Map(),
    nextOffset: segment.baseOffset,
  };
  const walker = segment.walk(0, scanWindowBytes);
  let largest = -1;
  for (; walker.read(); walker.advance()) {
    const batch = walker.load();
    const where = `${path}: the batch at position ${walker.position}`;
    const problem = batches.checkBatch(batch)?.reason ?? problemWithRecords(batch);
    if (problem !== null) faults.push(`${where} is damaged: ${problem}.`);
    const base = batches.baseOffset(batch);
    const last = batches.lastOffset(batch);
    if (base < contents.nextOffset || last < base) {
      faults.push(`${where} holds ${base} to ${last}, after ${contents.nextOffset - 1}.`);
    } else if (base > contents.nextOffset && !before.hasGaps) {
      faults.push(`${where} holds ${base} to ${last}, but ${contents.nextOffset} comes next.`);
    }
    largest = Math.max(largest, batches.maxTimestamp(batch));
    contents.positions.set(last, walker.position);
    contents.largestSoFar.set(last, largest);
    contents.nextOffset = last + 1;
    if (problem === null && batches.isTransactional(batch)) noteTransaction(batch, contents, before.open);
  }
  const rest = segment.writtenBytes - walker.position;
  if (rest > 0) faults.push(`${path}: the last ${rest} bytes, from position ${walker.position}, are no whole batch.`);
  return contents;
}

function noteTransaction(batch: Buffer, contents: SegmentContents, open: Set<number>): void {
  const producerId = batches.producerId(batch);
  if (!batches.isControl(batch)) {
    if (batches.recordCount(batch) > 0) open.add(producerId);
    return;
  }
  const hasRecords = open.delete(producerId);
  if (readMarker(batch)?.type === 'abort') contents.aborts.set(batches.lastOffset(batch), { producerId, hasRecords });
}

/** Behind a checksum that is right the records may still be nonsense: whoever wrote them was wrong. */
function problemWithRecords(batch: Buffer): string | null {
  const count = batches.recordCount(batch);
  // A compacted batch has fewer records than offsets.
  if (batches.lastOffsetDelta(batch) !== count - 1) return null;
  const body = batch.subarray(batches.batchHeaderBytes);
  try {
    scanRecords(decompress(batches.codecOf(batch)!, body), 0, count, batches.baseTimestamp(batch));
    return null;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return `its records cannot be read (${error.message})`;
  }
}

function verifyOffsetIndex(segment: Segment, contents: SegmentContents, faults: string[]): void {
  const { offsetIndex } = segment;
  const path = segment.pathOf(suffixes.index);
  noteStrayBytes(offsetIndex.file.strayBytes, offsetIndex.file.count, offsetEntryBytes, path, faults);
  if (!offsetIndex.isSane(segment.writtenBytes)) {
    // One sentence is enough: a killed Kafka leaves a million empty entries behind the real ones.
    faults.push(`${path}: its entries do not ascend within the log.`);
    return;
  }
  for (let entry = 0; entry < offsetIndex.file.count; entry++) {
    const offset = offsetIndex.offsetAt(entry);
    const actual = contents.positions.get(offset);
    if (actual === offsetIndex.positionAt(entry)) continue;
    const place = actual === undefined ? 'no batch ends with it' : `it is at ${actual}`;
    faults.push(`${path}: entry ${entry} puts offset ${offset} at ${offsetIndex.positionAt(entry)}, ${place}.`);
  }
}

function verifyTimeIndex(segment: Segment, contents: SegmentContents, faults: string[]): void {
  const { timeIndex } = segment;
  const path = segment.pathOf(suffixes.timeIndex);
  noteStrayBytes(timeIndex.file.strayBytes, timeIndex.file.count, timeEntryBytes, path, faults);
  let previous = Number.NEGATIVE_INFINITY;
  for (let entry = 0; entry < timeIndex.file.count; entry++) {
    const timestamp = timeIndex.timestampAt(entry);
    const offset = timeIndex.offsetAt(entry);
    if (timestamp <= previous) {
      faults.push(`${path}: entry ${entry} and what follows do not ascend.`);
      return;
    }
    const actual = contents.largestSoFar.get(offset);
    if (actual !== timestamp) {
      const truth = actual === undefined ? 'with which no batch ends' : `where ${actual} is largest`;
      faults.push(`${path}: entry ${entry} gives ${timestamp} for offset ${offset}, ${truth}.`);
    }
    previous = timestamp;
  }
}

function verifyTransactionIndex(segment: Segment, contents: SegmentContents, faults: string[]): void {
  const path = segment.pathOf(suffixes.transactionIndex);
  const { file } = segment.transactionIndex;
  noteStrayBytes(file.strayBytes, file.count, transactionEntryBytes, path, faults);
  const listed = new Set<number>();
  for (const [index, entry] of segment.transactionIndex.entries().entries()) {
    listed.add(entry.lastOffset);
    const { producerId, firstOffset, lastOffset } = entry;
    if (contents.aborts.get(lastOffset)?.producerId === producerId && firstOffset <= lastOffset) continue;
    const said = `entry ${index} has producer ${producerId} aborted from ${firstOffset} to ${lastOffset}`;
    faults.push(`${path}: ${said}, where no marker of it stands.`);
  }
  for (const [offset, { producerId, hasRecords }] of contents.aborts) {
    if (!hasRecords || listed.has(offset)) continue;
    faults.push(`${path}: the abort of producer ${producerId} at offset ${offset} is missing.`);
  }
}

function noteStrayBytes(stray: number, count: number, entryBytes: number, path: string, faults: string[]): void {
  if (stray === 0) return;
  faults.push(`${path}: the last ${stray} bytes, from position ${count * entryBytes}, are no whole entry.`);
}
