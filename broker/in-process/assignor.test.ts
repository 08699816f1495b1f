/** The range assignor, and the coding that members of other clients must understand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assignRanges,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './assignor.ts';

const partitions: Record<string, number> = { orders: 5, customers: 4, empty: 0 };
const partitionsOf = (topic: string): number => partitions[topic] ?? 0;

function dealt(members: { memberId: string; topics: string[] }[]): Record<string, string[]> {
  const assignment = assignRanges(members, partitionsOf);
  return Object.fromEntries(
    [...assignment].map(([id, list]) => [id, list.map((one) => `${one.topic}-${one.partition}`)]),
  );
}

test('each topic is cut into runs, the first members take one more, the order of joining does not count', () => {
  assert.deepEqual(
    dealt([
      { memberId: 'b', topics: ['orders', 'customers'] },
      { memberId: 'a', topics: ['orders', 'customers'] },
    ]),
    {
      b: ['customers-2', 'customers-3', 'orders-3', 'orders-4'],
      a: ['customers-0', 'customers-1', 'orders-0', 'orders-1', 'orders-2'],
    },
  );
});

test('a topic goes to its subscribers alone, and more members than partitions leave some with none', () => {
  assert.deepEqual(
    dealt([
      { memberId: 'a', topics: ['customers', 'empty', 'absent'] },
      ...['b', 'c', 'd', 'e', 'f', 'g'].map((memberId) => ({ memberId, topics: ['orders'] })),
    ]),
    {
      a: ['customers-0', 'customers-1', 'customers-2', 'customers-3'],
      b: ['orders-0'],
      c: ['orders-1'],
      d: ['orders-2'],
      e: ['orders-3'],
      f: ['orders-4'],
      g: [],
    },
  );
});

test('subscriptions and assignments survive the coding, also of newer versions than ours', () => {
  assert.deepEqual(decodeSubscription(encodeSubscription(['b', 'a'])), ['a', 'b']);
  const list = [
    { topic: 'a', partition: 3 },
    { topic: 'a', partition: 0 },
    { topic: 'b', partition: 1 },
  ];
  assert.deepEqual(decodeAssignment(encodeAssignment(list)), list);
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), []);
  // Version 3 as the Java client writes it: user data, owned partitions, generation and rack follow.
  const newer = Buffer.from('0003000000010001740000000000000000ffffffffffff', 'hex');
  assert.deepEqual(decodeSubscription(newer), ['t']);
});
