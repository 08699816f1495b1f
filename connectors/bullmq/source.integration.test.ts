/**
 * The job queue source against real queues: jobs completed only when durable, given back at a stop, and events followed
 * from where they were left.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runMigrations } from 'bullmq';
import pg from 'pg';
import { openQueue } from '../../test/kit/job-queue.ts';
import { testPostgres } from '../../test/kit/postgres.ts';
import { testRedis } from '../../test/kit/redis.ts';
import { examineSource, OffsetStore, SourceRun } from '../acceptance/index.ts';
import { parseConfig, plainValue, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { sourceSettings } from './config.ts';
import { bullmqPlugins } from './plugins.ts';
import { openWorker } from './worker.ts';

const plugin = bullmqPlugins[0] as SourceConnectorPlugin;
const [postgres, redis] = await Promise.all([testPostgres(), testRedis()]);
after(async () => {
  await postgres.service?.stop();
  await redis.service?.stop();
});

async function database(): Promise<string> {
  const url = postgres.service!.url(await postgres.service!.createDatabase());
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await runMigrations(client, 'bullmq');
  await client.end();
  return url;
}

/** Most tests need a queue of their own, not a database: making one takes longer than they do. */
let shared: Promise<string> | undefined;
function sharedDatabase(): Promise<string> {
  shared ??= database();
  return shared;
}

const bodyOf = (record: SourceRecord) => plainValue(record.value) as { text: string };

