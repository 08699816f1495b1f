/**
 * Who may commit offsets of a classic group: its members, in its generation; anybody while nobody is in it. Pure; groups
 * of the consumer protocol have rules of their own (consumer/commits.ts).
 */
import type { ErrorName } from '../protocol/error-codes.ts';
import type { Group } from './group.ts';
import { refuseMember } from './membership.ts';
import type { CommitRequest, MemberIdentity, TransactionalCommitRequest } from './types.ts';

export function refuseCommit(group: Group | undefined, request: CommitRequest): ErrorName | null {
  if (group === undefined) return request.generationId < 0 ? null : 'ILLEGAL_GENERATION';
  // A consumer that assigns its partitions itself only keeps its offsets here.
  if (request.generationId < 0 && group.state === 'Empty') return null;
  if (request.generationId < 0 && isAnonymous(request)) return 'UNKNOWN_MEMBER_ID';
  const refusal = refuseMember(group, request);
  if (refusal !== null) return refusal;
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null;
}

/** The group's state does not matter here: old producers say nothing of their consumer's generation. */
export function refuseTransactional(group: Group | undefined, request: TransactionalCommitRequest): ErrorName | null {
  if (request.group === '') return 'INVALID_GROUP_ID';
  if (group === undefined) return request.generationId < 0 ? null : 'ILLEGAL_GENERATION';
  if (request.generationId < 0 && group.state === 'Empty') return null;
  const isMember = request.generationId >= 0 || !isAnonymous(request);
  return isMember ? refuseMember(group, request) : null;
}

function isAnonymous({ memberId, groupInstanceId }: MemberIdentity): boolean {
  return memberId === '' && groupInstanceId === null;
}
