/**
 * Classes of other products that configs found in the wild name and that nobody here answers to: what to use instead, or
 * why there is nothing. Knows names, no plugin: a suggestion is made only where a plugin of that name is there, and a
 * plugin that takes one of these names as an alias is found before anybody looks here.
 */
interface Foreign {
  readonly pattern: RegExp;
  /** Ours that does its work, with keys of its own. */
  readonly ours?: string;
  readonly advice: string;
  /** So many names that one of them may as well be a misspelling of ours. */
  readonly isVague?: true;
}

const keys = 'Its keys have other names: see GET /connector-plugins/{name}/config.';

const foreign: readonly Foreign[] = [
  {
    pattern: /^org\.apache\.kafka\.connect\.mirror\.Mirror\w+Connector$|\.ReplicatorSourceConnector$/,
    advice:
      'Copying between clusters is no connector of this worker: run Kafka’s MirrorMaker beside it, with this broker as one of its clusters.',
  },
  {
    pattern: /^org\.apache\.kafka\.connect\.tools\.|\.datagen\.DatagenConnector$/,
    ours: 'SimFleetSource',
    advice: 'It makes records for tests; SimFleetSource makes those of a fleet of vehicles.',
  },
  {
    pattern: /^com\.github\.jcustenborder\.kafka\.connect\.spooldir\.|FilePulseSourceConnector$|\.FsSourceConnector$/,
    ours: 'FileSource',
    advice: `FileSource reads lines, JSON and CSV from folders and follows files. ${keys}`,
  },
  {
    pattern: /[Hh]ttp\w*SinkConnector$|\.HttpSink$/,
    ours: 'HttpSink',
    advice: `HttpSink sends records to a URL, with retries, templates and logins. ${keys}`,
  },
  {
    pattern: /[Hh]ttp\w*SourceConnector$|[Ww]ebhook\w*SourceConnector$|\.HttpSource$/,
    ours: 'HttpSource',
    advice: `HttpSource receives requests (webhooks); it asks no URL. ${keys}`,
  },
  {
    pattern: /mqtt\w*SourceConnector$/i,
    ours: 'MqttSource',
    advice: `MqttSource subscribes and acknowledges what is on disk. ${keys}`,
  },
  { pattern: /mqtt\w*SinkConnector$/i, ours: 'MqttSink', advice: `MqttSink publishes records. ${keys}` },
  {
    pattern: /\.jdbc\.JdbcSourceConnector$|PostgresSourceConnector$|PostgresCdcSource(?:V2)?$/,
    ours: 'PostgresSource',
    advice: `PostgresSource reads tables and what changes in them from the WAL, without polling. ${keys}`,
  },
  {
    pattern: /JdbcSinkConnector$|PostgresSinkConnector$/,
    ours: 'PostgresSink',
    advice: `PostgresSink writes to Postgres; io.confluent.connect.jdbc.JdbcSinkConnector and io.debezium.connector.jdbc.JdbcSinkConnector are known with their own keys. ${keys}`,
  },
  {
    pattern: /^io\.debezium\.connector\.(?!postgresql\.)/,
    ours: 'PostgresSource',
    advice:
      'Of databases, Postgres is read here: io.debezium.connector.postgresql.PostgresConnector is known as it is.',
  },
  {
    pattern: /\.file(?:system)?\.\w*SinkConnector$|\.(?:s3|gcs|hdfs\d?|azure)\.\w+SinkConnector$/,
    ours: 'FileSink',
    advice: `FileSink writes files, exactly once. ${keys}`,
  },
  {
    pattern:
      /mongo|elasticsearch|opensearch|cassandra|redis|neo4j|couchbase|snowflake|bigquery|clickhouse|splunk|influx|salesforce|servicenow|activemq|rabbitmq|\bjms\b|ibm\.?mq|kinesis|sqs|pubsub|iceberg|\w+(?:Source|Sink)Connector$/i,
    isVague: true,
    advice:
      'There is no connector for that system here. Kafka Connect can run it beside this worker, on this broker; one of your own begins with: millrace plugin init.',
  },
  {
    pattern: /Avro\w*Converter$|Protobuf\w*Converter$/,
    ours: 'JsonSchemaConverter',
    advice: 'Schemas are JSON Schema here: JsonSchemaConverter writes them with the same registry and framing.',
  },
  {
    pattern: /BinaryDataConverter$|ByteBufferConverter$/,
    ours: 'ByteArrayConverter',
    advice: 'ByteArrayConverter carries bytes as they are.',
  },
  {
    pattern: /\.transforms\.(?:Filter|ContentBasedRouter|TombstoneHandler|Drop)(?:\$Key|\$Value)?$/,
    ours: 'Where',
    advice:
      'Where keeps the records for which an expression (CEL) holds; Set can give them another topic, key or value.',
  },
  {
    pattern: /\.transforms\.(?:Extract(?:Topic|ChangedRecordState)|HeaderToValue|MessageTimestampRouter)\b/,
    ours: 'Set',
    advice: 'Set takes topic, key, value, timestamp and headers from an expression (CEL).',
  },
  {
    pattern: /\.(?:transforms?|smt)\.\w+(?:\.\w+)*(?:\$Key|\$Value|\$Header)?$/,
    isVague: true,
    ours: 'Set',
    advice: 'Set and Where change and choose records by expressions (CEL) over key, value, headers and topic.',
  },
];

/** What to do about a class that nobody is, in a sentence or two; null where nothing is known of it. */
export function insteadOf(
  name: string,
  isKnown: (ours: string) => boolean,
): { readonly advice: string; readonly isVague: boolean } | null {
  const found = foreign.find(({ pattern }) => pattern.test(name));
  if (found === undefined || (found.ours !== undefined && !isKnown(found.ours))) return null;
  const named = found.ours === undefined ? '' : `Use ${found.ours}. `;
  return { advice: named + found.advice.replace('{name}', found.ours ?? ''), isVague: found.isVague ?? false };
}