for (const { name, skip, address } of [
  { name: 'Postgres', skip: postgres.skip, address: sharedDatabase },
  { name: 'Redis', skip: redis.skip, address: async () => redis.service!.url },
]) {
  const prepare = async (t: TestContext, keys: Record<string, string> = {}) => {
    const url = await address();
    const mail = `mail-${randomBytes(6).toString('hex')}`;
    const queue = await openQueue(t, url, mail);
    return { queue, config: { 'bullmq.url': url, 'bullmq.queue': mail, topic: 'jobs', ...keys } };
  };

  examineSource({
    plugin: { ...plugin, class: `BullmqSource of jobs on ${name}` },
    skip,
    lacks: { badInput: 'a job holds JSON', tombstones: 'a job that is removed was never handed over' },
    keepsOrder: false,
    prepare: async (t) => {
      const { queue, config } = await prepare(t);
      const states = ['waiting', 'active', 'completed', 'failed', 'delayed'] as const;
      return {
        config,
        write: async (values) => {
          await queue.addBulk(values.map((text) => ({ name: 'send', data: { text } })));
        },
        read: (record) => bodyOf(record).text,
        snapshot: () => queue.getJobCounts(...states),
      };
    },
  });

  examineSource({
    plugin: { ...plugin, class: `BullmqSource of events on ${name}` },
    skip,
    lacks: { badInput: 'an event is written by BullMQ', tombstones: 'an event is never taken back' },
    prepare: async (t) => {
      const { queue, config } = await prepare(t, { mode: 'events', events: 'progress' });
      const job = await queue.add('send', {});
      return {
        config,
        write: async (values) => {
          for (const text of values) await job.updateProgress({ text });
        },
        read: (record) => (plainValue(record.value) as { data: { text: string } }).data.text,
        snapshot: () => queue.getJobCounts(),
      };
    },
  });

  const until = async (isSo: () => Promise<boolean>) => {
    for (const deadline = Date.now() + 60_000; !(await isSo()); await sleep(20)) assert(Date.now() < deadline);
  };

  test(
    `${name}: a job is completed when its record is durable, with the place of the record as its result`,
    { skip },
    async (t) => {
      const { queue, config } = await prepare(t);
      await queue.addBulk([
        { name: 'send', data: { text: 'a' } },
        { name: 'send', data: { text: 'b' }, opts: { jobId: 'own-id' } },
      ]);
      const run = await SourceRun.start(plugin, config);
      t.after(() => run.stop());
      const records = await run.take(2);
      assert.deepEqual(records.map((record) => bodyOf(record).text).sort(), ['a', 'b']);
      const own = records.find((record) => record.key === 'own-id')!;
      assert.equal(own.headers.find(({ key }) => key === 'bullmq.job.name')?.value, 'send');
      assert.equal((await queue.getJobCounts('active')).active, 2, 'nothing is acknowledged yet');
      await run.commit(records);
      await until(async () => (await queue.getJobCounts('completed')).completed === 2);
      const job = await queue.getJob('own-id');
      assert.equal((job!.returnvalue as { topic: string }).topic, 'jobs');
    },
  );

  test(
    `${name}: jobs that were not durable wait again after a stop, and the next task takes them`,
    { skip },
    async (t) => {
      const { queue, config } = await prepare(t);
      await queue.addBulk(['a', 'b', 'c'].map((text) => ({ name: 'send', data: { text } })));
      const first = await SourceRun.start(plugin, config);
      const records = await first.take(3);
      await first.commit(records.slice(0, 1));
      await first.stop();
      const kept = bodyOf(records[0]!).text;
      const counts = await queue.getJobCounts('active', 'waiting', 'failed', 'completed');
      assert.deepEqual(counts, { active: 0, waiting: 2, failed: 0, completed: 1 });
      const second = await SourceRun.start(plugin, config);
      t.after(() => second.stop());
      const again = await second.take(2);
      const expected = ['a', 'b', 'c'].filter((text) => text !== kept);
      assert.deepEqual(again.map((record) => bodyOf(record).text).sort(), expected);
      await second.commit(again);
    },
  );

  test(
    `${name}: jobs of a task that died come again once their lock is over, and never count as failed`,
    { skip },
    async (t) => {
      const { queue, config } = await prepare(t, { 'lock.duration.ms': '1000' });
      await queue.add('send', { text: 'a' });
      const settings = sourceSettings(parseConfig(plugin.config, config).config);
      const dying = await openWorker(settings, () => new Promise(() => undefined));
      await until(async () => (await queue.getJobCounts('active')).active === 1);
      await dying.close(0);
      const second = await SourceRun.start(plugin, config);
      t.after(() => second.stop());
      const [again] = await second.take(1);
      assert.equal(bodyOf(again!).text, 'a');
      await second.commit([again!]);
      await until(async () => (await queue.getJobCounts('completed')).completed === 1);
    },
  );

  test(`${name}: no more jobs are held than max.in.flight`, { skip }, async (t) => {
    const { queue, config } = await prepare(t, { 'max.in.flight': '2' });
    await queue.addBulk(Array.from({ length: 6 }, (_, i) => ({ name: 'send', data: { text: `${i}` } })));
    const run = await SourceRun.start(plugin, config);
    t.after(() => run.stop());
    const records = await run.take(2);
    await sleep(300);
    assert.deepEqual(await queue.getJobCounts('active', 'waiting'), { active: 2, waiting: 4 });
    await run.commit(records);
    await run.commit(await run.take(2));
  });

  test(`${name}: events are followed from where they were left, by name`, { skip }, async (t) => {
    const { queue, config } = await prepare(t, { mode: 'events', events: 'added' });
    const offsets = new OffsetStore();
    await queue.add('send', { text: 'a' }, { jobId: 'one' });
    const first = await SourceRun.start(plugin, config, { offsets });
    const [added] = await first.take(1);
    assert.equal(added!.key, 'one');
    assert.equal((plainValue(added!.value) as { event: string }).event, 'added');
    await first.commit([added!]);
    await first.stop();
    await queue.add('send', { text: 'b' }, { jobId: 'two' });
    const second = await SourceRun.start(plugin, config, { offsets });
    t.after(() => second.stop());
    const [next] = await second.take(1);
    assert.equal(next!.key, 'two');
    assert.equal(
      next!.headers.some(({ key }) => key === 'bullmq.gap'),
      false,
    );
  });
}

test('Redis: events that were forgotten while nobody read are marked', { skip: redis.skip }, async (t) => {
  const { url } = redis.service!;
  const prefix = `t${randomBytes(6).toString('hex')}`;
  const queue = await openQueue(t, url, 'mail', prefix);
  const config = {
    'bullmq.url': url,
    'bullmq.prefix': prefix,
    'bullmq.queue': 'mail',
    topic: 'jobs',
    mode: 'events',
    events: 'added',
  };
  const offsets = new OffsetStore();
  await queue.add('send', {}, { jobId: 'one' });
  const first = await SourceRun.start(plugin, config, { offsets });
  await first.commit(await first.take(1));
  await first.stop();
  await queue.add('send', {}, { jobId: 'two' });
  await queue.trimEvents(0);
  await queue.add('send', {}, { jobId: 'three' });
  const second = await SourceRun.start(plugin, config, { offsets });
  t.after(() => second.stop());
  const [record] = await second.take(1);
  assert.equal(record!.key, 'three');
  assert.equal(record!.headers.find(({ key }) => key === 'bullmq.gap')?.value, 'true');
});

