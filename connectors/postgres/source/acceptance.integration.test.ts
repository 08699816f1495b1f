/**
 * Both connectors of this room in the examination that every connector passes.
 */
import { after } from 'node:test';
import { type PostgresServer, sourceAddress, testPostgres } from '../../../test/kit/postgres.ts';
import { examineSink, examineSource } from '../../acceptance/index.ts';
import type { SinkConnectorPlugin, SourceConnectorPlugin } from '../../api/index.ts';
import { postgresPlugins } from '../plugins.ts';
import { json } from '../sink/sink-harness.ts';
import { envelope, startSource } from './source-harness.ts';

const found = await testPostgres();
const server = found.service as PostgresServer;
after(() => server?.stop());

const plugin = (name: string) => postgresPlugins.find((candidate) => candidate.class === name)!;

examineSource({
  plugin: plugin('PostgresSource') as SourceConnectorPlugin,
  lacks: { badInput: 'what Postgres has stored has a type, and each has its form' },
  skip: found.skip,
  prepare: async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE notes (id serial PRIMARY KEY, text text)');
    const config = {
      'topic.prefix': 'exam',
      ...sourceAddress(server, name),
      'slot.name': name,
      // A snapshot that is stopped reads its table again; the examination is about the stream.
      'snapshot.mode': 'no_data',
    };
    // The slot keeps changes from here on, so that the examination may write before it polls.
    const earlier = await startSource({ config });
    await earlier.poll();
    await earlier.stop();
    return {
      config,
      write: async (values) => {
        await client.query('INSERT INTO notes (text) SELECT unnest($1::text[])', [values]);
      },
      writeTombstone: async () => {
        // A delete, and behind it the tombstone that lets compaction forget the row.
        await client.query("DELETE FROM notes WHERE text = 'before'");
      },
      read: (record) => String(envelope(record).after?.text),
      snapshot: async () =>
        (
          await client.query(
            'SELECT (SELECT count(*) FROM pg_publication) p, (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()) s',
          )
        ).rows,
    };
  },
});

examineSink({
  plugin: plugin('PostgresSink') as SinkConnectorPlugin,
  skip: found.skip,
  exactlyOnce: true,
  keepsOrder: false,
  prepare: async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE notes (text text)');
    return {
      config: {
        'connection.url': server.url(name),
        'table.name.format': 'notes',
        'insert.mode': 'insert',
        'pk.mode': 'none',
      },
      record: (text) => ({ value: json(JSON.stringify({ text })), schema: null }),
      bad: () => ({ value: json('{"text": "cut off'), schema: null }),
      read: async () => (await client.query<{ text: string }>('SELECT text FROM notes')).rows.map((row) => row.text),
      snapshot: async () => (await client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).rows,
    };
  },
});
