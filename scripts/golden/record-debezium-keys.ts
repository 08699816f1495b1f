/**
 * Records which keys Debezium's Postgres connector, its JDBC sink and Confluent's know, with types, defaults and allowed values, as
 * they declare them themselves. A developer's script: the answers are checked in as test/golden/debezium-keys.tsv,
 * debezium-sink-keys.tsv and confluent-sink-keys.tsv, the tests that read them need no JVM.
 *
 *   node scripts/golden/record-debezium-keys.ts      needs `java` (17 or newer) and what record-debezium.ts and record-jdbc-sinks.ts fetched
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');
const source = `${root}/.cache/debezium/lib/*`;
/** Confluent's is compiled from sources; record-jdbc-sinks.ts put both there. */
const sinks = `${root}/.cache/jdbc-sink/confluent:${root}/.cache/jdbc-sink/lib/*`;

/** Runs a program and keeps what it says; the jars, the program, what it is asked for. */
function record(file: string, jars: string, program: string, ...classes: readonly string[]): void {
  const args = ['-cp', jars, path.join(import.meta.dirname, program), ...classes];
  const { status, stdout, stderr, error } = spawnSync('java', args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${program} ended with ${status}: ${stderr}`);
  fs.writeFileSync(path.join(root, 'test', 'golden', file), stdout);
  process.stdout.write(`${file}: ${stdout.trim().split('\n').length} keys\n`);
}

record(
  'debezium-keys.tsv',
  source,
  'debezium/Keys.java',
  'io.debezium.connector.postgresql.PostgresConnector',
  // Who is asked for by name and declares keys of its own.
  'io.debezium.schema.AbstractTopicNamingStrategy',
  'io.debezium.pipeline.signal.channels.KafkaSignalChannel',
  'io.debezium.pipeline.signal.channels.FileSignalChannel',
  'io.debezium.pipeline.notification.channels.SinkNotificationChannel',
  'io.debezium.pipeline.notification.channels.HttpNotificationChannel',
  'io.debezium.connector.postgresql.PostgresConnectorConfig',
);
record(
  'debezium-sink-keys.tsv',
  sinks,
  'debezium/Keys.java',
  'io.debezium.connector.jdbc.JdbcSinkConnector',
  'io.debezium.sink.SinkConnectorConfig',
  'io.debezium.connector.jdbc.JdbcSinkConnectorConfig',
);
record('confluent-sink-keys.tsv', sinks, 'jdbc-sink/ConfluentSinkKeys.java');
