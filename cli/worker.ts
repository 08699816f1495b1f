/**
 * `millrace worker`: the Connect worker alone, on an external Kafka cluster that keeps records, configs, offsets and
 * statuses. Introduces the worker to the Kafka keeper of its log port, the plugins and the console, as up.ts does for a
 * whole house.
 */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { ExitCodes } from './exit-codes.ts';
import { type OutputFormat, withOutput, writeData } from './io.ts';
import { packageVersion } from './package-version.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { upLogger } from './up-logger.ts';
import { connectorsOf } from './up-overview.ts';
import { type LogLevel, logLevels } from './up-settings.ts';
import { type WorkerFlags, type WorkerSettings, workerSettings } from './worker-settings.ts';

export function define(command: Command): void {
  command.requiredOption('--config <file>', "Kafka Connect's worker keys, in JSON or as a .properties file");
  command.option('--connect-port <n>', 'Connect REST (as in listeners, else 8083; 0 picks a free one)');
  command.option('--console-port <n>', 'console, metrics, health (none unless given)');
  command.option('--log-level <level>', `${logLevels.join(', ')} (info)`, 'info');
  withOutput(command).action(worker);
}

type Flags = WorkerFlags & { readonly logLevel: string; readonly output: OutputFormat };

async function worker(flags: Flags): Promise<void> {
  const level = logLevels.find((each) => each === flags.logLevel);
  if (level === undefined) {
    throw new CliError('USAGE', `"${flags.logLevel}" is no log level.`, {
      next: `Use one of ${logLevels.join(', ')}.`,
    });
  }
  const { parseProperties } = await import('../runtime/worker/config-providers.ts');
  const settings = workerSettings(flags, parseProperties);
  const stops: (() => Promise<unknown>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop().catch(() => undefined);
  };
  const starting = start(settings, level, stops);
  const ended = stopOnSignal(() => starting.then(stopAll, () => undefined));
  try {
    announce(await starting, settings, flags.output);
  } catch (error) {
    await stopAll();
    throw explained(error, settings);
  }
  process.exitCode = (await ended) === 'SIGINT' ? ExitCodes.interrupted : ExitCodes.ok;
}

interface Addresses {
  readonly kafka: string;
  readonly connect: string;
  readonly console: string | null;
}

async function start(settings: WorkerSettings, level: LogLevel, stops: (() => Promise<unknown>)[]): Promise<Addresses> {
  const [{ kafkaLog }, { startWorker }, { catalogue }] = await Promise.all([
    import('../runtime/log/kafka.ts'),
    import('../runtime/worker-server.ts'),
    import('../connectors/catalogue.ts'),
  ]);
  const logger = upLogger(level);
  const log = await kafkaLog(settings.log);
  stops.push(() => log.close());
  const running = await startWorker({
    log,
    isLogShared: true,
    plugins: catalogue,
    host: settings.host,
    port: settings.port,
    config: settings.worker,
    logger: logger.child({ room: 'worker' }),
    version: packageVersion(),
    clusterId: log.clusterId,
  });
  stops.push(() => running.stop());
  const kafka = settings.log.bootstrapServers.join(',');
  const addresses = { kafka, connect: running.url };
  if (settings.consolePort === null) return { ...addresses, console: null };
  const { startConsole } = await import('../console/console-server.ts');
  const console = await startConsole({
    host: settings.host,
    port: settings.consolePort,
    // What the cluster holds is the cluster's to show.
    overview: async () => ({
      topics: [],
      groups: [],
      subjects: [],
      connectors: await connectorsOf(running.url, running.collect()),
    }),
    health: () => {
      const { status, message } = running.health();
      const shown = { healthy: 'up', starting: 'starting', unhealthy: 'down' } as const;
      return [{ name: 'worker', status: shown[status], detail: message }];
    },
    metrics: [running],
    addresses: () => addresses,
    version: packageVersion(),
    logger: logger.child({ room: 'console' }),
  });
  stops.push(() => console.stop());
  return { ...addresses, console: console.url };
}

function announce(addresses: Addresses, settings: WorkerSettings, output: OutputFormat): void {
  const startMs = Math.round(performance.now());
  if (output !== 'table') {
    writeData(`${JSON.stringify({ ready: true, ...addresses, startMs })}\n`);
    return;
  }
  const lines = [
    `Millrace ${packageVersion()}: the worker of group "${settings.worker['group.id']}" is up. Stop it with Ctrl-C.`,
    `  Kafka     ${addresses.kafka}`,
    `  Connect   ${addresses.connect}`,
    ...(addresses.console === null ? [] : [`  Console   ${addresses.console}`]),
  ];
  writeData(`${lines.join('\n')}\n`);
}

/** What keeps a worker from starting, in the words of the command line. */
function explained(error: unknown, { log, port }: WorkerSettings): unknown {
  const { code, name } = error as NodeJS.ErrnoException;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'EADDRINUSE') {
    return new CliError('PORT_TAKEN', `Port ${port} is taken by another process.`, {
      next: 'Stop what uses it, or choose another with --connect-port <n> (0 picks a free one).',
      cause: error,
    });
  }
  if (code === 'BAD_CONFIG' || code === 'TOPIC_NOT_COMPACTED')
    return new CliError('BAD_CONFIGURATION', message, { cause: error });
  if (name !== 'LogError' && name !== 'Error') return error;
  return new CliError('UNREACHABLE', `No worker can run on ${log.bootstrapServers.join(', ')}: ${message}`, {
    next: 'Check bootstrap.servers, and that the brokers run and let this machine in.',
    cause: error,
  });
}
