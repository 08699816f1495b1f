/** `millrace user ls`: who can log in to the broker, and how. */
import type { Command } from 'commander';
import { ScramMechanismCode } from '../broker/protocol/acl-codes.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { describeUserScramCredentials } from './kafka/calls.ts';
import { type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';

export function define(command: Command): void {
  withOutput(withBrokers(command)).action(list);
}

async function list(options: ClusterOptions & { output: OutputFormat }): Promise<void> {
  await withCluster(options, async (cluster) => {
    const connection = await cluster.any();
    const { errorCode, errorMessage, results } = await connection.request(describeUserScramCredentials, {
      users: null,
    });
    check(errorCode, 'Users', errorMessage);
    const rows = results.map(({ user, credentialInfos }) => ({
      user,
      mechanisms: credentialInfos.map(({ mechanism }) => nameOf(mechanism)).join(','),
    }));
    printRows(options.output, rows, ['user', 'mechanisms']);
  });
}

function nameOf(code: number): string {
  return Object.entries(ScramMechanismCode).find(([, each]) => each === code)?.[0] ?? String(code);
}
