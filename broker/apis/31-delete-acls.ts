/**
 * DeleteAcls (key 31): takes away what each filter selects, and answers what that was. Takes ALTER on the cluster.
 *
 * v1 pattern types (KIP-290) · v2 flexible · v3 resources of type user (KIP-373).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDeleteAclsRequest } from '../protocol/messages/generated/delete-acls-request.ts';
import { encodeDeleteAclsResponse } from '../protocol/messages/generated/delete-acls-response.ts';
import { isUnknownFilter } from '../security/acl.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const deleteAcls = defineApi({
  decode: decodeDeleteAclsRequest,
  encode: encodeDeleteAclsResponse,
  async handle({ filters }, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'alter')) {
      const errorCode = ErrorCode.CLUSTER_AUTHORIZATION_FAILED;
      return { filterResults: filters.map(() => ({ errorCode, errorMessage: null })) };
    }
    const known = filters.filter((filter) => !isUnknownFilter(filter));
    const removed = await broker.security.acls.remove(known);
    const filterResults = filters.map((filter) => {
      const place = known.indexOf(filter);
      if (place < 0) {
        const errorMessage = 'The filter holds a number that is not known.';
        return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage };
      }
      const matchingAcls = removed[place]!.map((acl) => ({ errorCode: 0, errorMessage: null, ...acl }));
      return { errorCode: 0, errorMessage: null, matchingAcls };
    });
    return { filterResults };
  },
});
