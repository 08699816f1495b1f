/**
 * Tables that are captured later than others: named in a config that was changed, made while the source was stopped, published by
 * somebody else. Their rows from before are read too, each once, and a table that cannot be taken stops nobody.
 */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, plainValue, type SourceRecord } from '../../../api/index.ts';
import { materialise, type RunningSource, startSource, stopAll } from '../source-harness.ts';

const server = await startPostgres();
afterEach(stopAll);
after(() => server.stop());

const database = (sql: string, keys: Readonly<Record<string, string>> = {}) => sourceDatabase(server, sql, keys);

/** Keeps what is said, with the members that say of which table. */
function listener() {
  const said: string[] = [];
  const hear = (fields: object | string, message?: string) =>
    void said.push(`${message ?? fields} ${JSON.stringify(typeof fields === 'string' ? {} : fields)}`);
  return { said, logger: { debug() {}, info: hear, warn: hear, error: hear } as unknown as Logger };
}

const idOf = ({ key }: SourceRecord) => (plainValue(key) as { id: number }).id;

/** Reads on until a change made now has come, and no chunk is under way. */
async function drained(source: RunningSource, change: () => Promise<unknown>, id: number): Promise<void> {
  await change();
  await source.untilRecord((record) => idOf(record) === id);
  await source.until(() => source.gauge('incremental_snapshot_running') === 0);
}

const rowsOf = (source: RunningSource, table: string) =>
  [...materialise(source.records)].filter(([key]) => key.startsWith(`shop.public.${table} `)).map(([, row]) => row);

