/**
 * The outside clients that drive both brokers, each in a process of its own. Every driver answers how many records a
 * second it managed; what its start costs is left out where the tool itself measures.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { classpath } from './peer.ts';

export interface Load {
  readonly records: number;
  readonly bytes: number;
  readonly acks: '1' | 'all';
  readonly codec: 'none' | 'lz4';
}

/** A driver that takes so long has met a broker that does not answer; the longest takes a third of it. */
const deadlineMs = 120_000;

const warmUpRecords = (load: Load): number => load.records >> 2;
/** With those before the clock starts, for what a record costs. */
export const javaRecordsSent = (load: Load): number => load.records + warmUpRecords(load);

/** Kafka's own ProducerPerformance; the JVM's warm-up is not counted. */
export async function javaProduce(bootstrap: string, topic: string, load: Load): Promise<number> {
  const { records, bytes, acks, codec } = load;
  const config = [`bootstrap.servers=${bootstrap}`, `acks=${acks}`, `compression.type=${codec}`];
  const tool = ['org.apache.kafka.tools.ProducerPerformance', '--topic', topic, '--throughput', '-1'];
  const sizes = [
    '--num-records',
    `${records}`,
    '--record-size',
    `${bytes}`,
    '--warmup-records',
    `${warmUpRecords(load)}`,
  ];
  const out = await java([...tool, ...sizes, '--command-property', ...config]);
  // The last line is the run without its warm-up.
  const rates = [...out.matchAll(/([\d.]+) records\/sec/g)];
  return Number(rates.at(-1)![1]);
}

/** Kafka's own ConsumerPerformance: the rate of fetching, without the join of the group. */
export async function javaConsume(bootstrap: string, topic: string, records: number): Promise<number> {
  const tool = ['org.apache.kafka.tools.ConsumerPerformance', '--bootstrap-server', bootstrap, '--topic', topic];
  const out = await java([...tool, '--num-records', `${records}`, '--hide-header']);
  const columns = out.trim().split('\n').at(-1)!.split(', ');
  return Number(columns.at(-1));
}

export interface Latency {
  readonly records: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export async function latencyAtRate(
  bootstrap: string,
  topic: string,
  rate: number,
  seconds: number,
  load: Pick<Load, 'bytes' | 'acks'>,
): Promise<Latency> {
  const out = await java(['LatencyAtRate', bootstrap, topic, `${rate}`, `${seconds}`, `${load.bytes}`, load.acks]);
  const [records, p50, p99, p999, max] = out.trim().split(' ').map(Number);
  return { records: records!, p50: p50!, p99: p99!, p999: p999!, max: max! };
}

/** So many producers, each on its own connection, share the load. */
export async function manyProducers(bootstrap: string, topic: string, producers: number, load: Load): Promise<number> {
  const { records, bytes, acks } = load;
  return Number(await java(['ManyProducers', bootstrap, topic, `${producers}`, `${records}`, `${bytes}`, acks]));
}

export interface CatchingUp {
  readonly partitions: number;
  /** In the topic before, for each consumer to read. */
  readonly records: number;
  readonly consumers: number;
  readonly writesPerSecond: number;
  readonly bytes: number;
}

/** Records a second of all consumers together, and milliseconds of the writes meanwhile. */
export async function catchingUp(
  bootstrap: string,
  topic: string,
  work: CatchingUp,
): Promise<{ readonly rate: number; readonly p50: number; readonly p99: number }> {
  const { partitions, records, consumers, writesPerSecond, bytes } = work;
  const counts = [partitions, records, consumers, writesPerSecond, bytes].map(String);
  const [rate, p50, p99] = (await java(['CatchUp', bootstrap, topic, ...counts])).trim().split(' ').map(Number);
  return { rate: rate!, p50: p50!, p99: p99! };
}

/** librdkafka through kcat: lines from a file in, lines out. Its start (some 0.05 s) is counted. */
export async function kcatProduce(bootstrap: string, topic: string, load: Load, file: string): Promise<number> {
  const config = ['-X', `acks=${load.acks}`, '-X', 'queue.buffering.max.messages=1000000', '-z', load.codec];
  return timed(load.records, 'kcat', ['-b', bootstrap, '-P', '-t', topic, ...config, '-l', file]);
}

export async function kcatConsume(bootstrap: string, topic: string, records: number): Promise<number> {
  // Without a longer queue librdkafka pauses for a second whenever its 100,000 records are full.
  const queue = ['-X', 'queued.min.messages=1000000'];
  const args = ['-b', bootstrap, '-C', '-t', topic, '-o', 'beginning', '-c', `${records}`, ...queue, '-u', '-q', '-e'];
  return timed(records, 'kcat', args);
}

/** kafkajs and @platformatic/kafka: see node-clients.ts. */
export async function nodeClient(
  client: 'kafkajs' | 'platformatic',
  what: 'produce' | 'consume',
  bootstrap: string,
  topic: string,
  load: Load,
): Promise<number> {
  const program = join(import.meta.dirname, 'node-clients.ts');
  const out = await run(process.execPath, [
    program,
    client,
    what,
    bootstrap,
    topic,
    `${load.records}`,
    `${load.bytes}`,
    load.acks,
  ]);
  return Number(out.trim());
}

async function timed(records: number, program: string, args: readonly string[]): Promise<number> {
  const began = performance.now();
  await run(program, args);
  return (records / (performance.now() - began)) * 1000;
}

const java = (args: readonly string[]): Promise<string> =>
  run('java', ['-Xms512m', '-Xmx1g', '-cp', classpath, ...args]);

/** Runs it and answers its stdout; output that is only records is thrown away by the caller's -q or by `> /dev/null`. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const isSilent = args.includes('-C');
    const child = spawn(program, args, {
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      stdio: ['ignore', isSilent ? 'ignore' : 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${program} ${args.join(' ')} ended with ${code}: ${err}${out}`)),
    );
  });
}
