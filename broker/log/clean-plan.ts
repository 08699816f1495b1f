/**
 * Whether a partition is worth cleaning, and up to where: Kafka's LogCleanerManager as pure decisions.
 */
import type { LogConfig } from './config.ts';
import type { Segment } from './segment.ts';

/** What of a partition's state the decision needs. */
export interface CleanState {
  readonly segments: readonly Segment[];
  readonly logStartOffset: number;
  readonly lastStableOffset: number;
  readonly nowMs: number;
  /** From the checkpoint, or undefined where no cleaner has been. */
  readonly checkpointed: number | undefined;
}

export interface CleanPlan {
  readonly firstDirtyOffset: number;
  readonly boundOffset: number;
  /** From the log's first segment up to the bound. */
  readonly segments: readonly Segment[];
  /** Share of dirty bytes in what may be cleaned. */
  readonly dirtyRatio: number;
}

/** Null when it is not due: too little is dirty and no record is past `max.compaction.lag.ms`. */
export function planCleaning(state: CleanState, config: LogConfig): CleanPlan | null {
  if (!config.cleanupPolicy.includes('compact')) return null;
  const firstDirtyOffset = firstDirty(state);
  const end = boundIndex(state, config, firstDirtyOffset);
  const boundOffset = state.segments[end]!.baseOffset;
  const segments = state.segments.slice(0, end).filter((segment) => segment.writtenBytes > 0);
  const bytes = sizeOf(segments);
  // The segment that holds the first dirty offset counts as dirty: a full map may have stopped inside it.
  const dirty = segments.filter((_, index) => endOf(segments, index, boundOffset) > firstDirtyOffset);
  const dirtyBytes = sizeOf(dirty);
  if (dirtyBytes === 0 || boundOffset <= firstDirtyOffset) return null;
  const dirtyRatio = dirtyBytes / bytes;
  const isOverdue = isPastLag(dirty, config, state.nowMs);
  if (dirtyRatio <= config.minCleanableDirtyRatio && !isOverdue) return null;
  return { firstDirtyOffset, boundOffset, segments, dirtyRatio };
}

/** The checkpoint, unless the log has been cut or deleted past it: then everything is dirty. */
function firstDirty({ checkpointed, logStartOffset, segments }: CleanState): number {
  const isKnown = checkpointed !== undefined && checkpointed >= logStartOffset;
  return isKnown && checkpointed <= segments.at(-1)!.baseOffset ? checkpointed : logStartOffset;
}

/** The first segment that may not be cleaned: the active one, one with an open transaction, one that is too young. */
function boundIndex(state: CleanState, config: LogConfig, firstDirtyOffset: number): number {
  const { segments, nowMs } = state;
  const active = segments.length - 1;
  for (let index = 0; index < active; index++) {
    const end = segments[index + 1]!.baseOffset;
    if (end > state.lastStableOffset) return index;
    const isDirty = end > firstDirtyOffset;
    const { maxTimestamp, createdMs } = segments[index]!;
    const newest = maxTimestamp >= 0 ? maxTimestamp : createdMs;
    if (isDirty && config.minCompactionLagMs > 0 && newest > nowMs - config.minCompactionLagMs) return index;
  }
  return active;
}

function isPastLag(dirty: readonly Segment[], config: LogConfig, nowMs: number): boolean {
  return dirty.some(
    ({ firstTimestamp }) =>
      firstTimestamp !== null && firstTimestamp > 0 && firstTimestamp < nowMs - config.maxCompactionLagMs,
  );
}

function endOf(segments: readonly Segment[], index: number, boundOffset: number): number {
  return segments[index + 1]?.baseOffset ?? boundOffset;
}

function sizeOf(segments: readonly Segment[]): number {
  let bytes = 0;
  for (const segment of segments) bytes += segment.size;
  return bytes;
}
