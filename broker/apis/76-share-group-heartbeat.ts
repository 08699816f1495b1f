/**
 * ShareGroupHeartbeat (key 76): the one membership request of share groups (KIP-932): join, stay, change the
 * subscription, hear of an assignment, leave.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  decodeShareGroupHeartbeatRequest,
  type ShareGroupHeartbeatRequest,
} from '../protocol/messages/generated/share-group-heartbeat-request.ts';
import { encodeShareGroupHeartbeatResponse } from '../protocol/messages/generated/share-group-heartbeat-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed } from './authorize.ts';

export const shareGroupHeartbeat = defineApi({
  decode: decodeShareGroupHeartbeatRequest,
  encode: encodeShareGroupHeartbeatResponse,
  handle(request, call, broker) {
    const refusal = refusalOf(request, call, broker);
    if (refusal !== null) return { errorCode: refusal };
    const { groupId, ...said } = request;
    const clientHost = `/${call.session.clientHost}`;
    const heartbeat = { ...said, group: groupId, clientId: call.clientId ?? '', clientHost };
    return new Promise<object>((resolve) => {
      broker.groups.shares.heartbeat(heartbeat, ({ error, message, assignment, ...result }) =>
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

function refusalOf(request: ShareGroupHeartbeatRequest, call: Call, broker: BrokerState): number | null {
  if (!isAllowed(broker, call, 'read', 'group', request.groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED;
  const topics = request.subscribedTopicNames ?? [];
  const isHidden = topics.some((topic) => !isAllowed(broker, call, 'describe', 'topic', topic));
  return isHidden ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : null;
}
