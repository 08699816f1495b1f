/**
 * The keys of the job queue source and sink, declared once, and what they say together.
 */
import {
  type Config,
  type ConfigDef,
  judgeRecordTemplate,
  parseRecordTemplate,
  type RecordTemplate,
} from '../api/index.ts';
import { badQueueConfig } from './errors.ts';

const template = { type: 'string', validate: judgeRecordTemplate } as const;

function judgeNumberTemplate(value: unknown): string | null {
  const problem = judgeRecordTemplate(value);
  if (problem !== null) return problem;
  const { constant } = parseRecordTemplate(String(value));
  return constant === null || /^\d+$/.test(constant)
    ? null
    : 'must be a whole number, or a template such as {header.x}';
}

const number = { type: 'string', validate: judgeNumberTemplate } as const;

function judgeUrl(value: unknown): string | null {
  const text = String((value as { reveal?: () => string }).reveal?.() ?? value);
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  return scheme !== undefined && ['redis', 'rediss', 'postgres', 'postgresql'].includes(scheme)
    ? null
    : 'must begin with redis://, rediss://, postgres:// or postgresql://';
}

const connectionKeys = {
  'bullmq.url': {
    type: 'password',
    validate: judgeUrl,
    doc: 'Where the queue lives: redis://[user:password@]host:port/db, rediss://… (TLS) or postgres://user:password@host:port/database. Hidden wherever it is shown, because it may hold a password.',
    importance: 'high',
    group: 'Connection',
  },
  'bullmq.prefix': {
    type: 'string',
    default: 'bull',
    doc: "On Redis: the prefix of the queue's keys. Postgres uses the schema bullmq.",
    importance: 'low',
    group: 'Connection',
  },
} as const satisfies ConfigDef;

export const bullmqSinkConfig = {
  ...connectionKeys,
  'bullmq.queue': {
    ...template,
    default: '{topic}',
    doc: 'Template for the name of the queue. A colon in the result is written as a minus: BullMQ allows none.',
    importance: 'high',
    group: 'Job',
  },
  'bullmq.migrate': {
    type: 'boolean',
    default: false,
    doc: "On Postgres: creates or upgrades BullMQ's tables at the start.",
    group: 'Connection',
  },
  'offsets.table': {
    type: 'string',
    default: 'public.millrace_bullmq_offsets',
    doc: 'On Postgres: the table that keeps how far each partition was delivered, written in the transaction of the jobs, so that each record becomes one job exactly once. Empty: no table, at least once.',
    group: 'Delivery',
  },
  'job.name': {
    ...template,
    default: '{topic}',
    doc: 'Template for the name of the job.',
    importance: 'high',
    group: 'Job',
  },
  'job.data': {
    type: 'string',
    default: 'value',
    oneOf: ['value', 'record'],
    doc: "The job's data: the record's value, or an object with topic, partition, offset, timestamp, key, value and headers.",
    group: 'Job',
  },
  'job.id': {
    ...template,
    default: '{original.topic}-{partition}-{offset}',
    doc: 'Template for the id of the job. A queue takes an id once for as long as it remembers the job, which makes the sink idempotent on Redis. Colons become %3A, and an id of digits only is written id-42: BullMQ allows neither.',
    group: 'Job',
  },
  'job.delay.ms': {
    ...number,
    default: '0',
    doc: 'How long the job waits before it may run: a number, or a template that gives one, such as {header.delay}. A record without that header or field does not wait.',
    group: 'Job',
  },
  'job.not.before': {
    ...template,
    default: null,
    doc: 'Template for the time before which the job must not run: milliseconds since the epoch or RFC 3339 text. Wins over job.delay.ms where the record has it.',
    group: 'Job',
  },
  'job.priority': {
    ...number,
    default: '0',
    doc: 'Priority from 1 (first) to 2097151 (last); 0 is none and runs before all others. A number, or a template.',
    group: 'Job',
  },
  'job.attempts': { ...number, default: '1', doc: 'How often a job is tried. A number, or a template.', group: 'Job' },
  'job.backoff.type': {
    type: 'string',
    default: 'exponential',
    oneOf: ['fixed', 'exponential'],
    doc: 'How the wait between attempts grows.',
    group: 'Job',
  },
  'job.backoff.delay.ms': { type: 'int', default: 1000, min: 0, doc: 'The first wait between attempts.', group: 'Job' },
  'job.backoff.jitter': {
    type: 'double',
    default: 0,
    min: 0,
    max: 1,
    doc: 'How much of that wait is random, from 0 to 1.',
    group: 'Job',
  },
  'job.lifo': { type: 'boolean', default: false, doc: 'Puts new jobs before the waiting ones.', group: 'Job' },
  'job.size.limit.bytes': {
    type: 'int',
    default: null,
    min: 1,
    doc: 'A record whose job data would be longer, as JSON, is a bad record.',
    group: 'Job',
  },
  'job.remove.on.complete.age.s': {
    type: 'int',
    default: 86_400,
    min: 0,
    doc: 'How long the queue remembers completed jobs, and so their ids. On Redis a redelivered record runs again if its job was forgotten: keep this longer than the sink may be down.',
    group: 'Job',
  },
  'job.remove.on.fail.age.s': {
    type: 'int',
    default: null,
    min: 0,
    doc: 'How long the queue remembers failed jobs. Not set: for ever.',
    group: 'Job',
  },
  'job.deduplication.id': {
    ...template,
    default: null,
    doc: 'Template for a deduplication id, for example {key}: while one job of an id is known, others are dropped (or replace it, see below). Dropped records count as delivered.',
    group: 'Deduplication',
  },
  'job.deduplication.ttl.ms': {
    type: 'int',
    default: null,
    min: 1,
    doc: 'How long an id is held. Not set: until its job is done.',
    group: 'Deduplication',
  },
  'job.deduplication.extend': {
    type: 'boolean',
    default: false,
    doc: 'A dropped job begins the time anew.',
    group: 'Deduplication',
  },
  'job.deduplication.replace': {
    type: 'boolean',
    default: false,
    doc: 'A later job replaces the one that is still delayed: with job.delay.ms this debounces.',
    group: 'Deduplication',
  },
  'job.deduplication.keep.last.if.active': {
    type: 'boolean',
    default: false,
    doc: 'While a job of the id runs, the latest other one is kept and runs after it.',
    group: 'Deduplication',
  },
  'behavior.on.null.values': {
    type: 'string',
    default: null,
    oneOf: ['remove', 'ignore', 'fail'],
    doc: 'What a tombstone does: removes the job of that id unless it runs or is done, nothing, or counts as a bad record. Default: remove where job.id is made of the key, else ignore.',
    group: 'Delivery',
  },
} as const satisfies ConfigDef;

