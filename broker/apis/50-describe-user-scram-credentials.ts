/**
 * DescribeUserScramCredentials (key 50, KIP-554): which users can log in by which mechanism, never with what. Takes
 * DESCRIBE on the cluster. A null or empty list asks for all.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { decodeDescribeUserScramCredentialsRequest } from '../protocol/messages/generated/describe-user-scram-credentials-request.ts';
import { encodeDescribeUserScramCredentialsResponse } from '../protocol/messages/generated/describe-user-scram-credentials-response.ts';
import { scramMechanisms } from '../security/scram.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';

export const describeUserScramCredentials = defineApi({
  decode: decodeDescribeUserScramCredentialsRequest,
  encode: encodeDescribeUserScramCredentialsResponse,
  handle(request, call, broker) {
    if (!isAllowedOnCluster(broker, call, 'describe')) {
      const errorMessage = 'Cluster authorization failed.';
      return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage };
    }
    const asked = request.users?.map(({ name }) => name) ?? [];
    const names = asked.length === 0 ? broker.security.users.names() : [...new Set(asked)];
    const isTwice = (name: string): boolean => asked.indexOf(name) !== asked.lastIndexOf(name);
    return { errorCode: 0, errorMessage: null, results: names.map((name) => describeOne(broker, name, isTwice(name))) };
  },
});

function describeOne(broker: BrokerState, user: string, isTwice: boolean) {
  if (isTwice) {
    const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`;
    return { user, errorCode: ErrorCode.DUPLICATE_RESOURCE, errorMessage };
  }
  const mechanisms = broker.security.users.mechanismsOf(user);
  if (mechanisms.length === 0) {
    const errorMessage = `Attempt to describe a user credential that does not exist: ${user}`;
    return { user, errorCode: ErrorCode.RESOURCE_NOT_FOUND, errorMessage };
  }
  const credentialInfos = mechanisms.map(({ mechanism, iterations }) => ({
    mechanism: scramMechanisms[mechanism].code,
    iterations,
  }));
  return { user, errorCode: 0, errorMessage: null, credentialInfos };
}
