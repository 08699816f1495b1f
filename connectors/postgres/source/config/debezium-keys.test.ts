/**
 * Every key that Debezium's Postgres connector declares (test/golden/debezium-keys.tsv, recorded from it) against our
 * declaration: what becomes of it stands in docs/debezium-keys.md, which `MILLRACE_WRITE=1` renews.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertDefaults,
  assertPage,
  assertWords,
  declarationOf,
  type Judged,
  messagesOf,
  readRecordedKeys,
  tableOfKeys,
} from '../../../../test/kit/recorded-keys.ts';
import { debeziumDefaults } from './source-defaults.ts';
import { sourceConfigDef } from './source-keys.ts';

const def = sourceConfigDef(debeziumDefaults);
const recorded = readRecordedKeys('debezium-keys.tsv');

/** Not the connector's: of the worker, or of Debezium's own tests and emergencies. */
const NOT_DECLARED = /^(tasks\.max$|internal\.)/;
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
  undeclared: (name) => {
    return name === 'tasks.max'
      ? ['obeyed', 'By the worker; a source has one task.']
      : ['refused', 'Internal to Debezium.'];
  },
};

test('every key of Debezium is declared, by its name or by the beginning of it, or refused by name', () => {
  for (const { name } of recorded) {
    if (!NOT_DECLARED.test(name)) assert.ok(declarationOf(def, name), `${name} is not declared`);
    else if (name !== 'tasks.max') assert.match(messagesOf(judged, { [name]: 'x' }).join(), new RegExp(`"${name}"`));
  }
});

test("defaults are Debezium's, but for those that stand here with a reason", () => {
  assertDefaults(recorded, judged, OTHER_DEFAULTS);
});

test('every value that Debezium allows is taken, in any case of letters, or refused with those that are', () => {
  assertWords(recorded, judged);
});

test('the table of keys says what becomes of each (MILLRACE_WRITE=1 renews it)', () => {
  assertPage(new URL('../../../../docs/debezium-keys.md', import.meta.url), (found) => {
    return `${found.split('| key |')[0]}${tableOfKeys(recorded, judged, 'Debezium')}`;
  });
});
