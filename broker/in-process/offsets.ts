/**
 * Committing offsets through the coordinator, for members and for whoever sets an empty group's offsets.
 */
import type { Broker } from '../broker.ts';
import type { CommitResult, MemberIdentity } from '../groups/types.ts';
import type { OffsetAndMetadata } from './types.ts';

/** Resolves when the offsets are durable, with one answer each. */
export function commitOffsets(
  broker: Pick<Broker, 'groups'>,
  member: MemberIdentity,
  offsets: readonly OffsetAndMetadata[],
): Promise<CommitResult> {
  const list = offsets.map(({ topic, partition, offset, metadata }) => ({
    topic,
    partition,
    offset,
    leaderEpoch: -1,
    metadata: metadata ?? '',
  }));
  return new Promise((resolve) => {
    broker.groups.commit({ ...member, offsets: list, retentionTimeMs: -1 }, resolve);
  });
}
