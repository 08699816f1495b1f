import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { withDefaults } from '../worker/defaults.ts';
import { Plugins } from '../worker/plugins.ts';
import { changesOf, type RunningConnector } from './changes.ts';
import { readConnectorFile } from './connector-file.ts';

const rules = { plugins: new Plugins(catalogue), worker: withDefaults({}) };
const source = { 'connector.class': 'FileSource', file: 'a', topic: 't' };
const sink = { 'connector.class': 'FileSink', file: 'b', topics: 'one,two' };

function fileOf(name: string, config: object, initial_state = 'RUNNING') {
  return readConnectorFile(`${name}.json`, JSON.stringify({ name, initial_state, config })).file!;
}
function running(name: string, config: object, state = 'RUNNING'): [string, RunningConnector] {
  return [name, { config: { ...config, name } as Record<string, string>, state }];
}
const changes = (files: ReturnType<typeof fileOf>[], worker: [string, RunningConnector][], prune = false) =>
  changesOf(files, new Map(worker), { ...rules, prune });

describe('the changes a folder asks for', () => {
  it('are none where the worker runs what the files say, in whatever order', () => {
    const { file, topic, ...rest } = source;
    const [change] = changes([fileOf('s', source)], [running('s', { topic, ...rest, file })]);
    assert.equal(change!.action, 'unchanged');
  });

  it('name each key with both values, and what it does to data', () => {
    const [change] = changes(
      [fileOf('s', { ...source, file: 'c', 'batch.size': 5 })],
      [running('s', { ...source, format: 'lines' })],
    );
    assert.equal(change!.action, 'change');
    assert.deepEqual(change!.keys, [
      { key: 'batch.size', before: null, after: '5' },
      { key: 'file', before: 'a', after: 'c' },
      { key: 'format', before: 'lines', after: null },
    ]);
    assert.match(change!.effects[0]!, /restarts with all its tasks/);
    assert.match(change!.effects[1]!, /^file: Files that were not read before are read from their beginning/);
  });

  it('say which topics a sink reads from their beginning, and which no more', () => {
    const [change] = changes([fileOf('k', { ...sink, topics: 'two, three' })], [running('k', sink, 'PAUSED')]);
    assert.deepEqual(change!.effects, [
      'It is PAUSED and stays so; the change counts when it is resumed.',
      'topics: three is read from the beginning; one is read no more.',
    ]);
  });

  it('warn of another class, and of a new prefix that snapshots again', () => {
    const [other] = changes(
      [fileOf('k', { ...sink, 'connector.class': 'FileSource', topic: 't' })],
      [running('k', sink)],
    );
    assert.ok(other!.effects.some((effect) => effect.startsWith('Another plugin')));
    const postgres = { 'connector.class': 'PostgresSource', 'topic.prefix': 'shop', 'database.password': 'old' };
    const after = { ...postgres, 'topic.prefix': 'store', 'database.password': 'new' };
    const [change] = changes([fileOf('p', after)], [running('p', postgres)]);
    assert.deepEqual(change!.keys[0], { key: 'database.password', before: '[hidden]', after: '[hidden]' });
    assert.ok(
      change!.effects.some((effect) => effect.includes('snapshots all rows again')),
      change!.effects.join(),
    );
  });

  it('create what is missing, in its initial state, and delete the rest only when asked to', () => {
    const found = changes([fileOf('s', source, 'STOPPED')], [running('k', sink)]);
    assert.deepEqual(
      found.map(({ connector, action }) => [connector, action]),
      [
        ['s', 'create'],
        ['k', 'unmanaged'],
      ],
    );
    assert.deepEqual(found[0]!.effects[1], 'It is created STOPPED.');
    const [, pruned] = changes([fileOf('s', source)], [running('k', sink)], true);
    assert.equal(pruned!.action, 'delete');
    assert.match(pruned!.effects[0]!, /offsets of its group connect-k stay/);
  });
});
