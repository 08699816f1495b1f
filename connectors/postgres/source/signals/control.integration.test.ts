/**
 * What steers a running source, and what it does on the server besides reading: signals, heartbeats' statements, statements at
 * the start, replica identities, brakes and the WAL guard. Real Postgres.
 */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, parseConfig, plainValue, type SourceOffset, type SourceRecord } from '../../../api/index.ts';
import { sourceSettings } from '../config/source-config.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { WalGuard } from '../server/wal-guard.ts';
import { envelope, type RunningSource, startSource, startWriter, stopAll } from '../source-harness.ts';

const ROWS = 300;
const DEADLINE_MS = 60_000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('control of PostgresSource', () => {
  let server: EmbeddedPostgresServer;
  let folder: string;
  before(async () => {
    server = await startPostgres();
    folder = await mkdtemp(join(tmpdir(), 'millrace-signals-'));
  });
  afterEach(stopAll);
  after(async () => {
    await rm(folder, { recursive: true, force: true });
    await server.stop();
  });

  /** A table with rows that no snapshot reads; the stream is being read. */
  async function streaming(more: Record<string, string> = {}, logger: Logger = silent, setup = '') {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i % 3 FROM generate_series(1, ${ROWS}) i;
      CREATE TABLE beats (at timestamptz PRIMARY KEY); ${setup}`);
    const config = {
      'topic.prefix': 'shop',
      ...sourceAddress(server, name),
      'slot.name': name,
      'snapshot.mode': 'no_data',
      'incremental.snapshot.chunk.size': '50',
      ...more,
    };
    const source = await startSource({ config, logger });
    await source.poll();
    return { client, config, source };
  }

  const rowsRead = (source: RunningSource) =>
    source.records.filter(({ topic, value }) => topic === 'shop.public.t' && value !== null).length;
  const all = { 'data-collections': ['public.t'] };
  const progress = (source: RunningSource) =>
    source.offset()?.incremental_snapshot as { isPaused: boolean } | undefined;

  test('a signal by request reads rows again, with a condition, and is kept in the offset before a row has come', async () => {
    const { source } = await streaming();
    const conditions = [{ 'data-collection': 'public.t', filter: 'v = 1' }];
    await source.task.signal!({
      id: 'one',
      type: 'execute-snapshot',
      data: { ...all, 'additional-conditions': conditions },
    });
    await source.until(() => progress(source) !== undefined);
    await source.until(() => rowsRead(source) === ROWS / 3 && progress(source) === undefined);
    assert.ok(source.records.every((record) => envelope(record).after!.v === 1 && envelope(record).op === 'r'));
  });

  test('a condition that the server refuses is told, ends its table only, and does not come back after a restart', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silent, warn: (_fields, message) => void warnings.push(message) };
    const { client, source } = await streaming({}, logger);
    await source.task.signal!({
      id: 'wrong',
      type: 'execute-snapshot',
      data: { ...all, 'additional-conditions': [{ 'data-collection': 'public.t', filter: 'nothing = 1' }] },
    });
    await source.until(() =>
      warnings.some((said) => /Table public\.t is refused .*"nothing" does not exist/.test(said)),
    );
    await client.query('INSERT INTO t VALUES (1000, 1)');
    await source.until(() => rowsRead(source) === 1 && progress(source) === undefined);
  });

  test('a signal table that the publication lacks is said at the start, and the others are read all the same', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...silent, warn: (_fields, message) => void warnings.push(message) };
    const { client, source } = await streaming(
      {
        'publication.autocreate.mode': 'disabled',
        'publication.name': 'own',
        'signal.data.collection': 'public.signals',
      },
      logger,
      'CREATE TABLE signals (id text PRIMARY KEY, type text, data text); CREATE PUBLICATION own FOR TABLE t',
    );
    await client.query('INSERT INTO t VALUES (1000, 1)');
    await source.until(() => rowsRead(source) === 1);
    const said = warnings.filter((message) => message.includes('public.signals'));
    assert.equal(said.length, 1);
    assert.match(said[0]!, /lacks the table public\.signals.*ALTER PUBLICATION "own" ADD TABLE "public"\."signals";$/);
  });

  test('pause, resume and stop do what they say, and a pause outlives a restart', async () => {
    const { source, config } = await streaming();
    await source.task.signal!({ id: 'one', type: 'execute-snapshot', data: all });
    await source.until(() => rowsRead(source) >= 50);
    await source.task.signal!({ id: 'two', type: 'pause-snapshot', data: {} });
    await source.until(() => progress(source)?.isPaused === true);
    const paused = rowsRead(source);
    await source.poll();
    assert.ok(rowsRead(source) - paused <= 50, 'one chunk at most was still under way');
    assert.ok(rowsRead(source) < ROWS);
    await source.stop();
    const offset = JSON.parse(JSON.stringify(source.offset())) as SourceOffset;
    const second = await startSource({ config, offset });
    await second.poll();
    assert.equal(rowsRead(second), 0);
    await second.task.signal!({ id: 'three', type: 'resume-snapshot', data: {} });
    await second.until(() => rowsRead(second) >= 50);
    await second.task.signal!({ id: 'four', type: 'stop-snapshot', data: {} });
    await second.until(() => progress(second) === undefined);
    const stopped = rowsRead(second);
    await second.poll();
    assert.equal(rowsRead(second), stopped);
  });

  test('what nobody can obey is refused with a reason', async () => {
    const { source } = await streaming();
    const signal = async (type: string, data: Record<string, unknown>) => source.task.signal!({ id: 'x', type, data });
    await assert.rejects(signal('explode', {}), { code: 'PG_SIGNAL', message: /Nobody knows.*execute-snapshot/ });
    await assert.rejects(signal('execute-snapshot', { 'data-collections': ['public.nothing'] }), /names no table/);
    await assert.rejects(signal('execute-snapshot', { ...all, type: 'lunar' }), /snapshot of type "lunar"/);
  });

  test('lines of the signal file are obeyed once, bad ones are told, and the file is emptied when that is kept', async () => {
    const told: string[] = [];
    const file = join(folder, 'signals.txt');
    const { source } = await streaming(
      { 'signal.enabled.channels': 'file', 'signal.file': file, 'signal.poll.interval.ms': '20' },
      { ...silent, warn: (_, message) => told.push(message) },
    );
    const line = JSON.stringify({ id: 'one', type: 'execute-snapshot', data: { 'data-collections': ['public\\.t'] } });
    await appendFile(file, `no json\n${line}\n`);
    await source.until(() => rowsRead(source) === ROWS && progress(source) === undefined);
    await source.until(() => told.length > 0);
    assert.match(told[0]!, /holds no JSON/);
    await source.poll();
    assert.equal(rowsRead(source), ROWS, 'not read twice');
    assert.equal(await readFile(file, 'utf8'), '');
  });

  test('a heartbeat runs its statement, and every session begins with the statements of the config', async () => {
    const { client, source } = await streaming({
      'heartbeat.interval.ms': '20',
      'heartbeat.action.query': 'INSERT INTO beats VALUES (clock_timestamp())',
      'database.initial.statements': "SET application_name TO 'first;;second'; SET lock_timeout TO '7s'",
    });
    const isBeat = ({ topic }: SourceRecord) => topic === 'shop.public.beats';
    await source.until((records) => records.filter(isBeat).length >= 2);
    assert.ok((await client.query('SELECT FROM beats')).rowCount! >= 2);
    const sessions = await client.query("SELECT FROM pg_stat_activity WHERE application_name = 'first;second'");
    assert.ok(sessions.rowCount! >= 1, 'two semicolons stand for one');
  });

  test('replica identities are set at the start, before the first change is read', async () => {
    const { client, source } = await streaming({
      'replica.identity.autoset.values': 'public.t:FULL;public.b.*:DEFAULT',
    });
    await client.query('UPDATE t SET v = 7 WHERE id = 1');
    await source.until((records) => records.length === 1);
    assert.deepEqual(envelope(source.records[0]!).before, { id: 1, v: 1 });
    const { rows } = await client.query("SELECT relname, relreplident FROM pg_class WHERE relname IN ('t', 'beats')");
    assert.deepEqual(Object.fromEntries(rows.map((row) => [row.relname, row.relreplident])), { t: 'f', beats: 'd' });
  });

  test('a snapshot waits while others are at work, and goes on when they are done', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
    const { config } = await streaming();
    const busy = await Promise.all([1, 2].map(() => server.connect(name)));
    const working = busy.map((each) => each.query('SELECT pg_sleep(600)').catch(() => {}));
    const braked = { ...config, 'database.dbname': name, 'slot.name': name, 'snapshot.mode': 'initial' };
    const source = await startSource({ config: { ...braked, 'snapshot.max.active.sessions': '1' } });
    for (let turn = 0; turn < 3; turn++) await source.poll();
    assert.equal(source.records.length, 0);
    await client.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'");
    await Promise.all(working);
    await source.until((records) => records.length === 1);
  });

  test('the pace of a snapshot is kept', async () => {
    const { config } = await streaming();
    const paced = { ...config, 'slot.name': `${config['slot.name']}_paced`, 'snapshot.mode': 'initial' };
    const source = await startSource({
      config: { ...paced, 'snapshot.max.rows.per.second': '200', 'max.batch.size': '50' },
    });
    const began = performance.now();
    await source.until((records) => records.length === ROWS);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds > (ROWS - 100) / 200, `${ROWS} rows at 200 a second came within ${seconds} s`);
  });

  /** A slot that nobody reads, and WAL behind it. */
  async function neglected(client: Client, slot: string): Promise<void> {
    await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
    await client.query("CREATE TABLE bulk AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 2000)");
  }

  test('the WAL guard tells how much is held back and how long it lasts, and acts as told', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    const slot = `${name}_neglected`;
    await neglected(client, slot);
    const { config } = await streaming();
    const guard = (action: string, max: string, logger = silent) => {
      const raw = { ...config, 'database.dbname': name, 'slot.name': slot };
      const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), {
        ...raw,
        'wal.retained.bytes.max': max,
        'wal.guard.action': action,
      });
      return new WalGuard(sourceSettings(parsed, false), logger, 'guard');
    };
    const told: { fields: { retainedBytes?: number; secondsToLimit?: number | null }; message: string }[] = [];
    const warned = guard('warn', '1000', { ...silent, warn: (fields, message) => told.push({ fields, message }) });
    assert.equal(warned.state, null, 'it has not looked yet');
    assert.equal(await warned.look(), false);
    assert.match(told[0]!.message, /holds back \d+ bytes of WAL \(limit 1000\)/);
    assert.ok(told[0]!.fields.retainedBytes! > 1_000_000);
    assert.ok(warned.state!.retainedBytes > 1_000_000);
    assert.equal(warned.state!.limitBytes, 1000);
    assert.equal(await warned.look(), false);
    assert.equal(told.length, 1, 'not said again at once');

    const roomy = guard('warn', String(2 ** 40));
    assert.equal(await roomy.look(), false, 'far from its limit nobody is told');
    await assert.rejects(guard('fail', '1000').look(), { code: 'PG_WAL_LIMIT', message: /holds back \d+ bytes/ });
    assert.equal(await guard('drop_slot', '1000').look(), true);
    for (const each of [warned, roomy]) each.close();
  });

  test('the WAL guard looks by a clock of its own, also where nobody asks the task for records', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const told: string[] = [];
    const logger: Logger = { ...silent, warn: (_, message) => told.push(message) };
    const keys = { 'wal.retained.bytes.max': '1000', 'wal.guard.action': 'fail' };
    const { source, client } = await streaming(keys, logger);
    await client.query("CREATE TABLE bulk AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 2000)");
    for (const deadline = Date.now() + DEADLINE_MS; told.length === 0; await sleep(20)) {
      assert.ok(Date.now() < deadline, 'nobody was told');
      t.mock.timers.tick(15_000);
    }
    assert.match(told[0]!, /holds back \d+ bytes of WAL \(limit 1000\)/);
    await assert.rejects(
      source.until(() => false),
      { code: 'PG_WAL_LIMIT' },
    );
  });

  test('a table without a key is read by the column a signal names, and no row comes behind a change it does not have', async () => {
    const setup = `CREATE TABLE k (n int, v int); CREATE INDEX ON k (n); ALTER TABLE k REPLICA IDENTITY FULL;
      INSERT INTO k SELECT i / 3, 0 FROM generate_series(1, ${ROWS}) i`;
    const { source, client } = await streaming({}, silent, setup);
    const writer = startWriter(async (count) => {
      await client.query(`UPDATE k SET v = ${count} WHERE n = ${count % (ROWS / 3)}`);
      await sleep(2);
    });
    await source.task.signal!({
      id: 'k',
      type: 'execute-snapshot',
      data: { 'data-collections': ['public.k'], 'surrogate-key': 'n' },
    });
    await source.until(() => progress(source) !== undefined);
    await source.until(() => progress(source) === undefined);
    await writer.stop();
    await client.query('INSERT INTO t VALUES (0, 0)');
    await source.untilRecord(({ topic }) => topic === 'shop.public.t');
    const last = new Map<unknown, unknown>();
    for (const record of source.records.filter(({ topic }) => topic === 'shop.public.k')) {
      const { n, v } = envelope(record).after!;
      last.set(n, v);
    }
    const rows = (await client.query<{ n: number; v: number }>('SELECT DISTINCT n, v FROM k')).rows;
    assert.equal(last.size, rows.length);
    for (const { n, v } of rows) assert.equal(last.get(n), v, `row ${n}`);
    await client.query('INSERT INTO k VALUES (NULL, 1)');
    const before = source.records.length;
    await source.task.signal!({
      id: 'l',
      type: 'execute-snapshot',
      data: { 'data-collections': ['public.k'], 'surrogate-key': 'n' },
    });
    await source.until(() => progress(source) === undefined && source.records.length > before);
    assert.ok(source.records.slice(before).every((record) => envelope(record).op !== 'r'));
  });

  test('notifications tell how a snapshot beside the stream goes', async () => {
    const { source } = await streaming({
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': 'notes',
    });
    await source.task.signal!({ id: 'one', type: 'execute-snapshot', data: all });
    const types = () =>
      source.records
        .filter(({ topic }) => topic === 'notes')
        .map(({ value }) => (plainValue(value) as { id: string; type: string }).type);
    await source.until(() => types().includes('COMPLETED'));
    for (const type of ['STARTED', 'IN_PROGRESS', 'TABLE_SCAN_COMPLETED']) assert.ok(types().includes(type), type);
  });
});
