/**
 * A real Redis for tests: the system's redis-server in a temporary directory on a free port, or one that is given or in
 * Docker, by the resolver rule of `service.ts`. Every user takes a random key prefix.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { resolveService, type ServiceOrSkip, ServiceUnavailable } from './service.ts';

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 60_000;

/** The server of one test file: given by `TEST_REDIS_URL`, in Docker, or the system's redis-server. */
export function testRedis(): Promise<ServiceOrSkip<RedisServer>> {
  return resolveService<RedisServer>('redis', {
    given: { variable: 'TEST_REDIS_URL', use: async (url) => ({ url, stop: async () => undefined }) },
    docker: dockerRedis,
    embedded: startRedis,
  });
}

async function dockerRedis(): Promise<RedisServer> {
  const { GenericContainer } = await import('testcontainers');
  const container = await new GenericContainer('redis:7').withExposedPorts(6379).start();
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => void (await container.stop()),
  };
}

/** Starts redis-server without persistence. Throws {@link ServiceUnavailable} where there is no such binary. */
export async function startRedis(): Promise<RedisServer> {
  if (spawnSync('redis-server', ['--version']).status !== 0)
    throw new ServiceUnavailable('redis-server is not installed');
  const home = await mkdtemp(join(tmpdir(), 'millrace-redis-'));
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', home, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  const endWithUs = () => child.kill('SIGKILL');
  process.on('exit', endWithUs);
  const url = `redis://127.0.0.1:${port}`;
  await untilItAnswers(url, child);
  return {
    url,
    stop: async () => {
      process.off('exit', endWithUs);
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        const killing = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
        await ended;
        clearTimeout(killing);
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + START_DEADLINE_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    const isThere = await client.connect().then(
      () => true,
      () => false,
    );
    client.disconnect();
    if (isThere) return;
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(`redis-server at ${url} did not answer within ${START_DEADLINE_MS} ms`);
}
