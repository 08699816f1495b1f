/**
 * The one door from handlers to the authorizer: may whoever sent this call do that to this resource?
 */
import { BrokerError } from '../errors.ts';
import type { OperationName, ResourceTypeName } from '../security/acl.ts';
import { clusterName } from '../security/acl.ts';
import type { Call } from '../server/api.ts';
import type { BrokerState } from '../state.ts';

/** Clients that do not ask for the operations they may do are answered this (KIP-430). */
export const operationsNotAsked = -2147483648;

export function isAllowed(
  broker: BrokerState,
  call: Call,
  operation: OperationName,
  resourceType: Exclude<ResourceTypeName, 'cluster'>,
  name: string,
): boolean {
  return broker.security.authorizer.isAllowed(call.session, operation, resourceType, name);
}

export function isAllowedOnCluster(broker: BrokerState, call: Call, operation: OperationName): boolean {
  return broker.security.authorizer.isAllowed(call.session, operation, 'cluster', clusterName);
}

const refusedBy = {
  topic: 'TOPIC_AUTHORIZATION_FAILED',
  group: 'GROUP_AUTHORIZATION_FAILED',
  transactionalId: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  delegationToken: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
  user: 'DELEGATION_TOKEN_AUTHORIZATION_FAILED',
} as const;

/** Throws the BrokerError of the resource's type. */
export function mustBeAllowed(
  broker: BrokerState,
  call: Call,
  operation: OperationName,
  resourceType: Exclude<ResourceTypeName, 'cluster'>,
  name: string,
): void {
  if (isAllowed(broker, call, operation, resourceType, name)) return;
  throw new BrokerError(
    refusedBy[resourceType],
    `${call.session.principal.text} may not ${operation} ${resourceType} ${name}.`,
  );
}

/** Throws CLUSTER_AUTHORIZATION_FAILED. */
export function mustBeAllowedOnCluster(broker: BrokerState, call: Call, operation: OperationName): void {
  if (isAllowedOnCluster(broker, call, operation)) return;
  throw new BrokerError(
    'CLUSTER_AUTHORIZATION_FAILED',
    `${call.session.principal.text} may not ${operation} the cluster.`,
  );
}

/** The bitmap of what the caller may do, where the request asks for it. */
export function operationsAllowed(
  broker: BrokerState,
  call: Call,
  isAsked: boolean,
  resourceType: ResourceTypeName,
  name = clusterName,
): number {
  return isAsked ? broker.security.authorizer.operations(call.session, resourceType, name) : operationsNotAsked;
}
