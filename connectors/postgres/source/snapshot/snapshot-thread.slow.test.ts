/**
 * The thread that reads a large snapshot, against a real server: its records are those of a task without one, it is held back, it
 * may die, and it leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, mock, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { recordsOf } from '../../../../runtime/worker/record-runs.ts';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import {
  type ConnectError,
  isKept,
  isRun,
  parseConfig,
  type RunRecord,
  type SourceRecord,
} from '../../../api/index.ts';
import { ConnectionLost, ServerError } from '../../errors.ts';
import { sourceSettings } from '../config/source-config.ts';
import { debeziumDefaults, ourDefaults, type SourceDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { ensurePublication } from '../server/publication.ts';
import { openSession } from '../server/sessions.ts';
import { startSource, stopAll, TestMemory } from '../source-harness.ts';
import { KeptValues } from '../tables/kept-values.ts';
import { Notifications } from '../tables/notifications.ts';
import { Tables } from '../tables/tables.ts';
import { SnapshotThread } from './snapshot-lanes.ts';
import { openSnapshot } from './snapshot-session.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const partition = { server: 's' };

/** A table of every kind of value there is trouble with, one without a key, one without rows, one of large values. */
const MIXED = `
  CREATE TYPE mood AS ENUM ('fine', 'so "so"');
  CREATE TABLE mixed (id bigint PRIMARY KEY, secret text, note text, amount numeric(12,3), big numeric, at timestamptz, day date, span interval,
    bits bit varying(9), bytes bytea, tags text[], doc jsonb, feels mood, real float8, nothing text);
  INSERT INTO mixed SELECT i, 'secret ' || i, E'tab\\t, line\\n, quote" back\\\\slash \\u0001 ' || chr(8364) || i, i / 7.0, 'NaN', now() + i * interval '1 hour',
    DATE '2024-02-29' + i, make_interval(days => i, secs => i / 3.0), '10110'::bit varying, decode(md5(i::text), 'hex'), ARRAY['a', NULL, i::text],
    jsonb_build_object('i', i, 'text', repeat('x', i % 50)), CASE i % 2 WHEN 0 THEN 'fine' ELSE 'so "so"' END::mood, i / 3.0, NULL FROM generate_series(1, 5000) i;
  CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT i, repeat('y', i) FROM generate_series(1, 100) i;
  CREATE TABLE empty (id int PRIMARY KEY);
  CREATE TABLE large (id int PRIMARY KEY, note text, big text); ALTER TABLE large ALTER big SET STORAGE EXTERNAL;
  INSERT INTO large SELECT i, 'n', CASE WHEN i % 10 = 0 THEN repeat('z', 9000) END FROM generate_series(1, 300) i;`;

/** Clocks, and the moment of the snapshot. */
function timeless(text: string): string {
  return text.replace(/"(ts_ms|ts_us|ts_ns|txId)":\d+/g, '"$1":0');
}

