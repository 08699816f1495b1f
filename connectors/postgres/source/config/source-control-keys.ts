/**
 * The keys of what happens beside the rows: signals, notifications, transaction metadata, heartbeats' statements, logical
 * messages and the WAL guard. Part of source-keys.ts.
 */
import { type ConfigDef, type ConfigKey, javaRegexProblem } from '../../../api/index.ts';

export const regexList = (doc: string): ConfigKey => ({ type: 'list', default: [], doc, validate: regexProblem });

/** JMX is of the Java machine, which is not here. */
const channelProblem = (known: readonly string[], instead: string) => (value: unknown) => {
  const wrong = (value as readonly string[]).find((channel) => !known.includes(channel));
  if (wrong === undefined) return null;
  if (wrong === 'http') return 'may not hold "http": an HTTP sink of the topic of notifications (`sink`) delivers them';
  if (wrong === 'jmx') return `may not hold "jmx": there is no Java machine to ask; ${instead}`;
  return `may hold only ${known.join(', ')}, not "${wrong}"`;
};

export const controlKeys: ConfigDef = {
  'read.only': {
    type: 'boolean',
    default: false,
    doc: 'Whether an incremental snapshot writes no marks into the WAL: it waits for positions of the WAL instead, which takes a little longer per chunk. A standby is always read so.',
  },
  'signal.data.collection': {
    type: 'string',
    default: null,
    validate: (value) =>
      value === null || /^[^.,\s]+\.[^,\s]+$/.test(String(value))
        ? null
        : 'is not a table as schema.table, and one only: a connector with one task hears one, as with Debezium',
    doc: 'A table, as `schema.table` with columns id, type and data, whose inserts are commands: execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot, log. It is captured whatever the lists of schemas and tables say.',
  },
  'signal.enabled.channels': {
    type: 'list',
    default: ['source'],
    doc: 'Where signals come from besides the REST API: rows of the table (`source`), records of a topic (`kafka`), lines of a file (`file`).',
    validate: channelProblem(
      ['source', 'kafka', 'file'],
      'POST /connectors/{name}/tasks/{task}/signals takes commands',
    ),
  },
  'signal.kafka.topic': {
    type: 'string',
    default: null,
    doc: 'The topic of signals, `{"type", "data"}` under the key `topic.prefix`, in the log of the worker; `<topic.prefix>-signal` otherwise. Created where missing.',
  },
  'signal.kafka.groupId': {
    type: 'string',
    default: 'kafka-signal',
    doc: "Begins the name of the group that reads it; the connector's name ends it.",
  },
  'signal.file': {
    type: 'string',
    default: 'file-signals.txt',
    doc: 'That file: a JSON object `{"id", "type", "data"}` a line, emptied once it is obeyed.',
  },
  'signal.poll.interval.ms': { type: 'long', default: 5000, min: 1, doc: 'How often the signal file is looked at.' },
  'notification.enabled.channels': {
    type: 'list',
    default: [],
    validate: channelProblem(['sink', 'log'], '/metrics and the status of the task tell the same'),
    doc: 'Where to tell how snapshots go: a topic (`sink`), the log.',
  },
  'notification.sink.topic.name': { type: 'string', default: null, doc: 'The topic of notifications.' },
  'provide.transaction.metadata': {
    type: 'boolean',
    default: false,
    doc: 'Whether records tell their transaction and their place in it, and a topic where each begins and ends.',
  },
  'topic.transaction': { type: 'string', default: 'transaction', doc: 'Ends the name of that topic.' },
  'heartbeat.action.query': { type: 'string', default: null, doc: 'A statement run with every heartbeat.' },
  'message.prefix.include.list': regexList('Regular expressions for the prefixes of logical messages to capture.'),
  'message.prefix.exclude.list': regexList('Regular expressions for those to leave out. Not with the include list.'),
  'wal.retained.bytes.max': {
    type: 'long',
    default: 0,
    min: 0,
    doc: 'WAL the slot may hold back before `wal.guard.action` is taken; 0 only looks at max_slot_wal_keep_size.',
  },
  'wal.guard.action': {
    type: 'string',
    default: 'warn',
    oneOf: ['warn', 'fail', 'drop_slot'],
    doc: 'What to do then: say so, stop the task, or give up the slot so that the disk does not fill (rows are read again with when_needed).',
  },
  'poll.interval.ms': { type: 'long', default: 500, min: 1, doc: 'Accepted for Debezium; records do not wait here.' },
  'max.queue.size': { type: 'int', default: 8192, min: 1, doc: 'Accepted for Debezium; the bound is in bytes.' },
};

/** Said by a key's declaration when its list holds what is no regular expression. */
function regexProblem(value: unknown): string | null {
  for (const pattern of value as readonly string[]) {
    const problem = javaRegexProblem(pattern);
    if (problem !== null) return `holds "${pattern}", which ${problem}`;
  }
  return null;
}
