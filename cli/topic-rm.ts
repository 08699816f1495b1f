/** `millrace topic rm`: deletes topics with their records, after naming what would be lost. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice } from './io.ts';
import { deleteTopics } from './kafka/calls.ts';
import { type Cluster, check, withBrokers, withCluster } from './kafka/cluster.ts';

const DELETE_TIMEOUT_MS = 10_000;

export function define(command: Command): void {
  command.argument('<topic...>', 'topics');
  command.option('-y, --yes', 'do it without being asked again');
  withBrokers(command).action(remove);
}

async function remove(names: readonly string[], options: { brokers: string; yes?: boolean }): Promise<void> {
  await withCluster(options, async (cluster) => {
    // Asked before anything is deleted, so that one misspelled name leaves the others alone.
    const records = await Promise.all(names.map((name) => recordsOf(cluster, name)));
    if (!options.yes) {
      const what = names.map((name, index) => `${name} (${records[index]} records)`).join(', ');
      throw new CliError('USAGE', `This would delete ${what}.`, { next: 'Add --yes to do it.' });
    }
    const { controllerId } = await cluster.metadata([]);
    const connection = await cluster.node(controllerId);
    const answer = await connection.request(deleteTopics, { topicNames: [...names], timeoutMs: DELETE_TIMEOUT_MS });
    for (const { name, errorCode, errorMessage } of answer.responses) {
      check(errorCode, `Topic ${name}`, errorMessage);
      notice(`${name}: deleted.`);
    }
  });
}

async function recordsOf(cluster: Cluster, name: string): Promise<number> {
  const topic = await cluster.topic(name);
  const numbers = topic.partitions.map(({ partition }) => partition);
  const [start, end] = [await cluster.offsetsAt(topic, numbers, -2), await cluster.offsetsAt(topic, numbers, -1)];
  return numbers.reduce((sum, partition) => sum + (end.get(partition) ?? 0) - (start.get(partition) ?? 0), 0);
}
