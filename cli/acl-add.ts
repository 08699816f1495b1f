/**
 * `millrace acl add`: allows a user something, or denies it. `--producer` and `--consumer` are the sets that a program
 * needs which writes to, or reads from, what is named.
 */
import type { Command } from 'commander';
import { clusterName, Operation, PatternType, Permission, ResourceType } from '../broker/protocol/acl-codes.ts';
import {
  type AclFields,
  aclColumns,
  aclRow,
  parseOperation,
  parsePrincipal,
  type Resource,
  type ResourceOptions,
  resourcesOf,
  wildcard,
  withResources,
} from './acls.ts';
import { CliError } from './errors.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { createAcls } from './kafka/calls.ts';
import { type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';

interface Options extends ClusterOptions, ResourceOptions {
  readonly output: OutputFormat;
  readonly principal: string;
  readonly operation: readonly number[];
  readonly producer?: boolean;
  readonly consumer?: boolean;
  readonly deny?: boolean;
  readonly host: string;
}

export function define(command: Command): void {
  command.requiredOption('--principal <name>', 'who: alice, User:alice, or User:* for everybody');
  command.option('--operation <name>', 'read, write, create, …, all; may be repeated', collect, []);
  command.option('--producer', 'what a producer needs: write, describe and create on the topic');
  command.option('--consumer', 'what a consumer needs: read and describe on the topic, read on the group');
  command.option('--deny', 'deny it instead; a denial wins over whatever allows');
  command.option('--host <address>', 'only from there', wildcard);
  withOutput(withBrokers(withResources(command))).action(add);
}

function collect(text: string, previous: readonly number[]): number[] {
  return [...previous, parseOperation(text)];
}

async function add(options: Options): Promise<void> {
  const acls = aclsOf(options);
  await withCluster(options, async (cluster) => {
    const creations = acls.map(({ patternType: resourcePatternType, ...acl }) => ({ ...acl, resourcePatternType }));
    const { results } = await (await cluster.any()).request(createAcls, { creations });
    for (const { errorCode, errorMessage } of results) check(errorCode, 'The ACL', errorMessage);
    printRows(options.output, acls.map(aclRow), aclColumns);
  });
}

function aclsOf(options: Options): AclFields[] {
  const resources = resourcesOf(options);
  if (resources.length === 0) {
    throw new CliError('USAGE', 'Nothing was named that the ACL is about.', {
      next: 'Add --topic, --group, --transactional-id or --cluster.',
    });
  }
  const acls = resources.flatMap((resource) =>
    operationsOn(resource, options).map((operation) => ({
      ...resource,
      operation,
      patternType:
        options.prefixed && resource.resourceName !== clusterName ? PatternType.prefixed : PatternType.literal,
      principal: parsePrincipal(options.principal),
      host: options.host,
      permissionType: options.deny ? Permission.deny : Permission.allow,
    })),
  );
  if (acls.length > 0) return acls;
  throw new CliError('USAGE', 'No operation was named.', { next: 'Add --operation, --producer or --consumer.' });
}

function operationsOn({ resourceType }: Resource, { operation, producer, consumer }: Options): number[] {
  const named = new Set<number>(operation);
  const onTopic = resourceType === ResourceType.topic;
  const forProducer = onTopic
    ? [Operation.write, Operation.describe, Operation.create]
    : resourceType === ResourceType.transactionalId
      ? [Operation.write, Operation.describe]
      : [];
  const forConsumer = onTopic
    ? [Operation.read, Operation.describe]
    : resourceType === ResourceType.group
      ? [Operation.read]
      : [];
  if (producer) for (const each of forProducer) named.add(each);
  if (consumer) for (const each of forConsumer) named.add(each);
  return [...named];
}