export const bullmqSourceConfig = {
  ...connectionKeys,
  'bullmq.queue': { type: 'string', doc: 'Name of the queue to read.', importance: 'high', group: 'Input' },
  topic: { type: 'string', doc: 'Topic to write to.', importance: 'high', group: 'Output' },
  mode: {
    type: 'string',
    default: 'jobs',
    oneOf: ['jobs', 'events'],
    doc: 'jobs: takes jobs as a worker does; each is completed once its record is durable, with the topic, partition and offset as its result. events: follows what happens to jobs, without touching them.',
    importance: 'high',
    group: 'Input',
  },
  events: {
    type: 'list',
    default: ['completed', 'failed'],
    doc: 'For events: which become records (completed, failed, added, active, delayed, progress, stalled, removed, …). The word all takes every one.',
    group: 'Input',
  },
  'max.in.flight': {
    type: 'int',
    default: 200,
    min: 1,
    max: 10_000,
    doc: 'For jobs: how many are held at most until their records are durable.',
    group: 'Flow',
  },
  'lock.duration.ms': {
    type: 'int',
    default: 30_000,
    min: 1000,
    doc: 'For jobs: how long a job stays ours without a sign of life. After a crash it comes again once this time is over.',
    group: 'Flow',
  },
} as const satisfies ConfigDef;

