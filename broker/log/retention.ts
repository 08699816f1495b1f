/**
 * Which segments have had their time: pure decisions, carried out by the partition log.
 */
import type { LogConfig } from './config.ts';
import type { Segments } from './segments.ts';

export interface RetentionLimits {
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** Nothing at or above may go. */
  readonly highWatermark: number;
  readonly nowMs: number;
}

/**
 * How many of the oldest segments go, by Kafka's three rules: all records below the log start offset (after
 * DeleteRecords, whatever the policy); largest timestamp older than `retention.ms`; the log without the segment still
 * at least `retention.bytes`. The active segment goes only by time, and the caller rolls it first.
 */
export function countExpired(segments: Segments, config: LogConfig, limits: RetentionLimits): number {
  const isDeleting = config.cleanupPolicy.includes('delete');
  let excessBytes = isDeleting && config.retentionBytes >= 0 ? segments.sizeBytes - config.retentionBytes : -1;
  let count = 0;
  for (const segment of segments.all) {
    const isActive = segment === segments.active;
    const endOffset = segments.endOf(count, limits.logEndOffset);
    if (endOffset > limits.highWatermark || (isActive && segment.size === 0)) break;
    const newest = segment.maxTimestamp >= 0 ? segment.maxTimestamp : segment.createdMs;
    const isTooOld = isDeleting && config.retentionMs >= 0 && limits.nowMs - newest > config.retentionMs;
    const isSuperfluous = !isActive && (endOffset <= limits.logStartOffset || excessBytes >= segment.size);
    if (!isTooOld && !isSuperfluous) break;
    excessBytes -= segment.size;
    count++;
  }
  return count;
}

/**
 * When retention has something to do at the earliest, if nothing is written meanwhile and all that is due was done:
 * the oldest segment goes first.
 */
export function earliestExpiry(segments: Segments, config: LogConfig): number {
  const oldest = segments.all[0]!;
  const isExpiring = config.cleanupPolicy.includes('delete') && config.retentionMs >= 0 && oldest.size > 0;
  if (!isExpiring) return Number.POSITIVE_INFINITY;
  return (oldest.maxTimestamp >= 0 ? oldest.maxTimestamp : oldest.createdMs) + config.retentionMs;
}
