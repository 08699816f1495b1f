/**
 * What this room offers: change capture and the sink, each under our name and under the Java class it stands in for.
 *
 * A class that stands in has a declaration of its own, because its keys or its defaults differ. Nothing is imported
 * here that a start without Postgres would pay for: pg comes with the first sink task.
 */
import type { Plugin, SinkConnectorPlugin, SourceConnectorPlugin } from '../api/index.ts';
import { PostgresSink } from './sink/sink.ts';
import { type SinkDialect, sinkConfigDefs } from './sink/sink-keys.ts';
import { debeziumDefaults, ourDefaults, type SourceDefaults } from './source/config/source-defaults.ts';
import { sourceConfigDef } from './source/config/source-keys.ts';
import { PostgresSource } from './source/source.ts';
import { CONNECTOR_VERSION } from './source/tables/table-encoder.ts';

function source(className: string, defaults: SourceDefaults): SourceConnectorPlugin {
  return {
    type: 'source',
    class: className,
    version: CONNECTOR_VERSION,
    config: sourceConfigDef(defaults),
    // A place in the stream is exact to the change, one in a snapshot to the range of pages.
    exactlyOnceSupport: () => 'supported',
    create: () => new PostgresSource(defaults.isCompatible),
  };
}

function sink(className: string, dialect: SinkDialect): SinkConnectorPlugin {
  return {
    type: 'sink',
    class: className,
    version: CONNECTOR_VERSION,
    config: sinkConfigDefs[dialect],
    create: () => new PostgresSink(dialect),
  };
}

export const postgresPlugins: Plugin[] = [
  source('PostgresSource', ourDefaults),
  source('io.debezium.connector.postgresql.PostgresConnector', debeziumDefaults),
  sink('PostgresSink', 'own'),
  sink('io.confluent.connect.jdbc.JdbcSinkConnector', 'confluent'),
  sink('io.debezium.connector.jdbc.JdbcSinkConnector', 'debezium'),
];
