/**
 * The two brokers that are compared, each a process of its own on the loopback with its data in a temporary directory:
 * Apache Kafka with the JVM options of its own start script and its default settings, and ours as it ships.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { classpath, peerName } from './peer.ts';

export interface Running {
  readonly name: string;
  readonly bootstrap: string;
  /** From the start of the process to its first answer to a client. */
  readonly startMs: number;
  /** CPU time it has used, in seconds. */
  cpuSeconds(): number;
  /** Memory that is resident now. */
  residentMiB(): number;
  createTopic(name: string, partitions: number): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  stop(): Promise<void>;
}

const startDeadlineMs = 60_000;
const ticksPerSecond = 100;
/** Fields of /proc/<pid>/stat behind the command's name, which may hold spaces. */
const userTime = 11;
const systemTime = 12;

export async function startKafka(): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const config = join(folder, 'kafka.properties');
  const java = ['-cp', classpath];
  writeFileSync(config, kafkaProperties(port, controllerPort, join(folder, 'data')));
  const id = execFileSync('java', [...java, 'kafka.tools.StorageTool', 'random-uuid'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const format = ['kafka.tools.StorageTool', 'format', '-t', id.toString().trim(), '-c', config];
  execFileSync('java', [...java, ...format], { stdio: 'ignore' });
  return start(peerName, folder, port, 'java', [...kafkaJvm, ...java, 'kafka.Kafka', config]);
}

/** As in kafka-run-class.sh and kafka-server-start.sh. */
const kafkaJvm = [
  ...['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true'],
];

function kafkaProperties(port: number, controllerPort: number, data: string): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${data}`,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    '',
  ].join('\n');
}

/** `options` go to Node, such as --cpu-prof. */
export async function startOurs(options: readonly string[] = []): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-millrace-'));
  const port = await freePort();
  const program = join(import.meta.dirname, 'our-broker.ts');
  return start('Millrace', folder, port, process.execPath, [...options, program, join(folder, 'data'), `${port}`]);
}

async function start(name: string, folder: string, port: number, program: string, args: string[]): Promise<Running> {
  const began = performance.now();
  const child = spawn(program, args, { stdio: 'ignore' });
  const bootstrap = `127.0.0.1:${port}`;
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
  try {
    await firstAnswer(child, began, () => admin.connect());
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    name,
    bootstrap,
    startMs: performance.now() - began,
    cpuSeconds: () => cpuSeconds(child.pid!),
    residentMiB: () => residentMiB(child.pid!),
    async createTopic(topic, numPartitions) {
      await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true });
    },
    async deleteTopic(topic) {
      await admin.deleteTopics({ topics: [topic] });
    },
    async stop() {
      await admin.disconnect();
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstAnswer(child: ChildProcess, began: number, connect: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} at once.`);
      if (performance.now() - began > startDeadlineMs) throw error;
      await sleep(10);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[userTime]) + Number(fields[systemTime])) / ticksPerSecond;
}

function residentMiB(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / 1024;
}
