/**
 * `millrace import connect`: takes over the connectors of a Kafka Connect cluster, with the offsets of its sources.
 *
 * Reads the cluster's own topics, lets our worker judge each configuration, creates the connector stopped, sets its
 * offsets, and only then starts it, if asked to. With `--from-url` a connector is stopped over there first, so that no
 * record is read twice; without, nothing over there is touched.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type RememberedConnector, rememberedConnectors } from './connect-cluster.ts';
import { pathOf, statusOf, waitForState } from './connectors.ts';
import { CliError } from './errors.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import type { PropertyOptions } from './kafka/client-properties.ts';
import { withProperties } from './kafka/client-properties.ts';
import { type Cluster, withCluster } from './kafka/cluster.ts';
import { request, withConnect } from './rest.ts';

interface Options extends PropertyOptions {
  readonly bootstrap: string;
  readonly configTopic: string;
  readonly offsetTopic: string;
  readonly connect: string;
  readonly output: OutputFormat;
  readonly fromUrl?: string;
  readonly start?: boolean;
  readonly lenient?: boolean;
  readonly dryRun?: boolean;
}

export function define(command: Command): void {
  command.argument('[name...]', 'the connectors to take over; all of them without a name');
  command.requiredOption('--bootstrap <list>', "host:port of brokers that hold the cluster's topics");
  command.option('--config-topic <topic>', "the cluster's config.storage.topic", 'connect-configs');
  command.option('--offset-topic <topic>', "the cluster's offset.storage.topic", 'connect-offsets');
  command.option('--from-url <url>', "the cluster's REST address: each connector is stopped there first");
  command.option('--start', 'bring each connector into the state it had; else it stays stopped here');
  command.option('--lenient', 'let keys that nobody knows pass with a warning (config.unknown.keys=warn)');
  command.option('--dry-run', 'judge the configurations, change nothing');
  withOutput(withConnect(withProperties(command))).action(run);
}

type Row = {
  readonly name: string;
  readonly class: string;
  readonly state: string;
  readonly offsets: number;
  readonly result: string;
};

const columns = ['name', 'class', 'state', 'offsets', 'result'] as const;

async function run(names: readonly string[], options: Options): Promise<void> {
  const rows = await withCluster({ ...options, brokers: options.bootstrap }, (cluster) =>
    importAll(cluster, names, options),
  );
  printRows(options.output, rows, columns);
  const refused = rows.filter(({ result }) => result.startsWith('refused'));
  if (refused.length === 0) return;
  throw new CliError('BAD_CONFIGURATION', `${refused.length} of ${rows.length} connectors could not be taken over.`, {
    next: 'Their problems are in the column result. --lenient lets unknown keys pass.',
  });
}

async function importAll(cluster: Cluster, names: readonly string[], options: Options): Promise<Row[]> {
  const known = await rememberedConnectors(cluster, options);
  const absent = names.find((name) => !known.some((each) => each.name === name));
  if (absent !== undefined) {
    throw new CliError('NOT_FOUND', `${options.configTopic} holds no connector "${absent}".`, {
      next: `It holds: ${known.map(({ name }) => name).join(', ')}.`,
    });
  }
  const wanted = known.filter(({ name }) => names.length === 0 || names.includes(name));
  const here = (await request(options.connect, 'GET', 'connectors')) as string[];
  const rows: Row[] = [];
  for (const connector of wanted) rows.push(await importOne(cluster, connector, here, options));
  return rows;
}

async function importOne(
  cluster: Cluster,
  remembered: RememberedConnector,
  here: readonly string[],
  options: Options,
): Promise<Row> {
  const { name, state } = remembered;
  const config: Readonly<Record<string, string>> = {
    ...remembered.config,
    ...(options.lenient ? { 'config.unknown.keys': 'warn' } : {}),
  };
  const row = (result: string, offsets = remembered.offsets.length): Row => {
    return { name, class: config['connector.class'] ?? '', state, offsets, result };
  };
  if (here.includes(name)) return row('left alone: a connector of this name is here already');
  const problems = await judge(options.connect, config);
  if (problems.length > 0) return row(`refused: ${problems.join(' ')}`);
  if (options.dryRun) return row('would be taken over');
  const isStopped = options.fromUrl === undefined || (await stopThere(options.fromUrl, name));
  if (!isStopped) return row('refused: it is not known at --from-url, so it cannot be stopped there');
  // What it read until it stopped counts as well.
  const fresh = options.fromUrl === undefined ? remembered : await rememberedAgain(cluster, name, options);
  await request(options.connect, 'POST', 'connectors', { name, config, initial_state: 'STOPPED' });
  await waitForStopped(options.connect, name);
  if (fresh.offsets.length > 0) {
    await request(options.connect, 'PATCH', pathOf(name, '/offsets'), { offsets: fresh.offsets });
  }
  if (options.start) await start(options.connect, name, state);
  return row(options.start ? `taken over, ${state.toLowerCase()}` : 'taken over, stopped', fresh.offsets.length);
}

interface Validation {
  readonly configs: readonly { readonly value: { readonly errors: readonly string[] } }[];
}

async function judge(base: string, config: Readonly<Record<string, string>>): Promise<string[]> {
  const plugin = encodeURIComponent(config['connector.class'] ?? '');
  try {
    const answer = (await request(base, 'PUT', `connector-plugins/${plugin}/config/validate`, config)) as Validation;
    return answer.configs.flatMap(({ value }) => value.errors);
  } catch (error) {
    if (error instanceof CliError && error.code === 'BAD_CONFIGURATION') return [error.message];
    throw error;
  }
}

/** How long the tasks over there may take to end: Kafka Connect gives them 5 s, and a rebalance some more. */
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

/** False where the cluster does not know the connector. */
async function stopThere(url: string, name: string): Promise<boolean> {
  try {
    await request(url, 'PUT', pathOf(name, '/stop'));
    await waitForStopped(url, name);
    return true;
  } catch (error) {
    if (error instanceof CliError && error.code === 'NOT_FOUND') return false;
    throw error;
  }
}

async function waitForStopped(url: string, name: string): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  for (;;) {
    const status = await statusOf(url, name).catch(() => null);
    if (status?.connector.state === 'STOPPED' && status.tasks.length === 0) return;
    if (Date.now() > deadline) {
      throw new CliError('TIMEOUT', `Connector ${name} did not stop at ${url} within ${STOP_TIMEOUT_MS / 1000} s.`);
    }
    await sleep(POLL_MS);
  }
}

async function rememberedAgain(cluster: Cluster, name: string, options: Options): Promise<RememberedConnector> {
  const all = await rememberedConnectors(cluster, options);
  return all.find((each) => each.name === name)!;
}

const START_TIMEOUT_SECONDS = 60;

async function start(base: string, name: string, state: RememberedConnector['state']): Promise<void> {
  if (state === 'STOPPED') return;
  if (state === 'PAUSED') {
    await request(base, 'PUT', pathOf(name, '/pause'));
    return;
  }
  await request(base, 'PUT', pathOf(name, '/resume'));
  await waitForState(base, name, 'RUNNING', START_TIMEOUT_SECONDS);
}
