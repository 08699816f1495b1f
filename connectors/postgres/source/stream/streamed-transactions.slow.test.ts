/**
 * Large transactions, read while they run: the records are those that come without streaming, whatever happens in between.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { seededRandom } from '../../../../test/kit/random.ts';
import { JsonText, RetriableError, type Schema, type SourceRecord } from '../../../api/index.ts';
import { envelope, type RunningSource, startSource, stopAll, TestMemory } from '../source-harness.ts';

const END = 'the end';
const DEADLINE_MS = 100_000;
const TABLES = `
  CREATE TABLE s0 (id int PRIMARY KEY, v int, note text);
  CREATE TABLE s1 (id int PRIMARY KEY, v int, note text); ALTER TABLE s1 REPLICA IDENTITY FULL;
  CREATE TABLE s2 (id int, v int, note text, PRIMARY KEY (id, v));
  CREATE TABLE big (id int PRIMARY KEY, v int, large text); ALTER TABLE big ALTER large SET STORAGE EXTERNAL`;

describe('large transactions', () => {
  let server: EmbeddedPostgresServer;
  let version = 0;
  before(async () => {
    server = await startPostgres({ settings: { logical_decoding_work_mem: '64kB' } });
    const client = await server.connect('postgres');
    version = Number.parseInt((await client.query('SHOW server_version')).rows[0].server_version, 10);
  });
  afterEach(stopAll);
  after(() => server.stop());

  const database = async (tables = TABLES) => {
    const { client, config } = await sourceDatabase(server, tables, {
      'snapshot.mode': 'no_data',
      'skipped.operations': 'none',
      // With it Postgres 14 is not asked for running transactions.
      'provide.transaction.metadata': String(version > 14),
      'status.update.interval.ms': '100',
    });
    const off = { ...config, 'slot.name': `${config['slot.name']}_off`, 'slot.stream.params': 'streaming=off' };
    return { client, config, off, connect: () => server.connect(config['database.dbname']!) };
  };

  /** Transactions that the server sent before their commit. */
  async function streamedTransactions(client: Client, slot: string): Promise<number> {
    const sql = 'SELECT stream_txns FROM pg_stat_replication_slots WHERE slot_name = $1';
    return Number((await client.query<{ stream_txns: string }>(sql, [slot])).rows[0]!.stream_txns);
  }

  async function compare(seed: number, isDisturbed: boolean): Promise<void> {
    const { client, config, off, connect } = await database();
    const breakConnection = () =>
      client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [
        config['slot.name'],
      ]);
    const plain = reading(off);
    await plain.ready; // It creates the publication.
    const disturbance = { random: seededRandom(seed + 1000), breakConnection };
    const streamed = reading({ ...config, 'max.batch.size': '500' }, isDisturbed ? disturbance : null);
    await streamed.ready;
    // From here on both know the commit before.
    await client.query("SELECT pg_logical_emit_message(true, 'the beginning', '')");
    await play(seededRandom(seed), [await connect(), await connect(), await connect()]);
    await client.query(`SELECT pg_logical_emit_message(true, '${END}', '')`);
    const [expected, got] = await Promise.all([plain.done, streamed.done]);
    // The server may stumble, and then sends transactions behind their commits.
    assert.ok(isDisturbed || streamed.errors.every(({ code }) => code === 'PG_STREAMING'));
    assertSameRecords(got, expected, isDisturbed || streamed.errors.length > 0);
    assert.ok(
      streamed.errors.length > 0 || (await streamedTransactions(client, config['slot.name']!)) > 0,
      'something was streamed',
    );
    assert.equal(await streamedTransactions(client, off['slot.name']!), 0);
  }

  // Others by hand: STREAM_SEEDS=3,5,7.
  const seeds = process.env.STREAM_SEEDS?.split(',').map(Number) ?? [1];
  for (const seed of seeds) {
    test(`a random script reads the same, streamed or not (seed ${seed})`, () => compare(seed, false));
    test(`a random script reads the same through crashes and lost connections (seed ${seed + 1})`, () =>
      compare(seed + 1, true));
  }

  const ONE_TABLE = 'CREATE TABLE t (id int PRIMARY KEY, note text)';
  const rows = (from: number, to: number) =>
    `INSERT INTO t SELECT i, repeat(md5(i::text), 30) FROM generate_series(${from}, ${to}) i`;
  const idsOf = (records: readonly SourceRecord[]) =>
    records.flatMap((record) => (record.topic === 'shop.public.t' ? [Number(envelope(record).after!.id)] : []));
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  for (const params of ['streaming=on', 'streaming=off']) {
    test(`a message that comes again before a transaction done in part does not make that come twice (${params})`, async () => {
      const { client, config, connect } = await database(ONE_TABLE);
      const own = {
        ...config,
        'slot.stream.params': params,
        'max.batch.size': '1',
        'provide.transaction.metadata': 'false',
        // Nobody tells that the message is done with.
        'status.update.interval.ms': '60000',
      };
      let source = await startSource({ config: own });
      await source.poll();
      await client.query(`BEGIN; ${rows(1, 300)}`);
      await (await connect()).query("SELECT pg_logical_emit_message(false, 'alone', '')");
      await client.query('COMMIT');
      const seen: number[] = [];
      const topics: string[] = [];
      // Each run ends behind one record: first the message, again the message, or rows.
      for (let run = 0; run < 8; run++) {
        const last = run === 7;
        const count = last ? 300 - seen.length : 1 + (run % 3);
        await source.until((records) => (last ? idsOf(records).length : records.length) >= count);
        seen.push(...idsOf(source.records));
        topics.push(...source.records.map((record) => record.topic));
        const offset = JSON.parse(JSON.stringify(source.offset()));
        await source.stop();
        source = await startSource({ config: own, offset });
      }
      await source.stop();
      assert.deepEqual(seen, upTo(300));
      assert.ok(topics.filter((topic) => topic === 'shop.message').length > 1, 'the message came again');
    });
  }

  /** More than stays in memory. */
  const LARGE_ROWS = 12_000;

  /** Polls until so many rows came; answers the errors on the way. */
  async function untilRows(source: RunningSource, count: number): Promise<RetriableError[]> {
    const errors: RetriableError[] = [];
    const deadline = Date.now() + DEADLINE_MS;
    while (idsOf(source.records).length < count) {
      assert.ok(Date.now() < deadline, `${source.records.length} records`);
      await source.poll().catch((error: unknown) => {
        if (!(error instanceof RetriableError)) throw error;
        errors.push(error);
      });
      await turn();
    }
    return errors;
  }

  test('what has come of a transaction that runs lies in a file that nobody finds', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-'));
    const { client, config } = await database(ONE_TABLE);
    const source = await startSource({ config: { ...config, 'streaming.spool.dir': directory } });
    await source.poll();
    await client.query(`BEGIN; ${rows(1, LARGE_ROWS)}`);
    await source.until(() => (source.figures.get('spooled_bytes') ?? 0) > 0);
    assert.deepEqual(await readdir(directory), []);
    assert.equal(source.records.length, 0);
    await client.query('COMMIT');
    assert.deepEqual(await untilRows(source, LARGE_ROWS), []);
    assert.deepEqual(idsOf(source.records), upTo(LARGE_ROWS));
    await source.stop();
    await rm(directory, { recursive: true });
  });

  test('a disk that takes nothing is told, and then the server keeps the transaction', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-'));
    const { client, config } = await database(ONE_TABLE);
    const source = await startSource({ config: { ...config, 'streaming.spool.dir': directory } });
    await source.poll();
    await rm(directory, { recursive: true });
    await writeFile(directory, 'no directory any more');
    await client.query(rows(1, LARGE_ROWS));
    const [error, ...more] = await untilRows(source, LARGE_ROWS);
    assert.ok(error?.code === 'PG_STREAMING' && error.message.includes('streaming.spool.dir'), error?.message);
    assert.deepEqual(more, []);
    assert.deepEqual(idsOf(source.records), upTo(LARGE_ROWS));
    await source.stop();
    await rm(directory);
  });

  test('beyond the limit of the files the server keeps the transaction', async () => {
    const { client, config } = await database(ONE_TABLE);
    const source = await startSource({ config: { ...config, 'streaming.spool.max.bytes': '1000000' } });
    await source.poll();
    await client.query(rows(1, LARGE_ROWS));
    const errors = await untilRows(source, LARGE_ROWS);
    assert.match(errors[0]!.message, /streaming.spool.max.bytes=1000000/);
    assert.deepEqual([errors.length, errors[0]!.code], [1, 'PG_STREAMING']);
    assert.deepEqual(idsOf(source.records), upTo(LARGE_ROWS));
    await source.stop();
  });

  test('a large transaction that was replicated from elsewhere tells where it was committed there', async () => {
    const { client, config } = await database(ONE_TABLE);
    const source = await startSource({ config });
    await source.poll();
    const origin = config['slot.name']!;
    await client.query(
      `SELECT pg_replication_origin_create('${origin}'), pg_replication_origin_session_setup('${origin}')`,
    );
    await client.query(`BEGIN; SELECT pg_replication_origin_xact_setup('0/ABC', now()); ${rows(1, 500)}; COMMIT`);
    const [error, ...more] = await untilRows(source, 500);
    assert.ok(error?.code === 'PG_STREAMING' && error.message.includes('replicated from elsewhere'), error?.message);
    assert.deepEqual(more, []);
    const [one] = source.records.filter((record) => record.topic === 'shop.public.t').map(envelope);
    assert.deepEqual([one!.source.origin, one!.source.origin_lsn], [origin, 0xabc]);
    await source.stop();
    // Where somebody replicates from elsewhere nothing is streamed from the start.
    const again = await startSource({ config, offset: source.offset() });
    await client.query(rows(501, 1000));
    assert.deepEqual(await untilRows(again, 500), []);
    await again.stop();
    await client.query('SELECT pg_replication_origin_session_reset()');
    await client.query(`SELECT pg_replication_origin_drop('${origin}')`);
  });
});

