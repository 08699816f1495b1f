/** What a key promises is kept, or the config is refused by name: never accepted in silence. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, harness, range, steeredSink, steeredSource } from './harness.ts';

const source = (more: Record<string, string>) => ({ 'connector.class': 'SteeredSource', ...more });

const refused: readonly [string, Record<string, string>, RegExp][] = [
  ['a group without include', { 'topic.creation.groups': 'wide' }, /"wide" of topic.creation.groups has no/],
  ['the default group listed', { 'topic.creation.groups': 'default' }, /lists "default"/],
  ['no number of partitions', { 'topic.creation.default.partitions': '0' }, /must be -1 or a positive number/],
  [
    'a pattern that is none',
    { 'topic.creation.groups': 'a', 'topic.creation.a.include': '(' },
    /topic.creation.a.include": it is no regular expression/,
  ],
];
for (const [what, keys, message] of refused) {
  test(`${what} is refused when the connector is created`, async (t) => {
    const { running } = await harness(t, [steeredSource().plugin]);
    await assert.rejects(running.worker.create('s', source(keys)), message);
  });
}

test('a group takes over what it does not say from the default group, and excludes what it excludes', async (t) => {
  const wide = steeredSource();
  wide.values.push('a');
  const { create, log, values } = await harness(t, [wide.plugin]);
  await create(
    's',
    source({
      'topic.creation.groups': 'none,wide',
      'topic.creation.default.partitions': '4',
      'topic.creation.none.include': '.*',
      'topic.creation.none.exclude': 'o.*',
      'topic.creation.wide.include': 'o.*',
      'topic.creation.wide.retention.ms': '1000',
    }),
  );
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  assert.equal(log.partitionCount('out'), 4);
  assert.deepEqual(log.topicConfig('out'), { 'retention.ms': '1000' });
});

const overrides: readonly [string, string, string, boolean][] = [
  ['All', 'producer.override.compression.type', 'gzip', true],
  ['None', 'producer.override.compression.type', 'gzip', false],
  ['Principal', 'consumer.override.sasl.mechanism', 'PLAIN', true],
  ['Principal', 'consumer.override.max.poll.records', '5', false],
  ['Allowlist', 'consumer.override.max.poll.records', '5', true],
  ['Allowlist', 'producer.override.acks', '1', false],
];
for (const [policy, key, value, isAllowed] of overrides) {
  test(`the override policy ${policy} ${isAllowed ? 'allows' : 'refuses'} ${key}`, async (t) => {
    const { running } = await harness(t, [steeredSource().plugin], {
      config: {
        'connector.client.config.override.policy': policy,
        'connector.client.config.override.allowlist': 'max.poll.records',
      },
    });
    const created = running.worker.create('s', source({ [key]: value }));
    if (isAllowed) await created;
    else await assert.rejects(created, new RegExp(`The '${policy}' policy does not allow`));
  });
}

test('consumer.override.max.poll.records bounds a put, and the worker’s consumer. keys hold where nothing is overridden', async (t) => {
  const sink = steeredSink();
  const { create, write } = await harness(t, [sink.plugin], { config: { 'consumer.max.poll.records': '7' } });
  await write('in', range(30));
  const keys = { 'connector.class': 'SteeredSink', topics: 'in' };
  await create('a', keys);
  await eventually(() => assert.equal(sink.received.length, 30));
  assert.equal(Math.max(...sink.batches.map(({ length }) => length)), 7);
  sink.batches.splice(0);
  await create('b', { ...keys, 'consumer.override.max.poll.records': '5' });
  await eventually(() => assert.equal(sink.received.length, 60));
  assert.equal(Math.max(...sink.batches.map(({ length }) => length)), 5);
});

for (const action of ['restart', 'none']) {
  test(`config.action.reload=${action}: a secret that changed ${action === 'none' ? 'waits' : 'is taken'} when its time is up`, async (t) => {
    const source = steeredSource();
    const dir = await mkdtemp(join(tmpdir(), 'millrace-secrets-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    await writeFile(join(dir, 'topic'), 'before');
    const { create, running } = await harness(t, [source.plugin], {
      config: { 'config.providers': 'directory', 'config.providers.directory.param.ttl.ms': '30' },
    });
    await create('s', { ...keysOf(dir), 'config.action.reload': action });
    await eventually(() => assert.equal(source.started.length, 1));
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.equal(source.started.length, 1, 'nothing has changed yet');
    await writeFile(join(dir, 'topic'), 'after');
    source.values.push('a');
    if (action === 'restart') {
      await eventually(() => assert.equal(source.started.length, 2));
      assert.equal(running.worker.config('s').topic, `\${directory:${dir}:topic}`);
    } else {
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(source.started.length, 1);
    }
  });
}

const keysOf = (dir: string) => ({ 'connector.class': 'SteeredSource', topic: `\${directory:${dir}:topic}` });
