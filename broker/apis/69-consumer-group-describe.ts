/**
 * ConsumerGroupDescribe (key 69): a group of the consumer protocol with its epochs, and each member with what it has and
 * what it should have (KIP-848). v1 says which protocol a member speaks.
 */
import { listed } from '../groups/consumer/assignment.ts';
import type { ConsumerGroup } from '../groups/consumer/group.ts';
import type { Assignment, ConsumerMember, OwnedPartitions } from '../groups/consumer/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeConsumerGroupDescribeRequest } from '../protocol/messages/generated/consumer-group-describe-request.ts';
import { encodeConsumerGroupDescribeResponse } from '../protocol/messages/generated/consumer-group-describe-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, operationsAllowed } from './authorize.ts';

const memberType = { classic: 0, consumer: 1 };

export const consumerGroupDescribe = defineApi({
  decode: decodeConsumerGroupDescribeRequest,
  encode: encodeConsumerGroupDescribeResponse,
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
  const { consumers } = broker.groups;
  const group = consumers.get(groupId);
  if (group === undefined) {
    const isClassic = broker.groups.describe(groupId).state !== 'Dead';
    const errorMessage = isClassic ? `Group ${groupId} is not a consumer group.` : `Group ${groupId} not found.`;
    return { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage };
  }
  const members = [...group.members.values()].map((member) => describeMember(broker, group, member));
  const isHidden = members.some(({ assignment, targetAssignment }) =>
    [...assignment.topicPartitions, ...targetAssignment.topicPartitions].some(
      ({ topicName }) => !isAllowed(broker, call, 'describe', 'topic', topicName),
    ),
  );
  if (isHidden) {
    const errorMessage = 'The group has described topic(s) that the client is not authorized to describe.';
    return { groupId, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage };
  }
  return {
    groupId,
    groupState: group.state,
    groupEpoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: consumers.assignorOf(group),
    members,
  };
}

function describeMember(broker: BrokerState, group: ConsumerGroup, member: ConsumerMember) {
  const { assigned, pendingRevocation, classic, state: _, previousMemberEpoch: __, ...known } = member;
  return {
    ...known,
    memberType: classic === null ? memberType.consumer : memberType.classic,
    // What it must give up it still has.
    assignment: { topicPartitions: [...named(broker, assigned), ...named(broker, pendingRevocation)] },
    targetAssignment: { topicPartitions: named(broker, group.target(member.memberId)) },
  };
}

/** Topics that are gone have no name to show. */
function named(broker: BrokerState, partitions: Assignment | OwnedPartitions) {
  return listed(partitions).flatMap((topic) => {
    const topicName = broker.topics.byId(topic.topicId)?.name;
    return topicName === undefined ? [] : [{ ...topic, topicName }];
  });
}
