/**
 * DescribeCluster (key 60): this node, as brokers and as controllers see it (KIP-700). v1 endpoint type · v2 fenced.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeClusterRequest } from '../protocol/messages/generated/describe-cluster-request.ts';
import { encodeDescribeClusterResponse } from '../protocol/messages/generated/describe-cluster-response.ts';
import { defineApi } from '../server/api.ts';
import { operationsAllowed } from './authorize.ts';

const brokersEndpoint = 1;

export const describeCluster = defineApi({
  decode: decodeDescribeClusterRequest,
  encode: encodeDescribeClusterResponse,
  handle(request, call, broker) {
    const { endpointType } = request;
    if (endpointType !== brokersEndpoint) {
      const errorMessage = 'This is a broker endpoint; there is no separate controller to ask.';
      return { errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE, errorMessage, endpointType, clusterId: broker.clusterId };
    }
    const { host, port } = broker.endpoint(call.session);
    return {
      errorCode: 0,
      endpointType,
      clusterId: broker.clusterId,
      controllerId: broker.nodeId,
      clusterAuthorizedOperations: operationsAllowed(
        broker,
        call,
        request.includeClusterAuthorizedOperations,
        'cluster',
      ),
      brokers: [{ brokerId: broker.nodeId, host, port }],
    };
  },
});