export interface SinkSettings {
  readonly url: string;
  readonly prefix: string;
  readonly queue: RecordTemplate;
  readonly migrate: boolean;
  readonly offsetsTable: string | null;
  readonly name: RecordTemplate;
  readonly dataIsRecord: boolean;
  readonly id: RecordTemplate;
  readonly delayMs: RecordTemplate;
  readonly notBefore: RecordTemplate | null;
  readonly priority: RecordTemplate;
  readonly attempts: RecordTemplate;
  /** Options that are the same for every job, in BullMQ's words. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly sizeLimitBytes: number | null;
  readonly deduplication: { readonly id: RecordTemplate; readonly options: Readonly<Record<string, unknown>> } | null;
  readonly onTombstone: 'remove' | 'ignore' | 'fail';
}

/** What the sink's keys say; throws ConfigError for two that contradict each other. */
export function sinkSettings(config: Config): SinkSettings {
  const parsed = (key: string): RecordTemplate => parseRecordTemplate(config.string(key));
  const notBefore = config.optionalString('job.not.before');
  const table = config.string('offsets.table');
  const id = parsed('job.id');
  return {
    url: config.secret('bullmq.url').reveal(),
    prefix: config.string('bullmq.prefix'),
    queue: parsed('bullmq.queue'),
    migrate: config.boolean('bullmq.migrate'),
    offsetsTable: table === '' ? null : table,
    name: parsed('job.name'),
    dataIsRecord: config.string('job.data') === 'record',
    id,
    delayMs: parsed('job.delay.ms'),
    notBefore: notBefore === null ? null : parseRecordTemplate(notBefore),
    priority: parsed('job.priority'),
    attempts: parsed('job.attempts'),
    options: fixedOptions(config),
    sizeLimitBytes: config.optionalNumber('job.size.limit.bytes'),
    deduplication: deduplicationOf(config),
    onTombstone: tombstoneRule(config, id),
  };
}

function fixedOptions(config: Config): Record<string, unknown> {
  const failAge = config.optionalNumber('job.remove.on.fail.age.s');
  return {
    lifo: config.boolean('job.lifo'),
    removeOnComplete: { age: config.number('job.remove.on.complete.age.s') },
    ...(failAge === null ? {} : { removeOnFail: { age: failAge } }),
    backoff: {
      type: config.string('job.backoff.type'),
      delay: config.number('job.backoff.delay.ms'),
      jitter: config.number('job.backoff.jitter'),
    },
  };
}

function deduplicationOf(config: Config): SinkSettings['deduplication'] {
  const id = config.optionalString('job.deduplication.id');
  if (id === null) return null;
  const ttl = config.optionalNumber('job.deduplication.ttl.ms');
  return {
    id: parseRecordTemplate(id),
    options: {
      ...(ttl === null ? {} : { ttl }),
      extend: config.boolean('job.deduplication.extend'),
      replace: config.boolean('job.deduplication.replace'),
      keepLastIfActive: config.boolean('job.deduplication.keep.last.if.active'),
    },
  };
}

/** A tombstone names its job by key alone: an id made of an offset or a value belongs to another record. */
function tombstoneRule(config: Config, id: RecordTemplate): SinkSettings['onTombstone'] {
  const isByKey = id.placeholders.every(
    (name) => name === 'topic' || name === 'original.topic' || name.startsWith('key'),
  );
  const asked = config.optionalString('behavior.on.null.values') as SinkSettings['onTombstone'] | null;
  if (asked === 'remove' && !isByKey) {
    const message = `"behavior.on.null.values" is remove, but "job.id" is "${id.source}", and a tombstone has no such id. Make job.id of {topic} and {key}, or ignore tombstones.`;
    throw badQueueConfig('behavior.on.null.values', asked, message);
  }
  return asked ?? (isByKey ? 'remove' : 'ignore');
}

export interface SourceSettings {
  readonly url: string;
  readonly prefix: string;
  readonly queue: string;
  readonly topic: string;
  readonly mode: 'jobs' | 'events';
  /** Null: all of them. */
  readonly events: ReadonlySet<string> | null;
  readonly maxInFlight: number;
  readonly lockDurationMs: number;
}

export function sourceSettings(config: Config): SourceSettings {
  const events = config.list('events');
  const queue = config.string('bullmq.queue');
  if (queue.includes(':'))
    throw badQueueConfig(
      'bullmq.queue',
      queue,
      `"bullmq.queue" is "${queue}", but BullMQ allows no colon in a queue's name.`,
    );
  return {
    url: config.secret('bullmq.url').reveal(),
    prefix: config.string('bullmq.prefix'),
    queue,
    topic: config.string('topic'),
    mode: config.string('mode') as 'jobs' | 'events',
    events: events.includes('all') ? null : new Set(events),
    maxInFlight: config.number('max.in.flight'),
    lockDurationMs: config.number('lock.duration.ms'),
  };
}
