/**
 * The keys of Kafka's clients, as connectors and workers give them (`producer.override.acks`, `consumer.fetch.min.bytes`):
 * which mean something here, of which type, and which are accepted without effect, with the reason. One declaration for
 * validation, for the loops that obey them, and for the table in docs/deviations.md.
 *
 * Names, types and meaning are those of ProducerConfig, ConsumerConfig and AdminClientConfig of Kafka 4.x.
 */
import { spreadingOfClass } from '../../broker/protocol/partitioner.ts';
import type { ConfigDef, ConfigKey, ConfigType } from '../../connectors/api/index.ts';

export type ClientKind = 'producer' | 'consumer' | 'admin';

export interface ClientKeys {
  /** What is obeyed. A default of null: the loop's own. */
  readonly applied: ConfigDef;
  /** Accepted without effect, by the reason. */
  readonly ignored: readonly (readonly [reason: string, keys: ConfigDef])[];
}

const key = (type: ConfigType, doc: string, more: Partial<ConfigKey> = {}): ConfigKey => ({
  type,
  default: null,
  doc,
  importance: 'low',
  ...more,
});
const bytes = (doc: string, min = 0) => key('long', doc, { min });
const ms = (doc: string, min = 0) => key('long', doc, { min });

/** Names of one type that need no words of their own. */
const of = (type: ConfigType, ...names: readonly string[]): ConfigDef =>
  Object.fromEntries(names.map((name) => [name, key(type, 'Accepted without effect.')]));

const connection: ConfigDef = {
  ...of('list', 'bootstrap.servers', 'bootstrap.controllers', 'metric.reporters', 'interceptor.classes'),
  ...of('string', 'client.dns.lookup', 'security.protocol', 'security.providers', 'metadata.recovery.strategy'),
  ...of('string', 'metrics.recording.level', 'config.providers', 'client.rack'),
  ...of('string', 'ssl.*', 'sasl.*', 'config.providers.*', 'metrics.context.*'),
  ...of('long', 'connections.max.idle.ms', 'metadata.max.age.ms', 'metadata.max.idle.ms', 'metrics.sample.window.ms'),
  ...of('long', 'reconnect.backoff.ms', 'reconnect.backoff.max.ms', 'send.buffer.bytes', 'receive.buffer.bytes'),
  ...of('long', 'socket.connection.setup.timeout.ms', 'socket.connection.setup.timeout.max.ms', 'metrics.num.samples'),
  ...of('long', 'metadata.recovery.rebootstrap.trigger.ms'),
  ...of('boolean', 'auto.include.jmx.reporter', 'enable.metrics.push'),
};
const noConnection =
  'All connectors share the one log of the worker: there is no connection, login or metrics reporter of their own.';

const producer: ClientKeys = {
  applied: {
    acks: key('string', 'all: on disk. 1 or 0: in the page cache.', { oneOf: ['all', '-1', '0', '1'] }),
    'batch.size': bytes('A record batch is closed at this many bytes.'),
    'buffer.memory': bytes('Bytes that may be under way before the source is polled again.', 1),
    'client.id': key('string', 'The name this connector has for the log.'),
    'compression.type': key('string', 'How batches are packed.', { oneOf: ['none', 'gzip', 'snappy', 'lz4', 'zstd'] }),
    'compression.gzip.level': key('int', 'From 1, quick, to 9, small; -1 is the codec’s own.', {
      validate: (level) =>
        level === -1 || (Number(level) >= 1 && Number(level) <= 9) ? null : 'must be between 1 and 9, or -1',
    }),
    'compression.zstd.level': key('int', 'From -131072, quick, to 22, small.', { min: -131_072, max: 22 }),
    'delivery.timeout.ms': ms('How long an append that fails is tried again before the task fails.'),
    'max.request.size': bytes('A record of more bytes than this is a bad record.'),
    'partitioner.class': key('class', 'How records that name no partition are spread.', {
      validate: (name) =>
        spreadingOfClass(String(name)) !== null
          ? null
          : 'is no partitioner that can be had: use RoundRobinPartitioner, or leave it out; a class of one’s own cannot be loaded, a transform can set the key',
    }),
    'partitioner.ignore.keys': key('boolean', 'Records with a key are spread as those without.'),
    retries: key('int', 'How often an append that fails is tried again before the task fails.', { min: 0 }),
    'retry.backoff.ms': ms('The first wait before an append is tried again.'),
    'retry.backoff.max.ms': ms('The longest.'),
    'transaction.timeout.ms': key('int', 'A transaction open for longer is aborted by the log.', { min: 1 }),
  },
  ignored: [
    [noConnection, connection],
    [
      'A send is appended at once, with everything of its turn; against a cluster (`millrace worker`) one request is under way, and the next takes along what came meanwhile. It is never blocked: buffer.memory holds the source back instead.',
      of('long', 'linger.ms', 'max.block.ms', 'request.timeout.ms', 'max.in.flight.requests.per.connection'),
    ],
    [
      'The worker decides: sources that are exactly once write idempotently, in transactions of their own id.',
      {
        ...of('boolean', 'enable.idempotence', 'transaction.two.phase.commit.enable'),
        ...of('string', 'transactional.id'),
      },
    ],
    ['Converters make the bytes.', of('class', 'key.serializer', 'value.serializer')],
    [
      'Nothing queues for a partition before the others, so none is to be avoided.',
      {
        ...of('boolean', 'partitioner.adaptive.partitioning.enable'),
        ...of('long', 'partitioner.availability.timeout.ms'),
      },
    ],
    ['Our lz4 has one level.', of('int', 'compression.lz4.level')],
  ],
};

