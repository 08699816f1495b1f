/**
 * The job queue sink against real queues: the examination on Postgres (exactly once) and on Redis, and what is special
 * to jobs.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { runMigrations } from 'bullmq';
import pg from 'pg';
import { openQueue, type TestQueue } from '../../test/kit/job-queue.ts';
import { testPostgres } from '../../test/kit/postgres.ts';
import { testRedis } from '../../test/kit/redis.ts';
import { examineSink, SinkLog, SinkRun } from '../acceptance/index.ts';
import { JsonText, parseConfig, type SinkConnectorPlugin } from '../api/index.ts';
import { bullmqPlugins } from './plugins.ts';

const plugin = bullmqPlugins[1] as SinkConnectorPlugin;
const [postgres, redis] = await Promise.all([testPostgres(), testRedis()]);
after(async () => {
  await postgres.service?.stop();
  await redis.service?.stop();
});

const prefix = () => `t${randomBytes(6).toString('hex')}`;
const part = { topic: 'mail', partition: 0 };

/** A fresh database with BullMQ's tables. */
async function database(): Promise<string> {
  const url = postgres.service!.url(await postgres.service!.createDatabase());
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await runMigrations(client, 'bullmq');
  await client.end();
  return url;
}

/** The texts of all jobs of a queue, in the order in which they would run. */
async function textsOf(queue: TestQueue): Promise<string[]> {
  const jobs = await queue.getJobs(['waiting'], 0, 10_000, true);
  return jobs.map(({ data }) => (data as { text: string }).text);
}

const record = (text: string) => ({ value: { text }, schema: null, key: text });
const bad = () => ({ value: new JsonText(Buffer.from('{cut off')), schema: null });

examineSink({
  plugin: { ...plugin, class: 'BullmqSink on Postgres' },
  skip: postgres.skip,
  exactlyOnce: true,
  prepare: async (t) => {
    const url = await database();
    const queue = await openQueue(t, url, 'acceptance');
    return { config: { 'bullmq.url': url }, record, bad, read: () => textsOf(queue), snapshot: () => textsOf(queue) };
  },
});

examineSink({
  plugin: { ...plugin, class: 'BullmqSink on Redis' },
  skip: redis.skip,
  exactlyOnce: true,
  prepare: async (t) => {
    const { url } = redis.service!;
    const keys = { 'bullmq.url': url, 'bullmq.prefix': prefix() };
    const queue = await openQueue(t, url, 'acceptance', keys['bullmq.prefix']);
    return { config: keys, record, bad, read: () => textsOf(queue), snapshot: () => textsOf(queue) };
  },
});

for (const { name, skip, url } of [
  { name: 'Postgres', skip: postgres.skip, url: database },
  { name: 'Redis', skip: redis.skip, url: async () => redis.service!.url },
]) {
  const begin = async (t: TestContext, keys: Record<string, string>, log: SinkLog) => {
    const address = await url();
    const space = prefix();
    const queue = await openQueue(t, address, 'mail', space);
    const config = { 'bullmq.url': address, 'bullmq.prefix': space, ...keys };
    const run = await SinkRun.start(plugin, config, log, [part]);
    return { queue, run };
  };

  test(`${name}: a tombstone takes back the job of its key, and the order of the log is kept`, { skip }, async (t) => {
    const log = new SinkLog();
    log.append('mail', 0, { text: 'first' }, null, 'ann');
    log.append('mail', 0, { text: 'stays' }, null, 'bob');
    log.append('mail', 0, null, null, 'ann');
    log.append('mail', 0, { text: 'second' }, null, 'ann');
    const { queue, run } = await begin(t, { 'job.id': '{key}' }, log);
    await run.put();
    await run.stop();
    assert.deepEqual((await textsOf(queue)).sort(), ['second', 'stays']);
  });

  test(`${name}: delay, priority, attempts, backoff and deduplication reach the job`, { skip }, async (t) => {
    const log = new SinkLog();
    log.append('mail', 0, { text: 'a', who: 'ann', p: 4 }, null, 'ann');
    log.append('mail', 0, { text: 'b', who: 'ann', p: 4 }, null, 'ann');
    const { queue, run } = await begin(
      t,
      {
        'job.name': 'send',
        'job.delay.ms': '60000',
        'job.priority': '{value:/p}',
        'job.attempts': '3',
        'job.deduplication.id': '{value:/who}',
        'job.deduplication.replace': 'true',
      },
      log,
    );
    await run.put();
    await run.stop();
    const jobs = await queue.getJobs(['delayed']);
    assert.deepEqual(
      jobs.map(({ name, data }) => [name, (data as { text: string }).text]),
      [['send', 'b']],
      'the later record has replaced the one that waited',
    );
    const { opts } = jobs[0]!;
    assert.deepEqual([opts.delay, opts.priority, opts.attempts], [60_000, 4, 3]);
    assert.deepEqual(opts.backoff, { type: 'exponential', delay: 1000, jitter: 0 });
  });
}

