/**
 * LeaveGroup (key 13). v3 several members at once, by id or by instance (KIP-345) · v5 reason.
 */
import type { LeaveResult } from '../groups/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeLeaveGroupRequest } from '../protocol/messages/generated/leave-group-request.ts';
import { encodeLeaveGroupResponse } from '../protocol/messages/generated/leave-group-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

const manyMembersFrom = 3;

export const leaveGroup = defineApi({
  decode: decodeLeaveGroupRequest,
  encode: encodeLeaveGroupResponse,
  async handle(request, call, broker) {
    if (!isAllowed(broker, call, 'read', 'group', request.groupId)) {
      return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    }
    const isMany = call.apiVersion >= manyMembersFrom;
    const leaving = isMany ? request.members : [{ memberId: request.memberId, groupInstanceId: null }];
    const { error, members } = await new Promise<LeaveResult>((resolve) =>
      broker.groups.leave(request.groupId, leaving, resolve),
    );
    if (!isMany) return { errorCode: ErrorCode[error === 'NONE' ? (members[0]?.error ?? 'NONE') : error] };
    return {
      errorCode: ErrorCode[error],
      members: members.map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        errorCode: ErrorCode[member.error],
      })),
    };
  },
});