const consumer: ClientKeys = {
  applied: {
    'auto.offset.reset': key('string', 'Where to begin without a committed offset.', {
      oneOf: ['earliest', 'latest', 'none'],
    }),
    'client.id': key('string', 'The name of the member.'),
    'fetch.max.bytes': bytes('Bytes of one poll, roughly.', 1),
    'fetch.max.wait.ms': ms('How long a poll waits for fetch.min.bytes.'),
    'fetch.min.bytes': bytes('A poll with less than this waits for more, up to fetch.max.wait.ms.'),
    'group.id': key('string', 'The consumer group, instead of connect-<connector>.'),
    'group.instance.id': key('string', 'Makes the member static (KIP-345).'),
    'isolation.level': key('string', 'Whether what a transaction took back is read.', {
      oneOf: ['read_committed', 'read_uncommitted'],
    }),
    'max.partition.fetch.bytes': bytes('Bytes of one partition in one poll, roughly.', 1),
    'max.poll.interval.ms': ms('A put that takes longer puts the task out of its group.', 1),
    'max.poll.records': key('int', 'Records of one put at most.', { min: 1 }),
    'session.timeout.ms': ms('A member that is not heard of for so long is put out.', 1),
  },
  ignored: [
    [noConnection, connection],
    [
      'Members in this process heartbeat five times a second by a call; only against a cluster (`millrace worker`) it is obeyed.',
      of('long', 'heartbeat.interval.ms'),
    ],
    [
      'The worker commits what a sink has made durable, and nothing else.',
      { ...of('boolean', 'enable.auto.commit'), ...of('long', 'auto.commit.interval.ms') },
    ],
    [
      'Tasks share partitions by range, in the classic protocol.',
      of('list', 'partition.assignment.strategy', 'group.protocol', 'group.remote.assignor'),
    ],
    ['Converters read the bytes.', of('class', 'key.deserializer', 'value.deserializer')],
    [
      'The log is read without requests: nothing is created, checked again or timed out on the way.',
      {
        ...of('boolean', 'allow.auto.create.topics', 'check.crcs', 'exclude.internal.topics'),
        ...of('long', 'default.api.timeout.ms', 'request.timeout.ms', 'retry.backoff.ms', 'retry.backoff.max.ms'),
      },
    ],
  ],
};

const admin: ClientKeys = {
  applied: {
    'default.api.timeout.ms': key('int', 'How long creating a topic may take.', { default: 60_000, min: 1 }),
  },
  ignored: [
    [noConnection, connection],
    [
      'Topics are created by a call; one that fails for a moment is tried again as errors.retry.delay.max.ms says.',
      {
        ...of('string', 'client.id'),
        ...of('long', 'request.timeout.ms', 'retries', 'retry.backoff.ms', 'retry.backoff.max.ms'),
      },
    ],
  ],
};

export const clientKeys: Readonly<Record<ClientKind, ClientKeys>> = { producer, consumer, admin };