interface Reading {
  readonly ready: Promise<void>;
  /** All records up to the end. */
  readonly done: Promise<SourceRecord[]>;
  /** After which it went on. */
  readonly errors: readonly RetriableError[];
}

/** What happens to a reader: now and then it crashes, or its connection breaks. */
interface Disturbance {
  readonly random: Random;
  breakConnection(): Promise<unknown>;
}

/** Polls between two of those, and how many there are: often enough to meet every place, and it comes to an end. */
const CALM_POLLS_MAX = 12;
const DISTURBANCES_MAX = 15;

/** Reads until the last message, through whatever may pass. */
function reading(config: Record<string, string>, disturbance: Disturbance | null = null): Reading {
  const memory = new TestMemory();
  const records: SourceRecord[] = [];
  const errors: RetriableError[] = [];
  let isReady = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const run = async () => {
    let left = disturbance === null ? 0 : DISTURBANCES_MAX;
    let calm = 2;
    const deadline = Date.now() + DEADLINE_MS;
    let source = await startSource({ config, memory });
    for (;;) {
      assert.ok(Date.now() < deadline, `${records.length} records, and not the last`);
      await source.poll().catch((error: unknown) => {
        if (!(error instanceof RetriableError)) throw error;
        errors.push(error);
      });
      isReady();
      records.push(...source.records.splice(0));
      if (records.slice(-3).some((record) => textOf(record.key)?.includes(END))) return records;
      if (left > 0 && calm-- === 0) {
        left--;
        calm = disturbance!.random.below(CALM_POLLS_MAX);
        if (disturbance!.random.next() < 0.5) await disturbance!.breakConnection();
        else {
          await source.stop();
          source = await startSource({ config, memory, offset: JSON.parse(JSON.stringify(source.offset())) });
        }
      }
      await turn();
    }
  };
  const done = run().finally(isReady);
  done.catch(() => {}); // Told by whoever waits for it.
  return { ready, done, errors };
}

