/**
 * JoinGroup (key 11). v1 rebalance timeout · v4 a new member is told its id first (KIP-394) · v5 static members (KIP-345)
 * · v7 protocol type in the answer · v8 reason · v9 skip assignment (KIP-814).
 */
import type { JoinResult } from '../groups/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeJoinGroupRequest } from '../protocol/messages/generated/join-group-request.ts';
import { encodeJoinGroupResponse } from '../protocol/messages/generated/join-group-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

const rebalanceTimeoutFrom = 1;
const knownMemberIdFrom = 4;
const nullableProtocolFrom = 7;
const skipAssignmentFrom = 9;

export const joinGroup = defineApi({
  decode: decodeJoinGroupRequest,
  encode: encodeJoinGroupResponse,
  async handle(request, call, broker) {
    const { apiVersion } = call;
    if (!isAllowed(broker, call, 'read', 'group', request.groupId)) {
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, memberId: request.memberId };
    }
    const result = await new Promise<JoinResult>((resolve) =>
      broker.groups.join(
        {
          group: request.groupId,
          memberId: request.memberId,
          groupInstanceId: request.groupInstanceId,
          clientId: call.clientId ?? '',
          clientHost: `/${call.session.clientHost}`,
          sessionTimeoutMs: request.sessionTimeoutMs,
          // Some clients send -1 in later versions too; taken literally it would end every rebalance at once.
          rebalanceTimeoutMs:
            apiVersion >= rebalanceTimeoutFrom && request.rebalanceTimeoutMs >= 0
              ? request.rebalanceTimeoutMs
              : request.sessionTimeoutMs,
          protocolType: request.protocolType,
          // Kept for as long as the member lives, so they must not pin the frame they came in.
          protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
          requiresKnownMemberId: apiVersion >= knownMemberIdFrom,
          supportsSkippingAssignment: apiVersion >= skipAssignmentFrom,
        },
        resolve,
      ),
    );
    const { error, protocolName, ...rest } = result;
    const name = apiVersion >= nullableProtocolFrom ? protocolName : (protocolName ?? '');
    return { ...rest, errorCode: ErrorCode[error], protocolName: name };
  },
});