describe('the thread of a snapshot', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_replication_slots: '30' } });
  });
  afterEach(stopAll);
  after(() => server.stop());

  interface Look {
    readonly defaults: SourceDefaults;
    readonly config: Readonly<Record<string, string>>;
    readonly isThreaded: boolean;
    readonly isLoaded: boolean;
    readonly inRuns?: boolean;
  }

  /** Everything a snapshot hands over, what is kept in the log too. */
  async function rowsOf({ defaults, config, isThreaded, isLoaded, inRuns = false }: Look): Promise<SourceRecord[]> {
    const settings = sourceSettings(parseConfig(sourceConfigDef(defaults), config).config, defaults.isCompatible);
    const abort = new AbortController();
    const context = { connector: 'test', task: 0, logger: silent, signal: abort.signal };
    const memory = { memory: new TestMemory(), partition, logger: silent, signal: abort.signal };
    const kept = new KeptValues(memory, 'same', { kept_values: 'same.era' });
    if (isLoaded) await kept.load();
    const session = await openSnapshot({
      context: { ...context, offsets: async () => [], reportBadInput: async () => {}, takesRuns: () => inRuns },
      settings,
      tables: new Tables(settings),
      notifications: new Notifications(settings, silent),
      proof: {},
      kept,
      position: { kind: 'snapshot', lsn: 4711, tablesDone: [], partial: [] },
      exported: null,
      threadPagesMin: isThreaded ? 0 : Number.POSITIVE_INFINITY,
    });
    const records: SourceRecord[] = [];
    try {
      for (const deadline = Date.now() + 60_000; !session.reader.isDone; ) {
        assert.ok(Date.now() < deadline, `${records.length} records, and not done`);
        const polled = await session.reader.next(1000);
        if (inRuns) assert.ok(polled.every((record) => !isRun(record) || record.run.count <= settings.batchRecordsMax));
        records.push(...polled.flatMap((record) => (isRun(record) ? takenApart(record) : [record])));
        inRunsSeen += polled.reduce((sum, record) => sum + (isRun(record) ? record.run.count : 0), 0);
      }
    } finally {
      session.close();
    }
    return records;
  }

  let inRunsSeen = 0;
  /** As the worker would, from a copy: the memory goes back to the thread, which writes into it again. */
  const takenApart = (record: RunRecord) => {
    const { bytes, count } = record.run;
    const copy = { ...record, run: { ...record.run, bytes: new Uint8Array(bytes) } };
    record.run.release!();
    assert.equal(bytes.length, 0, 'it was not copied but given away');
    assert.equal(recordsOf(copy).length, count);
    return recordsOf(copy);
  };

  const text = (value: unknown) => {
    if (value === null) return 'null';
    const bytes = value instanceof Uint8Array ? value : (value as { bytes: Uint8Array }).bytes;
    return Buffer.from(bytes).toString();
  };
  const told = (records: readonly SourceRecord[]) =>
    records.map(({ topic, key, value, sourceOffset }) => {
      const { ts_usec: _, ...offset } = sourceOffset;
      return `${topic} ${text(key)} ${timeless(text(value))} ${JSON.stringify(offset)}`;
    });

  for (const defaults of [ourDefaults, debeziumDefaults]) {
    const name = defaults.isCompatible ? 'in compatible mode' : 'by our defaults';
    test(`its records are those of a task without one, to the last byte but the clocks, ${name}`, async () => {
      const { config } = await sourceDatabase(server, MIXED);
      const masks = { 'column.mask.hash.v2.SHA-256.with.salt.s': 'public.mixed.secret', 'max.batch.size': '700' };
      const keys = { ...config, ...masks, 'snapshot.max.threads': '1', 'unavailable.value.lookup': 'log' };
      const settings = sourceSettings(parseConfig(sourceConfigDef(defaults), keys).config, defaults.isCompatible);
      const connection = await openSession(settings, 'setup');
      await ensurePublication(
        connection,
        { ...settings, publication: { ...settings.publication, mode: 'filtered' } },
        silent,
      );
      connection.destroy();
      const look = { defaults, config: keys };
      const own = await rowsOf({ ...look, isThreaded: false, isLoaded: true });
      assert.equal(own.filter((record) => !isKept(record)).length, 5000 + 100 + 300);
      assert.equal(own.filter(isKept).length, 30);
      const threaded = await rowsOf({ ...look, isThreaded: true, isLoaded: true });
      assert.deepEqual(told(threaded), told(own));
      inRunsSeen = 0;
      const run = await rowsOf({ ...look, isThreaded: true, isLoaded: true, inRuns: true });
      // What is kept of rows in a run comes before all of them.
      for (const isWanted of [isKept, (record: SourceRecord) => !isKept(record)]) {
        const [ofRuns, ofRows] = [told(run.filter(isWanted)), told(own.filter(isWanted))];
        const differing = ofRuns.findIndex((one, index) => one !== ofRows[index]);
        assert.equal(ofRuns[differing]?.slice(0, 500), ofRows[differing]?.slice(0, 500));
        assert.equal(ofRuns.length, ofRows.length);
      }
      // All but the first and the last of each table.
      assert.equal(inRunsSeen, 5000 + 100 + 300 - 6);
      // Where nobody knows yet what is kept, lines come as they are.
      const ownUnloaded = await rowsOf({ ...look, isThreaded: false, isLoaded: false });
      assert.ok(ownUnloaded.filter(isKept).length > 30);
      const raw = await rowsOf({ ...look, isThreaded: true, isLoaded: false });
      assert.deepEqual(told(raw), told(ownUnloaded));
    });
  }

  test('several lanes and chunks of a few kilobytes bring every row once, one first and one last', async () => {
    const { config } = await sourceDatabase(
      server,
      `CREATE TABLE t (id int PRIMARY KEY, pad text); ALTER TABLE t ALTER pad SET STORAGE PLAIN;
       INSERT INTO t SELECT i, repeat('x', 1900) FROM generate_series(1, 20000) i; CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)`,
    );
    const source = await startSource({
      config: { ...config, 'snapshot.max.threads': '3', 'max.queue.size.in.bytes': '65536' },
    });
    await source.until((records) => records.length >= 20_001);
    const markers = source.records.map(({ value }) => /"snapshot":"(\w+)"/.exec(text(value))![1]!);
    assert.equal(new Set(source.records.map(({ topic, key }) => `${topic} ${text(key)}`)).size, 20_001);
    assert.equal(source.records.length, 20_001);
    assert.deepEqual(
      markers.filter((marker) => marker !== 'true').sort(),
      ['first', 'first_in_data_collection', 'last', 'last_in_data_collection'].filter((marker) =>
        markers.includes(marker),
      ),
    );
    assert.equal(markers.filter((marker) => marker === 'first').length, 1);
    assert.equal(markers.at(-1), 'last');
    await source.stop();
  });

  const wide = `CREATE TABLE t (id int PRIMARY KEY, pad text); ALTER TABLE t ALTER pad SET STORAGE PLAIN;
    INSERT INTO t SELECT i, repeat('x', 1900) FROM generate_series(1, 20000) i;`;

  test('a thread that dies is a reason to try again, and every row arrives', async () => {
    const { config } = await sourceDatabase(server, wide);
    const source = await startSource({ config });
    let messages = 0;
    const { postMessage } = Worker.prototype;
    const dying = mock.method(Worker.prototype, 'postMessage', function (this: Worker, message: unknown) {
      if (++messages === 20) void this.terminate();
      return postMessage.call(this, message);
    });
    const failures: ConnectError[] = [];
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const records = await source.poll().catch((error: ConnectError) => {
        failures.push(error);
        return [];
      });
      if (records.length === 0 && failures.length > 0 && source.records.length >= 20_000) break;
      await sleep(0);
    }
    dying.mock.restore();
    assert.equal(failures.length, 1);
    assert.equal(failures[0]!.retriable, true);
    assert.match(failures[0]!.message, /thread/);
    assert.equal(new Set(source.records.map(({ key }) => text(key))).size, 20_000);
    await source.stop();
  });

  test('what the server says to one of its connections is what the task fails with', async () => {
    const { config } = await sourceDatabase(server, wide);
    const data = {
      raw: { ...config, 'topic.prefix': 's' },
      isCompatible: false,
      name: 'test',
      lanes: 1,
      chunkBytes: 1000,
      runRowsMax: 100,
      transaction: { serial: -2, xid: 1, commitMicros: 1, lastCommitLsn: null },
      lsn: '1',
      era: null,
      isLate: true,
    };
    await assert.rejects(SnapshotThread.start({ ...data, snapshot: 'no such' }), ServerError);
    const away = { ...data.raw, 'database.port': '1' };
    await assert.rejects(SnapshotThread.start({ ...data, raw: away, snapshot: '' }), ConnectionLost);
  });

  test('a task that stops in the middle leaves neither thread nor connection', async () => {
    const { client, config } = await sourceDatabase(server, wide);
    const source = await startSource({ config });
    await source.until((records) => records.length > 0);
    await source.stop();
    const sql =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'millrace%'";
    const deadline = Date.now() + 60_000;
    while ((await client.query(sql)).rows.length > 0) {
      assert.ok(Date.now() < deadline, 'connections stay open');
      await sleep(20);
    }
  });
});
