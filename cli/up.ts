/**
 * `millrace up`: broker, registry, worker and console in one process. The only file that introduces the rooms to each
 * other: each is handed what it needs of the others, by ports they declare themselves.
 *
 * Starts in the order in which they need each other, stops in the opposite one. See docs/ARCHITECTURE.md for the map.
 */

import { join } from 'node:path';
import type { Command } from 'commander';
import type { Broker } from '../broker/broker.ts';
import type { LogClient } from '../runtime/log/client.ts';
import type { RegistryLogger } from '../schemas/registry-server.ts';
import { CliError } from './errors.ts';
import { ExitCodes } from './exit-codes.ts';
import { type OutputFormat, withOutput, writeData } from './io.ts';
import { packageVersion } from './package-version.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { UpLogLevels } from './up-log-levels.ts';
import { upLogger } from './up-logger.ts';
import { connectorsOf, groupsOf, overviewOf, subjectsOf, topicsOf } from './up-overview.ts';
import { lastRecordsOf } from './up-records.ts';
import { type PortName, settle, type UpFlags, type UpSettings } from './up-settings.ts';

export function define(command: Command): void {
  command.option('--data <dir>', 'where everything is kept (./millrace-data)');
  command.option('--config <file>', 'settings in JSON (./millrace.json where there is one)');
  command.option('--host <address>', 'address the broker listens on (127.0.0.1); beyond loopback clients log in');
  command.option('--kafka-port <n>', 'Kafka protocol (9092; 0 picks a free one)');
  command.option('--connect-port <n>', 'Connect REST (8083)');
  command.option('--registry-port <n>', 'schema registry (8081)');
  command.option('--console-port <n>', 'console, metrics, health (8080)');
  command.option('--connectors <dir>', 'apply every *.json connector config in a folder');
  command.option('--prune', 'with --connectors: delete connectors whose file is gone');
  command.option('--plugin <path>', 'a plugin beside those of plugin.path; may repeat', (path, all: string[] = []) => [
    ...all,
    path,
  ]);
  command.option('--watch-plugins', 'load plugins anew when their files change; only their connectors restart');
  command.option('--log-level <level>', 'debug, info, warn, error, silent (info)');
  withOutput(command).action(up);
}

/** Starts the house and waits for its end; `plugin dev` calls it too. */
export async function up(flags: UpFlags & { output: OutputFormat }): Promise<void> {
  const settings = settle(flags);
  const house = await startHouse(settings);
  announce(house.addresses, settings, flags.output);
  const reason = await house.ended;
  process.exitCode = reason === 'SIGINT' ? ExitCodes.interrupted : ExitCodes.ok;
}

type Addresses = Readonly<Record<PortName, string>>;

function announce(addresses: Addresses, settings: UpSettings, output: OutputFormat): void {
  // From the start of the process, Node's own start included.
  const startMs = Math.round(performance.now());
  if (output !== 'table') {
    writeData(`${JSON.stringify({ ready: true, ...addresses, startMs })}\n`);
    return;
  }
  const lines = [
    `Millrace ${packageVersion()} is up, ${startMs} ms after its start. Stop it with Ctrl-C.`,
    `  Kafka     ${addresses.kafka}`,
    `  Connect   ${addresses.connect}`,
    `  Registry  ${addresses.registry}`,
    `  Console   ${addresses.console}`,
    `  Data      ${settings.data}`,
  ];
  writeData(`${lines.join('\n')}\n`);
}

interface House {
  readonly addresses: Addresses;
  /** Resolves when everything has stopped, with what made it stop. */
  readonly ended: Promise<'SIGINT' | 'SIGTERM'>;
}

/** Starts every room. When one does not start, those that did are stopped before the error is thrown. */
async function startHouse(settings: UpSettings): Promise<House> {
  const logger = upLogger(settings.logLevel);
  const stops: (() => Promise<unknown>)[] = [];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) {
      await stop().catch((error: unknown) => logger.error({ err: error }, 'A part did not stop cleanly.'));
    }
  };
  const starting = startRooms(settings, logger, stops);
  // A signal in the middle of the start waits for the start, so that there is something whole to stop.
  const ended = stopOnSignal(() => starting.then(stopAll, () => undefined));
  try {
    return { addresses: await starting, ended };
  } catch (error) {
    await stopAll();
    throw explained(error, settings);
  }
}

