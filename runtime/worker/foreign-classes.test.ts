/** Class names that configs found in the wild have: each is one of ours, or is refused with what to use instead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plugin } from '../../connectors/api/index.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import { Plugins, type PluginType } from './plugins.ts';

const plugins = new Plugins(catalogue);
const kafka = 'org.apache.kafka.connect';
const confluent = 'io.confluent.connect';

const sided = [
  'Cast',
  'ExtractField',
  'Flatten',
  'HeaderFrom',
  'HoistField',
  'InsertField',
  'MaskField',
  'ReplaceField',
];
const both = [...sided, 'SetSchemaMetadata', 'TimestampConverter'].flatMap((name) => [`${name}$Key`, `${name}$Value`]);
const whole = ['DropHeaders', 'Filter', 'InsertHeader', 'RegexRouter', 'TimestampRouter', 'ValueToKey'];
const numbers = ['Boolean', 'Double', 'Float', 'Integer', 'Long', 'Short'];
const bytes = ['ByteArray', ...numbers].map((name) => `${kafka}.converters.${name}Converter`);
const plain = [...bytes, `${kafka}.json.JsonConverter`, `${kafka}.storage.StringConverter`];

/** Those of Kafka 4.x itself, and those of others whose configs run unchanged. */
const known: Readonly<Record<PluginType, readonly string[]>> = {
  transformation: [
    ...[...both, ...whole].map((name) => `${kafka}.transforms.${name}`),
    'io.debezium.transforms.ExtractNewRecordState',
    'io.debezium.transforms.outbox.EventRouter',
    'io.debezium.transforms.ByLogicalTableRouter',
    'io.debezium.connector.jdbc.transforms.CollectionNameTransformation',
    'io.debezium.connector.jdbc.transforms.FieldNameTransformation',
  ],
  predicate: ['HasHeaderKey', 'RecordIsTombstone', 'TopicNameMatches'].map(
    (name) => `${kafka}.transforms.predicates.${name}`,
  ),
  converter: [...plain, `${confluent}.json.JsonSchemaConverter`],
  header_converter: [...plain, `${kafka}.storage.SimpleHeaderConverter`],
  source: [
    `${kafka}.file.FileStreamSourceConnector`,
    'io.debezium.connector.postgresql.PostgresConnector',
    `${confluent}.mqtt.MqttSourceConnector`,
  ],
  sink: [
    `${kafka}.file.FileStreamSinkConnector`,
    `${confluent}.jdbc.JdbcSinkConnector`,
    'io.debezium.connector.jdbc.JdbcSinkConnector',
    `${confluent}.mqtt.MqttSinkConnector`,
  ],
};

/** As Kafka Connect does: the whole name, the simple one, and that without its kind word. */
function namesOf(type: PluginType, name: string): string[] {
  const simple = name.slice(name.lastIndexOf('.') + 1);
  const words = { source: 'Connector', sink: 'Connector', converter: 'Converter', header_converter: 'HeaderConverter' };
  const word = (words as Partial<Record<PluginType, string>>)[type];
  return word === undefined || !simple.endsWith(word) ? [name, simple] : [name, simple, simple.slice(0, -word.length)];
}

for (const [type, names] of Object.entries(known) as [PluginType, readonly string[]][]) {
  for (const name of names) {
    test(`${name} (${type}) is one of ours, by its whole name and by its short ones`, async () => {
      const found = namesOf(type, name).map((each) => plugins.find(each, type) as Plugin | undefined);
      assert.ok(found[0], `nobody answers to ${name}`);
      // The two JDBC sinks share their simple name: who writes it gets the first of them.
      for (const each of found) assert.equal(each?.type, type);
      assert.ok(await found[0].create());
    });
  }
}

