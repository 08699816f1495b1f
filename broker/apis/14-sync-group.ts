/**
 * SyncGroup (key 14): the leader brings the assignment, everybody gets their part. v3 static members · v5 protocol checked.
 */
import type { SyncResult } from '../groups/types.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeSyncGroupRequest } from '../protocol/messages/generated/sync-group-request.ts';
import { encodeSyncGroupResponse } from '../protocol/messages/generated/sync-group-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

export const syncGroup = defineApi({
  decode: decodeSyncGroupRequest,
  encode: encodeSyncGroupResponse,
  async handle({ groupId, assignments, ...member }, call, broker) {
    if (!isAllowed(broker, call, 'read', 'group', groupId)) return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED };
    // Kept with the group, so they must not pin the frame they came in.
    const owned = assignments.map(({ memberId, assignment }) => ({ memberId, assignment: Buffer.from(assignment) }));
    const { error, ...rest } = await new Promise<SyncResult>((resolve) =>
      broker.groups.sync({ group: groupId, ...member, assignments: owned }, resolve),
    );
    return { errorCode: ErrorCode[error], ...rest };
  },
});
