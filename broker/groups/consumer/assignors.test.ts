import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AssignedMember, assignorNamed } from './assignors.ts';
import type { Assignment, GroupTopic } from './types.ts';

const topic = (name: string, partitions: number): GroupTopic => ({ name, topicId: `id-${name}`, partitions });
const none: Assignment = new Map();

function member(memberId: string, topics: readonly GroupTopic[], target = none, instanceId: string | null = null) {
  const subscribed = new Map(topics.map((wanted) => [wanted.topicId, wanted]));
  return { memberId, instanceId, subscribed, target } satisfies AssignedMember;
}

function text(targets: ReadonlyMap<string, Assignment>): Record<string, string> {
  const lines = [...targets].map(([memberId, target]) => {
    const topics = [...target].map(([id, partitions]) => `${id.slice(3)}:${[...partitions].sort((a, b) => a - b)}`);
    return [memberId, topics.sort().join(' ')];
  });
  return Object.fromEntries(lines);
}

const count = (target: Assignment | undefined): number =>
  [...(target ?? none).values()].reduce((sum, partitions) => sum + partitions.size, 0);

describe('uniform', () => {
  const assign = assignorNamed('uniform');

  it('spreads all partitions evenly, within one', () => {
    const topics = [topic('t', 3), topic('u', 4)];
    const targets = assign([member('a', topics), member('b', topics), member('c', topics)]);
    assert.deepEqual([...targets.values()].map(count).sort(), [2, 2, 3]);
  });

  it('moves no more than it must when a member comes, goes, or a topic grows', () => {
    const four = [topic('t', 4)];
    const alone = assign([member('a', four)]).get('a')!;
    const shared = assign([member('a', four, alone), member('b', four)]);
    assert.deepEqual(text(shared), { a: 't:0,1', b: 't:2,3' });
    const six = [topic('t', 6)];
    const grown = assign([member('a', six, shared.get('a')), member('b', six, shared.get('b'))]);
    assert.deepEqual(text(grown), { a: 't:0,1,4', b: 't:2,3,5' });
    assert.deepEqual(text(assign([member('b', six, grown.get('b'))])), { b: 't:0,1,2,3,4,5' });
  });

  it('stays as it is when nothing changes, whoever has the odd ones', () => {
    const five = [topic('t', 5)];
    const targets = assign([member('a', five), member('b', five)]);
    const again = assign([member('b', five, targets.get('b')), member('a', five, targets.get('a'))]);
    assert.deepEqual(text(again), text(targets));
  });

  it('is as even as different subscriptions allow, also around corners', () => {
    const [t, u] = [topic('t', 3), topic('u', 3)];
    // a can only give to b what b gives on to c.
    const targets = assign([
      member('a', [t], new Map([[t.topicId, new Set([0, 1, 2])]])),
      member('b', [t, u], new Map([[u.topicId, new Set([0, 1])]])),
      member('c', [u], new Map([[u.topicId, new Set([2])]])),
    ]);
    assert.deepEqual([...targets.values()].map(count), [2, 2, 2]);
  });

  it('drops what is not subscribed to any more, and partitions that are gone', () => {
    const old = new Map([
      ['id-t', new Set([0, 1])],
      ['id-gone', new Set([0])],
    ]);
    assert.deepEqual(text(assign([member('a', [topic('t', 1)], old)])), { a: 't:0' });
    assert.deepEqual(text(assign([member('a', [])])), { a: '' });
  });
});

describe('range', () => {
  const assign = assignorNamed('range');

  it('gives each member a run of neighbours, the same in topics of the same size', () => {
    const topics = [topic('t', 5), topic('u', 5)];
    const targets = assign([member('b', topics), member('a', topics)]);
    assert.deepEqual(text(targets), { a: 't:0,1,2 u:0,1,2', b: 't:3,4 u:3,4' });
  });

  it('orders static members by their instance, before the others', () => {
    const topics = [topic('t', 3)];
    const targets = assign([member('a', topics), member('z', topics, none, 'i1'), member('y', topics, none, 'i2')]);
    assert.deepEqual(text(targets), { z: 't:0', y: 't:1', a: 't:2' });
  });

  it('divides a topic among those who want it', () => {
    const [t, u] = [topic('t', 2), topic('u', 2)];
    assert.deepEqual(text(assign([member('a', [t]), member('b', [t, u])])), { a: 't:0', b: 't:1 u:0,1' });
  });
});
