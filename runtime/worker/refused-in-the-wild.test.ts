/** The other half of `found-in-the-wild.test.ts`: configs that cannot run here are refused with a sentence that says what to write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { debezium, jdbc, json, type Keys, outbox, planned, postgres, postgresOne, with1 } from './wild-configs.ts';

/** Refused, and how: a pattern for each thing that is wrong. */
const refused: readonly [what: string, config: Keys, messages: readonly RegExp[]][] = [
  [
    'Debezium 1’s server name',
    { ...postgresOne, 'database.server.name': 'db1' },
    [/"topic\.prefix"/, /Debezium 1’s name of "topic\.prefix": rename it/],
  ],
  [
    'Debezium 1’s lists',
    { ...postgres, 'schema.whitelist': 'public', 'table.blacklist': 'public.a' },
    [/rename it/, /"table\.exclude\.list": rename it/],
  ],
  [
    'a transform that nobody lists',
    { ...postgres, 'transforms.unwrap.type': `${debezium}ExtractNewRecordState` },
    [/"unwrap", which "transforms" does not list\. Add it there/],
  ],
  ['another decoding plugin', { ...postgres, 'plugin.name': 'wal2json' }, [/must be one of pgoutput/]],
  ['converters of columns', { ...postgres, converters: 'isbn' }, [/has to be left out.*Java classes cannot run here/]],
  ['a snapshot mode that is gone', { ...postgres, 'snapshot.mode': 'exported' }, [/one of initial, /]],
  [
    'Avro',
    {
      ...postgres,
      'value.converter': 'io.confluent.connect.avro.AvroConverter',
      'value.converter.schema.registry.url': 'http://r',
    },
    [/Use JsonSchemaConverter/],
  ],
  [
    'bytes around a payload',
    {
      ...outbox,
      'value.converter': 'io.debezium.converters.BinaryDataConverter',
      'value.converter.delegate.converter.type': json,
    },
    [/Use ByteArrayConverter/],
  ],
  [
    'a filter in Groovy',
    {
      ...postgres,
      transforms: 'f',
      'transforms.f.type': `${debezium}Filter`,
      'transforms.f.language': 'jsr223.groovy',
      'transforms.f.condition': 'value.op == "u"',
    },
    [/Use Where/],
  ],
  [
    'Confluent’s TombstoneHandler',
    with1('io.confluent.connect.transforms.TombstoneHandler', { behavior: 'ignore' }),
    [/Use Where/],
  ],
  [
    'Confluent’s ExtractTopic',
    with1('io.confluent.connect.transforms.ExtractTopic$Value', { field: 'f' }),
    [/Use Set/],
  ],
  [
    'transforms of others',
    with1('com.github.jcustenborder.kafka.connect.transform.common.ChangeTopicCase', { from: 'A' }),
    [/Use Set/],
  ],
  ['MySQL by JDBC', { ...jdbc, 'connection.url': 'jdbc:mysql://db/shop' }, [/must look like postgres:\/\//]],
  [
    'the JDBC source',
    { 'connector.class': 'io.confluent.connect.jdbc.JdbcSourceConnector', mode: 'incrementing' },
    [/Use PostgresSource/],
  ],
  ['MySQL', { 'connector.class': 'io.debezium.connector.mysql.MySqlConnector' }, [/Use PostgresSource/]],
  [
    'Lenses’ MQTT',
    {
      'connector.class': 'io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector',
      'connect.mqtt.hosts': 'tcp://m',
    },
    [/Use MqttSource/],
  ],
  [
    'somebody’s MQTT',
    { 'connector.class': 'be.jovacon.kafka.connect.MQTTSourceConnector', 'mqtt.broker': 'tcp://m' },
    [/Use MqttSource/],
  ],
  [
    'Confluent’s HTTP',
    { 'connector.class': 'io.confluent.connect.http.HttpSinkConnector', topics: 't', 'http.api.url': 'http://x' },
    [/Use HttpSink/],
  ],
  [
    'Aiven’s HTTP',
    { 'connector.class': 'io.aiven.kafka.connect.http.HttpSinkConnector', topics: 't', 'http.url': 'http://x' },
    [/Use HttpSink/],
  ],
  [
    'records for tests',
    { 'connector.class': 'io.confluent.kafka.connect.datagen.DatagenConnector', quickstart: 'users' },
    [/Use SimFleetSource/],
  ],
  [
    'another cluster',
    { 'connector.class': 'org.apache.kafka.connect.mirror.MirrorSourceConnector' },
    [/MirrorMaker beside it/],
  ],
  ['S3', { 'connector.class': 'io.confluent.connect.s3.S3SinkConnector', topics: 't' }, [/Use FileSink/]],
  [
    'Elasticsearch',
    { 'connector.class': 'io.confluent.connect.elasticsearch.ElasticsearchSinkConnector', topics: 't' },
    [/no connector for that system here\..*millrace plugin init/],
  ],
  [
    'MongoDB',
    { 'connector.class': 'com.mongodb.kafka.connect.MongoSinkConnector', topics: 't' },
    [/no connector for that system here\./],
  ],
];

for (const [what, config, messages] of refused) {
  test(`refused with what to do: ${what}`, () => {
    const { problems } = planned(catalogue, config);
    const said = problems.map(({ message }) => message);
    assert.equal(said.length, messages.length, said.join('\n'));
    for (const [index, message] of messages.entries()) assert.match(said[index]!, message);
  });
}
