/** `millrace topic create`: creates a topic, with partitions and configuration. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { createTopics } from './kafka/calls.ts';
import { check, withBrokers, withCluster } from './kafka/cluster.ts';

interface Options {
  readonly brokers: string;
  readonly output: OutputFormat;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: readonly string[];
  readonly ifNotExists?: boolean;
}

const CREATE_TIMEOUT_MS = 10_000;
/** Lets the broker apply its own `num.partitions` and `default.replication.factor`. */
const BROKER_DEFAULT = -1;

export function define(command: Command): void {
  command.argument('<topic>', 'its name: letters, digits, dot, dash, underscore');
  command.option('-p, --partitions <n>', 'how many; the default is the broker’s', parseCount, BROKER_DEFAULT);
  command.option('-r, --replication-factor <n>', 'the default is the broker’s', parseCount, BROKER_DEFAULT);
  command.option('-c, --config <key=value>', 'a topic config; may be repeated', collect, []);
  command.option('--if-not-exists', 'leave a topic of that name as it is');
  withOutput(withBrokers(command)).action(create);
}

async function create(name: string, options: Options): Promise<void> {
  await withCluster(options, async (cluster) => {
    const { controllerId } = await cluster.metadata([]);
    const connection = await cluster.node(controllerId);
    const answer = await connection.request(createTopics, {
      topics: [
        {
          name,
          numPartitions: options.partitions,
          replicationFactor: options.replicationFactor,
          configs: options.config.map(parseConfig),
        },
      ],
      timeoutMs: CREATE_TIMEOUT_MS,
    });
    const result = answer.topics[0]!;
    try {
      check(result.errorCode, `Topic ${name}`, result.errorMessage);
    } catch (error) {
      if (!(options.ifNotExists && error instanceof CliError && error.code === 'CONFLICT')) throw error;
      printObject(options.output, { topic: name, result: 'exists' });
      return;
    }
    const { partitions } = await cluster.topic(name);
    printObject(options.output, { topic: name, result: 'created', partitions: partitions.length });
  });
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new CliError('USAGE', `"${text}" is no whole number above 0.`);
}

function parseConfig(text: string): { name: string; value: string } {
  const equals = text.indexOf('=');
  if (equals > 0) return { name: text.slice(0, equals), value: text.slice(equals + 1) };
  throw new CliError('USAGE', `"${text}" is no config.`, {
    next: 'Write key=value, for example retention.ms=86400000.',
  });
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
