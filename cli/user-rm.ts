/** `millrace user rm`: takes away what users log in with. Connections that are open stay; ACLs stay, too. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice } from './io.ts';
import { alterUserScramCredentials, describeUserScramCredentials } from './kafka/calls.ts';
import { type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';

export function define(command: Command): void {
  command.argument('<name...>', 'who');
  withBrokers(command).action(remove);
}

async function remove(names: readonly string[], options: ClusterOptions): Promise<void> {
  await withCluster(options, async (cluster) => {
    const connection = await cluster.any();
    const users = [...new Set(names)].map((name) => ({ name }));
    const described = await connection.request(describeUserScramCredentials, { users });
    check(described.errorCode, 'Users', described.errorMessage);
    // Asked before anybody is removed, so that one misspelled name leaves the others alone.
    for (const { user, credentialInfos } of described.results) {
      if (credentialInfos.length > 0) continue;
      throw new CliError('NOT_FOUND', `There is no user ${user}.`, { next: 'See who there is with: millrace user ls' });
    }
    const deletions = described.results.flatMap(({ user, credentialInfos }) =>
      credentialInfos.map(({ mechanism }) => ({ name: user, mechanism })),
    );
    const { results } = await connection.request(alterUserScramCredentials, { deletions, upsertions: [] });
    for (const { user, errorCode, errorMessage } of results) {
      check(errorCode, `User ${user}`, errorMessage);
      notice(`${user}: removed.`);
    }
  });
}
