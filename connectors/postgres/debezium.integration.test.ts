/**
 * The differential test: what Debezium answered to every scenario (test/golden/debezium, recorded by
 * scripts/golden/record-debezium.ts) is what our source answers under its class name, record for record: topic, key, value,
 * headers and schemas, byte for byte but for clocks, positions and transaction ids.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { readGolden } from '../../test/kit/debezium-golden.ts';
import { playScenario, type RecordedRecord, type Recorder } from '../../test/kit/debezium-player.ts';
import { debeziumScenarios } from '../../test/kit/debezium-scenarios.ts';
import { debeziumSuiteScenarios } from '../../test/kit/debezium-suite-scenarios.ts';
import { type EmbeddedPostgresServer, startPostgres } from '../../test/kit/postgres.ts';
import { type Converter, JsonText, parseConfig, type RecordValue, type Schema } from '../api/index.ts';
import { jsonPlugin } from '../converters/json.ts';
import { startSource } from './source-harness.ts';
import { debeziumDefaults } from './source-keys.ts';

/** As many at once as two cores like. */
const CONCURRENCY = 4;

function jsonConverter(withSchemas: boolean) {
  const converter = jsonPlugin.create() as Converter;
  const { config } = parseConfig(jsonPlugin.config, { 'schemas.enable': String(withSchemas) });
  converter.configure(config, { isKey: false });
  return converter;
}

const payloads = jsonConverter(false);
const envelopes = jsonConverter(true);
const NULL = new JsonText(Buffer.from('null'));

function payloadOf(schema: Schema | null, value: RecordValue): string | null {
  const bytes = payloads.fromConnectData('', schema, value) as Uint8Array | null;
  return bytes === null ? null : Buffer.from(bytes).toString();
}

/** The schema's JSON, cut out of the envelope of a null. */
function schemaOf(schema: Schema | null): string | null {
  if (schema === null) return null;
  const text = Buffer.from(envelopes.fromConnectData('', schema, NULL) as Uint8Array).toString();
  return text.slice('{"schema":'.length, text.lastIndexOf(',"payload":'));
}

async function startOurs(config: Readonly<Record<string, string>>): Promise<Recorder> {
  const { 'poll.interval.ms': _, ...known } = config;
  const source = await startSource({ config: known, defaults: debeziumDefaults });
  const records: RecordedRecord[] = [];
  let isStopped = false;
  let failure: string | null = null;
  const loop = (async () => {
    while (!isStopped) {
      await turn(); // Polls that answer at once would keep timers waiting.
      for (const record of await source.poll()) {
        records.push({
          topic: record.topic,
          key: payloadOf(record.keySchema, record.key),
          keySchema: schemaOf(record.keySchema),
          value: payloadOf(record.valueSchema, record.value),
          valueSchema: schemaOf(record.valueSchema),
          headers: record.headers.map(({ key, schema, value }) => ({
            name: key,
            value: payloadOf(schema, value),
            valueSchema: schemaOf(schema),
          })),
        });
      }
    }
  })().catch((error: Error) => {
    failure = error.message;
  });
  return {
    records,
    failure: () => failure,
    async stop() {
      isStopped = true;
      await source.stop();
      await loop;
    },
  };
}

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

  const all = [...debeziumScenarios, ...debeziumSuiteScenarios];
  for (const scenario of all.filter(({ name }) => !name.startsWith('signals'))) {
    test(`answers as Debezium did: ${scenario.name}`, async () => {
      const ours = await playScenario(server, scenario, startOurs);
      const theirs = readGolden(scenario.name);
      for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
        assert.deepEqual(ours[index], theirs[index], `record ${index}`);
      }
    });
  }

  test('answers signals for blocking snapshots with the same rows in the same order, and the same notifications', async () => {
    const scenario = debeziumScenarios.find(({ name }) => name === 'signals-blocking')!;
    const ours = await playScenario(server, scenario, startOurs);
    const theirs = readGolden('signals-blocking');
    const rows = (records: readonly RecordedRecord[]) => records.filter(({ topic }) => topic !== 'notes');
    assert.deepEqual(rows(ours), rows(theirs));
    assert.deepEqual(toldIn(ours), toldIn(theirs));
  });

  test('answers signals for incremental snapshots with the same notifications: empty tables, keys of two columns, conditions, surrogate keys', async () => {
    const scenario = debeziumScenarios.find(({ name }) => name === 'signals-scans')!;
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

  test('answers a signal with the same rows and the same notifications, without rows of its own in the signal table', async () => {
    const scenario = debeziumScenarios.find(({ name }) => name === 'signals')!;
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
