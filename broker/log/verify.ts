/**
 * Reads a partition's folder and lists every fault in it: what `millrace log verify` prints, and what the tests ask of
 * every log they opened. Changes nothing. The partition must not be open.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { baseOffset, checkBatch, lastOffset, maxTimestamp } from '../protocol/record-batch.ts';
import { scanWindowBytes } from './batch-walker.ts';
import { offsetOfFile, readFile, suffixes } from './files.ts';
import { decodeSnapshot } from './producer-snapshot.ts';
import { Segment } from './segment.ts';

export interface Verified {
  readonly segments: number;
  readonly batches: number;
  readonly bytes: number;
  readonly logEndOffset: number;
  /** Sentences, each naming file and place. */
  readonly faults: readonly string[];
}

/** What a walk over one segment found, for checking its indexes. */
interface SegmentContents {
  /** Where the batch begins that ends with this offset. */
  readonly positions: Map<number, number>;
  /** The largest timestamp up to and including the batch that ends with this offset. */
  readonly largestSoFar: Map<number, number>;
  nextOffset: number;
}

export function verifyFolder(fs: FileSystem, folder: string): Verified {
  const faults: string[] = [];
  const names = fs.list(folder);
  const bases = names
    .map((name) => offsetOfFile(name, suffixes.log))
    .filter((base) => base !== null)
    .sort((a, b) => a - b);
  let batches = 0;
  let bytes = 0;
  let next = bases[0] ?? 0;
  for (const base of bases) {
    if (base < next) faults.push(`${folder}: the segment at ${base} begins below ${next}, where the one before ends.`);
    const segment = new Segment(fs, folder, base, 0);
    const contents = verifyRecords(segment, faults);
    verifyOffsetIndex(segment, contents, faults);
    verifyTimeIndex(segment, contents, faults);
    segment.close();
    batches += contents.positions.size;
    bytes += segment.writtenBytes;
    next = Math.max(contents.nextOffset, base);
  }
  for (const name of names) verifySnapshot(fs, folder, name, faults);
  return { segments: bases.length, batches, bytes, logEndOffset: next, faults };
}

function verifyRecords(segment: Segment, faults: string[]): SegmentContents {
  const path = segment.pathOf(suffixes.log);
  const contents: SegmentContents = { positions: new Map(), largestSoFar: new Map(), nextOffset: segment.baseOffset };
  const walker = segment.walk(0, scanWindowBytes);
  let largest = -1;
  while (walker.read()) {
    const batch = walker.load();
    const problem = checkBatch(batch);
    if (problem !== null)
      faults.push(`${path}: the batch at position ${walker.position} is damaged: ${problem.reason}.`);
    const base = baseOffset(batch);
    const last = lastOffset(batch);
    if (base < contents.nextOffset || last < base) {
      faults.push(
        `${path}: the batch at position ${walker.position} holds ${base} to ${last}, after ${contents.nextOffset - 1}.`,
      );
    }
    largest = Math.max(largest, maxTimestamp(batch));
    contents.positions.set(last, walker.position);
    contents.largestSoFar.set(last, largest);
    contents.nextOffset = last + 1;
    walker.advance();
  }
  const rest = segment.writtenBytes - walker.position;
  if (rest > 0) faults.push(`${path}: the last ${rest} bytes, from position ${walker.position}, are no whole batch.`);
  return contents;
}

function verifyOffsetIndex(segment: Segment, contents: SegmentContents, faults: string[]): void {
  const { offsetIndex } = segment;
  const path = segment.pathOf(suffixes.index);
  if (!offsetIndex.isSane(segment.writtenBytes)) {
    // One sentence is enough: a killed Kafka leaves a million empty entries behind the real ones.
    faults.push(`${path}: its entries do not ascend within the log.`);
    return;
  }
  for (let entry = 0; entry < offsetIndex.file.count; entry++) {
    const offset = offsetIndex.offsetAt(entry);
    const position = contents.positions.get(offset);
    if (position !== offsetIndex.positionAt(entry)) {
      faults.push(
        `${path}: entry ${entry} puts offset ${offset} at ${offsetIndex.positionAt(entry)}, it is at ${position}.`,
      );
    }
  }
}

function verifyTimeIndex(segment: Segment, contents: SegmentContents, faults: string[]): void {
  const { timeIndex } = segment;
  const path = segment.pathOf(suffixes.timeIndex);
  let previous = Number.NEGATIVE_INFINITY;
  for (let entry = 0; entry < timeIndex.file.count; entry++) {
    const timestamp = timeIndex.timestampAt(entry);
    const offset = timeIndex.offsetAt(entry);
    if (timestamp <= previous) {
      faults.push(`${path}: entry ${entry} and what follows do not ascend.`);
      return;
    }
    if (contents.largestSoFar.get(offset) !== timestamp) {
      faults.push(
        `${path}: entry ${entry} gives ${timestamp} for offset ${offset}, where ${contents.largestSoFar.get(offset)} is largest.`,
      );
    }
    previous = timestamp;
  }
}

function verifySnapshot(fs: FileSystem, folder: string, name: string, faults: string[]): void {
  if (offsetOfFile(name, suffixes.snapshot) === null) return;
  const bytes = readFile(fs, `${folder}/${name}`) ?? Buffer.alloc(0);
  if (decodeSnapshot(bytes, 0) === null) faults.push(`${folder}/${name}: the producer snapshot is damaged.`);
}
