/**
 * The one door from handlers to the authorizer: may whoever sent this call do that to this resource?
 */
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
