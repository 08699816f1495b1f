/**
 * A table is changed while it is read: what the registry says about its new shape is known before a row of that shape flows,
 * and `schema.change.policy` decides. Real Postgres, real registry, the converter that ships.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { inProcessRegistry } from '../../../../schemas/in-process.ts';
import { type Registry, startRegistry } from '../../../../schemas/registry-server.ts';
import { memoryStore } from '../../../../schemas/store/memory.ts';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import {
  type Converter,
  parseConfig,
  RetriableError,
  type Schema,
  type SourceOffset,
  type SourceRecord,
} from '../../../api/index.ts';
import { jsonSchemaPlugin } from '../../../converters/json-schema-plugin.ts';
import { envelope, materialise, type RunningSource, startSource, stopAll, stored } from '../source-harness.ts';

describe('schema changes of PostgresSource', () => {
  let server: EmbeddedPostgresServer;
  let registry: Registry;
  before(async () => {
    server = await startPostgres();
    registry = await startRegistry({ host: '127.0.0.1', port: 0, store: memoryStore() });
  });
  afterEach(stopAll);
  after(async () => {
    await registry.stop();
    await server.stop();
  });

  async function converter(isKey: boolean): Promise<Converter> {
    const made = (await jsonSchemaPlugin.create()) as Converter;
    made.configure(parseConfig(jsonSchemaPlugin.config, {}).config, {
      isKey,
      registry: inProcessRegistry(registry.core),
    });
    return made;
  }

  /** A table with a row, read with a policy, by a prefix of its own. */
  async function table(policy: string) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, v int NOT NULL); INSERT INTO t VALUES (1, 1);
      CREATE TABLE other (id int PRIMARY KEY)`);
    const config = {
      'topic.prefix': name,
      ...sourceAddress(server, name),
      'slot.name': name,
      'schema.change.policy': policy,
      'table.discovery.interval.ms': '50',
    };
    const [key, value] = [await converter(true), await converter(false)];
    const declareSchemas = async (topic: string, keySchema: Schema | null, valueSchema: Schema | null) => {
      await key.declareSchema!(topic, keySchema);
      await value.declareSchema!(topic, valueSchema);
    };
    const start = (offset: SourceOffset | null = null, isAway = () => false) =>
      startSource({
        config,
        offset,
        declareSchemas: async (...asked) => {
          if (isAway()) throw new RetriableError('The registry does not answer.');
          await declareSchemas(...asked);
        },
      });
    const subject = `${name}.public.t-value`;
    return { client, start, topic: `${name}.public.t`, subject };
  }

  const idOf = (record: SourceRecord) =>
    record.value === null ? null : (envelope(record).after?.id ?? envelope(record).before?.id);
  const readUntil = (source: RunningSource, topic: string, id: number) =>
    source.untilRecord((record) => record.topic === topic && idOf(record) === id);
  const versions = (subject: string) => registry.core.versions(subject).map(({ version }) => version);

  test('the schemas of keys and values are registered before the first record, and a compatible change is a new version', async () => {
    const { client, start, topic, subject } = await table('fail');
    const source = await start();
    await readUntil(source, topic, 1);
    assert.deepEqual(versions(subject), [1]);
    assert.deepEqual(versions(subject.replace('-value', '-key')), [1]);
    await client.query('ALTER TABLE t ALTER v DROP NOT NULL; INSERT INTO t VALUES (2, NULL)');
    await readUntil(source, topic, 2);
    assert.deepEqual(versions(subject), [1, 2]);
  });

  test('fail: the task stops before a row of a refused shape flows, says why, and goes on when it is allowed', async () => {
    const { client, start, topic, subject } = await table('fail');
    const source = await start();
    await readUntil(source, topic, 1);
    await source.poll();
    await client.query(
      'INSERT INTO t VALUES (2, 2); ALTER TABLE t ALTER v TYPE text USING v::text; INSERT INTO t VALUES (3, $$three$$)',
    );
    await readUntil(source, topic, 2);
    await assert.rejects(
      source.untilRecord(() => false),
      (error: Error & { code?: string; retriable?: boolean }) => {
        assert.equal(error.code, 'PG_SCHEMA_REFUSED');
        assert.match(error.message, /public\.t has now: .*incompatible.*No record of that shape was written/s);
        return error.retriable !== true;
      },
    );
    await source.stop();
    assert.deepEqual(versions(subject), [1]);
    await registry.core.putConfig(subject, { compatibilityLevel: 'NONE' });
    const again = await start(stored(source.offset()));
    await readUntil(again, topic, 3);
    assert.deepEqual(again.records.map(idOf), [3], 'nothing was skipped and nothing came twice');
    assert.deepEqual(versions(subject), [1, 2]);
  });

  test('park: rows of a refused shape wait elsewhere, other tables go on, and the topic is made whole when it is allowed', async () => {
    const { client, start, topic, subject } = await table('park');
    const first = await start();
    await readUntil(first, topic, 1);
    await first.poll();
    await client.query(
      'ALTER TABLE t ALTER v TYPE text USING v::text; INSERT INTO t VALUES (2, $$two$$); INSERT INTO other VALUES (1)',
    );
    await readUntil(first, topic.replace(/t$/, 'other'), 1);
    await readUntilIn(first, `${topic}.parked`, 2);
    await first.stop();
    const offset = stored(first.offset());
    assert.deepEqual(offset!.parked_tables, ['public.t'], 'a restart knows that rows are elsewhere');

    const second = await start(offset);
    await client.query('INSERT INTO t VALUES (3, $$three$$); DELETE FROM t WHERE id = 1');
    await readUntil(second, `${topic}.parked`, 3);
    await second.untilRecord((record) => record.topic === topic && record.value === null);
    await registry.core.putConfig(subject, { compatibilityLevel: 'NONE' });
    const isWhole = () =>
      [...materialise(second.records).keys()].filter((key) => key.startsWith(`${topic} `)).length === 2;
    await second.until(isWhole);
    await second.until(() => stored(second.offset())!.parked_tables === undefined);
    const rows = [...materialise([...first.records, ...second.records])].filter(([key]) => key.startsWith(`${topic} `));
    assert.deepEqual(
      new Map(rows.map(([, row]) => [row.id, row.v])),
      new Map([
        [2, 'two'],
        [3, 'three'],
      ]),
    );
  });

  test('park: after a restart a table is made whole too, though nobody has written to it since', async () => {
    const { client, start, topic, subject } = await table('park');
    const first = await start();
    await readUntil(first, topic, 1);
    await first.poll();
    await client.query('ALTER TABLE t ALTER v TYPE text USING v::text; INSERT INTO t VALUES (2, $$two$$)');
    await readUntil(first, `${topic}.parked`, 2);
    await first.stop();
    await registry.core.putConfig(subject, { compatibilityLevel: 'NONE' });
    const second = await start(stored(first.offset()));
    await readUntil(second, topic, 2);
    assert.deepEqual(second.records.map(idOf), [1, 2]);
  });

  test('evolve: a refused shape flows on, for the error policy to judge record by record', async () => {
    const { client, start, topic, subject } = await table('evolve');
    const source = await start();
    await readUntil(source, topic, 1);
    await source.poll();
    await client.query('ALTER TABLE t ALTER v TYPE text USING v::text; INSERT INTO t VALUES (2, $$two$$)');
    await readUntil(source, topic, 2);
    assert.deepEqual(versions(subject), [1], 'the registry was asked and said no');
    const value = await converter(false);
    const record = source.records.at(-1)!;
    await assert.rejects(async () => value.fromConnectData(record.topic, record.valueSchema, record.value), {
      name: 'DataError',
    });
  });

  test('a registry that is away is a reason to wait, not a verdict', async () => {
    const { client, start, topic } = await table('fail');
    let isAway = false;
    const source = await start(null, () => isAway);
    await readUntil(source, topic, 1);
    await source.poll();
    isAway = true;
    await client.query('ALTER TABLE t ALTER v DROP NOT NULL; INSERT INTO t VALUES (2, NULL)');
    await assert.rejects(
      source.untilRecord(() => false),
      { name: 'RetriableError', retriable: true },
    );
    isAway = false;
    await readUntil(source, topic, 2);
    assert.deepEqual(source.records.map(idOf), [1, 2]);
  });

  function readUntilIn(source: RunningSource, topic: string, id: number): Promise<void> {
    return source.until((records) => records.some((record) => record.topic === topic && idOf(record) === id));
  }
});
