/** Signals through a topic of the log, with everything real: `millrace up`, Postgres, and records put by command. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Millrace, putConnector, startMillrace } from '../../../../test/kit/millrace.ts';
import { type EmbeddedPostgresServer, sourceAddress, startPostgres } from '../../../../test/kit/postgres.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', '..', 'bin', 'millrace');
const DEADLINE_MS = 60_000;

async function run(args: readonly string[], input = ''): Promise<{ code: number; out: string; complaint: string }> {
  const child = spawn(launcher, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, complaint] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code: Number(code), out, complaint };
}

describe('the signal topic', () => {
  let server: EmbeddedPostgresServer;
  let house: Millrace;
  before(async () => {
    [server, house] = await Promise.all([startPostgres(), startMillrace()]);
  });
  after(async () => {
    await house?.remove();
    await server?.stop();
  });

  async function rowsRead(): Promise<number> {
    // The topic is not there before its first record is.
    const { out } = await run([
      'consume',
      'shop.public.t',
      '-b',
      house.kafka,
      '-o',
      'beginning',
      '-e',
      '-q',
      '-f',
      '%s\\n',
    ]);
    return out.split('\n').filter((line) => line.includes('incremental')).length;
  }

  test('a record under the key of the source reads tables again, once; one under another key, and one that is no JSON, do nothing', async () => {
    const name = await server.createDatabase();
    const client = await server.connect(name);
    await client.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 20)');
    await putConnector(house, 'orders', {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      ...sourceAddress(server, name),
      'topic.prefix': 'shop',
      'plugin.name': 'pgoutput',
      'signal.enabled.channels': 'source,kafka',
      'signal.kafka.topic': 'commands',
      'signal.kafka.bootstrap.servers': 'kafka:9092',
    });
    const signal = { type: 'execute-snapshot', data: { 'data-collections': ['public.t'], type: 'INCREMENTAL' } };
    const lines = [
      { key: 'shop', value: 'no json' },
      { key: 'other', value: JSON.stringify(signal) },
      { key: 'shop', value: JSON.stringify(signal) },
    ];
    const input = lines.map(({ key, value }) => `${key}\t${value}\n`).join('');
    const produced = await run(['produce', '-t', 'commands', '-b', house.kafka, '-K', '\t', '-q'], input);
    assert.equal(produced.code, 0, produced.complaint);
    const deadline = Date.now() + DEADLINE_MS;
    for (let read = 0; read < 20; read = await rowsRead()) {
      assert.ok(Date.now() < deadline, `only ${read} rows were read again: ${house.notices().slice(-2000)}`);
      await sleep(200);
    }
    await fetch(`${house.connect}/connectors/orders/restart?includeTasks=true`, { method: 'POST' });
    await client.query('INSERT INTO t VALUES (100)');
    await sleep(1500);
    assert.equal(await rowsRead(), 20, 'what was obeyed is not obeyed again after a restart');
  });
});
