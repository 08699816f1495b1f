/**
 * `millrace user add`: gives a user a password, or a new one. Without one given it makes one and prints it once: nothing
 * can show it again, because only salted hashes are kept.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { alterUserScramCredentials, createAcls } from './kafka/calls.ts';
import { type Cluster, type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';
import { newCredential, type ScramMechanism } from './kafka/sasl.ts';

interface Options extends ClusterOptions {
  readonly output: OutputFormat;
  readonly passwordFile?: string;
  readonly admin?: boolean;
}

const mechanisms: readonly ScramMechanism[] = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
/** 144 bits, typed by nobody. */
const passwordBytes = 18;
const STDIN = 0;

export function define(command: Command): void {
  command.argument('<name>', 'who');
  command.option('--password-file <file>', 'its first line is the password; - reads it from stdin');
  command.option('--admin', 'allow the user everything, by ACLs');
  withOutput(withBrokers(command)).action(add);
}

async function add(name: string, options: Options): Promise<void> {
  const given = passwordOf(options.passwordFile);
  const password = given ?? randomBytes(passwordBytes).toString('base64url');
  await withCluster(options, async (cluster) => {
    const connection = await cluster.any();
    const upsertions = mechanisms.map((mechanism) => newCredential(name, mechanism, password));
    const { results } = await connection.request(alterUserScramCredentials, { deletions: [], upsertions });
    for (const { user, errorCode, errorMessage } of results) check(errorCode, `User ${user}`, errorMessage);
    if (options.admin) await allowEverything(cluster, `User:${name}`);
  });
  const shown = given === null ? { password } : {};
  printObject(options.output, {
    user: name,
    mechanisms: mechanisms.join(','),
    admin: options.admin === true,
    ...shown,
  });
}

function passwordOf(file: string | undefined): string | null {
  if (file === undefined) return null;
  let text: string;
  try {
    text = readFileSync(file === '-' ? STDIN : file, 'utf8');
  } catch (cause) {
    throw new CliError('USAGE', `Cannot read the password from ${file}.`, { cause });
  }
  const [password = ''] = text.split(/\r?\n/);
  if (password !== '') return password;
  throw new CliError('USAGE', 'The password is empty.', { next: 'Leave --password-file out to have one made.' });
}

async function allowEverything(cluster: Cluster, principal: string): Promise<void> {
  const types = [ResourceType.topic, ResourceType.group, ResourceType.transactionalId, ResourceType.cluster];
  const creations = types.map((resourceType) => ({
    resourceType,
    resourceName: resourceType === ResourceType.cluster ? clusterName : wildcard,
    resourcePatternType: PatternType.literal,
    principal,
    host: wildcard,
    operation: Operation.all,
    permissionType: Permission.allow,
  }));
  const { results } = await (await cluster.any()).request(createAcls, { creations });
  for (const { errorCode, errorMessage } of results) check(errorCode, `ACLs of ${principal}`, errorMessage);
}