interface Session {
  readonly client: Client;
  readonly table: string;
  readonly number: number;
  isOpen: boolean;
  savepoints: number;
  ids: number;
  added: number;
}

const STEPS = 130;

/** A script of several sessions at once, the same for the same seed. */
async function play(random: ReturnType<typeof seededRandom>, clients: readonly Client[]): Promise<void> {
  const sessions = clients.map(
    (client, number): Session => ({
      client,
      number,
      table: `s${number}`,
      isOpen: false,
      savepoints: 0,
      ids: 0,
      added: 0,
    }),
  );
  for (let step = 0; step < STEPS; step++) {
    const session = sessions[random.below(sessions.length)]!;
    const statement = session.isOpen ? inside(session, random) : outside(session, random);
    await session.client.query(statement);
  }
  for (const session of sessions) if (session.isOpen) await session.client.query('COMMIT');
}

type Random = ReturnType<typeof seededRandom>;

function outside(session: Session, random: Random): string {
  if (random.next() < 0.3) return random.next() < 0.5 ? change(session, random, 3) : message(random);
  session.isOpen = true;
  session.savepoints = 0;
  return 'BEGIN';
}

function inside(session: Session, random: Random): string {
  const dice = random.next();
  if (dice < 0.1) {
    session.isOpen = false;
    return random.next() < 0.6 ? 'COMMIT' : 'ROLLBACK';
  }
  if (dice < 0.22) return `SAVEPOINT p${++session.savepoints}`;
  if (dice < 0.32 && session.savepoints > 0) {
    // Behind a rollback the savepoint still stands, and takes a new subtransaction; those behind it are gone.
    session.savepoints = 1 + random.below(session.savepoints);
    return `ROLLBACK TO p${session.savepoints}`;
  }
  if (dice < 0.36 && session.savepoints > 0) return `RELEASE p${session.savepoints--}`;
  if (dice < 0.42) return message(random);
  if (dice < 0.46) return `TRUNCATE ${session.table}`;
  if (dice < 0.52) return reshape(session, random);
  return change(session, random, random.next() < 0.1 ? 3000 : 300);
}

