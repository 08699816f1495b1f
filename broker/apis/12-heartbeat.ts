/**
 * Heartbeat (key 12): a member says it lives and hears whether the group rebalances. v3 static members.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeHeartbeatRequest } from '../protocol/messages/generated/heartbeat-request.ts';
import { encodeHeartbeatResponse } from '../protocol/messages/generated/heartbeat-response.ts';
import { defineApi } from '../server/api.ts';

export const heartbeat = defineApi({
  decode: decodeHeartbeatRequest,
  encode: encodeHeartbeatResponse,
  handle({ groupId, ...member }, _call, broker) {
    return { errorCode: ErrorCode[broker.groups.heartbeat({ group: groupId, ...member })] };
  },
});