describe('tables that are captured later', () => {
  test('a table that a changed config names is read whole, once, and not again after the next start', async () => {
    const { client, config } = await database(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1), (2)',
      { 'table.include.list': 'public.a' },
    );
    const first = await startSource({ config });
    await drained(first, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await first.stop();
    await client.query('INSERT INTO b VALUES (3)');

    const wider = { ...config, 'table.include.list': 'public.a,public.b' };
    const second = await startSource({ config: wider, offset: first.offset() });
    await drained(second, () => client.query('INSERT INTO b VALUES (51)'), 51);
    assert.deepEqual(
      rowsOf(second, 'b')
        .map(({ id }) => id)
        .sort(),
      [1, 2, 3, 51],
    );
    assert.equal(rowsOf(second, 'a').length, 0, 'what was captured before is not read again');
    await second.stop();

    const third = await startSource({ config: wider, offset: second.offset() });
    await drained(third, () => client.query('INSERT INTO b VALUES (52)'), 52);
    assert.equal(third.records.length, 1);
  });

  test('a table that was taken out of the list and put back is read whole, because changes in between nobody kept', async () => {
    const { client, config } = await database(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, v int); INSERT INTO b VALUES (1, 1), (2, 2)',
    );
    const both = await startSource({ config });
    await drained(both, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await both.stop();
    const narrow = await startSource({
      config: { ...config, 'table.include.list': 'public.a' },
      offset: both.offset(),
    });
    await client.query('UPDATE b SET v = 9');
    await drained(narrow, () => client.query('INSERT INTO a VALUES (51)'), 51);
    await narrow.stop();
    const again = await startSource({ config, offset: narrow.offset() });
    await drained(again, () => client.query('INSERT INTO a VALUES (52)'), 52);
    assert.deepEqual(
      rowsOf(again, 'b').map(({ v }) => v),
      [9, 9],
    );
  });

  test('a table that is made while a snapshot is read, or while nobody reads, is read too', async () => {
    const { client, config } = await database(
      'CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 20)',
      { 'max.batch.size': '5', 'max.queue.size': '10' },
    );
    const first = await startSource({ config });
    await first.poll();
    await client.query('CREATE TABLE made (id int PRIMARY KEY); INSERT INTO made VALUES (1)');
    await first.untilRecord(({ topic }) => topic === 'shop.public.made');
    await first.stop();
    await client.query('CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)');
    const second = await startSource({ config, offset: first.offset() });
    await drained(second, () => client.query('INSERT INTO late VALUES (50)'), 50);
    assert.deepEqual(
      rowsOf(second, 'late')
        .map(({ id }) => id)
        .sort(),
      [1, 50],
    );
  });

  test('a table that was dropped and made again while nobody read is another one, and is read', async () => {
    const { client, config } = await database('CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)');
    const first = await startSource({ config });
    await drained(first, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await first.stop();
    await client.query('DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (2)');
    const second = await startSource({ config, offset: first.offset() });
    await second.untilRecord((record) => idOf(record) === 2);
  });

  test('a table that somebody adds to a publication of his own is read whole', async () => {
    const { client, config } = await database(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1); CREATE PUBLICATION own FOR TABLE a',
      { 'publication.name': 'own', 'publication.autocreate.mode': 'disabled', 'table.discovery.interval.ms': '50' },
    );
    const source = await startSource({ config });
    for (let turn = 0; turn < 2; turn++) await source.poll();
    await client.query('ALTER PUBLICATION own ADD TABLE b');
    await source.untilRecord((record) => record.topic === 'shop.public.b' && idOf(record) === 1);
  });

  test('in a publication of all tables one that is made meanwhile is whole in the stream, and one that is renamed into the filter is read', async () => {
    const { client, config } = await database(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other VALUES (7)',
      {
        'publication.autocreate.mode': 'all_tables',
        'table.discovery.interval.ms': '50',
        'table.exclude.list': 'public.other',
      },
    );
    const source = await startSource({ config });
    await drained(source, () => client.query('INSERT INTO a VALUES (49)'), 49);
    // The first came with the snapshot, and this one shows that the stream is read.
    await drained(source, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await client.query('CREATE TABLE made (id int PRIMARY KEY); INSERT INTO made VALUES (1)');
    await source.untilRecord(({ topic }) => topic === 'shop.public.made');
    await client.query('ALTER TABLE other RENAME TO mine');
    await source.untilRecord((record) => record.topic === 'shop.public.mine' && idOf(record) === 7);
    await drained(source, () => client.query('INSERT INTO a VALUES (51)'), 51);
    assert.equal(source.records.filter(({ topic }) => topic === 'shop.public.made').length, 1);
  });

  test('a crash between publishing a table and keeping that in the offset loses nothing of it', async () => {
    const { client, config } = await database('CREATE TABLE a (id int PRIMARY KEY)');
    let isStored = true;
    const keys = { ...config, 'table.discovery.interval.ms': '50' };
    const first = await startSource({ config: keys, storesOffset: () => isStored });
    await drained(first, () => client.query('INSERT INTO a VALUES (50)'), 50);
    isStored = false;
    await client.query('CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)');
    await first.until(() => first.gauge('incremental_snapshot_running') === 1);
    await first.stop();
    const second = await startSource({ config: keys, offset: first.offset() });
    await second.untilRecord((record) => record.topic === 'shop.public.late' && idOf(record) === 1);
  });

  test('a table without a key that appears later is left out with a warning, at the next start too', async () => {
    const { client, config } = await database('CREATE TABLE a (id int PRIMARY KEY)', {
      'table.discovery.interval.ms': '50',
    });
    const { said, logger } = listener();
    const first = await startSource({ config, logger });
    for (let turn = 0; turn < 2; turn++) await first.poll();
    await client.query('CREATE TABLE unfit (id int); INSERT INTO unfit VALUES (1)');
    await first.until(() => said.some((line) => line.includes('public.unfit')));
    await drained(first, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await first.stop();
    assert.equal(said.filter((line) => /public\.unfit .*REPLICA IDENTITY FULL/.test(line)).length, 1, said.join('\n'));

    const second = await startSource({ config, offset: first.offset(), logger });
    await drained(second, () => client.query('UPDATE unfit SET id = 2; INSERT INTO a VALUES (51)'), 51);
    assert.equal(said.filter((line) => line.includes('public.unfit')).length, 2, 'once a start');
  });

  test('a table of another owner that appears later is left out with a warning, and nothing stops', async () => {
    const { client, config } = await database('CREATE TABLE a (id int PRIMARY KEY)');
    const user = config['database.dbname']!;
    await client.query(
      `CREATE ROLE ${user} LOGIN REPLICATION PASSWORD 'p'; ALTER TABLE a OWNER TO ${user}; GRANT CREATE ON DATABASE ${user} TO ${user}`,
    );
    const { said, logger } = listener();
    const own = { ...config, 'database.user': user, 'database.password': 'p', 'table.discovery.interval.ms': '50' };
    const first = await startSource({ config: own, logger });
    for (let turn = 0; turn < 2; turn++) await first.poll();
    await client.query('CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others VALUES (1)');
    await first.until(() => said.some((line) => line.includes('public.others')));
    await drained(first, () => client.query('INSERT INTO a VALUES (50)'), 50);
    await first.stop();
    const second = await startSource({ config: own, offset: first.offset(), logger });
    await drained(second, () => client.query('INSERT INTO a VALUES (51)'), 51);
  });
});
