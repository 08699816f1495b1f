/**
 * Records which keys Debezium's Postgres connector, its JDBC sink and Confluent's know, with types, defaults and allowed values, as
 * they declare them themselves. A developer's script: the answers are checked in as test/golden/debezium-keys.tsv,
 * debezium-sink-keys.tsv and confluent-sink-keys.tsv, the tests that read them need no JVM.
 *
 *   node scripts/golden/record-debezium-keys.ts      needs `java`, `javac` (17 or newer) and what record-debezium.ts and record-jdbc-sinks.ts fetched
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');
const cache = path.join(root, '.cache', 'debezium');

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${command} ended with ${status}: ${stderr}`);
  return stdout;
}

const source = path.join(import.meta.dirname, 'debezium', 'Keys.java');
run('javac', ['-nowarn', '-Xlint:none', '-d', `${cache}/classes`, '-cp', `${cache}/lib/*`, source]);
const keys = run('java', ['-cp', `${cache}/classes:${cache}/lib/*`, 'Keys']);
fs.writeFileSync(path.join(root, 'test', 'golden', 'debezium-keys.tsv'), keys);
process.stdout.write(`${keys.trim().split('\n').length} keys\n`);

/** Those that are compiled from sources are where record-jdbc-sinks.ts put them. */
const sinks = `${root}/.cache/jdbc-sink/confluent:${root}/.cache/jdbc-sink/lib/*`;
for (const [name, of] of [
  ['SinkKeys', 'debezium'],
  ['ConfluentSinkKeys', 'confluent'],
]) {
  const answer = run('java', ['-cp', sinks, path.join(import.meta.dirname, 'jdbc-sink', `${name}.java`)]);
  fs.writeFileSync(path.join(root, 'test', 'golden', `${of}-sink-keys.tsv`), answer);
  process.stdout.write(`${answer.trim().split('\n').length} keys of the sink of ${of}\n`);
}
