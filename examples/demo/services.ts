/**
 * Everything the demo stands on: Postgres, an MQTT broker, folders, and Millrace as a process of its own.
 *
 * Default ports where they are free, others where they are taken. `stop` leaves no process and no folder behind.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../test/kit/free-port.ts';
import { type Millrace, startMillrace } from '../../test/kit/millrace.ts';
import { type EmbeddedMqttBroker, startMqtt } from '../../test/kit/mqtt.ts';
import { type PostgresServer, startPostgres } from '../../test/kit/postgres.ts';

export interface Services {
  readonly postgres: PostgresServer;
  readonly mqtt: EmbeddedMqttBroker;
  readonly millrace: Millrace;
  /** CSV files go in here, JSON Lines come out there. */
  readonly inbox: string;
  readonly outbox: string;
  stop(): Promise<void>;
}

export interface ServicesOptions {
  /** Kept after the end when given; a temporary folder else. */
  readonly data?: string;
  /** Kafka's, Connect's, … own ports where they are free; random ones otherwise or where this is false. */
  readonly wantsDefaultPorts: boolean;
}

/** Starts all of it. When one part does not start, the others are stopped before the error is thrown. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    // Backwards: Millrace lets go of Postgres and MQTT before they end.
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const home = await openHome(options.data);
    if (options.data === undefined) stops.push(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));
    const [inbox, outbox] = [join(home, 'inbox'), join(home, 'outbox')];
    await Promise.all([mkdir(inbox), mkdir(outbox)]);
    const port = (number: number) => (options.wantsDefaultPorts ? freeOrRandom(number) : Promise.resolve(0));

    const [postgres, mqtt] = await Promise.all([
      port(5432).then((number) => startPostgres(number === 0 ? {} : { port: number })),
      port(1883).then((number) => startMqtt({ port: number })),
    ]);
    stops.push(
      () => mqtt.stop(),
      () => postgres.stop(),
    );
    await postgres.createDatabase('shop');
    await postgres.createDatabase('replica');

    // The connectors name it, so it has to be known before the start.
    const registry = (await port(8081)) || (await freePort());
    const millrace = await startMillrace({
      data: join(home, 'millrace'),
      ports: {
        kafka: await port(9092),
        connect: await port(8083),
        registry,
        console: await port(8080),
      },
      env: { ...environment(postgres, mqtt, inbox, outbox), DEMO_REGISTRY_URL: `http://127.0.0.1:${registry}` },
    });
    stops.push(() => millrace.remove());
    return { postgres, mqtt, millrace, inbox, outbox, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function openHome(data: string | undefined): Promise<string> {
  if (data === undefined) return mkdtemp(join(tmpdir(), 'millrace-demo-'));
  const home = resolve(data);
  await mkdir(home, { recursive: true });
  if ((await readdir(home)).length > 0) {
    throw new Error(`${home} is not empty. The demo starts from nothing: name another folder with --data.`);
  }
  return home;
}

/** What the connector files in connectors/ refer to as `${env:…}`. */
function environment(postgres: PostgresServer, mqtt: EmbeddedMqttBroker, inbox: string, outbox: string) {
  return {
    DEMO_POSTGRES_HOST: postgres.host,
    DEMO_POSTGRES_PORT: String(postgres.port),
    DEMO_POSTGRES_USER: postgres.user,
    DEMO_POSTGRES_PASSWORD: postgres.password,
    DEMO_REPLICA_URL: postgres.url('replica'),
    DEMO_MQTT_URL: mqtt.url,
    DEMO_INBOX: inbox,
    DEMO_OUTBOX: outbox,
  };
}

/** The port if nobody listens on it, on any address; 0 otherwise. */
async function freeOrRandom(port: number): Promise<number> {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer();
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch {
      return 0;
    }
    server.close();
    await once(server, 'close');
  }
  return port;
}
