/**
 * DeleteGroups (key 42): an empty group and its offsets are forgotten (KIP-229). A group with members is NON_EMPTY_GROUP.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDeleteGroupsRequest } from '../protocol/messages/generated/delete-groups-request.ts';
import { encodeDeleteGroupsResponse } from '../protocol/messages/generated/delete-groups-response.ts';
import { defineApi } from '../server/api.ts';
import { isAllowed } from './authorize.ts';

export const deleteGroups = defineApi({
  decode: decodeDeleteGroupsRequest,
  encode: encodeDeleteGroupsResponse,
  async handle(request, call, broker) {
    const results = request.groupsNames.map(
      (groupId) =>
        new Promise<{ groupId: string; errorCode: number }>((resolve) => {
          if (!isAllowed(broker, call, 'delete', 'group', groupId)) {
            resolve({ groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED });
            return;
          }
          broker.groups.delete(groupId, (error) => resolve({ groupId, errorCode: ErrorCode[error] }));
        }),
    );
    return { results: await Promise.all(results) };
  },
});
