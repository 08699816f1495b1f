/** Previews of the connectors that talk to servers, against real ones: what is shown, and that no trace is left. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt from 'mqtt';
import { catalogue } from '../../connectors/catalogue.ts';
import { testMqtt } from '../../test/kit/mqtt.ts';
import { type PostgresServer, sourceAddress, testPostgres } from '../../test/kit/postgres.ts';
import { ConfigProviders } from '../worker/config-providers.ts';
import { withDefaults } from '../worker/defaults.ts';
import { silent } from '../worker/harness.ts';
import { Plugins } from '../worker/plugins.ts';
import { checkFile, planFile, type Reach } from './check.ts';
import { readConnectorFile } from './connector-file.ts';
import { OfflineRegistry } from './offline-registry.ts';
import { previewSink, previewSource } from './preview.ts';

const postgres = await testPostgres();
const server = postgres.service as PostgresServer;
const broker = await testMqtt();
after(() => Promise.all([server?.stop(), broker.service?.stop()]));

const reach: Reach = {
  plugins: new Plugins(catalogue),
  worker: withDefaults({}),
  providers: new ConfigProviders(['env'], {}, {}),
};
const fileOf = (config: object) => readConnectorFile('c.json', JSON.stringify({ name: 'c', config })).file!;

async function planOf(config: object) {
  const planned = await planFile(fileOf(config), reach);
  if ('findings' in planned) assert.fail(JSON.stringify(planned.findings));
  return planned.plan;
}

const options = (max: number, ms = 5_000) => ({
  max,
  registry: new OfflineRegistry(null),
  logger: silent,
  signal: AbortSignal.timeout(ms),
});

test('Postgres shows rows of every captured table, without slot and publication', { skip: postgres.skip }, async () => {
  const name = await server.createDatabase();
  const client = await server.connect(name);
  await client.query('CREATE TABLE people (id int PRIMARY KEY, name text); CREATE TABLE towns (id int PRIMARY KEY)');
  await client.query(
    "INSERT INTO people SELECT n, 'p' || n FROM generate_series(1, 50) n; INSERT INTO towns VALUES (1)",
  );
  const config = {
    'connector.class': 'PostgresSource',
    'topic.prefix': 'shop',
    ...sourceAddress(server, name),
    'slot.name': name,
  };
  const traces = async () =>
    (
      await client.query(
        'SELECT (SELECT count(*) FROM pg_publication) p, (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1) s',
        [name],
      )
    ).rows;
  const before = await traces();
  const { records } = await previewSource(await planOf(config), options(4));
  const topics = records.map(({ stages }) => stages.at(-1)!.record!.topic).sort();
  assert.deepEqual([...new Set(topics)], ['shop.public.people', 'shop.public.towns']);
  assert.ok(records.length <= 4);
  const person = records.find(({ stages }) => stages[0]!.record!.topic.endsWith('people'))!;
  assert.match(String(person.stages.at(-1)!.record!.value), /"after":\{"id":1,"name":"p1"\}/);
  assert.deepEqual(await traces(), before);

  const [problem] = await checkFile(
    fileOf({ ...config, 'database.password': 'wrong', 'database.user': 'nobody_here' }),
    reach,
  );
  assert.equal(problem!.key, 'database.user');
});

test(
  'A Postgres sink shows the statements and the DDL before them, and the target stays empty',
  { skip: postgres.skip },
  async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    const config = {
      'connector.class': 'PostgresSink',
      'connection.url': server.url(name),
      topics: 'people',
      'insert.mode': 'upsert',
      'pk.mode': 'record_value',
      'pk.fields': 'id',
      'auto.create': 'true',
      'table.name.format': 'people',
    };
    const read = {
      topic: 'people',
      partition: 0,
      offset: 0,
      timestamp: 1,
      key: null,
      value: Buffer.from('{"id":1,"name":"Ada"}'),
      headers: [],
    };
    const { statements } = await previewSink(await planOf(config), [read], options(1));
    assert.match(statements![0]!, /^CREATE TABLE IF NOT EXISTS "people" \("id" \w+ NOT NULL, "name" text, PRIMARY KEY/);
    assert.match(statements![1]!, /^INSERT INTO "people"[\s\S]*ON CONFLICT[\s\S]*\$1 = \{1\}\n\s*\$2 = \{"Ada"\}/);
    const { rows } = await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    assert.deepEqual(rows, []);
  },
);

test(
  'MQTT shows retained and new messages; the session of the connector keeps what is queued for it',
  { skip: broker.skip },
  async (t) => {
    const url = broker.service!.url;
    const config = {
      'connector.class': 'MqttSource',
      'mqtt.server.uri': url,
      'mqtt.topics': 'preview/#',
      'mqtt.client.id': 'preview-test',
      'kafka.topic': 'out',
    };
    const publisher = await mqtt.connectAsync(url, { clientId: 'preview-publisher' });
    t.after(() => publisher.endAsync(true));
    // The connector's own session, gone for the moment.
    const own = await mqtt.connectAsync(url, { clientId: 'preview-test-0', clean: false });
    await own.subscribeAsync('preview/#', { qos: 1 });
    await own.endAsync();
    await publisher.publishAsync('preview/a', 'kept', { qos: 1, retain: true });
    const plan = await planOf(config);
    const previewing = previewSource(plan, options(2));
    await sleep(300);
    await publisher.publishAsync('preview/b', 'new', { qos: 1 });
    const { records } = await previewing;
    assert.equal(records.length, 2);
    const queued: string[] = [];
    const back = mqtt.connect(url, { clientId: 'preview-test-0', clean: false });
    back.on('message', (topic) => void queued.push(topic));
    t.after(() => back.endAsync(true));
    for (let tries = 0; queued.length < 2 && tries < 3000; tries++) await sleep(20);
    assert.deepEqual(queued.sort(), ['preview/a', 'preview/b']);
  },
);
