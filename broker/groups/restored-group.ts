/**
 * A classic group as `__consumer_offsets` remembers it, brought back at the start: members go on in the generation they
 * were in, with one protocol each, their last.
 */
import type { GroupMetadataValue } from '../protocol/messages/generated/group-metadata-value.ts';
import { Group, Member } from './group.ts';
import { inProcessHost } from './types.ts';

export function restoredGroup(id: string, value: GroupMetadataValue, nowMs: number): Group {
  const { protocolType, generation, protocol, currentStateTimestamp } = value;
  // Members in the broker's own process ended with it: waiting out their sessions would only hold up who comes next.
  // Where others are among them, the sessions decide, as for any member that does not come back.
  const isGone = value.members.every(({ clientHost }) => clientHost === inProcessHost);
  const members = isGone ? [] : value.members;
  const group = new Group(id, nowMs);
  for (const kept of members) group.add(restoredMember(kept, protocol ?? ''), protocolType);
  group.protocolType = protocolType === '' ? null : protocolType;
  group.generationId = generation;
  group.protocolName = protocol;
  group.leader = isGone ? null : value.leader;
  group.state = members.length > 0 ? 'Stable' : 'Empty';
  group.previousState = group.state;
  if (currentStateTimestamp >= 0) group.stateSinceMs = currentStateTimestamp;
  group.findSubscribedTopics();
  return group;
}

function restoredMember(kept: GroupMetadataValue['members'][number], protocol: string): Member {
  const member = new Member({
    memberId: kept.memberId,
    groupInstanceId: kept.groupInstanceId,
    clientId: kept.clientId,
    clientHost: kept.clientHost,
    sessionTimeoutMs: kept.sessionTimeout,
    rebalanceTimeoutMs: kept.rebalanceTimeout < 0 ? kept.sessionTimeout : kept.rebalanceTimeout,
    protocols: [{ name: protocol, metadata: kept.subscription }],
  });
  member.assignment = kept.assignment;
  return member;
}
