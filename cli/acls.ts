/**
 * What the acl commands share: the options that name a resource, Kafka's words for its numbers, and ACLs as rows.
 */
import type { Command } from 'commander';
import {
  clusterName,
  Operation,
  PatternType,
  Permission,
  ResourceType,
  wildcard,
} from '../broker/protocol/acl-codes.ts';
import { CliError } from './errors.ts';
import type { Row } from './io.ts';

export interface ResourceOptions {
  readonly topic?: string;
  readonly group?: string;
  readonly transactionalId?: string;
  readonly cluster?: boolean;
  readonly prefixed?: boolean;
}

export interface Resource {
  readonly resourceType: number;
  readonly resourceName: string;
}

export interface AclFields extends Resource {
  readonly patternType: number;
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permissionType: number;
}

export const aclColumns = ['principal', 'permission', 'operation', 'resource', 'name', 'pattern', 'host'];

export function withResources(command: Command): Command {
  command.option('--topic <name>', 'a topic; * is every topic');
  command.option('--group <name>', 'a consumer group');
  command.option('--transactional-id <name>', 'a transactional id');
  command.option('--cluster', 'the cluster: creating topics, users, ACLs, configs of the broker');
  return command.option('--prefixed', 'the name is the beginning of names');
}

/** Those that were named. */
export function resourcesOf({ topic, group, transactionalId, cluster }: ResourceOptions): Resource[] {
  const named: [number, string | undefined][] = [
    [ResourceType.topic, topic],
    [ResourceType.group, group],
    [ResourceType.transactionalId, transactionalId],
    [ResourceType.cluster, cluster ? clusterName : undefined],
  ];
  return named.flatMap(([resourceType, resourceName]) =>
    resourceName === undefined ? [] : [{ resourceType, resourceName }],
  );
}

/** `describe-configs`, `DescribeConfigs` and `DESCRIBE_CONFIGS` are one operation. */
export function parseOperation(text: string): number {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, '');
  const found = Object.entries(Operation).find(([name]) => name !== 'any' && plain(name) === plain(text));
  if (found !== undefined) return found[1];
  const known = Object.keys(Operation).filter((name) => name !== 'any');
  throw new CliError('USAGE', `"${text}" is no operation.`, { next: `Use one of ${known.join(', ')}.` });
}

/** `alice` is short for `User:alice`. */
export function parsePrincipal(text: string): string {
  return text.includes(':') ? text : `User:${text}`;
}

export function aclRow(acl: AclFields): Row {
  return {
    principal: acl.principal,
    permission: nameOf(Permission, acl.permissionType),
    operation: nameOf(Operation, acl.operation),
    resource: nameOf(ResourceType, acl.resourceType),
    name: acl.resourceName,
    pattern: nameOf(PatternType, acl.patternType),
    host: acl.host,
  };
}

function nameOf(codes: Readonly<Record<string, number>>, code: number): string {
  return Object.entries(codes).find(([, each]) => each === code)?.[0] ?? String(code);
}

/** What selects ACLs: each resource that was named, or all of them. */
export function filtersOf(options: ResourceOptions & { readonly principal?: string }) {
  const { principal, prefixed } = options;
  const anything = {
    resourceTypeFilter: ResourceType.any as number,
    resourceNameFilter: null as string | null,
    patternTypeFilter: (prefixed ? PatternType.prefixed : PatternType.any) as number,
    principalFilter: principal === undefined ? null : parsePrincipal(principal),
    hostFilter: null,
    operation: Operation.any,
    permissionType: Permission.any,
  };
  const resources = resourcesOf(options);
  if (resources.length === 0) return [anything];
  return resources.map(({ resourceType, resourceName }) => ({
    ...anything,
    resourceTypeFilter: resourceType,
    resourceNameFilter: resourceName,
  }));
}

export { wildcard };
