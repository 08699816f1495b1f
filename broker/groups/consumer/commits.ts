/**
 * Who may commit and fetch offsets of a group of the consumer protocol (KIP-848): its members, in their epoch. A member
 * that has moved on may still commit what it already had in an older epoch: the commit was sent before it heard.
 */
import type { ErrorName } from '../../protocol/error-codes.ts';
import type { ConsumerGroup } from './group.ts';
import type { TopicsView } from './types.ts';

/** The first OffsetCommit that knows member epochs. */
const epochsFromVersion = 9;

interface Committer {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** The member epoch; the generation for a member of the classic protocol. */
  readonly generationId: number;
  readonly isTransactional: boolean;
  /** Undefined: the newest. */
  readonly apiVersion?: number | undefined;
}

/** One verdict per partition. */
export type CommitVerdict = (offset: { readonly topic: string; readonly partition: number }) => ErrorName;

const accepted: CommitVerdict = () => 'NONE';

export function judgeCommit(group: ConsumerGroup, who: Committer, topics: TopicsView): CommitVerdict {
  const { memberId, generationId, isTransactional } = who;
  // Admin clients, and consumers that assign their partitions themselves.
  if (generationId < 0 && group.members.size === 0) return accepted;
  const isAnonymous = generationId < 0 && memberId === '' && who.groupInstanceId === null;
  if (isTransactional && isAnonymous) return accepted;
  const member = group.members.get(memberId);
  if (member === undefined) return () => 'UNKNOWN_MEMBER_ID';
  const isClassic = member.classic !== null;
  const isTooOld = (who.apiVersion ?? epochsFromVersion) < epochsFromVersion;
  if (!isTransactional && !isClassic && isTooOld) return () => 'UNSUPPORTED_VERSION';
  if (generationId === member.memberEpoch) return accepted;
  // TxnOffsetCommit has no word for member epochs.
  const stale: ErrorName = isClassic || isTransactional ? 'ILLEGAL_GENERATION' : 'STALE_MEMBER_EPOCH';
  if (generationId > member.memberEpoch) return () => stale;
  return ({ topic, partition }) => {
    const topicId = topics.get(topic)?.topicId ?? '';
    const since = member.assigned.get(topicId)?.get(partition) ?? member.pendingRevocation.get(topicId)?.get(partition);
    return since === undefined || generationId < since ? stale : 'NONE';
  };
}

/** Null: it may. A client that says nothing of itself may too. */
export function refuseFetch(group: ConsumerGroup, memberId: string | null, memberEpoch: number): ErrorName | null {
  if (memberId === null && memberEpoch < 0) return null;
  const member = group.members.get(memberId ?? '');
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  if (member.memberEpoch === memberEpoch) return null;
  return member.classic === null ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION';
}
