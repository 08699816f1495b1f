/**
 * A static member that comes back without its member id (KIP-345): its process was restarted. It gets a new id and takes
 * over the place, the old id is fenced, and in a stable group nobody else notices.
 */
import type { Group, Member } from './group.ts';
import type { GroupLog } from './group-log.ts';
import { joinResult, type Rebalance, refusedJoin, refusedSync } from './rebalance.ts';
import { groupRecord } from './records.ts';
import type { JoinRequest, JoinResult } from './types.ts';

export interface StaticSurroundings {
  readonly rebalance: Rebalance;
  readonly log: GroupLog;
}

export function rejoinStatic(
  around: StaticSurroundings,
  group: Group,
  member: Member,
  memberId: string,
  request: JoinRequest,
  done: (result: JoinResult) => void,
): void {
  const { rebalance } = around;
  const before = { memberId: member.memberId, leader: group.leader, protocols: member.protocols };
  rebalance.answerJoin(member, refusedJoin('FENCED_INSTANCE_ID', before.memberId));
  rebalance.answerSync(member, refusedSync('FENCED_INSTANCE_ID'));
  group.rename(member, memberId);
  member.clientId = request.clientId;
  member.clientHost = request.clientHost;
  member.sessionTimeoutMs = request.sessionTimeoutMs;
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
  member.protocols = request.protocols;
  rebalance.awaitHeartbeat(group, member);
  if (group.state !== 'Stable' || group.selectProtocol() !== group.protocolName) {
    // The leader may have the old id in its hands, or the protocol changes: the group must meet again.
    member.joined = done;
    rebalance.begin(group);
    return;
  }
  const { generationId } = group;
  around.log.append(group.id, [groupRecord(group)], (error) => {
    if (group.members.get(memberId) !== member || group.state !== 'Stable' || group.generationId !== generationId) {
      // The group moved on while the new id was written; the member is asked to come again with it.
      done(refusedJoin(group.members.has(memberId) ? 'REBALANCE_IN_PROGRESS' : 'UNKNOWN_MEMBER_ID', memberId));
    } else if (error !== null) {
      group.rename(member, before.memberId);
      group.leader = before.leader;
      member.protocols = before.protocols;
      done(refusedJoin(error, memberId));
    } else {
      done(stableResult(group, member, before.leader, request.supportsSkippingAssignment));
    }
  });
}

/**
 * From JoinGroup v9 on a leader is told that it leads but need not assign (KIP-814). An older one is told of the leader
 * it used to be, so that it takes itself for a follower and leaves the assignment alone.
 */
function stableResult(group: Group, member: Member, leaderBefore: string | null, canSkip: boolean): JoinResult {
  const result = joinResult(group, member);
  if (canSkip) return { ...result, skipAssignment: group.isLeader(member) };
  return { ...result, leader: leaderBefore ?? '', members: [] };
}
