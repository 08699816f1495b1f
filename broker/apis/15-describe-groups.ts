/**
 * DescribeGroups (key 15). v3 authorized operations (not asked of us without ACLs) · v4 static members · v6 an unknown
 * group is GROUP_ID_NOT_FOUND; before, it is a group in state "Dead" (KIP-1043).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeGroupsRequest } from '../protocol/messages/generated/describe-groups-request.ts';
import { encodeDescribeGroupsResponse } from '../protocol/messages/generated/describe-groups-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, operationsAllowed } from './authorize.ts';

const notFoundFrom = 6;

export const describeGroups = defineApi({
  decode: decodeDescribeGroupsRequest,
  encode: encodeDescribeGroupsResponse,
  handle(request, call, broker) {
    const isAsked = request.includeAuthorizedOperations;
    return { groups: request.groups.map((group) => describeOne(broker, call, group, isAsked)) };
  },
});

function describeOne(broker: BrokerState, call: Call, groupId: string, isAsked: boolean) {
  const { apiVersion } = call;
  if (!isAllowed(broker, call, 'describe', 'group', groupId)) {
    return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  }
  const { error, state, protocolType, protocol, members } = broker.groups.describe(groupId);
  if (state === 'Dead' && error === 'NONE' && apiVersion >= notFoundFrom) {
    const errorMessage = `Group ${groupId} not found.`;
    return { groupId, groupState: state, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage };
  }
  return {
    groupId,
    errorCode: ErrorCode[error],
    groupState: state,
    protocolType,
    protocolData: protocol,
    authorizedOperations: operationsAllowed(broker, call, isAsked, 'group', groupId),
    members: members.map(({ metadata, assignment, ...member }) => ({
      ...member,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
  };
}
