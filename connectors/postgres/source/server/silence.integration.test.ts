/**
 * A network that swallows everything: no connection ends, nothing comes. A proxy between source and server goes silent; how that is
 * noticed, and told from a server that is busy.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { type EmbeddedPostgresServer, sourceDatabase, startPostgres } from '../../../../test/kit/postgres.ts';
import { type Logger, parseConfig } from '../../../api/index.ts';
import { ConnectionLost } from '../../errors.ts';
import { WireConnection } from '../../wire/connection.ts';
import { sourceSettings } from '../config/source-config.ts';
import { ourDefaults } from '../config/source-defaults.ts';
import { sourceConfigDef } from '../config/source-keys.ts';
import { ReplicationClient } from './replication-client.ts';
import { openSession, wireOptions } from './sessions.ts';
import { SilenceWatch } from './silence.ts';

const DEADLINE_MS = 60_000;

/** Passes bytes on until it is muted; then it takes them, and answers nothing. */
class Cable {
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Set<Socket>();
  readonly #muted = new Set<Socket>();
  readonly #server;
  #isMute = false;

  constructor(port: number) {
    this.#server = createServer((socket) => {
      const beyond = connect({ host: '127.0.0.1', port });
      const isBornMute = this.#isMute;
      const isMute = () => isBornMute || this.#muted.has(socket);
      for (const [from, to] of [
        [socket, beyond],
        [beyond, socket],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (bytes) => isMute() || to.write(bytes));
        from.on('error', () => {});
        from.on('close', () => to.destroy());
      }
      this.#clients.add(socket);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Those that are open; with `alsoNew`, those to come as well. */
  mute(alsoNew: boolean): void {
    for (const socket of this.#clients) this.#muted.add(socket);
    this.#isMute = alsoNew;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('a network that swallows everything', () => {
  let server: EmbeddedPostgresServer;
  let cable: Cable;
  const open: { destroy(): void }[] = [];
  before(async () => {
    server = await startPostgres();
  });
  afterEach(() => {
    for (const each of open.splice(0)) each.destroy();
    cable.close();
  });
  after(() => server.stop());

  /** A stream through a proxy, and a watch over it that is quick. */
  async function watched(keys: Record<string, string> = {}, more: { silentMs?: number; answerMs?: number } = {}) {
    cable = new Cable(server.port);
    const port = String(await cable.listen());
    const table = 'CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION millrace FOR TABLE t';
    const { config } = await sourceDatabase(server, table, keys);
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), { ...config, 'database.port': port });
    const settings = sourceSettings(parsed, false);
    const client = await ReplicationClient.open(wireOptions(settings, 'silence test'));
    const catalog = await openSession(settings, 'silence test catalog');
    open.push(client, catalog);
    const slot = settings.slot.name;
    const { consistentLsn: lsn } = await client.createSlot(slot, false);
    const confirmedLsn = () => lsn;
    const publication = settings.publication.name;
    await client.startStream({
      slot,
      publication,
      lsn,
      statusIntervalMs: 600_000,
      confirmedLsn,
      origin: null,
      isStreaming: false,
    });
    const told: string[] = [];
    const logger: Logger = { debug() {}, info() {}, warn: (_, message) => told.push(message), error() {} };
    const times = { pulseMs: 50, silentMs: 500, ...more };
    const watch = new SilenceWatch({ client, catalog, settings, logger, name: 'silence', confirmedLsn, ...times });
    open.push({ destroy: () => watch.stop() });
    watch.start();
    return { client, catalog, told };
  }

  async function ended(client: ReplicationClient): Promise<Error> {
    const deadline = Date.now() + DEADLINE_MS;
    while (Date.now() < deadline) {
      try {
        while (client.nextMessage());
        await client.frames.wait(100);
      } catch (error) {
        return error as Error;
      }
    }
    return assert.fail('nobody noticed');
  }

  test('an idle server that answers is left alone', async () => {
    const { client, told } = await watched({}, { silentMs: DEADLINE_MS });
    const began = Date.now();
    for (let answers = 0; answers < 20; ) {
      assert.ok(Date.now() - began < DEADLINE_MS, 'the server is asked, and answers');
      await client.frames.wait(1000);
      while (client.nextMessage()) answers++;
    }
    assert.deepEqual(told, []);
  });

  test('silence ends the connection, and the question that is on its way to the catalogue', async () => {
    const { client, catalog } = await watched({}, { answerMs: 300 });
    cable.mute(true);
    const question = catalog.query('SELECT 1').catch((error: Error) => error);
    const error = await ended(client);
    assert.ok(error instanceof ConnectionLost);
    assert.match(error.message, /nothing has come from the server for \d+ s, though it was asked for an answer/);
    assert.match(((await question) as Error).message, /nothing has come/);
  });

  test('a process at the other end that is there is waited for, and that is said; not for ever', async () => {
    const { client, told } = await watched({ 'database.query.timeout.ms': '5000' });
    cable.mute(false);
    assert.match((await ended(client)).message, /nothing has come from the server/);
    assert.equal(told.length, 1);
    assert.match(told[0]!, /Its process \d+ is there, so it may be busy.*database.query.timeout.ms \(5000\)/);
  });

  test('a server that takes connections and says nothing is given up behind the time for connecting', async () => {
    cable = new Cable(server.port);
    const port = String(await cable.listen());
    cable.mute(true);
    // Without TLS the first answer waited for is that to the greeting.
    const keys = { 'database.port': port, 'database.sslmode': 'disable' };
    const { config } = await sourceDatabase(server, 'CREATE TABLE t (id int PRIMARY KEY)', keys);
    const { config: parsed } = parseConfig(sourceConfigDef(ourDefaults), config);
    const options = wireOptions(sourceSettings(parsed, false), 'silence test');
    await assert.rejects(WireConnection.open({ ...options, timeoutMs: 200 }), /did not answer within 200 ms/);
  });
});