async function startRooms(
  settings: UpSettings,
  logger: ReturnType<typeof upLogger>,
  stops: (() => Promise<unknown>)[],
): Promise<Addresses> {
  const { host, restHost, ports } = settings;
  // The broker opens the disk while the others' code is still being read.
  const rooms = importRooms();
  const logLevels = new UpLogLevels(logger);
  rooms.catch(() => undefined);
  const { startBroker } = await import('../broker/broker.ts');
  const broker = await startBroker({
    dataDir: settings.data,
    host,
    port: ports.kafka,
    config: settings.broker,
    logger: logLevels.room('broker'),
    logLevels,
  });
  stops.push(() => broker.stop());

  const { inProcessLog, inProcessRegistry, startWorker, catalogue, startConsole } = await rooms;
  const log = inProcessLog(broker);
  stops.push(() => log.close());
  const registry = await registryBeside(broker, log, settings, logLevels.room('registry'));
  stops.push(() => registry.stop());
  const worker = await startWorker({
    log,
    registry: inProcessRegistry(registry.core, registry.usage),
    plugins: catalogue,
    host: restHost,
    port: ports.connect,
    config: { 'secrets.key.file': join(settings.data, 'secrets.key'), ...settings.worker },
    logger: logLevels.room('worker'),
    ...(settings.connectors === null ? {} : { connectorsDirectory: settings.connectors }),
    prune: settings.prune,
    watchPlugins: settings.watchPlugins,
    version: packageVersion(),
    clusterId: broker.clusterId,
  });
  stops.push(() => worker.stop());
  const addresses = { kafka: broker.bootstrap, connect: worker.url, registry: registry.url };
  const console = await startConsole({
    host: restHost,
    port: ports.console,
    overview: () =>
      overviewOf({
        topics: () => topicsOf(broker),
        groups: () => groupsOf(broker),
        subjects: () => subjectsOf(registry.core),
        connectors: () => connectorsOf(worker.url, worker.collect()),
      }),
    health: () => healthOf(worker.health()),
    metrics: [broker, worker, registry],
    addresses: () => addresses,
    version: packageVersion(),
    logger: logLevels.room('console'),
  });
  stops.push(() => console.stop());
  return { ...addresses, console: console.url };
}

/** The registry in the broker's log, with the broker's users at its door; the broker has its records judged by it. */
async function registryBeside(broker: Broker, log: LogClient, settings: UpSettings, logger: RegistryLogger) {
  const { startRegistry, RecordCheck, writeConditions } = await importRooms();
  const registry = await startRegistry({
    log,
    host: settings.restHost,
    port: settings.ports.registry,
    logger,
    config: settings.registry,
    snapshotFile: join(settings.data, 'schemas.snapshot'),
    records: {
      last: async (topic, side, count, { principal, host }) => {
        const asker = {
          principal: { type: 'User', name: principal.replace(/^User:/, ''), text: principal },
          clientHost: host,
        };
        const mayRead = broker.security.authorizer.isAllowed(asker, 'read', 'topic', topic);
        return mayRead ? lastRecordsOf(log, topic, side, count) : null;
      },
    },
    logins: broker.security.logins(),
  });
  broker.validation.use(new RecordCheck(registry.core, { conditions: writeConditions, usage: registry.usage }));
  return registry;
}

/** Everything but the broker, read side by side. */
async function importRooms() {
  const [inProcess, registry, registryPort, recordCheck, dataRules, worker, plugins, console] = await Promise.all([
    import('../broker/in-process/log-client.ts'),
    import('../schemas/registry-server.ts'),
    import('../schemas/in-process.ts'),
    import('../schemas/record-check.ts'),
    import('../connectors/converters/data-rules.ts'),
    import('../runtime/worker-server.ts'),
    import('../connectors/catalogue.ts'),
    import('../console/console-server.ts'),
  ]);
  return {
    ...inProcess,
    ...registry,
    ...registryPort,
    ...recordCheck,
    ...dataRules,
    ...worker,
    ...plugins,
    ...console,
  };
}

function healthOf(worker: { status: 'healthy' | 'starting' | 'unhealthy'; message: string }) {
  const status = { healthy: 'up', starting: 'starting', unhealthy: 'down' } as const;
  return [
    { name: 'broker', status: 'up' as const },
    { name: 'registry', status: 'up' as const },
    { name: 'worker', status: status[worker.status], detail: worker.message },
  ];
}

/** What keeps a house from starting, in the words of the command line. */
function explained(error: unknown, settings: UpSettings): unknown {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    const name = (Object.keys(settings.ports) as PortName[]).find((key) => settings.ports[key] === port);
    const why = code === 'EACCES' ? 'may not be used by this user' : 'is taken by another process';
    return new CliError('PORT_TAKEN', `Port ${port} of ${settings.host} ${why}.`, {
      next: `Stop what uses it, or choose another with --${name ?? 'kafka'}-port <n> (0 picks a free one).`,
      cause: error,
    });
  }
  if (code === 'LOG_DIRECTORY_IN_USE') {
    return new CliError('DATA_DIRECTORY_HELD', message, {
      next: 'Stop it, or choose another folder with --data.',
      cause: error,
    });
  }
  if (code === 'OPEN_LISTENER' || code === 'OPEN_REGISTRY') return new CliError('REFUSED', message, { cause: error });
  const badConfigs = ['LOG_DIRECTORY_INVALID', 'BAD_BROKER_CONFIG', 'BAD_REGISTRY_CONFIG', 'BAD_CONFIG'];
  if (badConfigs.includes(code ?? '')) {
    return new CliError('BAD_CONFIGURATION', message, { cause: error });
  }
  return error;
}
