/**
 * The real Debezium in one JVM, for the developer's scripts beside this file: its jars fetched on first use, then one connector after
 * the other as Recorder.java runs them. Needs a JDK (17 or newer) and `mvn`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedRecord, Recorder } from '../../test/kit/debezium-player.ts';

const root = path.join(import.meta.dirname, '..', '..');
const sources = path.join(import.meta.dirname, 'debezium');
const cache = path.join(root, '.cache', 'debezium');
const CLASS = 'io.debezium.connector.postgresql.PostgresConnector';
const log = path.join(cache, 'debezium.log');
const STOP_DEADLINE_MS = 30_000;

function fetchJars(): void {
  if (fs.existsSync(path.join(cache, 'lib'))) return;
  fs.mkdirSync(cache, { recursive: true });
  const pom = path.join(sources, 'pom.xml');
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${cache}/lib`];
  const { status, error } = spawnSync('mvn', ['-q', '-B', '-f', pom, ...goal], { stdio: 'inherit' });
  if (status !== 0) throw error ?? new Error(`mvn ended with ${status}.`);
}

/** One JVM: start a connector, stop it, start the next. */
export interface Debezium {
  start(config: Readonly<Record<string, string>>): Promise<Recorder>;
  end(): Promise<void>;
}

/** Starts the JVM; what it logs is in .cache/debezium/debezium.log. */
export function startDebezium(): Debezium {
  fetchJars();
  const options = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
  const child = spawn('java', [...options, '-cp', `${cache}/lib/*`, path.join(sources, 'Recorder.java')], {
    stdio: ['pipe', 'pipe', fs.openSync(log, 'w')],
  });
  const exited = once(child, 'exit');
  let current: Run | null = null;
  createInterface(child.stdout!).on('line', (line) => {
    const told = JSON.parse(line) as RecordedRecord & { failure?: string; stopped?: true };
    if (told.stopped) current?.onStopped();
    else if (told.failure !== undefined) current!.failure ??= `Debezium: ${told.failure}`;
    else current!.records.push(told);
  });
  return {
    async start(config) {
      const lines = Object.entries({ name: 'recorder', 'connector.class': CLASS, 'task.id': '0', ...config }).map(
        ([key, value]) => `${key}=${value.replaceAll('\n', '\\n')}\n`,
      );
      const { promise, resolve } = Promise.withResolvers<void>();
      const own: Run = { records: [], failure: null, onStopped: resolve };
      current = own;
      child.stdin!.write(`${lines.join('')}\n`);
      return {
        records: own.records,
        failure: () => (child.exitCode === null ? own.failure : `Debezium ended with ${child.exitCode}; see ${log}.`),
        async stop() {
          child.stdin!.write('stop\n');
          await Promise.race([promise, exited, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
        },
      };
    },
    async end() {
      child.stdin!.end();
      await exited;
    },
  };
}

interface Run {
  readonly records: RecordedRecord[];
  failure: string | null;
  onStopped(): void;
}
