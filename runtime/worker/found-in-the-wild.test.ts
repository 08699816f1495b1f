/**
 * Configs as people publish them (combinations of keys, in words of our own): each is taken as it is, with a warning for what
 * means nothing, or refused with a sentence that says what to write instead. Nothing is left to "unknown key".
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders of Kafka Connect and its connectors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';

import {
  csv,
  debezium,
  debeziumJdbc,
  jdbc,
  json,
  type Keys,
  lines,
  mqtt,
  outbox,
  planned,
  postgres,
  sink,
  smt,
  spool,
  string,
  unwrap,
  with1,
} from './wild-configs.ts';

/** Taken as they are; the number is of warnings. */
const taken: readonly [what: string, config: Keys, warnings?: number][] = [
  ['Postgres, as in every tutorial', postgres],
  ['both names of the prefix', { ...postgres, 'database.server.name': 'db1' }, 1],
  ['JSON without schemas', { ...postgres, 'key.converter': json, 'key.converter.schemas.enable': 'false' }],
  [
    'JSON keys under a text converter',
    { ...postgres, 'key.converter': string, 'key.converter.schemas.enable': 'false' },
    1,
  ],
  [
    'a registry under a text converter',
    { ...sink, 'value.converter': string, 'value.converter.schema.registry.url': 'http://r' },
    1,
  ],
  [
    'schemas.enable under JSON Schema',
    {
      ...postgres,
      'value.converter': 'io.confluent.connect.json.JsonSchemaConverter',
      'value.converter.schema.registry.url': 'http://r:8081',
      'value.converter.schemas.enable': 'true',
    },
    1,
  ],
  [
    'CloudEvents, as Debezium documents them',
    {
      ...postgres,
      'value.converter': 'io.debezium.converters.CloudEventsConverter',
      'value.converter.serializer.type': 'json',
      'value.converter.data.serializer.type': 'json',
      'value.converter.json.schemas.enable': 'false',
      'value.converter.extension.attributes.enable': 'true',
      'value.converter.metadata.source': 'value,id:generate,type:generate',
    },
  ],
  ['a standby without writes', { ...postgres, 'read.only': 'true', 'signal.enabled.channels': 'kafka,file' }],
  ['schemas.enable of nobody', { ...postgres, 'schemas.enable': 'false' }, 1],
  [
    'settings of a client, of a worker',
    { ...postgres, 'bootstrap.servers': 'k:9092', acks: 'all', 'group.id': 'g' },
    3,
  ],
  [
    'a schema history',
    { ...postgres, 'schema.history.internal.kafka.topic': 'h', 'database.history.kafka.topic': 'h' },
    2,
  ],
  [
    'the inside of Debezium 3',
    { ...postgres, 'executor.shutdown.timeout.ms': '4000', 'slot.creation.timeout.ms': '1000' },
    1,
  ],
  [
    'a queue without bound',
    { ...postgres, 'max.queue.size.in.bytes': '0', 'max.queue.size': '8192', 'max.batch.size': '2048' },
  ],
  [
    'slots and publications',
    {
      ...postgres,
      'slot.name': 's1',
      'slot.drop.on.stop': 'true',
      'slot.max.retries': '6',
      'slot.retry.delay.ms': '1000',
      'publication.name': 'p',
      'publication.autocreate.mode': 'filtered',
      'heartbeat.interval.ms': '5000',
      'heartbeat.action.query': 'UPDATE beat SET at = now()',
      'status.update.interval.ms': '10000',
      'lsn.flush.mode': 'connector',
    },
  ],
  [
    'types',
    {
      ...postgres,
      'decimal.handling.mode': 'double',
      'time.precision.mode': 'connect',
      'hstore.handling.mode': 'json',
      'interval.handling.mode': 'string',
      'binary.handling.mode': 'base64',
      'include.unknown.datatypes': 'true',
      'money.fraction.digits': '2',
      'schema.name.adjustment.mode': 'avro',
      'unavailable.value.placeholder': '__none',
    },
  ],
  [
    'snapshots and signals',
    {
      ...postgres,
      'snapshot.mode': 'never',
      'snapshot.fetch.size': '1000',
      'snapshot.locking.mode': 'none',
      'snapshot.select.statement.overrides': 'public.a',
      'snapshot.select.statement.overrides.public.a': 'SELECT * FROM a',
      'signal.data.collection': 'public.signals',
      'signal.enabled.channels': 'source',
      'incremental.snapshot.chunk.size': '512',
      'read.only': 'true',
    },
  ],
  [
    'lists with line breaks and empty ones',
    { ...postgres, 'table.include.list': 'public.a,\n  public.b', 'column.exclude.list': '' },
  ],
  ['numbers with spaces', { ...postgres, 'database.port': ' 5432 ' }],
  ['a secret by reference', { ...postgres, 'database.password': '${file:/run/pg.properties:password}' }],
  [
    'unwrapping, as before Debezium 2.7',
    { ...unwrap, 'transforms.unwrap.drop.tombstones': 'false', 'transforms.unwrap.delete.handling.mode': 'rewrite' },
  ],
  [
    'unwrapping, as since',
    {
      ...unwrap,
      'transforms.unwrap.delete.tombstone.handling.mode': 'rewrite',
      'transforms.unwrap.add.fields': 'op,source.ts_ms',
    },
  ],
  ['unwrapping, as before Debezium 1', { ...unwrap, 'transforms.unwrap.type': `${debezium}UnwrapFromEnvelope` }],
  [
    'an outbox',
    {
      ...outbox,
      'transforms.outbox.route.by.field': 'aggregate_type',
      'transforms.outbox.route.topic.regex': '(?<kind>.*)',
      'transforms.outbox.route.topic.replacement': '${kind}-events',
      'transforms.outbox.table.field.event.key': 'aggregate_id',
      'transforms.outbox.table.field.event.payload': 'payload',
      'transforms.outbox.table.fields.additional.placement': 'type:header:eventType,id:envelope',
      'transforms.outbox.table.expand.json.payload': 'true',
    },
  ],
  [
    'names without server and schema',
    {
      ...postgres,
      transforms: 'r',
      'transforms.r.type': `${smt}RegexRouter`,
      'transforms.r.regex': '([^.]+)\\.([^.]+)\\.([^.]+)',
      'transforms.r.replacement': '$3',
    },
  ],
  [
    'topics that are made',
    {
      ...postgres,
      'topic.creation.default.partitions': '3',
      'topic.creation.default.replication.factor': '1',
      'topic.creation.default.cleanup.policy': 'compact',
    },
  ],
  [
    'errors that pass',
    {
      ...postgres,
      'errors.tolerance': 'all',
      'errors.log.enable': 'true',
      'errors.log.include.messages': 'true',
      'errors.retry.timeout': '-1',
    },
  ],
  [
    'a producer of its own',
    { ...postgres, 'producer.override.compression.type': 'lz4', 'producer.override.sasl.mechanism': 'PLAIN' },
    1,
  ],
  [
    'JDBC, the least',
    {
      'connector.class': jdbc['connector.class']!,
      topics: 'm',
      'connection.url': 'jdbc:postgresql://db/doc?user=crate',
    },
  ],
  [
    'JDBC, upserts',
    {
      ...jdbc,
      'insert.mode': 'upsert',
      'pk.mode': 'record_key',
      'pk.fields': 'id',
      'delete.enabled': 'true',
      'auto.create': 'True',
      'auto.evolve': 'true',
      'dialect.name': 'PostgreSqlDatabaseDialect',
      'table.name.format': 'kafka_${topic}',
      'quote.sql.identifiers': 'never',
      'db.timezone': 'UTC',
    },
  ],
  [
    'JDBC, with the driver’s own words',
    { ...jdbc, 'connection.url': 'jdbc:postgresql://db:5432/shop?stringtype=unspecified&currentSchema=public' },
  ],
  [
    'JDBC, with a licence',
    {
      ...jdbc,
      'confluent.license': '',
      'confluent.topic.bootstrap.servers': 'k:9092',
      'confluent.topic.replication.factor': '1',
    },
    3,
  ],
  [
    'JDBC, bad records apart',
    {
      ...jdbc,
      'errors.tolerance': 'all',
      'errors.deadletterqueue.topic.name': 'dead',
      'errors.deadletterqueue.topic.replication.factor': '1',
      'errors.deadletterqueue.context.headers.enable': 'true',
      'consumer.override.max.poll.records': '500',
    },
  ],
  [
    'Debezium’s JDBC',
    {
      ...debeziumJdbc,
      'insert.mode': 'upsert',
      'primary.key.mode': 'record_key',
      'schema.evolution': 'basic',
      'delete.enabled': 'true',
    },
  ],
  ['Debezium’s JDBC with Confluent’s keys', { ...debeziumJdbc, 'auto.create': 'true', 'auto.evolve': 'true' }, 2],
  ['Debezium’s JDBC with Hibernate’s', { ...debeziumJdbc, 'hibernate.c3p0.idle_test_period': '300' }, 1],
  ['lines of a file', { ...lines, 'tasks.max': '1', 'batch.size': '2000' }],
  [
    'the quickstart’s transforms',
    {
      ...lines,
      transforms: 'MakeMap, InsertSource',
      'transforms.MakeMap.type': `${smt}HoistField$Value`,
      'transforms.MakeMap.field': 'line',
      'transforms.InsertSource.type': `${smt}InsertField$Value`,
      'transforms.InsertSource.static.field': 'data_source',
      'transforms.InsertSource.static.value': 'test-file-source',
    },
  ],
  [
    'a chain',
    {
      ...sink,
      transforms: 'c,m,k',
      'transforms.c.type': `${smt}Cast$Value`,
      'transforms.c.spec': 'a:int32',
      'transforms.m.type': `${smt}MaskField$Value`,
      'transforms.m.fields': 'd',
      'transforms.k.type': `${smt}ValueToKey`,
      'transforms.k.fields': 'id',
    },
  ],
  ['ReplaceField’s old names', with1(`${smt}ReplaceField$Value`, { blacklist: 'a' })],
  [
    'TimestampRouter',
    with1(`${smt}TimestampRouter`, { 'topic.format': '${topic}-${timestamp}', 'timestamp.format': 'yyyyMM' }),
  ],
  [
    'a predicate',
    {
      ...with1(`${smt}Filter`, { predicate: 'p', negate: 'true' }),
      predicates: 'p',
      'predicates.p.type': `${smt}predicates.TopicNameMatches`,
      'predicates.p.pattern': 'lines.*',
    },
  ],
  [
    'CSV with a header',
    {
      ...csv,
      'schema.generation.enabled': 'true',
      'csv.first.row.as.header': 'true',
      'halt.on.error': 'false',
      'csv.separator.char': '59',
    },
  ],
  [
    'lines with keys of CSV',
    {
      ...csv,
      'connector.class': `${spool}LineDelimitedSourceConnector`,
      'schema.generation.enabled': 'true',
      'csv.first.row.as.header': 'false',
    },
    2,
  ],
  ['JSON files', { ...csv, 'connector.class': `${spool}JsonSourceConnector`, 'schema.generation.enabled': 'true' }],
  ['binary files', { ...csv, 'connector.class': `${spool}BinaryFileSourceConnector` }],
  [
    'MQTT, as Confluent’s',
    { ...mqtt, 'mqtt.qos': '2', 'mqtt.clean.session.enabled': 'true', 'confluent.topic.bootstrap.servers': 'k:9092' },
  ],
  [
    'MQTT, the other way',
    {
      'connector.class': 'io.confluent.connect.mqtt.MqttSinkConnector',
      topics: 't',
      'mqtt.server.uri': 'tcp://m:1883',
      'mqtt.qos': '1',
    },
  ],
];

for (const [what, config, warnings = 0] of taken) {
  test(`taken as it is: ${what}`, () => {
    const { problems, plan, warnings: said } = planned(catalogue, config);
    assert.deepEqual(
      problems.map(({ message }) => message),
      [],
    );
    assert.ok(plan !== null);
    assert.equal(said.length, warnings, JSON.stringify(said));
    for (const { message } of said) assert.match(message, /has no effect/);
  });
}
