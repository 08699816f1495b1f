/**
 * Offsets on their way into the log: which are taken, and what is said to the others. Pure.
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { CommitVerdict } from './consumer/commits.ts';
import type { PartitionOfTopic } from './offsets.ts';
import type { CommittedOffset, OffsetToCommit } from './types.ts';

/** A commit, and what its group says to it: null is yes to all. */
export interface JudgedCommit {
  readonly group: string;
  readonly offsets: readonly OffsetToCommit[];
  /** -1: the broker's `offsets.retention.minutes`. */
  readonly retentionTimeMs: number;
  readonly verdict: CommitVerdict | null;
}

/** One result per offset, in their order, and those to write. */
export function judgeOffsets(
  { offsets, retentionTimeMs, verdict }: JudgedCommit,
  metadataBytesMax: number,
  commitTimestamp: number,
): { readonly results: readonly ErrorName[]; readonly accepted: readonly (CommittedOffset & PartitionOfTopic)[] } {
  const expireTimestamp = retentionTimeMs < 0 ? -1 : commitTimestamp + retentionTimeMs;
  const results = offsets.map((offset): ErrorName => {
    const isTooLong = Buffer.byteLength(offset.metadata) > metadataBytesMax;
    return isTooLong ? 'OFFSET_METADATA_TOO_LARGE' : (verdict?.(offset) ?? 'NONE');
  });
  const accepted = offsets
    .filter((_, index) => results[index] === 'NONE')
    .map((offset) => ({ ...offset, commitTimestamp, expireTimestamp }));
  return { results, accepted };
}
