/**
 * What is wrong with a config, counted key by key as Kafka Connect's clients count it (its ConnectorValidationIntegrationTest
 * and ExactlyOnceSourceIntegrationTest have the questions), and patterns in Java's words.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../connectors/catalogue.ts';
import { eventually, harness, steeredSink, steeredSource } from './harness.ts';

const sink = { name: 'k', 'connector.class': 'SteeredSink', topics: 't1' };
const ofPattern = (pattern: string) => ({ name: 'k', 'connector.class': 'SteeredSink', 'topics.regex': pattern });
const source = { name: 's', 'connector.class': 'SteeredSource' };
const filter = 'org.apache.kafka.connect.transforms.Filter';
const tombstones = 'org.apache.kafka.connect.transforms.predicates.RecordIsTombstone';
const json = 'org.apache.kafka.connect.json.JsonConverter';
const deadLetters = 'errors.deadletterqueue.topic.name';

/** The config, and the keys at which there is an error, sorted. */
const cases: readonly [what: string, config: Record<string, string>, keys: readonly string[]][] = [
  ['a sink of no topics', { name: 'k', 'connector.class': 'SteeredSink' }, ['topics', 'topics.regex']],
  ['a sink of topics and a pattern', { ...sink, 'topics.regex': 'r.*' }, ['topics', 'topics.regex']],
  ['dead letters that come back', { ...sink, [deadLetters]: 't1' }, [deadLetters]],
  ['dead letters that match the pattern', { ...ofPattern('r.*'), [deadLetters]: 'ruh.roh' }, [deadLetters]],
  ['a pattern that is none, with dead letters', { ...ofPattern('r.*['), [deadLetters]: 'dead' }, ['topics.regex']],
  ['a name whose group is the workers’', { ...sink, name: 'workers' }, ['name']],
  [
    'the workers’ group by hand',
    { ...sink, 'consumer.override.group.id': 'connect-workers' },
    ['consumer.override.group.id'],
  ],
  [
    'a name whose group would be the workers’, with a group of its own',
    { ...sink, name: 'workers', 'consumer.override.group.id': 'mine' },
    [],
  ],
  [
    'a topic creation group twice',
    { ...source, 'topic.creation.groups': 'a, b, a', 'topic.creation.a.include': 'a', 'topic.creation.b.include': 'b' },
    ['topic.creation.groups'],
  ],
  ['a transform twice', { ...sink, transforms: 't, t', 'transforms.t.type': filter }, ['transforms']],
  ['a transform of no class', { ...sink, transforms: 't' }, ['transforms.t.type']],
  [
    'a transform nobody knows',
    { ...sink, transforms: 't', 'transforms.t.type': 'WheresTheFruit' },
    ['transforms.t.type'],
  ],
  [
    'a transform that is a sink',
    { ...sink, transforms: 't', 'transforms.t.type': 'SteeredSink' },
    ['transforms.t.type'],
  ],
  [
    'a negation of nothing',
    { ...sink, transforms: 't', 'transforms.t.type': filter, 'transforms.t.negate': 'true' },
    ['transforms.t.negate'],
  ],
  ['a predicate twice', { ...sink, predicates: 'p, p', 'predicates.p.type': tombstones }, ['predicates']],
  [
    'a predicate nobody knows',
    { ...sink, predicates: 'p', 'predicates.p.type': 'WheresTheFruit' },
    ['predicates.p.type'],
  ],
  [
    'a predicate that is a sink',
    { ...sink, predicates: 'p', 'predicates.p.type': 'SteeredSink' },
    ['predicates.p.type'],
  ],
  ['a converter nobody knows', { ...sink, 'key.converter': 'WheresTheFruit' }, ['key.converter']],
  ['a converter that is a sink', { ...sink, 'value.converter': 'SteeredSink' }, ['value.converter']],
  ['a header converter nobody knows', { ...sink, 'header.converter': 'WheresTheFruit' }, ['header.converter']],
  ['a header converter that is a sink', { ...sink, 'header.converter': 'SteeredSink' }, ['header.converter']],
  [
    'a converter with a wrong key',
    { ...sink, 'key.converter': json, 'key.converter.schemas.enable': 'maybe' },
    ['key.converter.schemas.enable'],
  ],
  ['exactly once of who cannot', { ...source, 'exactly.once.support': 'required' }, ['exactly.once.support']],
  ['boundaries of who cannot', { ...source, 'transaction.boundary': 'connector' }, ['transaction.boundary']],
  ['nothing wrong', sink, []],
];

for (const [what, config, keys] of cases) {
  test(`${what}: ${keys.length} error${keys.length === 1 ? '' : 's'}`, async (t) => {
    const stock = catalogue.filter(
      ({ type }) => type === 'transformation' || type === 'predicate' || type === 'converter',
    );
    const plugins = [...stock, steeredSink().plugin, steeredSource({ exactlyOnceSupport: () => 'unsupported' }).plugin];
    const { running } = await harness(t, plugins, { config: { 'group.id': 'connect-workers' } });
    const { configs, error_count: count } = await running.worker.validate(config.name!, config);
    const wrong = configs.flatMap(({ value }) => value.errors.map(() => value.name));
    assert.deepEqual([wrong.sort(), count], [keys, keys.length]);
    if (keys.length === 0) return;
    await assert.rejects(running.worker.create(config.name!, config), { name: 'InvalidConfigError' });
  });
}

test('topics.regex is in Java’s words: inline flags, POSIX classes, possessive quantifiers', async (t) => {
  const steered = steeredSink();
  const { create, write } = await harness(t, [steered.plugin]);
  await create('k', ofPattern('(?i)ORDERS\\p{Punct}\\p{Digit}++'));
  await write('orders-12', ['a']);
  await write('orders-x', ['b']);
  await write('Orders.3', ['c']);
  await eventually(() => assert.deepEqual([...steered.received].sort(), ['a', 'c']));
});
