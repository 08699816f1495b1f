/**
 * Every key that Debezium's Postgres connector declares (test/golden/debezium-keys.tsv, recorded from it) against our
 * declaration: what becomes of it stands in docs/debezium-keys.md, which `MILLRACE_WRITE=1` renews.
 */
import { test } from 'node:test';
import {
  assertPage,
  examineKeys,
  type Judged,
  readRecordedKeys,
  tableOfKeys,
} from '../../../../test/kit/recorded-keys.ts';
import { debeziumDefaults } from './source-defaults.ts';
import { sourceConfigDef } from './source-keys.ts';

const def = sourceConfigDef(debeziumDefaults);
const recorded = readRecordedKeys('debezium-keys.tsv');

/** Defaults that are not Debezium's, each for a reason. */
const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  'custom.sanitize.pattern': 'it has no effect',
  'database.port': "Postgres's own, where Debezium wants it said",
  'extended.headers.enabled': 'headers are written where they are asked for (deviations)',
  'heartbeat.topics.prefix': 'the default is that of its new name',
  'max.batch.size': 'a batch is larger',
  'max.queue.size.in.bytes': 'memory has a bound, where Debezium has none by default',
  'plugin.name': 'pgoutput is the only plugin; decoderbufs has to be installed on the server',
  'signal.file': 'what Debezium documents',
  'snapshot.fetch.size': 'what Debezium documents; it has no effect',
  'sourceinfo.struct.maker': 'what Debezium takes where nothing is said',
  'lsn.flush.mode': 'what Debezium takes where nothing is said',
};
/** Values that Debezium knows and that are refused here. */
const REFUSED_VALUES: Readonly<Record<string, readonly string[]>> = {
  'event.processing.failure.handling.mode': ['warn', 'ignore', 'skip'],
  'plugin.name': ['decoderbufs'],
  'snapshot.locking.mode': ['custom'],
  'snapshot.mode': ['custom'],
  'snapshot.query.mode': ['custom'],
  'time.precision.mode': ['structured'],
};

const judged: Judged = {
  def,
  least: { 'topic.prefix': 'shop', 'database.hostname': 'x', 'database.user': 'x', 'database.dbname': 'x' },
  refusedValues: REFUSED_VALUES,
  otherDefaults: OTHER_DEFAULTS,
  undeclared: (name) => {
    if (name === 'tasks.max') return ['obeyed', 'By the worker; a source has one task.'];
    return name.startsWith('internal.') ? ['refused', 'Internal to Debezium.'] : null;
  },
};

examineKeys('Debezium', recorded, judged);

test('the table of keys says what becomes of each (MILLRACE_WRITE=1 renews it)', () => {
  assertPage(new URL('../../../../docs/debezium-keys.md', import.meta.url), (found) => {
    return `${found.split('| key |')[0]}${tableOfKeys(recorded, judged, 'Debezium')}`;
  });
});
