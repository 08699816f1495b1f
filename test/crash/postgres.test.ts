/**
 * Change capture from Postgres, the whole process killed with SIGKILL while rows are written: whoever reads committed data
 * sees every change of the stream once, in the order of its commit. (A snapshot that is killed reads its table again.)
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { withCluster } from '../../cli/kafka/cluster.ts';
import { readTopic } from '../../cli/kafka/read.ts';
import { putConnector, startMillrace } from '../kit/millrace.ts';
import { sourceAddress, testPostgres } from '../kit/postgres.ts';

const { service: postgres, skip } = await testPostgres();
after(() => postgres?.stop());
const KILLS = 3;
const ROWS_PER_ROUND = 400;
const TOPIC = 'shop.public.orders';
const DEADLINE_MS = 40_000;

it(
  'every change of the stream arrives once, in order, though the process is killed in the middle',
  {
    skip,
    timeout: 240_000,
  },
  async () => {
    const database = await postgres!.createDatabase();
    const client = await postgres!.connect(database);
    await client.query('CREATE TABLE orders (id int PRIMARY KEY)');
    await using house = await startMillrace();
    const config = {
      'connector.class': 'PostgresSource',
      ...sourceAddress(postgres!, database),
      'topic.prefix': 'shop',
      'table.include.list': 'public.orders',
      'exactly.once.support': 'required',
      'restart.backoff.ms': '100',
    };
    await putConnector(house, 'pg', config);
    await client.query('INSERT INTO orders VALUES (0)');
    await arrived(house.kafka, 1, () => house.notices());
    let next = 1;
    for (let kill = 0; kill < KILLS; kill++) {
      const end = next + ROWS_PER_ROUND;
      const writing = (async () => {
        for (; next < end; next += 10) {
          // Several changes at one commit, so that a kill comes in the middle of a transaction of theirs too.
          await client.query('INSERT INTO orders SELECT generate_series($1::int, $2::int)', [next, next + 9]);
        }
      })();
      await sleep(50 + Math.random() * 150);
      await house.kill();
      await writing;
      await house.restart();
    }
    const seen = await arrived(house.kafka, next, () => house.notices());
    await sleep(300);
    assert.equal((await committedIds(house.kafka)).length, seen.length, 'nothing comes after');
    assert.deepEqual(
      seen,
      Array.from({ length: next }, (_, id) => id),
    );
  },
);

/** Waits until that many different rows have arrived; answers all, in the order of the log. */
async function arrived(brokers: string, count: number, notices: () => string): Promise<number[]> {
  for (const deadline = Date.now() + DEADLINE_MS; ; await sleep(100)) {
    const ids = await committedIds(brokers).catch(() => []);
    if (new Set(ids).size >= count) return ids;
    assert.ok(Date.now() < deadline, `${new Set(ids).size} of ${count} rows arrived.\n${notices()}`);
  }
}

async function committedIds(brokers: string): Promise<number[]> {
  const ids: number[] = [];
  await withCluster({ brokers }, async (cluster) => {
    const topic = await cluster.topic(TOPIC);
    const from = await cluster.offsetsAt(topic, [0], -2);
    const until = await cluster.offsetsAt(topic, [0], -1);
    for await (const records of readTopic(cluster, { topic, from, until })) {
      for (const { value } of records) {
        const change = JSON.parse(value!.toString()) as { after: { id: number } };
        ids.push(change.after.id);
      }
    }
  });
  return ids;
}
