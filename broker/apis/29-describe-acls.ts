/**
 * DescribeAcls (key 29): the ACLs that a filter selects, by resource. Takes DESCRIBE on the cluster.
 *
 * v1 pattern types (KIP-290) · v2 flexible · v3 resources of type user (KIP-373).
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeAclsRequest } from '../protocol/messages/generated/describe-acls-request.ts';
import { encodeDescribeAclsResponse } from '../protocol/messages/generated/describe-acls-response.ts';
import { type Acl, isUnknownFilter } from '../security/acl.ts';
import { defineApi } from '../server/api.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const describeAcls = defineApi({
  decode: decodeDescribeAclsRequest,
  encode: encodeDescribeAclsResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describe')) return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED };
    if (isUnknownFilter(request)) {
      return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: 'The filter holds a number that is not known.' };
    }
    const byResource = Map.groupBy(broker.security.acls.find(request), resourceKey);
    const resources = [...byResource.values()].map((acls) => {
      const { resourceType, resourceName, patternType } = acls[0]!;
      return { resourceType, resourceName, patternType, acls };
    });
    return { errorCode: 0, errorMessage: null, resources };
  },
});

function resourceKey({ resourceType, resourceName, patternType }: Acl): string {
  return `${resourceType} ${patternType} ${resourceName}`;
}
