/**
 * Jobs through a process that is killed with SIGKILL over and over: topic → BullmqSink → queue → BullmqSource → topic, with
 * the queue's events beside it. Nothing is lost on either backend, events come once; on Postgres no record becomes a job twice.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runMigrations } from 'bullmq';
import kafkajs from 'kafkajs';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { TopicWriter } from '../../cli/kafka/write.ts';
import { openQueue } from '../kit/job-queue.ts';
import { type Millrace, putConnector, startMillrace } from '../kit/millrace.ts';
import { testPostgres } from '../kit/postgres.ts';
import { testRedis } from '../kit/redis.ts';

const { Kafka, logLevel } = kafkajs;
const KILLS = 3;
const MAILS_PER_ROUND = 100;
const DEADLINE_MS = 60_000;

const [postgres, redis] = await Promise.all([testPostgres(), testRedis()]);
after(async () => {
  await postgres.service?.stop();
  await redis.service?.stop();
});

/** A fresh database with BullMQ's tables. */
async function database(): Promise<string> {
  const name = await postgres.service!.createDatabase();
  await runMigrations(await postgres.service!.connect(name), 'bullmq');
  return postgres.service!.url(name);
}

for (const { name, skip, address, isExactlyOnce } of [
  { name: 'Postgres', skip: postgres.skip, address: database, isExactlyOnce: true },
  { name: 'Redis', skip: redis.skip, address: async () => redis.service!.url, isExactlyOnce: false },
]) {
  it(
    `${name}: every record becomes a job and every job a record, though the process is killed in the middle`,
    {
      skip,
      timeout: 240_000,
    },
    async (t) => {
      const keys = { 'bullmq.url': await address(), 'bullmq.prefix': `t${randomBytes(6).toString('hex')}` };
      const queueKeys = { ...keys, 'bullmq.queue': 'mail', 'lock.duration.ms': '1000' };
      await using house = await startMillrace();
      await createTopic(house, 'mail');
      await put(house, 'to-queue', { ...keys, ...sink });
      // BullMQ's tables are there once the sink has made them.
      await write(house, ['first']);
      const queue = await openQueue(t, keys['bullmq.url'], 'mail', keys['bullmq.prefix']);
      await until(house, async () => ((await queue.getJobCounts('waiting')).waiting ?? 0) === 1);
      await put(house, 'from-queue', { ...queueKeys, 'connector.class': 'BullmqSource', topic: 'done' });
      const events = { mode: 'events', events: 'added,completed', topic: 'events' };
      await put(house, 'events', { ...queueKeys, 'connector.class': 'BullmqSource', ...events });

      const mails = ['first'];
      for (let round = 0; round < KILLS; round++) {
        const more = Array.from({ length: MAILS_PER_ROUND }, (_, index) => `mail ${round}/${index}`);
        mails.push(...more);
        await write(house, more);
        // Another moment each time, while records become jobs and jobs records.
        await sleep(Math.random() * 400);
        await house.kill();
        await house.restart();
      }
      await until(house, async () => new Set((await read(house, 'done')).map(textOf)).size >= mails.length);
      assert.deepEqual(new Set((await read(house, 'done')).map(textOf)), new Set(mails));
      const counts = async () => queue.getJobCounts('waiting', 'active', 'completed', 'failed', 'delayed');
      const isDone = async () => Object.values(await counts()).every((count) => count === 0);
      await until(house, isDone);

      const eventsOf = async (event: string) =>
        (await read(house, 'events'))
          .map(({ value }) => JSON.parse(value) as Happening)
          .filter((one) => one.event === event);
      await until(
        house,
        async () => new Set((await eventsOf('completed')).map(({ jobId }) => jobId)).size >= mails.length,
      );
      const ids = (await read(house, 'events')).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'every event is there once');
      const added = (await eventsOf('added')).map(({ jobId }) => jobId);
      assert.equal(new Set(added).size, mails.length);
      if (isExactlyOnce) assert.equal(added.length, mails.length, 'no record became a job twice');
    },
  );
}

/** A job is forgotten as soon as it is done: its id alone would not keep a record from becoming a job twice. */
const sink = { 'connector.class': 'BullmqSink', topics: 'mail', 'job.remove.on.complete.age.s': '0' };

interface Happening {
  readonly event: string;
  readonly jobId: string;
}

function put(house: Millrace, name: string, config: Readonly<Record<string, string>>): Promise<void> {
  const json = { 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'false' };
  return putConnector(house, name, { ...json, 'restart.backoff.ms': '100', ...config });
}

async function createTopic(house: Millrace, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [house.kafka], logLevel: logLevel.NOTHING, connectionTimeout: 60_000 }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
  await admin.disconnect();
}

async function write(house: Millrace, texts: readonly string[]): Promise<void> {
  await withCluster({ brokers: house.kafka }, async (cluster) => {
    const writer = new TopicWriter(cluster, await cluster.topic('mail'), { acks: -1, codec: 'none' });
    for (const text of texts) {
      const value = Buffer.from(JSON.stringify({ text }));
      await writer.write({ key: null, value, headers: [], timestamp: Date.now() }, null);
    }
    await writer.flush();
  });
}

/** A topic's values, with BullMQ's id of the event where they are events. */
async function read(house: Millrace, name: string): Promise<{ value: string; id: string }[]> {
  return withCluster({ brokers: house.kafka }, async (cluster) => {
    if (!(await cluster.topics()).some(({ topic }) => topic === name)) return [];
    const topic = await cluster.topic(name);
    const partitions = topic.partitions.map(({ partition }) => partition);
    const [from, to] = [await cluster.offsetsAt(topic, partitions, -2), await cluster.offsetsAt(topic, partitions, -1)];
    const found: { value: string; id: string }[] = [];
    for await (const records of readTopic(cluster, { topic, from, until: to })) {
      for (const { value, headers } of records) {
        const id = headers.find(({ key }) => key === 'bullmq.event.id')?.value;
        found.push({ value: value!.toString(), id: Buffer.from(id ?? []).toString() });
      }
    }
    return found;
  });
}

const textOf = ({ value }: { value: string }) => (JSON.parse(value) as { text: string }).text;

async function until(house: Millrace, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + DEADLINE_MS; !(await isSo()); await sleep(100)) {
    assert.ok(Date.now() < deadline, `It did not come to that.\n${house.notices()}`);
  }
}
