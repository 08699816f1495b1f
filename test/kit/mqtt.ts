/**
 * A real MQTT broker for tests, benches and the demo.
 *
 * `startMqtt` runs aedes (MQTT 3.1.1) in this process on a free port; its sessions survive `restart`. `startMosquitto`
 * runs the system's mosquitto (MQTT 5 too) in a temporary directory. `testMqtt` and `testMosquitto` apply the resolver
 * rule of `service.ts` first.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { freePort } from './free-port.ts';
import { resolveService, type ServiceOrSkip, ServiceUnavailable } from './service.ts';

/** A broker a test may use. */
export interface MqttBroker {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** A broker of our own, which a test may also hurt. */
export interface OwnMqttBroker extends MqttBroker {
  /** Ends the broker; sessions and what they have queued are kept for `resume`. */
  halt(): Promise<void>;
  /** Starts it again on the same port. */
  resume(): Promise<void>;
}

export interface EmbeddedMqttBroker extends OwnMqttBroker {
  /** Cuts every connection without a word. */
  cut(): void;
  /** Connections open now. */
  connections(): number;
  /** Subscriptions granted since the start: what is published before the first reaches nobody. */
  subscriptions(): number;
  /** Starts again having forgotten all sessions. */
  resumeEmpty(): Promise<void>;
}

export interface MqttOptions {
  readonly port?: number;
  /** Loopback, 127.0.0.1 by default. */
  readonly host?: string;
  /** TLS with this certificate; with `clientAuthority` only for clients it has signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientAuthority?: string };
  /** Behind web sockets, at every path. */
  readonly webSocket?: boolean;
}

const START_DEADLINE_MS = 60_000;

/** The broker of one test file: given by `TEST_MQTT_URL`, in Docker, or aedes. */
export function testMqtt(): Promise<ServiceOrSkip<MqttBroker>> {
  return resolveService<MqttBroker>('mqtt', {
    given: { variable: 'TEST_MQTT_URL', use: givenMqtt },
    docker: dockerMosquitto,
    embedded: () => startMqtt(),
  });
}

/** mosquitto itself, for what aedes does not speak (MQTT 5): the system binary, or a skip with its reason. */
export function testMosquitto(): Promise<ServiceOrSkip<OwnMqttBroker>> {
  return resolveService<OwnMqttBroker>('mosquitto', {
    given: {
      variable: 'TEST_MOSQUITTO',
      use: (binary) => startMosquitto({ binary }),
    },
    embedded: () => startMosquitto(),
  });
}

async function givenMqtt(text: string): Promise<MqttBroker> {
  const url = new URL(text);
  return { url: text, port: Number(url.port || 1883), stop: async () => undefined };
}

async function dockerMosquitto(): Promise<MqttBroker> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer('eclipse-mosquitto:2')
    .withCommand(['mosquitto', '-c', '/mosquitto-no-auth.conf'])
    .withExposedPorts(1883)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const port = container.getMappedPort(1883);
  return { url: `mqtt://${container.getHost()}:${port}`, port, stop: async () => void (await container.stop()) };
}

/** Starts aedes in this process. */
export async function startMqtt(options: MqttOptions = {}): Promise<EmbeddedMqttBroker> {
  const sockets = new Set<Socket>();
  let subscriptions = 0;
  const create = async (persistence?: unknown) => {
    const broker = await Aedes.createBroker(persistence === undefined ? {} : { persistence });
    broker.on('subscribe', (granted) => {
      subscriptions += granted.length;
    });
    return broker;
  };
  let aedes = await create();
  let server = await listen(aedes, options.port ?? 0, sockets, options);
  const { port } = server.address() as { port: number };

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const halt = async () => {
    cut();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
  };
  const start = async (persistence?: unknown) => {
    aedes = await create(persistence);
    server = await listen(aedes, port, sockets, options);
  };
  const scheme = options.webSocket === true ? 'ws' : 'mqtt';
  return {
    url: `${scheme}${options.tls === undefined ? '' : 's'}://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    cut,
    connections: () => sockets.size,
    subscriptions: () => subscriptions,
    halt,
    resume: () => start((aedes as unknown as { persistence: unknown }).persistence),
    resumeEmpty: () => start(),
    stop: halt,
  };
}

async function listen(aedes: Aedes, port: number, sockets: Set<Socket>, options: MqttOptions): Promise<Server> {
  const { tls, webSocket } = options;
  const secured = tls && { ...tls, ca: tls.clientAuthority, requestCert: tls.clientAuthority !== undefined };
  const take = (socket: Socket): void => {
    socket.on('error', () => undefined);
    aedes.handle(socket);
  };
  let server: Server;
  if (webSocket === true) {
    const web = secured === undefined ? createHttpServer() : createHttpsServer(secured);
    new WebSocketServer({ server: web, handleProtocols: () => 'mqtt' }).on('connection', (client, request) => {
      take(Object.assign(createWebSocketStream(client), { remoteAddress: request.socket.remoteAddress }) as never);
    });
    server = web;
  } else server = secured === undefined ? createServer(take) : createTlsServer(secured, take);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(port, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export interface MosquittoOptions {
  readonly binary?: string;
  readonly port?: number;
  /** Messages a client may hold unacknowledged. */
  readonly maxInflight?: number;
  /** Keeps QoS 0 messages, too, for clients that are away. */
  readonly queuesQos0?: boolean;
}

/** Starts the system's mosquitto. Throws {@link ServiceUnavailable} where there is none. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<OwnMqttBroker> {
  const binary = options.binary ?? findMosquitto();
  const home = await mkdtemp(join(tmpdir(), 'millrace-mosquitto-'));
  const port = options.port ?? (await freePort());
  const file = join(home, 'mosquitto.conf');
  await writeFile(file, mosquittoConf(home, port, options));

  let running = await launch(binary, file, port);
  const end = async () => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    running.kill('SIGTERM');
    await once(running, 'exit');
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    halt: end,
    resume: async () => {
      running = await launch(binary, file, port);
    },
    stop: async () => {
      await end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function findMosquitto(): string {
  for (const binary of ['mosquitto', '/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto']) {
    if (spawnSync(binary, ['-h'], { stdio: 'ignore' }).error === undefined) return binary;
  }
  throw new ServiceUnavailable('no mosquitto on this machine (apt install mosquitto)');
}

function mosquittoConf(home: string, port: number, options: MosquittoOptions): string {
  return [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${home}/`,
    'max_queued_messages 0',
    `max_inflight_messages ${options.maxInflight ?? 1000}`,
    `queue_qos0_messages ${options.queuesQos0 === true}`,
    'log_type error',
    // Root would give up its rights, and then not find the temporary directory.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    '',
  ].join('\n');
}

async function launch(binary: string, file: string, port: number): Promise<ChildProcess> {
  const child = spawn(binary, ['-c', file], { stdio: 'ignore' });
  const killIt = () => child.kill('SIGKILL');
  process.once('exit', killIt);
  child.once('exit', () => process.off('exit', killIt));
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await answers(port))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`mosquitto did not start on port ${port}`);
    await sleep(20);
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const settle = (isUp: boolean) => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
