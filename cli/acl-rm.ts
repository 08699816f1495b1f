/** `millrace acl rm`: takes ACLs away, after showing which. */
import type { Command } from 'commander';
import { aclColumns, aclRow, filtersOf, type ResourceOptions, withResources } from './acls.ts';
import { CliError } from './errors.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { deleteAcls, describeAcls } from './kafka/calls.ts';
import { type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';

interface Options extends ClusterOptions, ResourceOptions {
  readonly output: OutputFormat;
  readonly principal?: string;
  readonly yes?: boolean;
}

export function define(command: Command): void {
  command.option('--principal <name>', 'only those of this user');
  command.option('-y, --yes', 'do it without being asked again');
  withOutput(withBrokers(withResources(command))).action(remove);
}

async function remove(options: Options): Promise<void> {
  const filters = filtersOf(options);
  await withCluster(options, async (cluster) => {
    const connection = await cluster.any();
    if (!options.yes) {
      let count = 0;
      for (const filter of filters) {
        const { errorCode, errorMessage, resources } = await connection.request(describeAcls, filter);
        check(errorCode, 'ACLs', errorMessage);
        count += resources.reduce((sum, { acls }) => sum + acls.length, 0);
      }
      throw new CliError('USAGE', `This would take away ${count} ACLs.`, {
        next: 'Look at them with acl ls and the same options; add --yes to do it.',
      });
    }
    const { filterResults } = await connection.request(deleteAcls, { filters });
    const rows = filterResults.flatMap(({ errorCode, errorMessage, matchingAcls }) => {
      check(errorCode, 'ACLs', errorMessage);
      return matchingAcls.map(aclRow);
    });
    printRows(options.output, rows, aclColumns);
  });
}
