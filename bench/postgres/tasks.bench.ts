/**
 * Question: how many rows a second does change capture hand out of `poll`, in the snapshot and in the stream, and how
 * many does the sink upsert?
 * Method: an embedded Postgres (fsync off: the question is our work, not the disk's), ROWS rows (default 500,000) of five
 * columns; tasks alone, without a log behind them. Beside it, in the same run: COPY TO STDOUT and the replication stream
 * read without decoding (what pg_recvlogical does), and the sink's own statement with rows made before the clock starts.
 * Run: node bench/postgres/tasks.bench.ts
 */
import { parseConfig, type SinkRecord, type SourceRecord } from '../../connectors/api/index.ts';
import { json, sinkRecord, startSink } from '../../connectors/postgres/sink/sink-harness.ts';
import { sourceSettings } from '../../connectors/postgres/source/config/source-config.ts';
import { ourDefaults } from '../../connectors/postgres/source/config/source-defaults.ts';
import { sourceConfigDef } from '../../connectors/postgres/source/config/source-keys.ts';
import { ReplicationClient } from '../../connectors/postgres/source/server/replication-client.ts';
import { wireOptions } from '../../connectors/postgres/source/server/sessions.ts';
import { startSource } from '../../connectors/postgres/source/source-harness.ts';
import { FrameType, WireConnection } from '../../connectors/postgres/wire/connection.ts';
import { sourceAddress, startPostgres } from '../../test/kit/postgres.ts';
import { report, timed } from '../report.ts';

const count = Number(process.env.ROWS ?? 500_000);
/** As the worker hands them over. */
const PUT_ROWS = 2000;
const ROW_SQL = `i, 'customer-' || i % 1000, (i % 10000) / 100.0, now(), 'a note of some length, as shops have it, number ' || i`;

const server = await startPostgres({ settings: { max_wal_size: '4GB', synchronous_commit: 'off' } });
const database = await server.createDatabase();
const client = await server.connect(database);
await client.query(
  'CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, amount numeric(10,2), at timestamptz, note text)',
);

const config = (slot: string): Record<string, string> => ({
  'topic.prefix': 'bench',
  ...sourceAddress(server, database),
  'table.include.list': 'public.orders',
  'slot.name': slot,
});
const settings = sourceSettings(parseConfig(sourceConfigDef(ourDefaults), config('bare')).config, false);

/** Reads the table as Postgres sends it. */
async function copyRaw(): Promise<void> {
  const connection = await WireConnection.open(wireOptions(settings, 'bench'));
  await connection.startStream('COPY orders TO STDOUT');
  const { frames } = connection;
  for (;;) {
    while (frames.next()) if (frames.type === FrameType.copyDone) return connection.destroy();
    await frames.wait(10_000);
  }
}

/** Reads the slot's stream without decoding, until it brought everything. */
async function streamRaw(replication: ReplicationClient): Promise<void> {
  await replication.startStream({
    slot: 'bare',
    publication: 'millrace',
    lsn: 0,
    statusIntervalMs: 10_000,
    confirmedLsn: () => 0,
    origin: null,
    isStreaming: false,
  });
  let messages = 0;
  while (messages < count) {
    while (replication.nextMessage()) if (!replication.isKeepalive) messages++;
    if (messages < count) await replication.frames.wait(10_000);
  }
  replication.destroy();
}

await client.query(`INSERT INTO orders SELECT ${ROW_SQL} FROM generate_series(1, ${count}) i`);
await client.query('VACUUM ANALYZE orders');

const snapshotRows = [await timed('COPY TO STDOUT, not decoded', count, copyRaw)];
const source = await startSource({ config: config('millrace') });
const snapshot: SourceRecord[] = [];
snapshotRows.push(
  await timed('snapshot at poll', count, async () => {
    for (let left = count; left > 0; ) {
      const batch = await source.poll();
      left -= batch.length;
      snapshot.push(...batch);
      source.records.length = 0;
    }
  }),
);
report('Snapshot', 'rows', snapshotRows);

const bare = await ReplicationClient.open(wireOptions(settings, 'bench'));
await bare.createSlot('bare', false);
for (let i = 0; i < 3; i++) await source.poll();
await source.stop();
await client.query(`UPDATE orders SET amount = amount + 1`);
const streamRows = [await timed('replication stream, not decoded', count, () => streamRaw(bare))];
const resumed = await startSource({ config: config('millrace'), offset: source.offset() });
streamRows.push(
  await timed('stream at poll', count, async () => {
    for (let left = count; left > 0; ) {
      left -= (await resumed.poll()).length;
      resumed.records.length = 0;
    }
  }),
);
await resumed.stop();
report('Streaming drain', 'rows', streamRows);

const target = await server.createDatabase();
const targetClient = await server.connect(target);
const create = (name: string) =>
  targetClient.query(
    `CREATE TABLE ${name} (id bigint PRIMARY KEY, customer text, amount text, at timestamptz, note text)`,
  );
await create('raw');
await create('bench_public_orders');
const batches: SinkRecord[][] = [];
for (let i = 0; i < snapshot.length; i += PUT_ROWS) {
  batches.push(
    snapshot.slice(i, i + PUT_ROWS).map((record, k) =>
      sinkRecord({
        topic: record.topic,
        offset: i + k,
        key: json(text(record.key)),
        value: json(text(record.value)),
      }),
    ),
  );
}
const prepared = batches.map(
  (batch) => `[${batch.map(({ value }) => JSON.stringify(JSON.parse(text(value)).after)).join()}]`,
);
const sinkRows = [
  await timed('the same statement, rows ready', count, async () => {
    for (const rows of prepared) {
      await targetClient.query({
        name: 'raw',
        text: `INSERT INTO raw SELECT id, customer, amount, at, note FROM json_to_recordset($1) AS x(id bigint, customer text, amount text, at timestamptz, note text)
               ON CONFLICT (id) DO UPDATE SET customer = EXCLUDED.customer, amount = EXCLUDED.amount, at = EXCLUDED.at, note = EXCLUDED.note`,
        values: [rows],
      });
    }
  }),
];
const sink = await startSink({ 'connection.url': server.url(target), 'delete.enabled': 'true' }, [
  { topic: 'bench.public.orders', partition: 0 },
]);
sinkRows.push(
  await timed('sink, inserts', count, async () => {
    for (const batch of batches) await sink.task.put(batch);
  }),
);
sinkRows.push(
  await timed('sink, replacing upserts', count, async () => {
    for (const batch of batches)
      await sink.task.put(batch.map((record) => ({ ...record, offset: record.offset + count })));
  }),
);
await sink.stop();
report('Sink', 'rows', sinkRows);
await server.stop();

function text(value: unknown): string {
  return Buffer.from((value as { bytes: Uint8Array }).bytes).toString();
}
