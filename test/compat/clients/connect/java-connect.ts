/**
 * Kafka Connect itself, for tests and recordings: a distributed worker in a JVM of its own, and its plugins' answers.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../../../kit/free-port.ts';

/** Where scripts/compat-install.sh puts it. */
export const connectHome = join(import.meta.dirname, '../../../../.cache/compat/connect');
const classPath = [join(connectHome, 'classes'), join(connectHome, 'lib', '*')].join(delimiter);
const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'];
const START_MS = 60_000;
const STOP_MS = 10_000;

export interface JavaConnect {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** For benchmarks: plugins beside Kafka's own, and the JVM flags that Kafka's own script gives. */
export interface JavaConnectOptions {
  readonly classPath?: string;
  readonly heap?: readonly string[];
}

/** Starts a worker on a Kafka cluster; resolves when it is healthy. Its topics begin with `prefix`. */
export async function startJavaConnect(
  bootstrap: string,
  prefix: string,
  options: JavaConnectOptions = {},
): Promise<JavaConnect> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-connect-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const file = join(folder, 'connect.properties');
  await writeFile(file, properties(bootstrap, prefix, url));
  const path = [...(options.classPath === undefined ? [] : [options.classPath]), classPath].join(delimiter);
  const child = spawn(
    'java',
    [...(options.heap ?? jvm), '-cp', path, 'org.apache.kafka.connect.cli.ConnectDistributed', file],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-10_000);
    });
  }
  const stop = async () => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await healthy(url, child);
  } catch (error) {
    await stop();
    throw new Error(`Kafka Connect did not start: ${(error as Error).message}\n${output}`);
  }
  return { url, pid: child.pid!, stop };
}

function properties(bootstrap: string, prefix: string, url: string): string {
  const topics = ['config', 'offset', 'status'].flatMap((what) => [
    `${what}.storage.topic=${prefix}-${what}s`,
    `${what}.storage.replication.factor=1`,
  ]);
  return [
    `bootstrap.servers=${bootstrap}`,
    `group.id=${prefix}`,
    'key.converter=org.apache.kafka.connect.json.JsonConverter',
    'value.converter=org.apache.kafka.connect.json.JsonConverter',
    ...topics,
    'offset.storage.partitions=1',
    'status.storage.partitions=1',
    'offset.flush.interval.ms=1000',
    `listeners=${url}`,
    'rest.advertised.host.name=127.0.0.1',
    'plugin.discovery=only_scan',
    '',
  ].join('\n');
}

async function healthy(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`it was not healthy within ${START_MS / 1000} s`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exit;
  clearTimeout(timer);
}

/** What Kafka Connect's plugins answer to cases, in their order. */
export function javaAnswers(cases: readonly object[]): unknown[] {
  const java = spawnSync('java', ['-cp', classPath, 'Answers'], { input: JSON.stringify(cases), maxBuffer: 1 << 28 });
  if (java.status !== 0) throw new Error(`The Java program failed:\n${java.stderr}`);
  return JSON.parse(java.stdout.toString()) as unknown[];
}
