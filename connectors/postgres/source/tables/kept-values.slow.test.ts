/**
 * Large values that Postgres does not send, filled from the log, against a real server: the same changes are made to a table and to
 * its twin with full replica identity, of which Postgres sends everything; both must tell the same.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { assertSameRows } from '../../../../test/kit/same-rows.ts';
import { plainValue, type SourceOffset, type SourceRecord } from '../../../api/index.ts';
import { envelope, materialise, type RunningSource, startSource, stopAll, TestMemory } from '../source-harness.ts';

const PLACEHOLDER = '__debezium_unavailable_value';
const TABLE = `(id int, part text, v int, big text, doc jsonb, raw bytea, list int8[], words text[], n numeric, PRIMARY KEY (id, part));`;
const COLUMNS = ['big', 'doc', 'raw', 'list', 'words', 'n'];

/** Where values that were not sent came from. */
function unsent({ figures }: RunningSource): Record<string, number> {
  return Object.fromEntries([...figures].filter(([figure]) => figure.startsWith('unsent_')));
}

/** A generator of whole numbers below `max`: the same for the same seed (mulberry32). */
function generator(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % max;
  };
}

/** A value for a column as SQL: large, small or null. */
function columnValue(column: string, random: (max: number) => number): string {
  const size = [0, 3, 30, 700, 3000, 9000][random(6)]!;
  const letter = String.fromCharCode(97 + random(26));
  if (random(10) === 0) return 'NULL';
  switch (column) {
    case 'doc':
      return `jsonb_build_object('k', repeat('${letter}', ${size}), 'n', ${random(9)})`;
    case 'raw':
      return `decode(repeat('${random(10)}a', ${size}), 'hex')`;
    case 'list':
      return `array_fill(${random(9)}::int8, ARRAY[${Math.ceil(size / 8)}])`;
    case 'words':
      return `array_fill('${letter}"\\, '::text, ARRAY[${Math.ceil(size / 9)}])`;
    case 'n':
      return `(repeat('${1 + random(9)}', ${size % 5000}) || '7')::numeric`;
    default:
      return `repeat('${letter}é', ${size})`;
  }
}

/** A statement for the table `T` and its twin; ids are few, so that rows meet many changes. */
function statement(random: (max: number) => number, ids: number): string {
  const id = random(ids);
  const where = `WHERE id = ${id} AND part = 'p'`;
  const column = COLUMNS[random(COLUMNS.length)]!;
  const roll = random(100);
  if (roll < 15) {
    const values = COLUMNS.map((name) => columnValue(name, random)).join(', ');
    return `INSERT INTO T VALUES (${id}, 'p', 0, ${values}) ON CONFLICT (id, part) DO UPDATE SET v = -1`;
  }
  if (roll < 60) return `UPDATE T SET v = v + 1 ${where}`;
  if (roll < 85) return `UPDATE T SET ${column} = ${columnValue(column, random)} ${where}`;
  if (roll < 90)
    return `UPDATE T SET id = ${ids + random(ids)} ${where} AND NOT EXISTS (SELECT FROM T WHERE id >= ${ids})`;
  if (roll < 93) return `UPDATE T SET id = ${id}, v = 0 WHERE id >= ${ids} AND NOT EXISTS (SELECT FROM T ${where})`;
  if (roll < 99) return `DELETE FROM T ${where}`;
  return 'TRUNCATE T';
}

