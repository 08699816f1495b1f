/**
 * Records what Debezium answers to the scenarios of test/kit/debezium-scenarios.ts. A developer's script: the
 * answers are checked in under test/golden/debezium, the test that reads them needs no JVM.
 *
 *   node scripts/golden/record-debezium.ts [scenario…]      needs `java`, `javac` (17 or newer) and `mvn`
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { writeGolden } from '../../test/kit/debezium-golden.ts';
import { playScenario, type RecordedRecord, type Recorder } from '../../test/kit/debezium-player.ts';
import { debeziumScenarios } from '../../test/kit/debezium-scenarios.ts';
import { debeziumSuiteScenarios } from '../../test/kit/debezium-suite-scenarios.ts';
import { startPostgres } from '../../test/kit/postgres.ts';

const root = path.join(import.meta.dirname, '..', '..');
const sources = path.join(import.meta.dirname, 'debezium');
const cache = path.join(root, '.cache', 'debezium');
const CLASS = 'io.debezium.connector.postgresql.PostgresConnector';
const log = path.join(cache, 'debezium.log');

function run(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}.`);
}

function build(): void {
  fs.mkdirSync(path.join(cache, 'classes'), { recursive: true });
  if (!fs.existsSync(path.join(cache, 'lib'))) {
    run('mvn', [
      '-q',
      '-B',
      '-f',
      path.join(sources, 'pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${cache}/lib`,
    ]);
  }
  run('javac', [
    '-nowarn',
    '-Xlint:none',
    '-d',
    `${cache}/classes`,
    '-cp',
    `${cache}/lib/*`,
    path.join(sources, 'Recorder.java'),
  ]);
}

async function startDebezium(config: Readonly<Record<string, string>>): Promise<Recorder> {
  const child = spawn('java', ['-XX:TieredStopAtLevel=1', '-cp', `${cache}/classes:${cache}/lib/*`, 'Recorder'], {
    stdio: ['pipe', 'pipe', fs.openSync(log, 'w')],
  });
  const records: RecordedRecord[] = [];
  createInterface(child.stdout!).on('line', (line) => records.push(JSON.parse(line) as RecordedRecord));
  const lines = Object.entries({ name: 'recorder', 'connector.class': CLASS, 'task.id': '0', ...config }).map(
    ([key, value]) => `${key}=${value}\n`,
  );
  child.stdin!.write(`${lines.join('')}\n`);
  return {
    records,
    failure: () => (child.exitCode === null ? null : `Debezium ended with ${child.exitCode}; see ${log}.`),
    async stop() {
      child.stdin!.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

build();
const wanted = process.argv.slice(2);
const server = await startPostgres({ settings: { max_replication_slots: '60', max_wal_senders: '20' } });
try {
  for (const scenario of [...debeziumScenarios, ...debeziumSuiteScenarios]) {
    if (wanted.length > 0 && !wanted.includes(scenario.name)) continue;
    const records = await playScenario(server, scenario, startDebezium, true).catch((error: Error) => error);
    if (records instanceof Error) process.exitCode = 1;
    else writeGolden(scenario.name, records);
    process.stdout.write(
      `${scenario.name}: ${records instanceof Error ? records.message : `${records.length} records`}\n`,
    );
  }
} finally {
  await server.stop();
}
