/**
 * A real Apache Kafka broker for tests of what must work on any cluster: one that is given, or a single node started from
 * the jars that scripts/compat-install.sh fetches, on free ports and a temporary directory.
 */
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { resolveService, type ServiceOrSkip, ServiceUnavailable } from './service.ts';

const jars = join(import.meta.dirname, '../../.cache/bench/kafka-4.3.1');
const START_DEADLINE_MS = 60_000;

export interface ApacheKafka {
  readonly bootstrap: string;
}

/** Stopped and removed when the test ends. */
export function apacheKafka(test: { after(cleanUp: () => Promise<void>): void }): Promise<ServiceOrSkip<ApacheKafka>> {
  return resolveService<ApacheKafka>('kafka', {
    given: { variable: 'TEST_KAFKA_BOOTSTRAP', use: async (bootstrap) => ({ bootstrap }) },
    embedded: () => startFromJars(test),
  });
}

async function startFromJars(test: { after(cleanUp: () => Promise<void>): void }): Promise<ApacheKafka> {
  if (!existsSync(jars)) throw new ServiceUnavailable('Kafka is not installed (scripts/compat-install.sh)');
  const dir = await mkdtemp(join(tmpdir(), 'apache-kafka-'));
  const [port, controllerPort] = await freePorts(2);
  const file = join(dir, 'server.properties');
  await writeFile(file, properties(dir, port!, controllerPort!));
  const java = ['-Xmx512m', '-cp', join(jars, '*')];
  const clusterId = randomBytes(16).toString('base64url');
  await promisify(execFile)('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]);
  const child = spawn('java', [...java, 'kafka.Kafka', file], { stdio: 'ignore' });
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  test.after(async () => {
    process.off('exit', killIt);
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  });
  await answers(port!);
  return { bootstrap: `127.0.0.1:${port}` };
}

function properties(dir: string, port: number, controllerPort: number): string {
  const listener = `PLAINTEXT://127.0.0.1:${port}`;
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${listener},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=${listener}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(dir, 'data')}`,
    // One node, and no more partitions of its own topics than a test needs.
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'group.initial.rebalance.delay.ms=0',
    '',
  ].join('\n');
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}

async function answers(port: number): Promise<void> {
  for (const deadline = Date.now() + START_DEADLINE_MS; ; await sleep(100)) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      socket.destroy();
    }
  }
}
