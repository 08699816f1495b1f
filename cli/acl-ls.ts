/** `millrace acl ls`: who may, or may not, do what; of everything, or of what is named. */
import type { Command } from 'commander';
import { aclColumns, aclRow, filtersOf, type ResourceOptions, withResources } from './acls.ts';
import { type OutputFormat, printRows, type Row, withOutput } from './io.ts';
import { describeAcls } from './kafka/calls.ts';
import { type ClusterOptions, check, withBrokers, withCluster } from './kafka/cluster.ts';

interface Options extends ClusterOptions, ResourceOptions {
  readonly output: OutputFormat;
  readonly principal?: string;
}

export function define(command: Command): void {
  command.option('--principal <name>', 'only those of this user');
  withOutput(withBrokers(withResources(command))).action(list);
}

async function list(options: Options): Promise<void> {
  await withCluster(options, async (cluster) => {
    const connection = await cluster.any();
    const rows: Row[] = [];
    for (const filter of filtersOf(options)) {
      const { errorCode, errorMessage, resources } = await connection.request(describeAcls, filter);
      check(errorCode, 'ACLs', errorMessage);
      for (const { acls, ...resource } of resources) rows.push(...acls.map((acl) => aclRow({ ...resource, ...acl })));
    }
    printRows(options.output, rows, aclColumns);
  });
}
