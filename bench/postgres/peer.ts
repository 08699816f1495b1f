/**
 * The peer of this bench: Apache Kafka, Kafka Connect in standalone mode, Debezium's Postgres source and its JDBC sink, all
 * with default settings. Fetched from Maven at the first run.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/kit/free-port.ts';
import { classpath, installPeer } from '../broker/peer.ts';
import type { House } from './house.ts';

const cache = join(import.meta.dirname, '../../.cache/bench');
export const PEER_NAME = 'Kafka, Connect, Debezium';
const START_DEADLINE_MS = 120_000;

/** Fetches jars where they are missing. */
function install(name: string, target: string): string {
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const pom = join(import.meta.dirname, `pom-${name}.xml`);
  execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${target}.new`]);
  renameSync(`${target}.new`, target);
  return target;
}

/** Broker and Connect worker as processes of their own. */
export async function startPeer(): Promise<House> {
  installPeer();
  const connect = install('connect', join(cache, 'postgres-connect'));
  // A plugin is a folder of jars within the path.
  const plugins = join(cache, 'postgres-plugins');
  for (const name of ['source', 'sink']) install(name, join(plugins, name));
  const folder = await mkdtemp(join(tmpdir(), 'peer-'));
  const [kafkaPort, controllerPort, restPort] = [await freePort(), await freePort(), await freePort()];
  const kafka = `127.0.0.1:${kafkaPort}`;
  const broker = join(folder, 'server.properties');
  await writeFile(broker, brokerProperties(folder, kafkaPort, controllerPort));
  const worker = join(folder, 'worker.properties');
  await writeFile(worker, workerProperties(folder, kafka, restPort, plugins));
  const log = openSync(join(folder, 'log'), 'w');
  const java = (...args: string[]) => spawn('java', ['-cp', ...args], { stdio: ['ignore', log, log] });
  const id = randomBytes(16).toString('base64url');
  execFileSync('java', ['-cp', classpath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', broker]);
  const children: ChildProcess[] = [java(classpath, 'kafka.Kafka', broker)];
  await sleep(5000);
  const main = 'org.apache.kafka.connect.cli.ConnectStandalone';
  children.push(java(`${join(connect, '*')}:${classpath}`, main, worker));
  const rest = `http://127.0.0.1:${restPort}`;
  const stop = async () => {
    for (const child of children.reverse()) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  await answers(rest).catch(async (error: Error) => {
    await stop();
    throw error;
  });
  return {
    name: PEER_NAME,
    kafka,
    connect: rest,
    pids: children.map(({ pid }) => pid!),
    converter: (schemas) => ({
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'key.converter.schemas.enable': String(schemas),
      'value.converter.schemas.enable': String(schemas),
    }),
    bytesOf: () => null,
    sourceClass: 'io.debezium.connector.postgresql.PostgresConnector',
    sink: (address) => ({
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      'connection.url': `jdbc:postgresql://${address.host}:${address.port}/${address.database}`,
      'connection.username': address.user,
      'connection.password': address.password,
      'insert.mode': 'upsert',
      'primary.key.mode': 'record_key',
      'collection.name.format': 'orders',
    }),
    stop,
  };
}

async function answers(rest: string): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (
    !(await fetch(`${rest}/connectors`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error('Kafka Connect did not start.');
    await sleep(200);
  }
}

function brokerProperties(folder: string, port: number, controllerPort: number): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(folder, 'data')}`,
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    '',
  ].join('\n');
}

function workerProperties(folder: string, kafka: string, restPort: number, plugins: string): string {
  return [
    `bootstrap.servers=${kafka}`,
    'key.converter=org.apache.kafka.connect.json.JsonConverter',
    'value.converter=org.apache.kafka.connect.json.JsonConverter',
    `offset.storage.file.filename=${join(folder, 'offsets')}`,
    `listeners=http://127.0.0.1:${restPort}`,
    `plugin.path=${plugins}`,
    'plugin.discovery=service_load',
    '',
  ].join('\n');
}
