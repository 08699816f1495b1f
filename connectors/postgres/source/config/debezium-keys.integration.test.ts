/**
 * Keys that existing Debezium configs bring along: each is declared, and what it says happens, or the config is refused by
 * name. Real Postgres where something happens there.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, parseConfig, type SourceOffset } from '../../../api/index.ts';
import { envelope, startSource, stopAll } from '../source-harness.ts';
import { sourceSettings } from './source-config.ts';
import { debeziumDefaults } from './source-defaults.ts';
import { sourceConfigDef } from './source-keys.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const def = sourceConfigDef(debeziumDefaults);

const least = { 'topic.prefix': 'shop', 'database.hostname': 'x', 'database.user': 'x', 'database.dbname': 'x' };

function problemsOf(more: Record<string, string>): string {
  return parseConfig(def, { ...least, ...more })
    .problems.map(({ message }) => message)
    .join(' ');
}

test('what would mean something that does not happen here is refused by name', () => {
  const refused: readonly (readonly [key: string, value: string, why: RegExp])[] = [
    ['signal.enabled.channels', 'source,jmx', /no Java machine.*tasks\/\{task\}\/signals/],
    ['notification.enabled.channels', 'jmx', /no Java machine/],
    ['signal.enabled.channels', 'smoke', /source, kafka, file/],
    ['converters', 'isbn', /has to be left out.*masks and transforms/],
    ['post.processors', 'reselector', /has to be left out.*unavailable.value.lookup/],
    ['snapshot.mode.custom.name', 'mine', /has to be left out.*snapshot.mode/],
    ['notification.enabled.channels', 'http', /HTTP sink/],
    ['notification.http.url', 'http://x', /HTTP sink/],
    ['database.sslfactory', 'com.acme.Factory', /sslrootcert/],
    ['message.key.columns', 'public.t', /schema.table:column/],
    ['replica.identity.autoset.values', 'public.t:SOME', /holds "public.t:SOME"/],
    ['signal.data.collection', 'signals', /schema.table/],
    ['topic.heartbeat.name', 'a b', /no name of a topic/],
    ['schema.refresh.mode', 'never', /columns_diff, columns_diff_exclude_unchanged_toast/],
    ['topic.naming.strategy', 'com.acme.Mine', /topic.naming.strategy/],
    ['event.processing.failure.handling.mode', 'skip', /event.processing/],
    ['plugin.name', 'decoderbufs', /plugin.name/],
    ['snapshot.mode', 'custom', /snapshot.mode/],
    ['time.precision.mode', 'structured', /time.precision.mode/],
    ['slot.stream.params', 'proto_version=3', /origin=none/],
    ['openlineage.integration.enabled', 'true', /openlineage/],
  ];
  for (const [key, value, why] of refused) assert.match(problemsOf({ [key]: value }), why, `${key}=${value}`);
});

test('a snapshot mode spelt out in keys is one of the others', () => {
  const modeOf = (data: boolean, stream: boolean, onError = false) => {
    const key = 'snapshot.mode.configuration.based';
    const { config } = parseConfig(def, {
      ...least,
      'snapshot.mode': 'configuration_based',
      [`${key}.snapshot.data`]: String(data),
      [`${key}.start.stream`]: String(stream),
      [`${key}.snapshot.on.data.error`]: String(onError),
    });
    return sourceSettings(config, true).snapshotMode;
  };
  assert.deepEqual(
    [modeOf(true, true), modeOf(true, false), modeOf(false, true), modeOf(true, true, true)],
    ['always', 'initial_only', 'no_data', 'always'],
  );
  assert.throws(() => modeOf(false, false), /Neither rows nor the stream/);
});

test('the heartbeat topic is named by a prefix with the delimiter, by its former key, or whole', () => {
  const topicOf = (more: Record<string, string>) => {
    return sourceSettings(parseConfig(def, { ...least, ...more }).config, true).heartbeat.topic;
  };
  assert.equal(topicOf({}), '__debezium-heartbeat.shop');
  assert.equal(topicOf({ 'topic.delimiter': '_' }), '__debezium-heartbeat_shop');
  assert.equal(topicOf({ 'heartbeat.topics.prefix': 'beat' }), 'beat.shop');
  assert.equal(topicOf({ 'topic.heartbeat.name': 'beats', 'topic.heartbeat.prefix': 'x' }), 'beats');
});

test('errors.max.retries: a server out of reach is tried again so often, then the task fails', async () => {
  const config = { ...least, 'database.hostname': '127.0.0.1', 'database.port': '1', 'errors.max.retries': '2' };
  const source = await startSource({ config, defaults: debeziumDefaults });
  const failed = () =>
    source.poll().then(
      () => assert.fail('it was reached'),
      (error: Error & { retriable?: boolean }) => error,
    );
  for (let count = 0; count < 2; count++) assert.equal((await failed()).retriable, true);
  const last = await failed();
  assert.notEqual(last.retriable, true);
  assert.match(last.message, /last of errors.max.retries=2/);
  await source.stop();
});

describe('keys of Debezium at work', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  afterEach(stopAll);
  after(() => server.stop());

  async function streaming(more: Record<string, string> = {}, logger = silent) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const own = { 'topic.prefix': 'shop', 'slot.name': name, 'snapshot.mode': 'no_data' };
    const config = { ...own, ...sourceAddress(server, name), 'status.update.interval.ms': '20', ...more };
    const start = (offset: SourceOffset | null = null) =>
      startSource({ config, offset, logger, defaults: debeziumDefaults });
    const confirmed = async () => {
      const sql = 'SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1';
      return (await client.query<{ lsn: string }>(sql, [name])).rows[0]!.lsn;
    };
    return { client, name, start, confirmed };
  }

  test('lsn.flush.mode=manual: rows flow and are kept, and the slot stays where it is until somebody advances it', async () => {
    const { client, start, confirmed } = await streaming({ 'lsn.flush.mode': 'manual' });
    const source = await start();
    await source.poll();
    const first = await confirmed();
    await client.query('INSERT INTO t VALUES (1)');
    await source.until((records) => records.length === 1);
    for (let turn = 0; turn < 3; turn++) await source.poll();
    assert.equal(await confirmed(), first);
    await source.stop();
    const second = await start(source.offset());
    await client.query('INSERT INTO t VALUES (2)');
    await second.until((records) => records.length === 1);
    assert.equal(envelope(second.records[0]!).after!.id, 2, 'what was kept does not come again');
    await second.stop();
    assert.equal(await confirmed(), first);
  });

  test('offset.mismatch.strategy=trust_slot: a slot that was advanced is where reading goes on, and that is said', async () => {
    const told: string[] = [];
    const logger = { ...silent, warn: (_: unknown, message: string) => told.push(message) };
    const { client, name, start } = await streaming({ 'offset.mismatch.strategy': 'trust_slot' }, logger);
    const source = await start();
    await source.poll();
    await client.query('INSERT INTO t VALUES (1)');
    await source.until((records) => records.length === 1);
    await source.stop();
    await client.query('INSERT INTO t VALUES (2)');
    await client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [name]);
    const second = await start(source.offset());
    await second.poll();
    await client.query('INSERT INTO t VALUES (3)');
    await second.until((records) => records.length === 1);
    assert.equal(envelope(second.records[0]!).after!.id, 3);
    assert.ok(told.some((message) => /advanced beyond the stored position/.test(message)));
  });

  test('guardrail.collections.max says that there are too many tables, or does not start', async () => {
    const told: string[] = [];
    const logger = { ...silent, warn: (_: unknown, message: string) => told.push(message) };
    const { client, start } = await streaming({ 'guardrail.collections.max': '1' }, logger);
    await client.query('CREATE TABLE u (id int PRIMARY KEY)');
    await (await start()).poll();
    assert.match(told.join(), /2 tables are captured, and guardrail.collections.max is 1/);
    const strict = await streaming({ 'guardrail.collections.max': '1', 'guardrail.collections.limit.action': 'fail' });
    await strict.client.query('CREATE TABLE u (id int PRIMARY KEY)');
    await assert.rejects(async () => (await strict.start()).poll(), { code: 'PG_SETUP' });
  });

  test('origins left out, the horizon in every record, headers of the context, and a pause before the stream', async () => {
    const { client, name, start } = await streaming({
      'slot.stream.params': 'origin=none',
      'xmin.fetch.interval.ms': '1',
      'extended.headers.enabled': 'true',
      'streaming.delay.ms': '300',
      'snapshot.mode': 'initial',
    });
    await client.query('INSERT INTO t VALUES (0)');
    const source = await start();
    await source.until((records) => records.length === 1);
    const began = performance.now();
    await source.poll();
    await source.poll();
    assert.ok(performance.now() - began > 250, 'the stream begins after its delay');
    await client.query('SELECT pg_replication_origin_create($1)', [name]);
    await client.query('SELECT pg_replication_origin_session_setup($1)', [name]);
    await client.query('INSERT INTO t VALUES (1)');
    await client.query('SELECT pg_replication_origin_session_reset()');
    await client.query('INSERT INTO t VALUES (2)');
    await source.until((records) => records.length === 2);
    const [snapshot, change] = source.records;
    assert.equal(envelope(change!).after!.id, 2, 'what came from elsewhere is left out');
    assert.equal(typeof envelope(change!).source.xmin, 'number');
    for (const record of [snapshot!, change!]) {
      assert.deepEqual(
        record.headers.map(({ key, value }) => `${key}=${value}`),
        [
          '__debezium.context.connectorLogicalName=shop',
          '__debezium.context.taskId=0',
          '__debezium.context.connectorName=postgresql',
        ],
      );
    }
    await source.stop();
    await client.query('SELECT pg_replication_origin_drop($1)', [name]);
  });
});
