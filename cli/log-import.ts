/** `millrace log import`: makes a data directory from a stopped Kafka broker's, topics, offsets and all. */
import type { Command } from 'commander';
import { ImportError } from '../broker/kafka-import/errors.ts';
import { importKafka } from '../broker/kafka-import/import-kafka.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';

/** What `millrace up` runs as, unless told otherwise. */
const defaultNodeId = 1;

interface Options {
  readonly data: string;
  readonly nodeId: string;
  readonly output: OutputFormat;
}

export function define(command: Command): void {
  command
    .argument('<kafka-dir>', "a stopped Kafka broker's data directory (log.dirs)")
    .requiredOption('--data <dir>', 'the data directory to make; it must not exist yet')
    .option('--node-id <n>', 'broker.id of the broker that will use it', String(defaultNodeId));
  withOutput(command).action(importDirectory);
}

async function importDirectory(from: string, options: Options): Promise<void> {
  try {
    const topics = await importKafka({ from, to: options.data, nodeId: Number(options.nodeId), notice });
    printRows(
      options.output,
      topics.map((topic) => ({ ...topic })),
      ['topic', 'partitions', 'records', 'bytes'],
    );
  } catch (error) {
    if (error instanceof ImportError) throw new CliError('REFUSED', error.message, { cause: error });
    throw error;
  }
}
