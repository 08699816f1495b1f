import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { append, batchOf } from '../../test/kit/log.ts';
import { BrokerError } from '../errors.ts';
import { MemoryFileSystem } from '../fs/memory.ts';
import { LogDirectory } from '../log/log-directory.ts';
import { BatchBuilder } from '../protocol/records.ts';
import { parseBrokerConfig } from './broker-config.ts';
import { MetadataLog } from './metadata-log.ts';
import { ProducerIds } from './producer-ids.ts';
import { parseTopicConfig } from './topic-config.ts';
import { type Topic, Topics } from './topics.ts';

const quiet = { info() {}, warn() {}, error() {} };

function open(fs: MemoryFileSystem = new MemoryFileSystem(), given: Record<string, string> = {}) {
  const config = parseBrokerConfig(given);
  const now = () => 1_700_000_000_000;
  const logs = LogDirectory.open({
    path: '/data',
    fs,
    nodeId: 1,
    address: 'here',
    now,
    logger: quiet,
    isAlive: () => false,
  });
  const metadata = new MetadataLog(logs, parseTopicConfig({}, config.given), now);
  const topics = new Topics(metadata, logs, config);
  return { fs, logs, metadata, topics, ids: new ProducerIds(metadata) };
}

async function create(
  topics: Topics,
  name: string,
  partitions = 1,
  config: Record<string, string> = {},
): Promise<Topic> {
  const [outcome] = await topics.create([{ name, partitions, config }]);
  assert.ok(!(outcome instanceof BrokerError), `${outcome}`);
  return outcome!;
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    const result = await work;
    const [outcome] = Array.isArray(result) ? result : [result];
    return outcome instanceof BrokerError ? outcome.code : 'NONE';
  } catch (error) {
    return (error as BrokerError).code;
  }
}

