/**
 * The differential test: what Debezium answered to every scenario (test/golden/debezium, recorded by
 * scripts/golden/record-debezium.ts) is what our source answers under its class name, record for record: topic, key, value,
 * headers and schemas, byte for byte but for clocks, positions and transaction ids.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { debeziumFuzzScenarios } from '../../../test/kit/debezium-fuzz-scenarios.ts';
import { readGolden } from '../../../test/kit/debezium-golden.ts';
import { playScenario, type RecordedRecord } from '../../../test/kit/debezium-player.ts';
import { debeziumScenarios } from '../../../test/kit/debezium-scenarios.ts';
import { debeziumSignalScenarios } from '../../../test/kit/debezium-signal-scenarios.ts';
import { debeziumSuiteScenarios } from '../../../test/kit/debezium-suite-scenarios.ts';
import { startOurs } from '../../../test/kit/our-recorder.ts';
import { type EmbeddedPostgresServer, startPostgres } from '../../../test/kit/postgres.ts';

/** As many at once as two cores like. */
const CONCURRENCY = 4;

/**
 * The notifications in order, members and lists of tables sorted: Debezium's come in the order of a hash. The signal table is
 * in some of its lists, and no snapshot of ours has it.
 */
function toldIn(records: readonly RecordedRecord[]) {
  const notes = records.filter(({ topic }) => topic === 'notes').map(({ value }) => JSON.parse(value!));
  return notes.map(({ id, type, aggregate_type: aggregate, additional_data: data }) => {
    const tables = String(data.data_collections ?? '').split(',');
    const list = tables.filter((table) => table !== 'public.signals').sort();
    const more = data.data_collections === undefined ? {} : { data_collections: list.join(',') };
    return { id, type, aggregate, data: { ...data, ...more } };
  });
}

describe('beside Debezium', { concurrency: CONCURRENCY }, () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { max_replication_slots: '60', max_wal_senders: '20' } });
  });
  after(() => server.stop());

  const all = [...debeziumScenarios, ...debeziumSuiteScenarios, ...debeziumFuzzScenarios];
  for (const scenario of all) {
    test(`answers as Debezium did: ${scenario.name}`, async () => {
      const ours = await playScenario(server, scenario, startOurs);
      const theirs = readGolden(scenario.name);
      for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
        assert.deepEqual(ours[index], theirs[index], `record ${index}`);
      }
    });
  }

  test('answers signals for blocking snapshots with the same rows in the same order, and the same notifications', async () => {
    const scenario = debeziumSignalScenarios.find(({ name }) => name === 'signals-blocking')!;
    const ours = await playScenario(server, scenario, startOurs);
    const theirs = readGolden('signals-blocking');
    const rows = (records: readonly RecordedRecord[]) => records.filter(({ topic }) => topic !== 'notes');
    assert.deepEqual(rows(ours), rows(theirs));
    assert.deepEqual(toldIn(ours), toldIn(theirs));
  });

  test('answers signals for incremental snapshots with the same notifications: empty tables, keys of two columns, conditions, surrogate keys', async () => {
    const scenario = debeziumSignalScenarios.find(({ name }) => name === 'signals-scans')!;
    const ours = await playScenario(server, scenario, startOurs);
    const theirs = readGolden('signals-scans');
    assert.deepEqual(toldIn(ours), toldIn(theirs));
    const rows = (records: readonly RecordedRecord[], table: string) =>
      records.filter(({ topic }) => topic === `srv.public.${table}`);
    assert.deepEqual(rows(ours, 'two'), rows(theirs, 'two'));
    // Rows without a key are one and the same to Debezium's window, and the last of a chunk is what is left of it.
    assert.equal(rows(ours, 'keyless').length, 3);
    assert.equal(rows(theirs, 'keyless').length, 2);
  });

  test('answers signals that pause, resume and stop with the same notifications', async () => {
    const play = async (name: string) => {
      const ours = await playScenario(server, debeziumSignalScenarios.find((it) => it.name === name)!, startOurs);
      return [toldIn(ours), toldIn(readGolden(name))] as const;
    };
    const marks = (notes: ReturnType<typeof toldIn>) => notes.filter(({ type }) => type !== 'IN_PROGRESS');
    const chunks = (notes: ReturnType<typeof toldIn>) =>
      notes.flatMap(({ id, type, data: { data_collections: _, ...data } }) =>
        type === 'IN_PROGRESS' ? [{ id, data }] : [],
      );
    const [ours, theirs] = await play('signals-steered');
    // Debezium says of one that was stopped whole that it was completed, and tells its stop under no signal.
    const stop = theirs.findIndex(({ id, type }) => id === 'g-1' && type === 'COMPLETED');
    assert.deepEqual([theirs[stop + 1]!.type, theirs[stop + 1]!.id], ['ABORTED', '-']);
    const meant = theirs.toSpliced(stop, 2, { ...theirs[stop + 1]!, id: 'g-1' });
    assert.deepEqual(marks(ours), marks(meant));
    // What is stopped here is stopped at once, there behind the chunk that was read; nor has a table joined in between.
    const read = chunks(meant).filter(({ id }) => id !== 'g-1');
    assert.deepEqual(
      chunks(ours),
      read.map((chunk) => (chunk.id === 'f-1' ? { ...chunk, id: 'f-2' } : chunk)),
    );
    const [oursStopped, theirsStopped] = await play('signals-stopped');
    assert.deepEqual(marks(oursStopped), marks(theirsStopped));
    assert.deepEqual(chunks(oursStopped), chunks(theirsStopped).slice(1));
  });

  test('answers a signal with the same rows and the same notifications, without rows of its own in the signal table', async () => {
    const scenario = debeziumSignalScenarios.find(({ name }) => name === 'signals')!;
    const ours = await playScenario(server, scenario, startOurs);
    const theirs = readGolden('signals');
    const rows = (records: readonly RecordedRecord[]) => records.filter(({ topic }) => topic === 'srv.public.t');
    assert.deepEqual(rows(ours), rows(theirs));
    assert.deepEqual(toldIn(ours), toldIn(theirs));
    const commands = ours.filter(({ topic }) => topic === 'srv.public.signals');
    assert.deepEqual(
      commands.map(({ key }) => key),
      ['{"id":"log-1"}', '{"id":"snap-1"}'],
    );
  });
});
