/** For tests: what configs as people publish them have in common, in words of our own. No test, no record. */
import type { Plugin } from '../../connectors/api/index.ts';
import { planConnector } from './plan.ts';
import { Plugins } from './plugins.ts';

export type Keys = Readonly<Record<string, string>>;

export const json = 'org.apache.kafka.connect.json.JsonConverter';
export const string = 'org.apache.kafka.connect.storage.StringConverter';
export const smt = 'org.apache.kafka.connect.transforms.';
export const debezium = 'io.debezium.transforms.';
export const spool = 'com.github.jcustenborder.kafka.connect.spooldir.SpoolDir';

export const postgresOne: Keys = {
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'tasks.max': '1',
  'database.hostname': 'db',
  'database.port': '5432',
  'database.user': 'cdc',
  'database.password': 'secret',
  'database.dbname': 'shop',
};
export const postgres: Keys = { ...postgresOne, 'topic.prefix': 'shop', 'plugin.name': 'pgoutput' };
export const unwrap: Keys = {
  ...postgres,
  transforms: 'unwrap',
  'transforms.unwrap.type': `${debezium}ExtractNewRecordState`,
};
export const outbox: Keys = {
  ...postgres,
  transforms: 'outbox',
  'transforms.outbox.type': `${debezium}outbox.EventRouter`,
};
export const jdbc: Keys = {
  'connector.class': 'io.confluent.connect.jdbc.JdbcSinkConnector',
  topics: 'orders',
  'connection.url': 'jdbc:postgresql://db:5432/shop',
  'connection.user': 'app',
  'connection.password': 'secret',
};
export const debeziumJdbc: Keys = {
  'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
  topics: 'orders',
  'connection.url': 'jdbc:postgresql://db:5432/shop',
  'connection.username': 'app',
  'connection.password': 'secret',
};
export const csv: Keys = {
  'connector.class': `${spool}CsvSourceConnector`,
  topic: 'rows',
  'input.path': '/in',
  'finished.path': '/done',
  'error.path': '/bad',
  'input.file.pattern': '^.*\\.csv$',
};
export const mqtt: Keys = {
  'connector.class': 'io.confluent.connect.mqtt.MqttSourceConnector',
  'mqtt.server.uri': 'tcp://m:1883',
  'mqtt.topics': 'plant/+/temperature',
  'kafka.topic': 'temperatures',
};
export const lines: Keys = { 'connector.class': 'FileStreamSource', file: 'in.txt', topic: 'lines' };
export const sink: Keys = { 'connector.class': 'FileStreamSink', file: 'out.txt', topics: 'lines' };
export const with1 = (type: string, more: Keys = {}): Keys => ({
  ...sink,
  transforms: 't',
  'transforms.t.type': type,
  ...Object.fromEntries(Object.entries(more).map(([key, value]) => [`transforms.t.${key}`, value])),
});

const worker = {
  'key.converter': json,
  'value.converter': json,
  'header.converter': 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
};

/** What a worker with JSON converters and these plugins makes of a config. */
export const planned = (plugins: readonly Plugin[], config: Keys) =>
  planConnector(new Plugins(plugins), { name: 'c', ...config }, worker);
