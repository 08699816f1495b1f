/**
 * Every key that Debezium's Postgres connector declares (test/golden/debezium-keys.tsv, recorded from it) against our
 * declaration: what becomes of it stands in docs/debezium-keys.md, which `MILLRACE_WRITE=1` renews.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ConfigKey, parseConfig, unknownKeys } from '../../../api/index.ts';
import { debeziumDefaults } from './source-defaults.ts';
import { sourceConfigDef } from './source-keys.ts';

const def = sourceConfigDef(debeziumDefaults);
const table = new URL('../../../../docs/debezium-keys.md', import.meta.url);
const golden = readFileSync(new URL('../../../../test/golden/debezium-keys.tsv', import.meta.url), 'utf8');
const recorded = golden
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [name, , theirs, values] = line.split('\t') as [string, string, string, string];
    const allowed = values.slice(1, -1).split(', ').filter(Boolean);
    return { name, theirs: theirs === 'null' ? '' : theirs, allowed };
  });

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

const least = { 'topic.prefix': 'shop', 'database.hostname': 'x', 'database.user': 'x', 'database.dbname': 'x' };
const messagesOf = (more: Readonly<Record<string, string>>) => {
  const raw = { ...least, ...more };
  return [...parseConfig(def, raw).problems, ...unknownKeys([def], raw)].map(({ message }) => message);
};

/** The declaration of a key, by its name or by the beginning of it. */
function declarationOf(name: string): ConfigKey | undefined {
  const family = Object.keys(def).find((key) => key.endsWith('.*') && name.startsWith(key.slice(0, -1)));
  return def[name] ?? (family === undefined ? undefined : def[family]);
}

const textOf = ({ default: value }: ConfigKey) => (Array.isArray(value) ? value.join(',') : String(value ?? ''));

function fateOf(name: string): readonly [fate: string, why: string] {
  const declared = declarationOf(name);
  if (name === 'tasks.max') return ['obeyed', 'By the worker; a source has one task.'];
  if (declared === undefined) return ['refused', 'Internal to Debezium.'];
  const [, word, why] = /^(Accepted|Only|Refused)(?: for Debezium)?(?:;| `[^`]*`;) (.*)$/s.exec(declared.doc) ?? [];
  if (word === 'Accepted') return ['no effect', why!];
  if (word === 'Only') return ['default only', why!];
  if (word === 'Refused') return ['refused', why!];
  const not = REFUSED_VALUES[name] ?? [];
  const except = not.length === 0 ? '' : ` Not \`${not.join('`, `')}\`.`;
  return [not.length === 0 ? 'obeyed' : 'obeyed in part', declared.doc + except];
}

function tableText(): string {
  const head = readFileSync(table, 'utf8').split('| key |')[0];
  const rows = recorded.map(({ name, theirs }) => {
    const [fate, why] = fateOf(name);
    const cell = (text: string) => text.replaceAll('|', '\\|');
    const standard = theirs === '' ? '–' : `\`${theirs}\``;
    return `| \`${cell(name)}\` | ${cell(standard)} | ${fate} | ${cell(why)} |`;
  });
  return [`${head}| key | Debezium's default | here | meaning, or why |`, '|---|---|---|---|', ...rows, ''].join('\n');
}

test('every key of Debezium is declared, by its name or by the beginning of it, or refused by name', () => {
  for (const { name } of recorded) {
    if (!NOT_DECLARED.test(name)) assert.ok(declarationOf(name), `${name} is not declared`);
    else if (name !== 'tasks.max') assert.match(messagesOf({ [name]: 'x' }).join(), new RegExp(`"${name}"`));
  }
});

test("defaults are Debezium's, but for those that stand here with a reason", () => {
  for (const { name, theirs } of recorded) {
    const declared = def[name];
    if (declared === undefined || declared.default === undefined) continue;
    const isSame = textOf(declared).toLowerCase() === theirs.toLowerCase();
    assert.equal(isSame, !(name in OTHER_DEFAULTS), `${name}: ${textOf(declared)}, Debezium's is ${theirs}`);
  }
});

test('every value that Debezium allows is taken, in any case of letters, or refused with those that are', () => {
  for (const { name, allowed } of recorded) {
    for (const value of allowed) {
      const messages = messagesOf({ [name]: value.toUpperCase() });
      const isRefused = REFUSED_VALUES[name]?.includes(value) === true;
      assert.equal(messages.length > 0, isRefused, `${name}=${value}: ${messages.join()}`);
      if (isRefused) assert.match(messages.join(), new RegExp(`"${value.toUpperCase()}" .*"${name}".*must be one of`));
    }
    if (allowed.length > 0) assert.match(messagesOf({ [name]: 'nonsense' }).join(), /must be one of/, name);
  }
});

test('the table of keys says what becomes of each (MILLRACE_WRITE=1 renews it)', () => {
  const right = tableText();
  const found = readFileSync(table, 'utf8');
  if (process.env.MILLRACE_WRITE === '1' && found !== right) writeFileSync(table, right);
  else assert.equal(found, right);
});