function message(random: Random): string {
  return `SELECT pg_logical_emit_message(${random.next() < 0.5}, 'm', repeat('x', ${random.below(3000)}))`;
}

/** A column more, or another type, in the session's own table: nobody waits for another's lock. */
function reshape(session: Session, random: Random): string {
  const { table } = session;
  if (random.next() < 0.4) return `ALTER TABLE ${table} ALTER note TYPE ${random.next() < 0.5 ? 'text' : 'varchar'}`;
  return random.next() < 0.6
    ? `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS c${random.below(4)} int`
    : `ALTER TABLE ${table} DROP COLUMN IF EXISTS c${random.below(4)}`;
}

function change(session: Session, random: Random, rows: number): string {
  const { table, number } = session;
  const count = 1 + random.below(rows);
  const from = session.ids;
  session.ids += count;
  const range = `BETWEEN ${random.below(from + 1)} AND ${random.below(from + 1) + 50}`;
  const mine = `id % 3 = ${number}`;
  const ids = `generate_series(${from + 1}, ${from + count}) i`;
  const statements = [
    `INSERT INTO ${table} (id, v, note) SELECT i, i, repeat(md5(i::text), 30) FROM ${ids}`,
    `INSERT INTO ${table} (id, v, note) SELECT i, -i, repeat(md5(i::text), 30) FROM ${ids}`,
    `UPDATE ${table} SET v = v + 1 WHERE id ${range}`,
    `UPDATE ${table} SET id = -id WHERE id ${range} AND id > 0`,
    `DELETE FROM ${table} WHERE id ${range}`,
    `INSERT INTO big SELECT i * 3 + ${number}, i, repeat(md5(i::text), 100) FROM generate_series(${from + 1}, ${from + 1 + (count % 20)}) i ON CONFLICT DO NOTHING`,
    `UPDATE big SET v = v + 1 WHERE ${mine} AND id ${range}`,
    `UPDATE big SET id = -id WHERE ${mine} AND id > 0 AND id ${range}`,
  ];
  return statements[random.below(statements.length)]!;
}

