/** Previews, checks and config tests over the built-in plugins, with files as the world. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { ConfigProviders } from '../worker/config-providers.ts';
import { withDefaults } from '../worker/defaults.ts';
import { silent } from '../worker/harness.ts';
import type { ConnectorPlan } from '../worker/plan.ts';
import { Plugins } from '../worker/plugins.ts';
import { checkFile, planFile, type Reach } from './check.ts';
import { parseTests, runTest } from './config-test.ts';
import { readConnectorFile } from './connector-file.ts';
import { OfflineRegistry } from './offline-registry.ts';
import { previewSink, previewSource } from './preview.ts';

const reach: Reach = {
  plugins: new Plugins(catalogue),
  worker: withDefaults({}),
  providers: new ConfigProviders(['env'], {}, { TOPIC: 'people', SECRET_FOLDER: '/nowhere-secret' }),
};

function fileOf(config: Readonly<Record<string, string>>) {
  return readConnectorFile('c.json', JSON.stringify({ name: 'c', config }, null, 1)).file!;
}

async function planOf(config: Readonly<Record<string, string>>): Promise<ConnectorPlan> {
  const planned = await planFile(fileOf(config), reach);
  if ('findings' in planned) assert.fail(JSON.stringify(planned.findings));
  return planned.plan;
}

function people(t: TestContext): { folder: string; config: Record<string, string> } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-preview-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'people.csv'), 'id,name\n1,Ada\n2,Emre\n3,Li\n');
  const config = {
    'connector.class': 'FileSource',
    file: join(folder, 'people.csv'),
    format: 'csv',
    topic: 'people',
    transforms: 'mask,none',
    'transforms.mask.type': 'MaskField',
    'transforms.mask.fields': 'name',
    'transforms.none.type': 'Filter',
    'transforms.none.predicate': 'other',
    predicates: 'other',
    'predicates.other.type': 'TopicNameMatches',
    'predicates.other.pattern': 'other',
  };
  return { folder, config };
}

const options = (registry = new OfflineRegistry(null)) => ({
  max: 2,
  registry,
  logger: silent,
  signal: AbortSignal.timeout(60_000),
});

describe('a preview', () => {
  it('of a source shows what each stage makes of real records, and leaves no trace', async (t) => {
    const { folder, config } = people(t);
    const { records, type } = await previewSource(await planOf(config), options());
    assert.equal(type, 'source');
    assert.deepEqual(
      records[0]!.stages.map(({ stage, isChanged, record }) => [stage, isChanged, record?.value]),
      [
        ['source', true, { id: '1', name: 'Ada' }],
        ['transforms.mask', true, { id: '1', name: '' }],
        ['transforms.none', false, { id: '1', name: '' }],
        ['converter', true, '{"id":"1","name":""}'],
      ],
    );
    assert.equal(records.length, 2);
    assert.deepEqual(readdirSync(folder), ['people.csv']);
  });

  it('says which stage drops a record, and which fails and why', async (t) => {
    const { config } = people(t);
    const dropping = await planOf({ ...config, 'predicates.other.pattern': 'people' });
    const [dropped] = (await previewSource(dropping, options())).records;
    assert.equal(dropped!.outcome, 'dropped');
    assert.deepEqual([dropped!.stages.at(-1)!.stage, dropped!.stages.at(-1)!.record], ['transforms.none', null]);
    const [failed] = (await previewSource(await planOf({ ...config, format: 'lines' }), options())).records;
    assert.equal(failed!.outcome, 'failed');
    assert.equal(failed!.error?.stage, 'transforms.mask');
    assert.match(failed!.error?.message ?? '', /Only structs and maps/);
  });

  it('keeps schemas that would be registered to itself, and says so', async (t) => {
    const { config } = people(t);
    const real = {
      register: assert.fail,
      byId: assert.fail,
      latest: assert.fail,
      lookup: async () => Promise.reject(new Error('away')),
    };
    const registry = new OfflineRegistry(real as never);
    const { records, notes } = await previewSource(
      await planOf({ ...config, 'csv.schema': 'true', 'value.converter': 'JsonSchemaConverter' }),
      options(registry),
    );
    assert.equal(records[0]!.outcome, 'passed');
    assert.match(notes.join(), /did not answer.*would be registered under the subject people-value/);
  });

  it('of a sink shows what it would send, and sends nothing', async (t) => {
    const { folder } = people(t);
    const out = join(folder, 'out.txt');
    const plan = await planOf({
      'connector.class': 'FileSink',
      file: out,
      topics: 'people',
      'value.converter': 'StringConverter',
    });
    const read = {
      topic: 'people',
      partition: 0,
      offset: 7,
      timestamp: 1,
      key: null,
      value: Buffer.from('Ada'),
      headers: [],
    };
    const { records, statements } = await previewSink(plan, [read], options());
    assert.deepEqual(records[0]!.from, { topic: 'people', partition: 0, offset: 7 });
    assert.deepEqual(statements, [`append to ${out}: Ada`]);
    assert.deepEqual(readdirSync(folder), ['people.csv']);
  });
});

describe('a check', () => {
  it('finds nothing where the world is as it should be, through references', async (t) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's reference.
    assert.deepEqual(await checkFile(fileOf({ ...people(t).config, topic: '${env:TOPIC}' }), reach), []);
  });

  it('names the key, its place and what is missing, and quotes the reference instead of what is behind it', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's reference.
    const config = { 'connector.class': 'FileSource', topic: 't', file: '${env:SECRET_FOLDER}/x.txt' };
    const [finding] = await checkFile(fileOf(config), reach);
    assert.equal(finding!.key, 'file');
    assert.deepEqual([finding!.line, finding!.column], [6, 11]);
    assert.match(finding!.message, /\$\{env:SECRET_FOLDER\}.*Correct "file"/);
    assert.doesNotMatch(JSON.stringify(finding), /nowhere-secret\/x/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the user's reference.
    const [lost] = await checkFile(fileOf({ ...config, file: '${env:NOBODY}' }), reach);
    assert.match(lost!.message, /The reference in configuration "file" cannot be resolved/);
  });
});

describe('a config test', () => {
  it('of a source compares what a reader of the topic gets, member by member', async (t) => {
    const plan = await planOf(people(t).config);
    const [test] = parseTests(
      JSON.stringify({
        tests: [
          {
            name: 'masks names',
            input: [{ value: { id: '1', name: 'Ada' } }, { topic: 'other', value: { id: '2' } }],
            output: [{ topic: 'people', value: { name: '', id: '1' } }],
          },
        ],
      }),
    );
    assert.deepEqual(await runTest(plan, test!).then(({ passed, diff }) => [passed, diff]), [true, '']);
    const wrong = await runTest(plan, { ...test!, output: [{ value: { id: '1', name: 'Ada' } }] });
    assert.equal(wrong.passed, false);
    assert.match(wrong.diff, /^- +"name": "Ada"\n\+ +"name": ""$/m);
  });

  it('of a sink takes what stands in the topic, bytes included, and expects failures by their words', async () => {
    const plan = await planOf({ 'connector.class': 'FileSink', file: 'x', topics: 'in' });
    const input = [
      { value: { a: 1 } },
      { value: '{"a":2}' },
      { value: null, key: '"k"' },
      { value: 'no json' },
      { value: { base64: '/w==' } },
    ];
    const output = [
      { value: { a: 1 } },
      { value: { a: 2 } },
      { value: null },
      { error: 'VALUE_CONVERTER' },
      { error: 'VALUE' },
    ];
    const { passed, diff } = await runTest(plan, { name: 'x', input, output });
    assert.ok(passed, diff);
  });

  it('is refused with a sentence when its file is not one', () => {
    assert.throws(() => parseTests('{'), /no JSON/);
    assert.throws(() => parseTests('{}'), /no list "tests"/);
    assert.throws(() => parseTests('{"tests": [{"name": "x"}]}'), /"x" has no list "input"/);
  });
});
