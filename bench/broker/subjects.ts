/**
 * The two brokers that are compared, each a process of its own on the loopback with its data in a temporary directory:
 * Apache Kafka with the JVM options of its own start script and its default settings, and ours as it ships.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { freePort } from '../../test/kit/free-port.ts';
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
  /** The most that was. */
  peakMiB(): number;
  createTopic(name: string, partitions: number): Promise<void>;
  /** All at once, each with so many partitions; resolves when each has a leader. */
  createTopics(names: readonly string[], partitions: number): Promise<void>;
  deleteTopic(name: string): Promise<void>;
  /** One record into each partition of each topic, acks=all. */
  writeToEach(topics: readonly string[], partitions: number): Promise<void>;
  /** Of all partitions together, as their ends say. */
  recordCount(topic: string): Promise<number>;
  /** Ends it, starts it on the same files, and answers after how many milliseconds it was ready. */
  restart(signal: 'SIGTERM' | 'SIGKILL', isReady: (subject: Running) => Promise<boolean>): Promise<number>;
  /** Starts it again if it has ended by itself. */
  revive(): Promise<void>;
  /** Ends it and removes its files. Never rejects. */
  stop(): Promise<void>;
}

/** A start after kill -9 with ten gigabytes unchecked takes Kafka a minute. */
const startDeadlineMs = 180_000;
/** What does not end when asked is killed. */
const stopDeadlineMs = 60_000;
const adminDeadlineMs = 60_000;
/** Kafka makes the files of thousands of partitions before it leads them. */
const leadersDeadlineMs = 180_000;
/** What changes who leads a partition may be asked for once too early. */
const patient = { retries: 10 };
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
  return Subject.start(peerName, { folder, port, command: ['java', ...kafkaJvm, ...java, 'kafka.Kafka', config] });
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
  const command = [process.execPath, ...options, program, join(folder, 'data'), `${port}`];
  return Subject.start('Millrace', { folder, port, command });
}

interface Installed {
  readonly folder: string;
  readonly port: number;
  readonly command: readonly string[];
}

class Subject implements Running {
  readonly name: string;
  readonly bootstrap: string;
  startMs = 0;
  readonly #installed: Installed;
  #child!: ChildProcess;
  #admin!: Admin;

  static async start(name: string, installed: Installed): Promise<Subject> {
    const subject = new Subject(name, installed);
    try {
      subject.startMs = await subject.#launch(async () => true);
    } catch (error) {
      await subject.stop();
      throw error;
    }
    return subject;
  }

  private constructor(name: string, installed: Installed) {
    this.name = name;
    this.bootstrap = `127.0.0.1:${installed.port}`;
    this.#installed = installed;
  }

  cpuSeconds(): number {
    return cpuSeconds(this.#child.pid!);
  }
  residentMiB(): number {
    return memoryMiB(this.#child.pid!, 'VmRSS');
  }
  peakMiB(): number {
    return memoryMiB(this.#child.pid!, 'VmHWM');
  }

  createTopic(topic: string, partitions: number): Promise<void> {
    return this.createTopics([topic], partitions);
  }

  async createTopics(names: readonly string[], numPartitions: number): Promise<void> {
    const topics = names.map((topic) => ({ topic, numPartitions }));
    await this.#admin.createTopics({ topics, waitForLeaders: false, timeout: adminDeadlineMs });
    const began = performance.now();
    while ((await this.#ledPartitions(names)) < names.length * numPartitions) {
      if (performance.now() - began > leadersDeadlineMs)
        throw new Error(`${names[0]} has partitions without a leader.`);
      await sleep(50);
    }
  }

  /** Kafka has a leader for each a moment after it has said that there is a topic. */
  async #ledPartitions(names: readonly string[]): Promise<number> {
    try {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...names] });
      return topics.flatMap(({ partitions }) => partitions.filter(({ leader }) => leader >= 0)).length;
    } catch {
      return 0;
    }
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#admin.deleteTopics({ topics: [topic], timeout: adminDeadlineMs });
  }

  async writeToEach(topics: readonly string[], partitions: number): Promise<void> {
    const producer = this.#client(patient).producer();
    await producer.connect();
    try {
      const messages = Array.from({ length: partitions }, (_, partition) => ({ partition, value: 'one' }));
      for (const topic of topics) await producer.send({ topic, messages, acks: -1 });
    } finally {
      await producer.disconnect();
    }
  }

  async recordCount(topic: string): Promise<number> {
    const partitions = await this.#admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high }) => sum + Number(high), 0);
  }

  async restart(signal: 'SIGTERM' | 'SIGKILL', isReady: (subject: Running) => Promise<boolean>): Promise<number> {
    await this.#end(signal);
    return this.#launch(() => isReady(this));
  }

  async revive(): Promise<void> {
    if (this.#hasEnded) await this.#launch(async () => true);
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#installed.folder, { recursive: true, force: true });
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #client(retry = { retries: 0 }): Kafka {
    const patience = { requestTimeout: adminDeadlineMs, retry };
    return new Kafka({ brokers: [this.bootstrap], logLevel: logLevel.NOTHING, ...patience });
  }

  async #launch(isReady: () => Promise<boolean>): Promise<number> {
    const [program, ...args] = this.#installed.command;
    const began = performance.now();
    this.#child = spawn(program!, args, { stdio: 'ignore' });
    const child = this.#child;
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    let lastError: unknown = null;
    for (;;) {
      this.#admin = this.#client().admin();
      try {
        await this.#admin.connect();
        if (await isReady()) return performance.now() - began;
      } catch (error) {
        lastError = error;
      }
      await this.#admin.disconnect().catch(() => {});
      if (this.#hasEnded) throw new Error(`${this.name} ended with ${child.exitCode} at its start.`);
      if (performance.now() - began > startDeadlineMs) {
        throw new Error(`${this.name} was not ready within ${startDeadlineMs / 1000} s.`, { cause: lastError });
      }
      await sleep(10);
    }
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    // A broker that is gone cannot be disconnected from, and need not be.
    await this.#admin.disconnect().catch(() => {});
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopDeadlineMs);
    await ended;
    clearTimeout(timer);
  }
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[userTime]) + Number(fields[systemTime])) / ticksPerSecond;
}

function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kib] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kib) / 1024;
}
