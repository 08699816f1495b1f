/** `millrace topic ls`: the topics of a cluster, without the internal ones unless asked. */
import type { Command } from 'commander';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { withBrokers, withCluster } from './kafka/cluster.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly all?: boolean;
}

export function define(command: Command): void {
  command.option('-a, --all', 'internal topics too');
  withOutput(withBrokers(command)).action(list);
}

async function list(options: Options): Promise<void> {
  await withCluster(options, async (cluster) => {
    const topics = await cluster.topics();
    const rows = topics
      .filter((topic) => options.all || !topic.isInternal)
      .map(({ topic, partitions, isInternal }) => ({ topic, partitions: partitions.length, internal: isInternal }));
    printRows(options.output, rows, options.all ? ['topic', 'partitions', 'internal'] : ['topic', 'partitions']);
  });
}