const foreign: readonly (readonly [PluginType, string, RegExp])[] = [
  ['source', `${kafka}.mirror.MirrorSourceConnector`, /run Kafka’s MirrorMaker beside it/],
  ['source', `${kafka}.mirror.MirrorCheckpointConnector`, /run Kafka’s MirrorMaker beside it/],
  ['source', `${kafka}.mirror.MirrorHeartbeatConnector`, /run Kafka’s MirrorMaker beside it/],
  ['source', `${confluent}.replicator.ReplicatorSourceConnector`, /run Kafka’s MirrorMaker beside it/],
  ['source', `${kafka}.tools.VerifiableSourceConnector`, /Use SimFleetSource\./],
  ['source', `${kafka}.tools.MockSourceConnector`, /Use SimFleetSource\./],
  ['source', 'io.confluent.kafka.connect.datagen.DatagenConnector', /Use SimFleetSource\./],
  ['source', `${confluent}.jdbc.JdbcSourceConnector`, /Use PostgresSource\./],
  ['source', 'io.debezium.connector.mysql.MySqlConnector', /Postgres is read here/],
  ['source', 'io.debezium.connector.sqlserver.SqlServerConnector', /Postgres is read here/],
  ['source', 'io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector', /Use MqttSource\./],
  ['sink', 'io.lenses.streamreactor.connect.mqtt.sink.MqttSinkConnector', /Use MqttSink\./],
  ['sink', 'io.aiven.connect.jdbc.JdbcSinkConnector', /Use PostgresSink\./],
  ['sink', `${confluent}.http.HttpSinkConnector`, /HttpSink/],
  ['sink', 'io.aiven.kafka.connect.http.HttpSinkConnector', /HttpSink/],
  ['source', `${confluent}.http.HttpSourceConnector`, /HttpSource/],
  ['source', 'com.github.castorm.kafka.connect.http.HttpSourceConnector', /HttpSource/],
  ['source', 'com.github.jcustenborder.kafka.connect.spooldir.elf.SpoolDirELFSourceConnector', /Use FileSource\./],
  ['source', 'io.streamthoughts.kafka.connect.filepulse.source.FilePulseSourceConnector', /Use FileSource\./],
  ['sink', `${confluent}.s3.S3SinkConnector`, /Use FileSink\./],
  ['converter', 'io.confluent.connect.avro.AvroConverter', /Use JsonSchemaConverter\./],
  ['converter', 'io.confluent.connect.protobuf.ProtobufConverter', /Use JsonSchemaConverter\./],
  ['converter', 'io.debezium.converters.BinaryDataConverter', /Use ByteArrayConverter\./],
  ['transformation', 'io.debezium.transforms.Filter', /Use Where\./],
  ['transformation', 'io.debezium.transforms.ContentBasedRouter', /Use Where\./],
  ['transformation', `${confluent}.transforms.Filter$Value`, /Use Where\./],
  ['transformation', `${confluent}.transforms.ExtractTopic$Value`, /Use Set\./],
  ['transformation', 'io.debezium.transforms.ExtractChangedRecordState', /Use Set\./],
  ['transformation', 'com.github.jcustenborder.kafka.connect.transform.common.ChangeCase$Value', /Use Set\./],
];

for (const [type, name, advice] of foreign) {
  test(`${name} is refused with what to use instead, or is one of ours by now`, () => {
    const found = plugins.choose(name, undefined, type);
    if (typeof found !== 'string') return;
    assert.ok(found.includes(`"${name}"`), found);
    assert.match(found, advice);
    const [, ours] = /Use (\w+)\./.exec(found) ?? [];
    if (ours !== undefined) assert.ok(plugins.find(ours, type), `${ours} is there`);
  });
}

const misspelled: readonly (readonly [PluginType, string, string])[] = [
  ['transformation', `${kafka}.transforms.RegexRuter`, 'Did you mean RegexRouter?'],
  ['transformation', `${kafka}.transforms.InsertFeild$Value`, 'Did you mean InsertField$Value?'],
  ['transformation', 'io.debezium.transforms.ExtractNewRecordStat', 'Did you mean ExtractNewRecordState?'],
  ['converter', `${kafka}.json.JsonConvertor`, 'Did you mean JsonConverter?'],
  ['source', `${kafka}.file.FileStreamSourceConector`, 'Did you mean FileStreamSourceConnector?'],
];
for (const [type, name, advice] of misspelled) {
  test(`${name} is a misspelling`, () =>
    assert.ok(plugins.unknown(name, type).includes(advice), plugins.unknown(name, type)));
}

test('a suggestion is made only where the plugin is there', () => {
  const none = new Plugins([]).unknown('io.confluent.connect.avro.AvroConverter', 'converter');
  assert.ok(!none.includes('Use JsonSchemaConverter'), none);
});
