/** What a source keeps for itself in the log: beside its records, past transforms and converters, read back after a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeptRecord, kept, type SourceRecord, type SourceTaskContext } from '../../connectors/api/index.ts';
import { LogError } from '../log/client.ts';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, range, steeredSource } from './harness.ts';
import { LogMemory } from './source-memory.ts';

const config = { 'connector.class': 'SteeredSource' };
const exactlyOnce = { ...config, 'exactly.once.support': 'required' };
const bytes = (text: string) => Buffer.from(text);

/** Keeps, before each record, its value under `of-<value>`: a value that the converter of the test would refuse. */
function keepingSource() {
  const source = steeredSource({ exactlyOnceSupport: () => 'supported' });
  source.onRecords = (records) => {
    const own = [...records];
    records.length = 0;
    for (const record of own) records.push(keptOf(record), record);
  };
  return source;
}

function keptOf({ sourcePartition, sourceOffset, value }: SourceRecord): SourceRecord {
  const before = { next: Number(sourceOffset.next) - 1 };
  return kept(sourcePartition, before, bytes(`of-${value}`), bytes(`bad ${value}`));
}

async function scanned(context: SourceTaskContext): Promise<[number, string, string | undefined][]> {
  const found: [number, string, string | undefined][] = [];
  const take = ({ offset, key, value }: KeptRecord) =>
    found.push([offset, Buffer.from(key).toString(), value === null ? undefined : Buffer.from(value).toString()]);
  await context.memory!.scan(take, new AbortController().signal);
  return found;
}

for (const [how, settings] of Object.entries({ 'at least once': config, 'exactly once': exactlyOnce })) {
  test(`${how}, what is kept is written past converters, compacted, and read back by the next task`, async (t) => {
    const source = keepingSource();
    source.values.push(...range(3));
    let context: SourceTaskContext | undefined;
    source.onPoll = (given) => {
      context = given;
    };
    const { log, create, values, running, restart } = await harness(t, [source.plugin]);
    await create('s', { ...settings, transforms: 'd', 'transforms.d.type': 'DropSome' });
    await eventually(() => assert.deepEqual(values('out'), range(3)));
    assert.deepEqual(log.topicConfig('millrace-s-0-kept')?.['cleanup.policy'], 'compact');
    await eventually(async () => assert.equal((await running.worker.offsets.list('s'))[0]?.offset?.next, 3));
    assert.equal(running.worker.ledger('s', 0)?.written, 6);
    assert.equal(running.worker.ledger('s', 0)?.mismatch, 0);
    context = undefined;
    await restart();
    const next = await eventually(() => {
      assert.ok(context !== undefined);
      return context as SourceTaskContext;
    });
    const found = await scanned(next);
    assert.deepEqual(
      found.map(([, key, value]) => [key, value]),
      range(3).map((value) => [`of-${value}`, `bad ${value}`]),
    );
    const [offset] = found[1]!;
    assert.equal(Buffer.from((await next.memory!.read(offset))!.key).toString(), 'of-v1');
    assert.equal(await next.memory!.read(offset + 100), null);
  });
}

test('what is too large for the producer is forgotten, so that nothing older stands under its key', async (t) => {
  const source = keepingSource();
  source.values.push('small', 'x'.repeat(300));
  const { create, values, log, running } = await harness(t, [source.plugin]);
  await create('s', { ...config, 'producer.override.max.request.size': '500' });
  await eventually(() => assert.equal(values('out').length, 2));
  assert.deepEqual(
    log.committed({ topic: 'millrace-s-0-kept', partition: 0 }).map(({ value }) => value?.toString() ?? null),
    ['bad small', null],
  );
  assert.equal(running.worker.ledger('s', 0)?.mismatch, 0);
});

test('a scan takes as long as it needs where a keeper of the log loses its patience', async () => {
  const log = new MemoryLog();
  const memory = new LogMemory({ log, owner: 'group-slow-0', replicationFactor: 1 });
  const keys: string[] = [];
  await memory.scan(({ key }) => keys.push(Buffer.from(key).toString()), new AbortController().signal);
  assert.equal(keys.length, 0, 'no topic yet');
  await log.createTopics([memory.newTopic]);
  const record = { topic: memory.topic, partition: 0, value: null, headers: [], timestamp: null };
  await log.producer().send(['a', 'b'].map((key) => ({ ...record, key: bytes(key) })));
  const { table } = log;
  let attempts = 0;
  log.table = async (topic, onRecord) => {
    const followed = await table.call(log, topic, onRecord);
    const readToEnd = async () => {
      if (++attempts < 3) throw new LogError('REQUEST_TIMED_OUT', 'Too slow.', { retriable: true });
      await followed.readToEnd();
    };
    return { ...followed, readToEnd };
  };
  await memory.scan(({ key }) => keys.push(Buffer.from(key).toString()), new AbortController().signal);
  assert.deepEqual([keys, attempts], [['a', 'b'], 3]);
});

test('a log that does not answer is a reason to wait, in words of the task', async () => {
  const log = new MemoryLog();
  const memory = new LogMemory({ log, owner: 'group-away-0', replicationFactor: 1 });
  await log.createTopics([memory.newTopic]);
  const away = new LogError('NETWORK_EXCEPTION', 'The log is away.', { retriable: true });
  log.table = async () => Promise.reject(away);
  log.reader = () => ({ read: () => Promise.reject(away), close: async () => {} });
  const expected = { name: 'RetriableError', retriable: true, message: /group-away-0-kept.*The log is away/ };
  await assert.rejects(
    memory.scan(() => {}, new AbortController().signal),
    expected,
  );
  await assert.rejects(memory.read(3), expected);
});

test('names of connectors that no topic may have still get a topic of their own each', () => {
  const topicOf = (owner: string) => new LogMemory({ log: new MemoryLog(), owner, replicationFactor: 1 }).topic;
  assert.equal(topicOf('millrace-shop-0'), 'millrace-shop-0-kept');
  const odd = [
    'millrace-my shop-0',
    'millrace-my/shop-0',
    `millrace-${'x'.repeat(300)}-0`,
    `millrace-${'x'.repeat(300)}-1`,
  ];
  assert.equal(new Set(odd.map(topicOf)).size, odd.length);
  for (const owner of odd) assert.match(topicOf(owner), /^[a-zA-Z0-9._-]{1,249}$/);
});
