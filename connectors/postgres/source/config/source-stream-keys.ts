/**
 * The keys of the stream: its slot and publication, how positions are confirmed, heartbeats, and how much may be on its way.
 * Part of source-keys.ts.
 */
import type { ConfigDef } from '../../../api/index.ts';
import { topicProblem } from './key-problems.ts';
import { publicationModes, QUEUE_BYTES_MAX, type SourceDefaults } from './source-defaults.ts';
import { streamParams } from './stream-params.ts';

/** Of transactions that run; a tenth of a small server's disk, and then the database's own server keeps them. */
const SPOOL_BYTES_MAX = 16 * 1024 ** 3;

export const streamKeys = (defaults: SourceDefaults): ConfigDef => ({
  'plugin.name': { type: 'string', default: 'pgoutput', oneOf: ['pgoutput'], doc: 'The decoding plugin.' },
  'slot.name': {
    type: 'string',
    default: defaults.slot,
    onChange:
      'The stored position is not in a new slot: the task stops with PG_SLOT_LOST, unless snapshot.mode=when_needed reads all rows again. The old slot stays on the server and keeps its WAL until it is dropped.',
    doc: 'The replication slot; created where missing. One per connector.',
    validate: (value) =>
      /^[a-z0-9_]{1,63}$/.test(String(value)) ? null : 'may hold only lower-case letters, digits and underscores',
  },
  'slot.drop.on.stop': {
    type: 'boolean',
    default: false,
    doc: 'Whether the slot is dropped at a stop. Changes made until the next start are lost; for tests.',
  },
  'slot.stream.params': {
    type: 'string',
    default: null,
    doc: 'Parameters of the plugin, separated by semicolons: `streaming=off` has large transactions sent after their commit, as with `proto_version=1`, and not while they run (`streaming=on`, `proto_version=2`, the default); `origin=none` leaves out what was replicated from elsewhere (Postgres 16), `origin=any` does not.',
    validate: (value) => streamParams(value === null ? null : String(value)).problem,
  },
  'streaming.spool.dir': {
    type: 'string',
    default: null,
    doc: 'Directory for what has come of large transactions that are not committed yet, in files without a name; the directory for temporary files otherwise, on a disk where there is one.',
  },
  'streaming.spool.max.bytes': {
    type: 'long',
    default: SPOOL_BYTES_MAX,
    min: 0,
    doc: 'What those files may take together. Beyond it, as on a full disk, the connector says so and reads on with `streaming=off` until the task is started again.',
  },
  'lsn.flush.mode': {
    type: 'string',
    default: 'connector',
    oneOf: ['connector', 'connector_and_driver', 'manual'],
    doc: 'Who confirms positions to the server: this connector, idle WAL included (the first two), or somebody else (`manual`): the slot then keeps its WAL until it is advanced.',
  },
  'flush.lsn.source': {
    type: 'boolean',
    default: true,
    doc: 'The former name of `lsn.flush.mode`: false is `manual`.',
  },
  'offset.mismatch.strategy': {
    type: 'string',
    default: 'no_validation',
    oneOf: ['no_validation', 'trust_offset', 'trust_slot', 'trust_greater_lsn'],
    doc: 'What a slot means that was advanced beyond the stored position: an error (the first two), or the place to go on from, though changes in between are missing (the others).',
  },
  'xmin.fetch.interval.ms': {
    type: 'long',
    default: 0,
    min: 0,
    doc: "How often to ask for the slot's horizon, which records carry as `source.xmin`; 0 is never.",
  },
  'streaming.delay.ms': {
    type: 'long',
    default: 0,
    min: 0,
    doc: 'How long to wait behind a snapshot before the stream is read.',
  },
  'guardrail.collections.max': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'Tables to capture at most; 0 is as many as there are.',
  },
  'guardrail.collections.limit.action': {
    type: 'string',
    default: 'warn',
    oneOf: ['warn', 'fail'],
    doc: 'What to do where there are more: say so, or not start.',
  },
  'slot.failover': { type: 'boolean', default: false, doc: 'Whether the slot follows to standbys (Postgres 17).' },
  'publication.name': { type: 'string', default: defaults.publication, doc: 'The publication to read.' },
  'publication.autocreate.mode': {
    type: 'string',
    default: defaults.publicationMode,
    oneOf: publicationModes,
    doc: 'Whether a missing publication is created: for the tables of the filters, for all tables (superuser), empty, or not at all.',
  },
  'table.discovery.interval.ms': {
    type: 'long',
    default: 30_000,
    min: 0,
    doc: 'How often to look for tables that are captured since: they are published (`filtered` only) and read beside the stream. 0 is at starts only.',
  },
  'publish.via.partition.root': {
    type: 'boolean',
    default: false,
    doc: 'Whether changes of partitions are read under the name of their root table.',
  },
  'status.update.interval.ms': {
    type: 'int',
    default: 10_000,
    min: 10,
    doc: 'How often the position is confirmed to the server at least.',
  },
  'heartbeat.interval.ms': {
    type: 'int',
    default: 0,
    min: 0,
    doc: 'How often a heartbeat record is written; 0 is never. Not needed to free WAL here.',
  },
  'topic.heartbeat.prefix': { type: 'string', default: '__debezium-heartbeat', doc: 'Begins the heartbeat topic.' },
  'topic.heartbeat.name': {
    type: 'string',
    default: null,
    doc: 'The whole name of the heartbeat topic, for several connectors that share one.',
    validate: topicProblem,
  },
  'heartbeat.topics.prefix': {
    type: 'string',
    default: null,
    doc: 'The former name of `topic.heartbeat.prefix`.',
  },
  'errors.max.retries': {
    type: 'int',
    default: -1,
    min: -1,
    doc: 'How often in a row a connection that broke is tried again before the task fails; -1 is for as long as it runs.',
  },
  'max.batch.size': { type: 'int', default: 8192, min: 1, doc: 'Records handed over at once, at most.' },
  'max.queue.size.in.bytes': {
    type: 'long',
    default: QUEUE_BYTES_MAX,
    validate: (bytes) =>
      bytes === 0 || Number(bytes) >= 65_536 ? null : 'must be at least 65536, or 0 for the default',
    doc: 'Bytes received and not yet handed over; beyond it the server has to wait. 0 is the default, not without bound.',
  },
});
