/**
 * AlterUserScramCredentials (key 51, KIP-554): gives users a way to log in, or takes it away; on disk and in force
 * before this answers. Takes ALTER on the cluster. The client salts and hashes: no password comes here.
 *
 * A user with one bad change has none of its changes made; the other users' are.
 */
import { BrokerError } from '../errors.ts';
import {
  type AlterUserScramCredentialsRequest,
  decodeAlterUserScramCredentialsRequest,
  type ScramCredentialUpsertion,
} from '../protocol/messages/generated/alter-user-scram-credentials-request.ts';
import { encodeAlterUserScramCredentialsResponse } from '../protocol/messages/generated/alter-user-scram-credentials-response.ts';
import { credentialOf, iterationsMax, iterationsMin, type ScramMechanism, scramMechanisms } from '../security/scram.ts';
import type { CredentialChange } from '../security/users.ts';
import { defineApi } from '../server/api.ts';
import type { BrokerState } from '../state.ts';
import { isAllowedOnCluster } from './authorize.ts';
import { errorCodeOf } from './refusal.ts';

export const alterUserScramCredentials = defineApi({
  decode: decodeAlterUserScramCredentialsRequest,
  encode: encodeAlterUserScramCredentialsResponse,
  async handle(request, call, broker) {
    const users = new Set([...request.deletions, ...request.upsertions].map(({ name }) => name));
    const isAllowed = isAllowedOnCluster(broker, call, 'alter');
    const changes: CredentialChange[] = [];
    const results = [...users].map((user) => {
      try {
        if (!isAllowed) throw new BrokerError('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.');
        changes.push(...changesOf(broker, user, request));
        return { user, errorCode: 0, errorMessage: null };
      } catch (error) {
        return { user, errorCode: errorCodeOf(error, broker), errorMessage: (error as Error).message };
      }
    });
    if (changes.length > 0) await broker.security.users.change(changes);
    return { results };
  },
});

function changesOf(broker: BrokerState, user: string, request: AlterUserScramCredentialsRequest): CredentialChange[] {
  if (user === '') throw new BrokerError('UNACCEPTABLE_CREDENTIAL', 'Username must not be empty');
  const deletions = request.deletions.filter(({ name }) => name === user);
  const upsertions = request.upsertions.filter(({ name }) => name === user);
  const named = [...deletions, ...upsertions].map(({ mechanism }) => mechanism);
  if (new Set(named).size < named.length) {
    throw new BrokerError('DUPLICATE_RESOURCE', 'A user credential cannot be altered twice in the same request');
  }
  const removed = deletions.map(({ mechanism }): CredentialChange => {
    const known = mechanismOf(mechanism);
    if (broker.security.users.credential(user, known) === undefined) {
      throw new BrokerError('RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist');
    }
    return { user, mechanism: known, credential: null };
  });
  return [...removed, ...upsertions.map((upsertion) => upsert(user, upsertion))];
}

function upsert(
  user: string,
  { mechanism, iterations, salt, saltedPassword }: ScramCredentialUpsertion,
): CredentialChange {
  const known = mechanismOf(mechanism);
  if (iterations < iterationsMin) throw new BrokerError('UNACCEPTABLE_CREDENTIAL', 'Too few iterations');
  if (iterations > iterationsMax) throw new BrokerError('UNACCEPTABLE_CREDENTIAL', 'Too many iterations');
  if (salt.length === 0) throw new BrokerError('UNACCEPTABLE_CREDENTIAL', 'Salt must not be empty');
  if (saltedPassword.length === 0) throw new BrokerError('UNACCEPTABLE_CREDENTIAL', 'Password must not be empty');
  return { user, mechanism: known, credential: credentialOf(known, saltedPassword, salt, iterations) };
}

function mechanismOf(code: number): ScramMechanism {
  for (const [name, facts] of Object.entries(scramMechanisms)) if (facts.code === code) return name as ScramMechanism;
  throw new BrokerError('UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism');
}
