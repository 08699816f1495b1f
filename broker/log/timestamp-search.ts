/**
 * ListOffsets' questions about time: the first record at or after a timestamp, and the record with the largest one. The
 * time index finds the neighbourhood, batch headers find the batch, and only then is that one batch opened.
 */
import { ProtocolError } from '../protocol/errors.ts';
import * as batches from '../protocol/record-batch.ts';
import { forEachRecord } from '../protocol/records.ts';
import { lookupWindowBytes } from './batch-walker.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import type { TimestampAndOffset } from './types.ts';

/** The first record in [fromOffset, toOffset) whose timestamp is at least `timestamp`, or null. */
export function findTimestamp(
  segments: Segments,
  timestamp: number,
  fromOffset: number,
  toOffset: number,
): TimestampAndOffset | null {
  for (let index = segments.indexFor(fromOffset); index < segments.all.length; index++) {
    const segment = segments.all[index]!;
    if (segment.baseOffset >= toOffset) return null;
    if (segment.maxTimestamp < timestamp) continue;
    const found = findInSegment(segment, timestamp, fromOffset, toOffset);
    if (found !== null) return found;
  }
  return null;
}

/** The earliest of the records in [fromOffset, toOffset) with the largest timestamp, or null when there is none. */
export function findMaxTimestamp(segments: Segments, fromOffset: number, toOffset: number): TimestampAndOffset | null {
  const candidates = segments.all.slice(segments.indexFor(fromOffset)).filter((segment) => segment.maxTimestamp >= 0);
  // Segments are asked newest timestamp first, and the earliest of equals first.
  candidates.sort((a, b) => b.maxTimestamp - a.maxTimestamp || a.baseOffset - b.baseOffset);
  let best: TimestampAndOffset | null = null;
  for (const segment of candidates) {
    if (best !== null && segment.maxTimestamp < best.timestamp) break;
    const found = maxInSegment(segment, fromOffset, toOffset);
    const isBetter =
      found !== null &&
      (best === null ||
        found.timestamp > best.timestamp ||
        (found.timestamp === best.timestamp && found.offset < best.offset));
    if (isBetter) best = found;
  }
  return best;
}

function findInSegment(
  segment: Segment,
  timestamp: number,
  fromOffset: number,
  toOffset: number,
): TimestampAndOffset | null {
  const entry = segment.timeIndex.lookup(timestamp);
  const startOffset = Math.max(fromOffset, entry < 0 ? segment.baseOffset : segment.timeIndex.offsetAt(entry));
  const walker = segment.walk(segment.positionOf(startOffset), lookupWindowBytes);
  while (walker.read() && batches.baseOffset(walker.buffer, walker.at) < toOffset) {
    if (batches.maxTimestamp(walker.buffer, walker.at) >= timestamp) {
      const found = firstRecord(walker.load(), timestamp, fromOffset, toOffset);
      if (found !== null) return found;
    }
    walker.advance();
  }
  return null;
}

function maxInSegment(segment: Segment, fromOffset: number, toOffset: number): TimestampAndOffset | null {
  // The segment knows the answer unless part of it is not to be seen, or the cleaner has emptied that batch.
  const isWhole = segment.baseOffset >= fromOffset && segment.offsetOfMaxTimestamp < toOffset;
  const known = isWhole ? maxFrom(segment, segment.offsetOfMaxTimestamp, fromOffset, toOffset, true) : null;
  return known ?? maxFrom(segment, Math.max(fromOffset, segment.baseOffset), fromOffset, toOffset, false);
}

function maxFrom(
  segment: Segment,
  startOffset: number,
  fromOffset: number,
  toOffset: number,
  isFirstBest: boolean,
): TimestampAndOffset | null {
  const walker = segment.walk(segment.positionOf(startOffset), lookupWindowBytes);
  let best: TimestampAndOffset | null = null;
  while (walker.read() && batches.baseOffset(walker.buffer, walker.at) < toOffset) {
    const timestamp = batches.maxTimestamp(walker.buffer, walker.at);
    if (timestamp >= 0 && timestamp > (best?.timestamp ?? -1)) {
      best = firstRecord(walker.load(), timestamp, fromOffset, toOffset) ?? best;
      if (isFirstBest) return best;
    }
    walker.advance();
  }
  return best;
}

/** The first record of a batch with this timestamp or later. A batch that cannot be opened answers for its first one. */
function firstRecord(
  batch: Buffer,
  timestamp: number,
  fromOffset: number,
  toOffset: number,
): TimestampAndOffset | null {
  const leaderEpoch = batches.leaderEpoch(batch);
  let found: TimestampAndOffset | null = null;
  try {
    forEachRecord(batch, 0, (record) => {
      if (record.timestamp < timestamp || record.offset < fromOffset) return true;
      if (record.offset < toOffset) found = { timestamp: record.timestamp, offset: record.offset, leaderEpoch };
      return false;
    });
    return found;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return {
      timestamp: batches.maxTimestamp(batch),
      offset: Math.max(batches.baseOffset(batch), fromOffset),
      leaderEpoch,
    };
  }
}