describe('topics', () => {
  it('survive a power cut right after they were made, with id, partitions and config', async () => {
    const { fs, topics } = open();
    const made = await create(topics, 't', 3, { 'retention.ms': '1000' });
    fs.powerCut();
    const again = open(fs).topics.get('t')!;
    assert.deepEqual(again, made);
    assert.equal(again.config.retentionMs, 1000);
    assert.match(again.topicId, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  });

  it('make a partition’s folder when it is first written to, and not before', async () => {
    const { fs, topics } = open();
    await create(topics, 't', 1000);
    assert.equal(fs.list('/data').filter((name) => name.startsWith('t-')).length, 0);
    const log = topics.log('t', 7);
    assert.deepEqual([log.logStartOffset, log.logEndOffset, log.sizeBytes], [0, 0, 0]);
    assert.equal(fs.list('/data').filter((name) => name.startsWith('t-')).length, 0);
    await append(log, batchOf({ timestamp: 1_700_000_000_000 }));
    assert.deepEqual(
      fs.list('/data').filter((name) => name.startsWith('t-')),
      ['t-7'],
    );
    assert.equal(topics.existingLog(topics.get('t')!, 8), undefined);
    assert.throws(() => topics.log('t', 1000), /partitions 0 to 999; there is no partition 1000/);
  });

  it('are refused for what is wrong with them, each for itself', async () => {
    const { topics } = open();
    await create(topics, 'there');
    const outcomes = await topics.create([
      { name: 'there', partitions: 1 },
      { name: 'bad name', partitions: 1 },
      { name: 'none', partitions: 0 },
      { name: 'odd', partitions: 1, config: { 'retention.ms': 'soon' } },
      { name: 'odd', partitions: 1, config: { 'retention.hours': '1' } },
      { name: 'twice', partitions: -1 },
      { name: 'twice', partitions: 1 },
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome instanceof BrokerError ? outcome.code : outcome.name)),
      [
        'TOPIC_ALREADY_EXISTS',
        'INVALID_TOPIC_EXCEPTION',
        'INVALID_PARTITIONS',
        'INVALID_CONFIG',
        'INVALID_CONFIG',
        'twice',
        'TOPIC_ALREADY_EXISTS',
      ],
    );
  });

  it('that are only to be checked are not made', async () => {
    const { topics } = open();
    const [outcome] = await topics.create([{ name: 't', partitions: 2 }], { validateOnly: true });
    assert.equal((outcome as Topic).partitions, 2);
    assert.equal(topics.get('t'), undefined);
  });

  it('that are deleted are gone with their records, and come back empty under a new id', async () => {
    const { fs, topics } = open();
    const first = await create(topics, 't');
    const builder = new BatchBuilder();
    builder.append(1_700_000_000_000, null, Buffer.from('x'), []);
    await new Promise((resolve) => topics.log('t', 0).append(builder.build(), { acks: -1, origin: 'client' }, resolve));
    const gone: string[] = [];
    topics.onDeleted(({ name }) => gone.push(name));
    await topics.delete('t');
    assert.deepEqual(gone, ['t']);
    assert.equal(await refusalOf(topics.delete('t')), 'UNKNOWN_TOPIC_OR_PARTITION');
    const second = await create(topics, 't');
    assert.notEqual(second.topicId, first.topicId);
    assert.equal(topics.log('t', 0).logEndOffset, 0);
    fs.powerCut();
    const again = open(fs).topics;
    assert.equal(again.log('t', 0).logEndOffset, 0);
    assert.equal(again.byId(first.topicId), undefined);
  });

  it('take along, when they are deleted, partitions whose id a power cut took', async () => {
    const { fs, topics } = open();
    await create(topics, 't');
    await append(topics.log('t', 0), batchOf({ timestamp: 1_700_000_000_000 }));
    fs.powerCut();
    assert.equal(fs.size('/data/t-0/partition.metadata'), 0);
    const again = open(fs).topics;
    await again.delete('t');
    await create(again, 't');
    assert.equal(again.log('t', 0).logEndOffset, 0);
  });

  it('grow, never shrink', async () => {
    const { fs, topics } = open();
    await create(topics, 't', 2);
    assert.equal((await topics.addPartitions('t', 5)).partitions, 5);
    assert.equal(await refusalOf(topics.addPartitions('t', 5)), 'INVALID_PARTITIONS');
    fs.powerCut();
    assert.equal(open(fs).topics.get('t')!.partitions, 5);
  });

  it('hand a changed config to the logs that are open', async () => {
    const { topics } = open();
    await create(topics, 't');
    const log = topics.log('t', 0);
    await topics.configure('t', () => ({ 'max.message.bytes': '100' }));
    assert.equal(log.config.maxMessageBytes, 100);
    assert.equal(await refusalOf(topics.configure('t', () => ({ 'max.message.bytes': '-1' }))), 'INVALID_CONFIG');
    await topics.configure('t', () => ({}));
    assert.equal(log.config.maxMessageBytes, 1_048_588);
  });

  it('give their config to a log that was recovered before they were known', async () => {
    const { fs, topics } = open();
    await topics.create([{ name: 't', partitions: 1, config: { 'retention.ms': '1234' } }]);
    const values = ['v'.repeat(1_000_000)];
    for (let count = 0; count < 5; count++) {
      await append(topics.log('t', 0), batchOf({ values, timestamp: 1_700_000_000_000 }));
    }
    const again = open(fs).topics.log('t', 0);
    assert.equal(again.isOpen, true);
    assert.equal(again.config.retentionMs, 1234);
  });

  it('take their defaults from the broker', async () => {
    const { topics } = open(undefined, { 'num.partitions': '4', 'log.retention.hours': '1' });
    const topic = await create(topics, 't', -1);
    assert.equal(topic.partitions, 4);
    assert.equal(topic.config.retentionMs, 3_600_000);
  });

  it('may not be deleted where delete.topic.enable is false', async () => {
    const { topics } = open(undefined, { 'delete.topic.enable': 'false' });
    await create(topics, 't');
    assert.equal(await refusalOf(topics.delete('t')), 'TOPIC_DELETION_DISABLED');
  });
});

describe('producer ids', () => {
  it('are never given out twice, also after a power cut', async () => {
    const { fs, ids } = open();
    const given = await Promise.all(Array.from({ length: 1500 }, () => ids.next()));
    assert.equal(new Set(given).size, 1500);
    fs.powerCut();
    const next = await open(fs).ids.next();
    assert.ok(next > Math.max(...given));
  });
});
