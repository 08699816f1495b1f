/**
 * FindCoordinator (key 10): this node coordinates every group and every transaction. v1 kind of key · v4 several keys
 * (KIP-699) · v6 share groups (KIP-932), which are not served yet and refused in words, not by silence.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeFindCoordinatorRequest } from '../protocol/messages/generated/find-coordinator-request.ts';
import { encodeFindCoordinatorResponse } from '../protocol/messages/generated/find-coordinator-response.ts';
import { defineApi } from '../server/api.ts';

const groupKey = 0;
const transactionKey = 1;
const manyKeysFrom = 4;
const nowhere = { nodeId: -1, host: '', port: -1 };

export const findCoordinator = defineApi({
  decode: decodeFindCoordinatorRequest,
  encode: encodeFindCoordinatorResponse,
  handle(request, call, broker) {
    const refusal = refusalOf(request.keyType);
    const where = refusal === null ? { nodeId: broker.nodeId, ...broker.endpoint(call.session) } : nowhere;
    const outcome = { errorCode: refusal === null ? 0 : ErrorCode.INVALID_REQUEST, errorMessage: refusal, ...where };
    if (call.apiVersion < manyKeysFrom) return outcome;
    return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...outcome })) };
  },
});

function refusalOf(keyType: number): string | null {
  if (keyType === groupKey || keyType === transactionKey) return null;
  return `Coordinators of type ${keyType} are not served.`;
}
