/**
 * ShareGroupDescribe (key 77): a share group with its epochs, and each member with what it reads (KIP-932).
 */
import { listed } from '../groups/consumer/assignment.ts';
import type { ShareMember } from '../groups/share/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeShareGroupDescribeRequest } from '../protocol/messages/generated/share-group-describe-request.ts';
import { encodeShareGroupDescribeResponse } from '../protocol/messages/generated/share-group-describe-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, operationsAllowed } from './authorize.ts';

/** The one assignor share groups have. */
const assignorName = 'simple';

export const shareGroupDescribe = defineApi({
  decode: decodeShareGroupDescribeRequest,
  encode: encodeShareGroupDescribeResponse,
  handle({ groupIds, includeAuthorizedOperations }, call, broker) {
    const groups = groupIds.map((groupId) => ({
      ...describeOne(broker, call, groupId),
      authorizedOperations: operationsAllowed(broker, call, includeAuthorizedOperations, 'group', groupId),
    }));
    return { groups };
  },
});

function describeOne(broker: BrokerState, call: Call, groupId: string) {
  if (!isAllowed(broker, call, 'describe', 'group', groupId)) {
    return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
  }
  const group = broker.groups.shares.get(groupId);
  if (group === undefined) {
    const isOther = broker.groups.list().some((listing) => listing.group === groupId);
    const errorMessage = isOther ? `Group ${groupId} is not a share group.` : `Group ${groupId} not found.`;
    return { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage };
  }
  const members = [...group.members.values()].map((member) => describeMember(broker, member));
  const isHidden = members.some(({ assignment }) =>
    assignment.topicPartitions.some(({ topicName }) => !isAllowed(broker, call, 'describe', 'topic', topicName)),
  );
  if (isHidden) {
    const errorMessage = 'The group has described topic(s) that the client is not authorized to describe.';
    return { groupId, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage };
  }
  const { state: groupState, epoch: groupEpoch, assignmentEpoch } = group;
  return { groupId, groupState, groupEpoch, assignmentEpoch, assignorName, members };
}

/** Topics that are gone have no name to show. */
function describeMember(broker: BrokerState, { assigned, previousMemberEpoch: _, ...known }: ShareMember) {
  const topicPartitions = listed(assigned).flatMap((topic) => {
    const topicName = broker.topics.byId(topic.topicId)?.name;
    return topicName === undefined ? [] : [{ ...topic, topicName }];
  });
  return { ...known, assignment: { topicPartitions } };
}