test('Postgres: jobs and offsets are there together, or neither is', { skip: postgres.skip }, async (t) => {
  const url = await database();
  const queue = await openQueue(t, url, 'mail');
  const log = new SinkLog();
  for (let i = 0; i < 5; i++) log.append('mail', 0, { text: `t${i}` }, null, 'k');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  await client.query(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.data->>'text' = 't3' THEN RAISE EXCEPTION 'no such job'; END IF; RETURN NEW; END $$`);
  await client.query('CREATE TRIGGER refuse BEFORE INSERT ON bullmq.job FOR EACH ROW EXECUTE FUNCTION public.refuse()');
  const run = await SinkRun.start(plugin, { 'bullmq.url': url }, log, [part]);
  await assert.rejects(run.put(), /no such job/);
  assert.deepEqual(await textsOf(queue), []);
  const next = () => client.query('SELECT next_offset FROM public.millrace_bullmq_offsets');
  assert.equal((await next()).rows[0].next_offset, null);
  await client.query('DROP TRIGGER refuse ON bullmq.job');
  await run.kill();
  const again = await SinkRun.start(plugin, { 'bullmq.url': url }, log, [part]);
  await again.put();
  await again.stop();
  assert.deepEqual(await textsOf(queue), ['t0', 't1', 't2', 't3', 't4']);
  assert.equal((await next()).rows[0].next_offset, '5');
});

test(
  'Postgres: without BullMQ tables check says what to do, and bullmq.migrate does it',
  { skip: postgres.skip },
  async (t) => {
    const url = postgres.service!.url(await postgres.service!.createDatabase());
    const connector = await plugin.create();
    const check = (keys: Record<string, string>) =>
      connector.check!(parseConfig(plugin.config, { 'bullmq.url': url, ...keys }).config);
    const [problem] = await check({});
    assert.equal(problem?.key, 'bullmq.migrate');
    assert.match(problem.message, /Set "bullmq.migrate" to true/);
    assert.deepEqual(await check({ 'bullmq.migrate': 'true' }), []);
    const log = new SinkLog();
    log.append('mail', 0, { text: 'a' }, null, 'k');
    const run = await SinkRun.start(plugin, { 'bullmq.url': url, 'bullmq.migrate': 'true' }, log, [part]);
    await run.put();
    await run.stop();
    assert.deepEqual(await textsOf(await openQueue(t, url, 'mail')), ['a']);
  },
);

test('A queue that is away is said so, and is tried again', async () => {
  for (const url of ['redis://127.0.0.1:1', 'postgres://x:secret@127.0.0.1:1/y']) {
    const connector = await plugin.create();
    const [problem] = await connector.check!(parseConfig(plugin.config, { 'bullmq.url': url }).config);
    assert.match(problem!.message, /does not answer/);
    assert.doesNotMatch(problem!.message, /secret/);
    const log = new SinkLog();
    log.append('mail', 0, { text: 'a' }, null, 'k');
    const run = await SinkRun.start(plugin, { 'bullmq.url': url }, log, [part]);
    await assert.rejects(run.put(), { code: 'BULLMQ_UNREACHABLE', retriable: true });
    await run.stop();
  }
});