test(
  'Redis: the mark of a gap waits for the next event that is asked for, behind whatever others come first',
  { skip: redis.skip },
  async (t) => {
    const { url } = redis.service!;
    const prefix = `t${randomBytes(6).toString('hex')}`;
    const queue = await openQueue(t, url, 'mail', prefix);
    const keys = { 'bullmq.url': url, 'bullmq.prefix': prefix, 'bullmq.queue': 'mail', topic: 'jobs' };
    const config = { ...keys, mode: 'events', events: 'progress' };
    const offsets = new OffsetStore();
    const job = await queue.add('send', {});
    await job.updateProgress(1);
    const first = await SourceRun.start(plugin, config, { offsets });
    await first.commit(await first.take(1));
    await first.stop();
    await queue.trimEvents(0);
    await queue.add('send', {});
    const second = await SourceRun.start(plugin, config, { offsets });
    t.after(() => second.stop());
    assert.deepEqual(await second.takeFor(100), []);
    await job.updateProgress(2);
    const [record] = await second.take(1);
    assert.equal(record!.headers.find(({ key }) => key === 'bullmq.gap')?.value, 'true');
  },
);

test('Postgres: a worker that is cut off while it takes jobs comes to its end', { skip: postgres.skip }, async (t) => {
  const url = await sharedDatabase();
  for (let waitMs = 0; waitMs < 20; waitMs++) {
    const mail = `mail-${randomBytes(6).toString('hex')}`;
    const queue = await openQueue(t, url, mail);
    const settings = sourceSettings(
      parseConfig(plugin.config, { 'bullmq.url': url, 'bullmq.queue': mail, topic: 'jobs' }).config,
    );
    const handle = await openWorker(settings, () => new Promise(() => {}));
    void queue.addBulk(Array.from({ length: 5 }, () => ({ name: 'send', data: {} }))).catch(() => {});
    await sleep(waitMs);
    await handle.close(0);
    const isEnded = await Promise.race([handle.worker.close().then(() => true), sleep(30_000, false, { ref: false })]);
    assert.equal(isEnded, true, `closed ${waitMs} ms after jobs came`);
  }
});

test('Postgres: an event whose transaction commits late is not stepped over', { skip: postgres.skip }, async (t) => {
  const url = await database();
  const clients = [0, 1].map(() => new pg.Client({ connectionString: url, options: '-c search_path=bullmq' }));
  for (const client of clients) {
    await client.connect();
    t.after(() => client.end());
  }
  const [slow, fast] = clients as [pg.Client, pg.Client];
  const publish = `SELECT publish_event('mail', 'added', $1::jsonb)`;
  const config = { 'bullmq.url': url, 'bullmq.queue': 'mail', topic: 'jobs', mode: 'events', events: 'all' };
  const run = await SourceRun.start(plugin, config);
  t.after(() => run.stop());
  await slow.query('BEGIN');
  await slow.query(publish, ['{"jobId":"lower id, later commit"}']);
  await fast.query(publish, ['{"jobId":"higher id, earlier commit"}']);
  assert.deepEqual(await run.takeFor(400), []);
  await slow.query('COMMIT');
  const records = await run.take(2);
  assert.deepEqual(
    records.map(({ key }) => key),
    ['lower id, later commit', 'higher id, earlier commit'],
  );
});

test(
  'Postgres: an event of a younger transaction with a lower id is not stepped over either',
  { skip: postgres.skip },
  async (t) => {
    const url = await database();
    const clients = [0, 1].map(() => new pg.Client({ connectionString: url, options: '-c search_path=bullmq' }));
    for (const client of clients) {
      await client.connect();
      t.after(() => client.end());
    }
    const [older, younger] = clients as [pg.Client, pg.Client];
    const publish = `SELECT publish_event('mail', 'added', $1::jsonb)`;
    const config = { 'bullmq.url': url, 'bullmq.queue': 'mail', topic: 'jobs', mode: 'events', events: 'all' };
    const run = await SourceRun.start(plugin, config);
    t.after(() => run.stop());
    await older.query('BEGIN');
    await older.query('SELECT pg_current_xact_id()');
    await younger.query('BEGIN');
    await younger.query(publish, ['{"jobId":"lower id"}']);
    await older.query(publish, ['{"jobId":"higher id"}']);
    await older.query('COMMIT');
    assert.deepEqual(await run.takeFor(400), []);
    await younger.query('COMMIT');
    const records = await run.take(2);
    assert.deepEqual(
      records.map(({ key }) => key),
      ['lower id', 'higher id'],
    );
  },
);
