/**
 * What is missing on a server is told with the statement that adds it, and nothing is changed by asking.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';
import { parseConfig } from '../../../api/index.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { PostgresSource } from '../source.ts';
import { startSource } from '../source-harness.ts';

describe('preflight of PostgresSource', () => {
  let server: EmbeddedPostgresServer;
  before(async () => {
    server = await startPostgres({ settings: { wal_level: 'replica' } });
  });
  after(() => server.stop());

  const raw = (database: string, more: Record<string, string> = {}) => ({
    'topic.prefix': 'shop',
    ...sourceAddress(server, database),
    ...more,
  });

  async function problems(config: Record<string, string>): Promise<string[]> {
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), config);
    return (await new PostgresSource(false).check(parsed)).map((problem) => problem.message);
  }

  test('a server without wal_level=logical is named, with the setting to change', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY)');
    const [message] = await problems(raw(name));
    assert.match(message!, /runs with wal_level=replica.*ALTER SYSTEM SET wal_level = 'logical'; then restart/);
    const source = await startSource({ config: raw(name) });
    await assert.rejects(source.poll(), (error: Error & { code?: string; retriable?: boolean }) => {
      assert.equal(error.code, 'PG_SETUP');
      return error.retriable === false;
    });
    await source.stop();
  });

  test('a user who may not replicate is told which statement lets him', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query(
      "CREATE TABLE t (id int PRIMARY KEY); CREATE USER plain PASSWORD 'p'; GRANT SELECT ON t TO plain",
    );
    const found = await problems(raw(name, { 'database.user': 'plain', 'database.password': 'p' }));
    assert.ok(
      found.some((message) => message.includes('ALTER ROLE "plain" REPLICATION;')),
      found.join('\n'),
    );
  });

  test('tables whose rows would meet in one topic are named', async () => {
    const name = await server.createDatabase();
    await (await server.connect(name)).query(
      'CREATE TABLE "a b" (id int PRIMARY KEY); CREATE TABLE a_b (id int PRIMARY KEY)',
    );
    const found = (await problems(raw(name))).filter((message) => message.includes('topic'));
    assert.deepEqual(found.length, 1);
    assert.match(found[0]!, /public\.a b and public\.a_b would both be written to topic shop\.public\.a_b/);
    assert.equal((await problems(raw(name, { 'table.exclude.list': 'public\\.a b' }))).join().includes('topic'), false);
  });

  test('a directory for large transactions that takes no files is told, one that is not there yet is fine', async () => {
    const name = await server.createDatabase();
    await (await server.connect(name)).query('CREATE TABLE t (id int PRIMARY KEY)');
    const told = async (more: Record<string, string>) =>
      (await problems(raw(name, more))).filter((message) => message.includes('Large transactions'));
    const directory = { 'streaming.spool.dir': import.meta.filename };
    assert.match((await told(directory)).join(), /it is a file.*streaming=off/);
    assert.deepEqual(await told({ ...directory, 'slot.stream.params': 'streaming=off' }), []);
    assert.deepEqual(await told({ 'streaming.spool.dir': `${import.meta.dirname}/not-there` }), []);
  });

  test('a missing publication comes with the statement that makes it', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY)');
    const found = await problems(raw(name, { 'publication.autocreate.mode': 'disabled' }));
    assert.ok(
      found.some((message) => message.includes('CREATE PUBLICATION "millrace" FOR TABLE "public"."t";')),
      found.join('\n'),
    );
  });

  test('a table whose updates would be refused once it is published is named', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int)');
    const found = await problems(raw(name));
    assert.ok(
      found.some((message) => message.includes('ALTER TABLE "public"."t" REPLICA IDENTITY FULL;')),
      found.join('\n'),
    );
  });

  /** A user who may log in and replicate, and nothing else. */
  async function plainUser(sql: string) {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    const user = `u_${name}`;
    await client.query(`${sql}; CREATE USER ${user} REPLICATION PASSWORD 'p'`);
    const config = raw(name, { 'database.user': user, 'database.password': 'p', 'publication.name': 'own' });
    /** What is wrong, without what is wrong with the whole server. */
    const wrong = async (more: Record<string, string> = {}) =>
      (await problems({ ...config, ...more })).filter((message) => !message.includes('wal_level'));
    const run = (message: string) => client.query(message.slice(message.indexOf(': ') + 2));
    return { client, user, wrong, run };
  }

  test('rights that are missing come with the statements that grant them, and these help', async () => {
    const { wrong, run, user, client } = await plainUser(
      'CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int PRIMARY KEY)',
    );
    const [create, read, ...more] = await wrong();
    assert.match(
      create!,
      new RegExp(`may not create the publication "own".*GRANT CREATE ON DATABASE .* TO "${user}";$`),
    );
    assert.match(
      read!,
      /may not read table hidden.t.*GRANT USAGE ON SCHEMA "hidden" TO .*; GRANT SELECT ON "hidden"."t" TO/,
    );
    assert.equal(more.length, 0);
    await run(create!);
    await run(read!);
    const [owner, ...rest] = await wrong();
    assert.match(
      owner!,
      /does not own hidden.t. Run as a superuser: CREATE PUBLICATION "own" FOR TABLE "hidden"."t";$/,
    );
    assert.equal(rest.length, 0);
    await run(owner!);
    assert.deepEqual(await wrong(), []);
    await client.query(`CREATE TABLE late (id int PRIMARY KEY); GRANT SELECT ON late TO ${user}`);
    const [missing] = await wrong();
    assert.match(
      missing!,
      /does not own late. Run as a superuser: ALTER PUBLICATION "own" ADD TABLE "public"."late";$/,
    );
    await run(missing!);
    assert.deepEqual(await wrong(), []);
  });

  test('a signal table that nobody would hear is told with the SQL that helps, and keeps no other table from being read', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION own FOR TABLE t');
    const config = raw(name, {
      'publication.name': 'own',
      'publication.autocreate.mode': 'disabled',
      'signal.data.collection': 'ops.Signals',
    });
    const unheard = async () => (await problems(config)).filter((message) => message.includes('ops.Signals'));
    const [absent, ...none] = await unheard();
    assert.match(
      absent!,
      /^There is no table ops\.Signals, so no signal is heard\. Run: CREATE TABLE "ops"\."Signals" \(.*\); ALTER PUBL/,
    );
    assert.deepEqual(none, []);
    await client.query('CREATE SCHEMA ops; CREATE TABLE ops."Signals" (id text PRIMARY KEY, type text)');
    assert.match((await unheard())[0]!, /has 2 columns, and signals are in three/);
    await client.query('ALTER TABLE ops."Signals" ADD data text');
    const [missing] = await unheard();
    assert.match(
      missing!,
      /"own" lacks the table ops\.Signals, .*ALTER PUBLICATION "own" ADD TABLE "ops"\."Signals";$/,
    );
    await client.query(missing!.slice(missing!.indexOf('Run: ') + 5));
    assert.deepEqual(await unheard(), []);
  });

  test('a publication that leaves operations out is refused, unless the config leaves them out too', async () => {
    const { wrong, run, client, user } = await plainUser('CREATE TABLE t (id int PRIMARY KEY)');
    await client.query(
      `CREATE PUBLICATION own FOR TABLE t WITH (publish = 'insert, truncate'); GRANT SELECT ON t TO ${user}`,
    );
    const [message, ...rest] = await wrong();
    assert.match(
      message!,
      /"own" leaves out every update and delete.*Run: ALTER PUBLICATION.*or add u,d to skipped.operations/,
    );
    assert.equal(rest.length, 0);
    assert.deepEqual(await wrong({ 'skipped.operations': 'u,d,t' }), []);
    await run(message!.replace(/; or add.*/, ';'));
    assert.deepEqual(await wrong(), []);
  });

  test('TLS that the server does not offer, or a file that is not there, is not tried again but told under its key', async () => {
    const { config } = parseConfig(sourceConfigDef(ourDefaults), raw('postgres', { 'database.sslmode': 'require' }));
    const [problem, ...rest] = await new PostgresSource(false).check(config);
    assert.equal(problem!.key, 'database.sslmode');
    assert.match(problem!.message, /does not offer TLS, but sslmode is require\. Set ssl=on on the server/);
    assert.equal(rest.length, 0);
    const source = await startSource({ config: raw('postgres', { 'database.sslmode': 'require' }) });
    await assert.rejects(source.poll(), { code: 'PG_SETUP', retriable: false });
    await source.stop();
  });

  test('a database that is not there is told under its own key', async () => {
    const { config } = parseConfig(sourceConfigDef(ourDefaults), raw('nowhere'));
    const [problem] = await new PostgresSource(false).check(config);
    assert.equal(problem!.key, 'database.dbname');
    assert.match(problem!.message, /database "nowhere" does not exist\. Those that are there: SELECT datname FROM/);
  });

  test('filters that match no table say so', async () => {
    const name = await server.createDatabase();
    const found = await problems(raw(name, { 'table.include.list': 'public.nothing' }));
    assert.ok(
      found.some((message) => message.startsWith('No table of database')),
      found.join('\n'),
    );
  });

  test('a wrong password and a server that is not there are told apart', async () => {
    const [wrong] = await problems(raw('postgres', { 'database.password': 'wrong' }));
    assert.match(wrong!, /password authentication failed.*Check the user, the password and pg_hba.conf/);
    const [away] = await problems(raw('postgres', { 'database.port': '1' }));
    assert.match(away!, /^No connection to Postgres at 127.0.0.1:1: connect ECONNREFUSED.*Check database.hostname/);
    assert.doesNotMatch(away!, /tried again/, 'a check tries once');
  });
});
