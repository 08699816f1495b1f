/** Both keepers of the store port against one case file; the topic's keeper over the log that lives in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryLog } from '../../runtime/log/memory.ts';
import { logStore } from './log.ts';
import { memoryStore } from './memory.ts';
import { storeCases } from './store.cases.ts';
import type { StoreRecord } from './store.ts';

const TOPIC = { topic: '_schemas', replicationFactor: -1 };

describe('the store in memory', () => {
  storeCases(async () => {
    const records: StoreRecord[] = [];
    return { first: memoryStore(records), again: () => memoryStore(records) };
  });
});

describe('the store in a topic', () => {
  storeCases(async () => {
    const log = new MemoryLog();
    return { first: logStore(log, TOPIC), again: () => logStore(log, TOPIC) };
  });

  it('creates its topic with one partition and keeps it for ever', async () => {
    const created: unknown[] = [];
    const log = new MemoryLog();
    const createTopics = log.createTopics.bind(log);
    log.createTopics = async (topics) => {
      created.push(...topics);
      return createTopics(topics);
    };
    const store = logStore(log, TOPIC);
    await store.open(() => {});
    assert.deepEqual(created, [
      { topic: '_schemas', partitions: 1, replicationFactor: -1, config: { 'cleanup.policy': 'compact' } },
    ]);
    await store.close();
  });

  it('shows each of two registries what the other wrote', async () => {
    const log = new MemoryLog();
    const [left, right] = [logStore(log, TOPIC), logStore(log, TOPIC)];
    const seen: string[] = [];
    await left.open(({ key }) => {
      seen.push(`left ${key}`);
    });
    await right.open(({ key }) => {
      seen.push(`right ${key}`);
    });
    await left.append([{ key: Buffer.from('a'), value: null }]);
    await right.catchUp();
    assert.deepEqual(seen.sort(), ['left a', 'right a']);
    await left.close();
    await right.close();
  });
});
