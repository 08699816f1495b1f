/**
 * FindCoordinator (key 10): this node coordinates every group and every transaction. v1 kind of key · v4 several keys
 * (KIP-699) · v6 share-partitions (KIP-932), which only brokers ask for: consumers look for their group.
 */
import { ErrorCode, type ErrorName } from '../protocol/error-codes.ts';
import { decodeFindCoordinatorRequest } from '../protocol/messages/generated/find-coordinator-request.ts';
import { encodeFindCoordinatorResponse } from '../protocol/messages/generated/find-coordinator-response.ts';
import { type Call, defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowed, isAllowedOnCluster } from './authorize.ts';

const groupKey = 0;
const transactionKey = 1;
/** A share-partition, as `group:topicId:partition`. */
const shareKey = 2;
const shareKeyPattern = /^.+:[\w-]{22}:\d+$/;
const shareKeysFrom = 6;
const manyKeysFrom = 4;
const nowhere = { nodeId: -1, host: '', port: -1 };

export const findCoordinator = defineApi({
  decode: decodeFindCoordinatorRequest,
  encode: encodeFindCoordinatorResponse,
  handle(request, call, broker) {
    const here = { nodeId: broker.nodeId, ...broker.endpoint(call.session) };
    const find = (key: string) => {
      const refusal = refusalOf(request.keyType, key, call, broker);
      return refusal === null ? { errorCode: 0, errorMessage: null, ...here } : { ...refusal, ...nowhere };
    };
    if (call.apiVersion < manyKeysFrom) return find(request.key);
    return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...find(key) })) };
  },
});

function refusalOf(keyType: number, key: string, call: Call, broker: BrokerState) {
  if (keyType === groupKey) {
    return isAllowed(broker, call, 'describe', 'group', key) ? null : refused('GROUP_AUTHORIZATION_FAILED', key);
  }
  if (keyType === transactionKey) {
    const mayKnow = isAllowed(broker, call, 'describe', 'transactionalId', key);
    return mayKnow ? null : refused('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', key);
  }
  if (keyType === shareKey && call.apiVersion >= shareKeysFrom) {
    if (!isAllowedOnCluster(broker, call, 'clusterAction')) return refused('CLUSTER_AUTHORIZATION_FAILED', key);
    if (shareKeyPattern.test(key)) return null;
    return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `${key} is not group:topicId:partition.` };
  }
  return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: `Coordinators of type ${keyType} are not served.` };
}

function refused(error: ErrorName, key: string) {
  return { errorCode: ErrorCode[error], errorMessage: `${key} is not yours to use.` };
}
