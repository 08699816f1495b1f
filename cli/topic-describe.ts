/** `millrace topic describe`: a topic's partitions with their leaders and the offsets they hold. */
import type { Command } from 'commander';
import { type OutputFormat, printObject, printRows, withOutput } from './io.ts';
import { withBrokers, withCluster } from './kafka/cluster.ts';

const EARLIEST = -2;
const LATEST = -1;

export function define(command: Command): void {
  withOutput(withBrokers(command.argument('<topic>', 'topic'))).action(describe);
}

async function describe(name: string, options: { brokers: string; output: OutputFormat }): Promise<void> {
  await withCluster(options, async (cluster) => {
    const topic = await cluster.topic(name);
    const numbers = topic.partitions.map(({ partition }) => partition);
    const [start, end] = [
      await cluster.offsetsAt(topic, numbers, EARLIEST),
      await cluster.offsetsAt(topic, numbers, LATEST),
    ];
    const partitions = topic.partitions.map((partition) => {
      const logStartOffset = start.get(partition.partition) ?? 0;
      const logEndOffset = end.get(partition.partition) ?? 0;
      return { ...partition, logStartOffset, logEndOffset, records: logEndOffset - logStartOffset };
    });
    if (options.output !== 'table') printObject(options.output, { ...topic, partitions });
    else printRows('table', partitions, ['partition', 'leader', 'logStartOffset', 'logEndOffset', 'records']);
  });
}
