/**
 * Heartbeat (key 12): a member says it lives and hears whether the group rebalances. v3 static members.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeHeartbeatRequest } from '../protocol/messages/generated/heartbeat-request.ts';
import { encodeHeartbeatResponse } from '../protocol/messages/generated/heartbeat-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

export const heartbeat = defineApi({
  decode: decodeHeartbeatRequest,
  encode: encodeHeartbeatResponse,
  handle({ groupId, ...member }, call, broker) {
    if (!isAllowed(broker, call, 'read', 'group', groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    return { errorCode: ErrorCode[broker.groups.heartbeat({ group: groupId, ...member })] };
  },
});