function textOf(value: unknown): string | null {
  return value instanceof JsonText ? Buffer.from(value.bytes).toString() : value === null ? null : String(value);
}

const schemaTexts = new WeakMap<Schema, string>();

function schemaText(schema: Schema | null): string | null {
  if (schema === null) return null;
  const known = schemaTexts.get(schema) ?? JSON.stringify(schema);
  schemaTexts.set(schema, known);
  return known;
}

/** Stands outside of any transaction. */
function isAlone(record: SourceRecord): boolean {
  const text = textOf(record.value);
  return text?.startsWith('{"op":"m"') === true && text.includes('"txId":null');
}

/** A record without what tells the time of reading. */
function comparable(record: SourceRecord) {
  const { topic, key, keySchema, valueSchema, headers, sourceOffset } = record;
  const clocks = isAlone(record)
    ? /"ts_(ms|us|ns)":\d+/g
    : /,"ts_ms":\d+(,"ts_us":\d+,"ts_ns":\d+)?}$|^{"op":"m","ts_ms":\d+/g;
  const text = textOf(record.value)?.replace(clocks, '') ?? null;
  const { lsn, lsn_events_processed, txId, transaction_event_counts } = sourceOffset as Record<string, unknown>;
  const offset = txId === undefined ? null : { lsn, lsn_events_processed, txId, transaction_event_counts };
  const told = headers.map((header) => [header.key, textOf(header.value)]);
  return { topic, key: textOf(key), text, offset, schemas: [schemaText(keySchema), schemaText(valueSchema)], told };
}

const digest = (text: string | null) => text && createHash('sha256').update(text).digest('base64');

/** What a failure shows of a record. */
function shown(one: ReturnType<typeof comparable>) {
  const { text } = one;
  const isLong = text !== null && text.length > 2000;
  return {
    ...one,
    schemas: one.schemas.map(digest),
    text: isLong ? `${text.slice(0, 400)} … ${digest(text)} … ${text.slice(-800)}` : text,
  };
}

/** Records that come again after a restart: a message outside of transactions until the next commit, the beginning of one until its first change. */
function withoutRepeats(records: readonly SourceRecord[]): SourceRecord[] {
  const seen = new Set<string>();
  return records.filter((record) => {
    const text = withoutLastCommit(comparable(record).text);
    if (!isAlone(record) && text?.startsWith('{"status":"BEGIN"') !== true) return true;
    return !seen.has(text!) && seen.add(text!);
  });
}

/** The commit before a record, which is told as far as it is known since the start. */
const LAST_COMMIT = /"sequence":"\[(null|\\"\d+\\"),/;
const withoutLastCommit = (text: string | null) => text?.replace(LAST_COMMIT, '"sequence":"[') ?? null;

function assertSameRecords(
  got: readonly SourceRecord[],
  expected: readonly SourceRecord[],
  isDisturbed: boolean,
): void {
  const records = isDisturbed ? withoutRepeats(got) : got;
  const look = (record: SourceRecord) => {
    const all = comparable(record);
    return isDisturbed ? { ...all, text: withoutLastCommit(all.text) } : all;
  };
  for (let index = 0; index < Math.max(records.length, expected.length); index++) {
    const [one, other] = [records[index], expected[index]];
    assert.ok(one !== undefined && other !== undefined, `${records.length} records, and not ${expected.length}`);
    if (JSON.stringify(look(one)) !== JSON.stringify(look(other)))
      assert.deepEqual(shown(look(one)), shown(look(other)), `record ${index}`);
  }
}
