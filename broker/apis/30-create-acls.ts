/**
 * CreateAcls (key 30): ACLs are on disk and in force before this answers. Takes ALTER on the cluster.
 *
 * v1 pattern types (KIP-290) · v2 flexible · v3 resources of type user (KIP-373). Each has its own result; one that is
 * there already is created again without harm.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeCreateAclsRequest } from '../protocol/messages/generated/create-acls-request.ts';
import { encodeCreateAclsResponse } from '../protocol/messages/generated/create-acls-response.ts';
import { problemWithAcl } from '../security/acl.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const createAcls = defineApi({
  decode: decodeCreateAclsRequest,
  encode: encodeCreateAclsResponse,
  async handle(request, call, broker) {
    const acls = request.creations.map(({ resourcePatternType: patternType, ...acl }) => ({ ...acl, patternType }));
    if (!isAllowedOnCluster(broker, call, 'alter')) {
      return { results: acls.map(() => ({ errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage: null })) };
    }
    const results = acls.map((acl) => {
      const errorMessage = problemWithAcl(acl);
      return { errorCode: errorMessage === null ? 0 : ErrorCode.INVALID_REQUEST, errorMessage };
    });
    await broker.security.acls.add(acls.filter((_, index) => results[index]!.errorCode === 0));
    return { results };
  },
});
