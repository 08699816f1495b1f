/**
 * An ACL: who may, or may not, do what to which resource, from where. Kafka's words and numbers; the rules of decision
 * are in authorizer.ts, the keeping in acls.ts.
 */

import { clusterName, Operation, PatternType, Permission, ResourceType, wildcard } from '../protocol/acl-codes.ts';

export { clusterName, Operation, PatternType, Permission, ResourceType, wildcard };
export type ResourceTypeName = Exclude<keyof typeof ResourceType, 'any'>;
export type OperationName = Exclude<keyof typeof Operation, 'any' | 'all'>;

export interface Acl {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly patternType: number;
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permissionType: number;
}

/** What DescribeAcls and DeleteAcls select by; null and `any` are everything. */
export interface AclFilter {
  readonly resourceTypeFilter: number;
  readonly resourceNameFilter: string | null;
  readonly patternTypeFilter: number;
  readonly principalFilter: string | null;
  readonly hostFilter: string | null;
  readonly operation: number;
  readonly permissionType: number;
}

/** Operations that make sense on a resource: those that authorizedOperations tells of. */
export const operationsOn: Readonly<Record<ResourceTypeName, readonly OperationName[]>> = {
  topic: ['read', 'write', 'create', 'describe', 'delete', 'alter', 'describeConfigs', 'alterConfigs'],
  group: ['read', 'describe', 'delete', 'describeConfigs', 'alterConfigs'],
  cluster: ['create', 'clusterAction', 'describeConfigs', 'alterConfigs', 'idempotentWrite', 'alter', 'describe'],
  transactionalId: ['describe', 'write', 'twoPhaseCommit'],
  delegationToken: ['describe'],
  user: ['createTokens', 'describeTokens'],
};

/** Why this is no ACL that could be kept, as a sentence; null when nothing is wrong. */
export function problemWithAcl(acl: Acl): string | null {
  if (acl.resourceType < ResourceType.topic || acl.resourceType > ResourceType.user) return 'Invalid resource type.';
  if (acl.patternType !== PatternType.literal && acl.patternType !== PatternType.prefixed) {
    return 'An ACL is kept with pattern type LITERAL or PREFIXED.';
  }
  if (acl.operation < Operation.all || acl.operation > Operation.twoPhaseCommit) return 'Invalid operation.';
  if (acl.permissionType !== Permission.allow && acl.permissionType !== Permission.deny)
    return 'Invalid permission type.';
  if (acl.resourceName === '') return 'Invalid empty resource name.';
  if (acl.resourceType === ResourceType.cluster && acl.resourceName !== clusterName) {
    return `The only valid name for the CLUSTER resource is ${clusterName}.`;
  }
  if (!/^[^:]+:.+$/s.test(acl.principal)) {
    return `Could not parse principal from '${acl.principal}'; it is written Type:name, for example User:alice.`;
  }
  if (acl.host === '') return 'Invalid empty host; * is every host.';
  return null;
}

export function matchesFilter(acl: Acl, filter: AclFilter): boolean {
  return (
    (filter.resourceTypeFilter === ResourceType.any || filter.resourceTypeFilter === acl.resourceType) &&
    matchesPattern(acl, filter) &&
    (filter.principalFilter === null || filter.principalFilter === acl.principal) &&
    (filter.hostFilter === null || filter.hostFilter === acl.host) &&
    (filter.operation === Operation.any || filter.operation === acl.operation) &&
    (filter.permissionType === Permission.any || filter.permissionType === acl.permissionType)
  );
}

/** KIP-290: MATCH finds what applies to a name; the other types compare the name itself. */
function matchesPattern(acl: Acl, { patternTypeFilter: type, resourceNameFilter: name }: AclFilter): boolean {
  if (type !== PatternType.any && type !== PatternType.match && type !== acl.patternType) return false;
  if (name === null) return true;
  if (type !== PatternType.match) return name === acl.resourceName;
  return acl.patternType === PatternType.prefixed
    ? name.startsWith(acl.resourceName)
    : acl.resourceName === name || acl.resourceName === wildcard;
}

/** A filter holds a number that no version of Kafka knows. */
export function isUnknownFilter(filter: AclFilter): boolean {
  return (
    filter.resourceTypeFilter < ResourceType.any ||
    filter.resourceTypeFilter > ResourceType.user ||
    filter.patternTypeFilter < PatternType.any ||
    filter.patternTypeFilter > PatternType.prefixed ||
    filter.operation < Operation.any ||
    filter.operation > Operation.twoPhaseCommit ||
    filter.permissionType < Permission.any ||
    filter.permissionType > Permission.allow
  );
}