describe('large values that Postgres does not send', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  const database = (sql: string) =>
    sourceDatabase(server, sql, { 'status.update.interval.ms': '50', 'table.discovery.interval.ms': '0' });

  const twins = () =>
    database(
      `CREATE TABLE t ${TABLE} CREATE TABLE twin ${TABLE} ALTER TABLE twin REPLICA IDENTITY FULL;
       ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL; CREATE TABLE done (id int PRIMARY KEY)`,
    );

  /** Makes changes in transactions of a few, each to both tables alike. */
  async function change(client: Client, seed: number, count: number, ids: number): Promise<void> {
    const random = generator(seed);
    for (let made = 0; made < count; ) {
      const size = 1 + random(5);
      const statements = Array.from({ length: size }, () => statement(random, ids));
      const both = statements.flatMap((sql) => [sql.replaceAll(/\bT\b/g, 't'), sql.replaceAll(/\bT\b/g, 'twin')]);
      await client.query(`BEGIN; ${both.join('; ')}; ${random(20) === 0 ? 'ROLLBACK' : 'COMMIT'}`);
      made += size;
    }
  }

  const isOf = (table: string) => (record: SourceRecord) => record.topic === `shop.public.${table}`;
  const events = (records: readonly SourceRecord[], table: string) =>
    records.filter(isOf(table)).map((record) => {
      const { op, after: row } = record.value === null ? { op: 'tombstone', after: null } : envelope(record);
      return { key: plainValue(record.key), op, row };
    });
  /** What a consumer has in the end; a truncate event leaves nothing of what came before. */
  const rows = (records: readonly SourceRecord[], table: string) => {
    const own = records.filter(isOf(table));
    const truncated = own.findLastIndex((record) => record.value !== null && envelope(record).op === 't');
    const left = materialise(own.slice(truncated + 1));
    return new Map([...left].map(([key, row]) => [key.replace(/^\S+ /, ''), row]));
  };

  async function untilDone(source: RunningSource, client: Client, id: number): Promise<void> {
    await client.query('INSERT INTO done VALUES ($1)', [id]);
    await source.untilRecord((record) => isOf('done')(record) && (plainValue(record.key) as { id: number }).id === id);
  }

  const assertNoPlaceholder = (records: readonly SourceRecord[]) => {
    for (const { row } of events(records, 't')) assert.ok(!JSON.stringify(row).includes(PLACEHOLDER));
  };

  test('every event of a table tells what its twin with full identity tells, value for value, though the table is far ahead', async () => {
    const { client, config } = await twins();
    const memory = new TestMemory();
    await change(client, 1, 60, 8); // What the snapshot finds.
    const source = await startSource({ config: { ...config, 'skipped.operations': 'none' }, memory });
    await untilDone(source, client, 1);
    await untilDone(source, client, 2); // In the stream, if the first was still in the snapshot.
    // Nothing is polled meanwhile, so what the table holds is of the end of it all.
    await change(client, 2, 1500, 8);
    await untilDone(source, client, 3);
    const streamed = (table: string) => events(source.records, table).filter(({ op }) => op !== 'r');
    assert.ok(streamed('t').length > 300);
    assert.deepEqual(streamed('t'), streamed('twin'));
    assert.ok(!JSON.stringify(streamed('t')).includes(PLACEHOLDER));
    assert.ok(source.figures.get('unsent_from_log')! > 300, 'the twin was not needed');
    assert.equal(source.figures.get('unsent_from_table'), undefined);
    assert.equal(source.figures.get('unsent_unavailable'), undefined);
    await source.stop();
  });

  const rowsOf = (records: readonly SourceRecord[]) =>
    records.map((record) => envelope(record).after).filter((row) => row !== null);
  const big = (letter: string) => `repeat('${letter}', 9000)`;
  const oneTable = async (more = '') => {
    const made = await database(
      `CREATE TABLE t (id int PRIMARY KEY, v int, big text); ALTER TABLE t ALTER big SET STORAGE EXTERNAL; ${more}`,
    );
    return { ...made, config: { ...made.config, 'snapshot.mode': 'no_data' } };
  };

  test('what the log does not know the table is asked for, once; what it is then asked for the log knows', async () => {
    const { client, config } = await oneTable(`INSERT INTO t VALUES (1, 1, ${big('a')})`);
    const memory = new TestMemory();
    const source = await startSource({ config, memory });
    await source.poll();
    await client.query('UPDATE t SET v = 2');
    await source.until(({ length }) => length === 1);
    await client.query('UPDATE t SET v = 3');
    await source.until(({ length }) => length === 2);
    assert.deepEqual(
      rowsOf(source.records).map((row) => String(row.big).length),
      [9000, 9000],
    );
    assert.deepEqual(unsent(source), { unsent_from_table: 1, unsent_from_log: 1 });
    await source.stop();
    const offset = JSON.parse(JSON.stringify(source.offset())) as SourceOffset;
    const second = await startSource({ config, memory, offset });
    await client.query('UPDATE t SET v = 4');
    await second.until(({ length }) => length === 1);
    assert.equal(rowsOf(second.records)[0]!.big, 'a'.repeat(9000));
    assert.deepEqual(unsent(second), { unsent_from_log: 1 });
    await second.stop();
  });

  for (const [lookup, expected] of Object.entries({
    table: 'b'.repeat(9000),
    none: PLACEHOLDER,
    false: PLACEHOLDER,
    true: 'a'.repeat(9000),
  })) {
    test(`unavailable.value.lookup=${lookup}`, async () => {
      const { client, config } = await oneTable();
      const memory = new TestMemory();
      const source = await startSource({ config: { ...config, 'unavailable.value.lookup': lookup }, memory });
      await source.poll();
      await client.query(
        `INSERT INTO t VALUES (1, 1, ${big('a')}); UPDATE t SET v = 2; UPDATE t SET big = ${big('b')}`,
      );
      await source.until(({ length }) => length === 3);
      assert.deepEqual(
        rowsOf(source.records).map((row) => row.big),
        ['a'.repeat(9000), expected, 'b'.repeat(9000)],
      );
      assert.equal(memory.records.length, lookup === 'true' ? 2 : 0);
      await source.stop();
    });
  }

  test('nothing that was kept is believed once changes may have been missed: another slot, another list of tables', async () => {
    const { client, config } = await oneTable('CREATE TABLE other (id int PRIMARY KEY)');
    const memory = new TestMemory();
    const first = await startSource({ config, memory });
    await first.poll();
    await client.query(`INSERT INTO t VALUES (1, 1, ${big('a')})`);
    await first.until(({ length }) => length === 1);
    await first.stop();
    const offset = JSON.parse(JSON.stringify(first.offset())) as SourceOffset;
    // Captured by nobody.
    const away = await startSource({ config: { ...config, 'table.include.list': 'public.other' }, memory, offset });
    await client.query(`UPDATE t SET big = ${big('b')}; INSERT INTO other VALUES (1)`);
    await away.until(({ length }) => length === 1);
    await away.stop();
    const later = JSON.parse(JSON.stringify(away.offset())) as SourceOffset;
    const again = await startSource({ config, memory, offset: later });
    await client.query('UPDATE t SET v = 2');
    await again.until(({ length }) => length === 1);
    assert.equal(rowsOf(again.records)[0]!.big, 'b'.repeat(9000));
    assert.equal(again.figures.get('unsent_from_table'), 1);
    await again.stop();
  });

  test('a row that moved to another key takes its own value along, where a snapshot behind the slot has seen the next row under the old one', async () => {
    const { client, config } = await oneTable();
    await client.query(`INSERT INTO t VALUES (1, 1, ${big('a')})`);
    const first = await startSource({ config, memory: new TestMemory() });
    await first.poll(); // The slot is there.
    await first.stop();
    await client.query('UPDATE t SET v = 2');
    await client.query('UPDATE t SET id = 100');
    await client.query('UPDATE t SET v = 3');
    await client.query(`INSERT INTO t VALUES (1, 1, ${big('b')})`);
    const late = { ...config, 'snapshot.mode': 'initial' };
    const source = await startSource({ config: late, memory: new TestMemory() });
    await source.until((records) => records.filter((record) => record.value !== null).length >= 7);
    const left = [...materialise(source.records).values()].map((row) => JSON.stringify(row).match(/"(a|b)+"/)?.[1]);
    assert.deepEqual(left.toSorted(), ['a', 'b']);
    await source.stop();
  });

  test('what is masked or left out is not kept, and a masked value that was not sent is masked all the same', async () => {
    const { client, config } = await oneTable(
      'ALTER TABLE t ADD secret text, ADD hidden text; ALTER TABLE t ALTER secret SET STORAGE EXTERNAL',
    );
    const memory = new TestMemory();
    const settings = {
      ...config,
      'column.mask.with.3.chars': 'public.t.secret',
      'column.exclude.list': 'public.t.hidden',
    };
    const source = await startSource({ config: settings, memory });
    await source.poll();
    await client.query(`INSERT INTO t VALUES (1, 1, ${big('a')}, ${big('s')}, ${big('h')}); UPDATE t SET v = 2`);
    await source.until(({ length }) => length === 2);
    assert.deepEqual(rowsOf(source.records)[1], { id: 1, v: 2, big: 'a'.repeat(9000), secret: '***' });
    const kept = memory.records.map((record) => Buffer.from(record!.value!).toString()).join();
    assert.ok(kept.includes('aaaa') && !kept.includes('ssss') && !kept.includes('hhhh'));
    await source.stop();
  });

  test('rows that are small are not kept; one that is deleted, or grows small again, is forgotten', async () => {
    const { client, config } = await oneTable("INSERT INTO t SELECT i, i, 'small' FROM generate_series(1, 100) i");
    const memory = new TestMemory();
    const source = await startSource({ config: { ...config, 'snapshot.mode': 'initial' }, memory });
    await source.until(({ length }) => length === 100);
    await client.query(
      `UPDATE t SET v = 0; DELETE FROM t WHERE id > 90; INSERT INTO t VALUES (101, 1, ${big('a')}), (102, 1, ${big('b')})`,
    );
    await client.query("UPDATE t SET big = 'small' WHERE id = 101; DELETE FROM t WHERE id = 102");
    await source.until((records) =>
      records.some(({ value, key }) => value === null && (plainValue(key) as { id: number }).id === 102),
    );
    assert.deepEqual(
      memory.records.map((record) => record!.value?.length ?? null).map((length) => length && length > 9000),
      [true, true, null, null],
    );
    await source.stop();
  });

  test('a row that a filter of the publication lets in again comes as an insert without its large value: the table has it', async (t) => {
    const { client, config } = await oneTable(
      'ALTER TABLE t ALTER v SET NOT NULL; CREATE UNIQUE INDEX t_id_v ON t (id, v); ALTER TABLE t REPLICA IDENTITY USING INDEX t_id_v',
    );
    const { rows: versions } = await client.query("SELECT current_setting('server_version_num')::int AS number");
    if (versions[0].number < 150_000) return t.skip('publications have row filters since Postgres 15');
    await client.query('CREATE PUBLICATION only_some FOR TABLE t WHERE (v > 0)');
    const publication = { 'publication.name': 'only_some', 'publication.autocreate.mode': 'disabled' };
    const source = await startSource({
      config: { ...config, ...publication, 'tombstones.on.delete': 'false' },
      memory: new TestMemory(),
    });
    await source.poll();
    await client.query(`INSERT INTO t VALUES (1, 1, ${big('a')})`);
    await client.query('UPDATE t SET v = -1');
    await client.query(`UPDATE t SET big = ${big('b')}`);
    await client.query('UPDATE t SET v = 1');
    await source.until(({ length }) => length === 3);
    assert.deepEqual(
      source.records.map((record) => [envelope(record).op, String(envelope(record).after?.big)[0]]),
      [
        ['c', 'a'],
        ['d', 'u'],
        ['c', 'b'],
      ],
    );
    assert.deepEqual(unsent(source), { unsent_from_table: 1 });
    await source.stop();
  });

  test('rows read again beside the stream are kept, and partitions under their root', async () => {
    const { client, config } = await database(
      `CREATE TABLE p (id int PRIMARY KEY, v int, big text) PARTITION BY RANGE (id);
       CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
       ALTER TABLE p1 ALTER big SET STORAGE EXTERNAL; ALTER TABLE p2 ALTER big SET STORAGE EXTERNAL;
       INSERT INTO p VALUES (1, 1, ${big('a')}), (11, 1, ${big('b')})`,
    );
    const memory = new TestMemory();
    const settings = { ...config, 'snapshot.mode': 'no_data', 'publish.via.partition.root': 'true' };
    const source = await startSource({ config: settings, memory });
    await source.poll();
    const data = { 'data-collections': ['public.p'], type: 'incremental' };
    await source.task.signal!({ id: 'again', type: 'execute-snapshot', data });
    await source.until(({ length }) => length === 2);
    await client.query('UPDATE p SET v = 2; UPDATE p SET id = 12 WHERE id = 1');
    await source.until(({ length }) => length === 7);
    const told = rowsOf(source.records.slice(2).filter(({ value }) => value !== null)).map((row) => [
      row.id,
      String(row.big)[0],
    ]);
    assert.deepEqual(told, [
      [1, 'a'],
      [11, 'b'],
      [12, 'a'],
    ]);
    assert.deepEqual(unsent(source), { unsent_from_log: 2 });
    await source.stop();
  });

  for (const seed of [11, 12]) {
    test(`restarts, crashes before an offset is stored, compaction: seed ${seed}`, async () => {
      const { client, config } = await twins();
      const random = generator(seed);
      const memory = new TestMemory();
      const settings = { ...config, 'skipped.operations': 'none', 'max.batch.size': String(5 + random(40)) };
      const records: SourceRecord[] = [];
      let offset: SourceOffset | null = null;
      for (let run = 0; run < 4; run++) {
        await change(client, seed * 100 + run, 200, 12);
        let isStored = true;
        const source = await startSource({ config: settings, memory, offset, storesOffset: () => isStored });
        if (run === 3) await untilDone(source, client, 1);
        else {
          await source.until(({ length }) => length > 10);
          isStored = false; // From here on a crash is near.
          for (let polls = 1 + random(4); polls > 0; polls--) await source.poll();
        }
        records.push(...source.records);
        offset = JSON.parse(JSON.stringify(source.offset())) as SourceOffset;
        await source.stop();
        if (random(2) === 0) memory.compact();
      }
      assertSameRows(rows(records, 't'), rows(records, 'twin'));
      const { rows: inTable } = await client.query('SELECT id, v, big FROM t ORDER BY id');
      const found = [...rows(records, 't').values()].sort((one, other) => Number(one.id) - Number(other.id));
      assert.deepEqual(
        found.map(({ id, v, big }) => ({ id, v, big })),
        inTable,
      );
      assertNoPlaceholder(records.filter((record) => record.value !== null && envelope(record).op !== 'd').slice(-50));
    });
  }
});
