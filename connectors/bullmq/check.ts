/**
 * Looks whether the queue can be used, without changing anything: connects, asks, disconnects.
 */
import type { ConfigProblem } from '../api/index.ts';
import { messageOf } from './errors.ts';
import { isPostgres, placeOfUrl } from './job-store.ts';

/** BullMQ's scripts need Redis 6.2; below, jobs fail one by one. */
const REDIS_VERSION_MIN = [6, 2] as const;

/** The problems of an address, each with its fix. `migrate`: missing tables will be made at the start. */
export async function checkQueue(url: string, migrate: boolean): Promise<readonly ConfigProblem[]> {
  try {
    return isPostgres(url) ? await checkPostgres(url, migrate) : await checkRedis(url);
  } catch (error) {
    const message = `The job queue at ${placeOfUrl(url)} does not answer: ${messageOf(error)}. Start it, or correct the address, user and password in "bullmq.url".`;
    return [{ key: 'bullmq.url', value: '[hidden]', message }];
  }
}

async function checkPostgres(url: string, migrate: boolean): Promise<ConfigProblem[]> {
  const [{ assertSchemaCompatibility }, { BULLMQ_SCHEMA, postgresClient }] = await Promise.all([
    import('bullmq'),
    import('./postgres-jobs.ts'),
  ]);
  const client = postgresClient(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    if (migrate) return [];
    await assertSchemaCompatibility(client, BULLMQ_SCHEMA);
    return [];
  } catch (error) {
    const message = `The database at ${placeOfUrl(url)} lacks BullMQ's tables: ${messageOf(error)}. Set "bullmq.migrate" to true, or run BullMQ's migrations yourself.`;
    return [{ key: 'bullmq.migrate', value: String(migrate), message }];
  } finally {
    await client.end();
  }
}

async function checkRedis(url: string): Promise<ConfigProblem[]> {
  const { redisClient } = await import('./redis-jobs.ts');
  const client = redisClient(url);
  try {
    await client.connect();
    const info = await client.info();
    return [...versionProblem(info), ...evictionProblem(info)];
  } finally {
    client.disconnect();
  }
}

function versionProblem(info: string): ConfigProblem[] {
  const version = /^redis_version:(.+)$/m.exec(info)?.[1]?.trim() ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < REDIS_VERSION_MIN[0] || (major === REDIS_VERSION_MIN[0] && minor < REDIS_VERSION_MIN[1]);
  if (version === '' || !isOld) return [];
  const message = `This Redis is version ${version}; BullMQ needs ${REDIS_VERSION_MIN.join('.')} or later.`;
  return [{ key: 'bullmq.url', value: '[hidden]', message }];
}

/** A Redis that evicts keys loses jobs when its memory is full. */
function evictionProblem(info: string): ConfigProblem[] {
  const policy = /^maxmemory_policy:(.+)$/m.exec(info)?.[1]?.trim() ?? 'noeviction';
  if (policy === 'noeviction') return [];
  const message = `This Redis may evict jobs (maxmemory-policy is ${policy}). Run: CONFIG SET maxmemory-policy noeviction`;
  return [{ key: 'bullmq.url', value: '[hidden]', message }];
}
