/**
 * A classic group as ListGroups and DescribeGroups show it. Pure.
 */
import type { Group } from './group.ts';
import type { GroupDescription, GroupListing } from './types.ts';

const noBytes = Buffer.alloc(0);

export function listed(group: Group): GroupListing {
  return { group: group.id, protocolType: group.protocolType ?? '', state: group.state, type: 'classic' };
}

export function unknownGroup(id: string): GroupDescription {
  return { error: 'NONE', group: id, state: 'Dead', protocolType: '', protocol: '', members: [] };
}

export function described(group: Group): GroupDescription {
  const isStable = group.state === 'Stable';
  return {
    error: 'NONE',
    group: group.id,
    state: group.state,
    protocolType: group.protocolType ?? '',
    protocol: isStable ? (group.protocolName ?? '') : '',
    // While it rebalances, what the members said and got before is no longer true.
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? member.metadataFor(group.protocolName) : noBytes,
      assignment: isStable ? member.assignment : noBytes,
    })),
  };
}
