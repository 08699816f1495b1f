/**
 * Brings the producer state of a partition to an offset: the newest usable snapshot, then the batches after it. Used at
 * every start and after a truncation.
 */
import type { FileSystem } from '../fs/file-system.ts';
import * as batches from '../protocol/record-batch.ts';
import { scanWindowBytes } from './batch-walker.ts';
import { offsetOfFile, readFile, segmentFile, suffixes } from './files.ts';
import { describeProducer } from './producer-batch.ts';
import { decodeSnapshot } from './producer-snapshot.ts';
import type { ProducerState } from './producer-state.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

export interface ReplaySurroundings {
  readonly fs: FileSystem;
  readonly now: () => number;
}

/** Loads a snapshot taken at `from` or before, and replays batches from there up to `to`. */
export function replayProducers(
  around: ReplaySurroundings,
  folder: string,
  segments: Segments,
  state: ProducerState,
  range: { readonly from: number; readonly to: number },
): void {
  state.clear();
  let offset = loadSnapshot(around, folder, state, range.from) ?? segments.all[0]!.baseOffset;
  for (let index = segments.indexFor(offset); index < segments.all.length && offset < range.to; index++) {
    offset = replaySegment(segments.all[index]!, state, offset, range.to, around.now());
  }
}

function loadSnapshot(around: ReplaySurroundings, folder: string, state: ProducerState, upTo: number): number | null {
  const offsets = snapshotOffsets(around.fs, folder).filter((offset) => offset <= upTo);
  for (const offset of offsets.sort((a, b) => b - a)) {
    const path = `${folder}/${snapshotName(offset)}`;
    const producers = decodeSnapshot(readFile(around.fs, path) ?? Buffer.alloc(0), around.now());
    if (producers === null) {
      // Torn by a crash; an older one, or the log itself, knows the same.
      around.fs.remove(path);
      continue;
    }
    for (const producer of producers) state.restore(producer);
    return offset;
  }
  return null;
}

function replaySegment(segment: Segment, state: ProducerState, from: number, to: number, nowMs: number): number {
  const walker = segment.walk(segment.positionOf(from), scanWindowBytes);
  let next = from;
  while (walker.read() && batches.baseOffset(walker.buffer, walker.at) < to) {
    const baseOffset = batches.baseOffset(walker.buffer, walker.at);
    next = batches.lastOffset(walker.buffer, walker.at) + 1;
    if (batches.producerId(walker.buffer, walker.at) >= 0 && baseOffset >= from) {
      const described = describeProducer(walker.load(), baseOffset, next - 1);
      const ended = described === null ? null : state.apply(described, nowMs);
      if (ended?.isAborted) {
        segment.transactionIndex.append({ ...ended, lastStableOffset: state.lastStableOffsetAfter(ended) });
      }
    }
    walker.advance();
  }
  return next;
}

/**
 * Cuts off everything from the batch that contains `offset`: later segments go, the one that holds it is shortened, and
 * is on the device so. Returns the new log end offset, which is below `offset` when that was inside a batch.
 */
export function truncateSegments(segments: Segments, offset: number): number {
  const index = segments.indexFor(offset);
  for (const segment of segments.takeFrom(index + 1)) {
    segment.markDeleted();
    segment.removeDeleted();
  }
  const { active } = segments;
  const logEndOffset = active.truncateTo(active.positionOf(offset), offset);
  active.syncLog();
  return logEndOffset;
}

export function snapshotOffsets(fs: FileSystem, folder: string): number[] {
  return fs
    .list(folder)
    .map((name) => offsetOfFile(name, suffixes.snapshot))
    .filter((offset) => offset !== null);
}

export function removeSnapshots(fs: FileSystem, folder: string, isSuperfluous: (offset: number) => boolean): void {
  for (const offset of snapshotOffsets(fs, folder)) {
    if (isSuperfluous(offset)) fs.remove(`${folder}/${snapshotName(offset)}`);
  }
}

function snapshotName(offset: number): string {
  return segmentFile(offset, suffixes.snapshot);
}
