/**
 * ConsumerGroupHeartbeat (key 68): the one request of the consumer protocol (KIP-848): join, stay, change the
 * subscription, hear of and confirm an assignment, leave. v1 the client makes the member id, and may subscribe by a
 * regular expression.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ConsumerGroupHeartbeatRequest,
  decodeConsumerGroupHeartbeatRequest,
} from '../protocol/messages/generated/consumer-group-heartbeat-request.ts';
import { encodeConsumerGroupHeartbeatResponse } from '../protocol/messages/generated/consumer-group-heartbeat-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

const ownMemberIdFrom = 1;

export const consumerGroupHeartbeat = defineApi({
  decode: decodeConsumerGroupHeartbeatRequest,
  encode: encodeConsumerGroupHeartbeatResponse,
  handle(request, call, broker) {
    const refusal = refusalOf(request, call, broker);
    if (refusal !== null) return { errorCode: refusal };
    const { groupId, topicPartitions, ...said } = request;
    const heartbeat = {
      ...said,
      group: groupId,
      ownedPartitions: topicPartitions,
      clientId: call.clientId ?? '',
      clientHost: `/${call.session.clientHost}`,
      requiresMemberId: call.apiVersion >= ownMemberIdFrom,
      mayDescribe: (topic: string) => isAllowed(broker, call, 'describe', 'topic', topic),
    };
    return new Promise<object>((resolve) => {
      broker.groups.consumerHeartbeat(heartbeat, ({ error, message, assignment, ...result }) =>
        resolve({
          ...result,
          errorCode: ErrorCode[error],
          errorMessage: message,
          assignment: assignment === null ? null : { topicPartitions: assignment },
        }),
      );
    });
  },
});

function refusalOf(request: ConsumerGroupHeartbeatRequest, call: Call, broker: BrokerState): number | null {
  if (!isAllowed(broker, call, 'read', 'group', request.groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED;
  const topics = request.subscribedTopicNames ?? [];
  const isHidden = topics.some((topic) => !isAllowed(broker, call, 'describe', 'topic', topic));
  return isHidden ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : null;
}
