import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Assignment, GroupTopic } from '../consumer/types.ts';
import { assignSimply } from './assignor.ts';

const topic = (name: string, partitions: number): GroupTopic => ({ name, topicId: `id-${name}`, partitions });

/** By member: how many partitions it has. By partition: who has it. */
function assigned(targets: ReadonlyMap<string, Assignment>) {
  const sizes: Record<string, number> = {};
  const sharers: Record<string, string[]> = {};
  for (const [memberId, assignment] of targets) {
    sizes[memberId] = 0;
    for (const [topicId, partitions] of assignment) {
      for (const partition of partitions) {
        sizes[memberId]++;
        const name = `${topicId}/${partition}`;
        sharers[name] = [...(sharers[name] ?? []), memberId];
      }
    }
  }
  return { sizes, sharers };
}

function assign(ids: readonly string[], topics: readonly GroupTopic[], before = new Map<string, Assignment>()) {
  const subscribed = new Map(topics.map((each) => [each.topicId, each]));
  return assignSimply(ids.map((memberId) => ({ memberId, subscribed, target: before.get(memberId) ?? new Map() })));
}

describe('the simple assignor', () => {
  it('gives each partition to one member, evenly, where there are fewer members', () => {
    const { sizes, sharers } = assigned(assign(['a', 'b', 'c'], [topic('t', 7), topic('u', 1)]));
    assert.deepEqual(Object.values(sizes).sort(), [2, 3, 3]);
    assert.equal(Object.keys(sharers).length, 8);
    assert.ok(Object.values(sharers).every((members) => members.length === 1));
  });

  it('lets members share partitions where there are more members, evenly too', () => {
    const { sizes, sharers } = assigned(assign(['a', 'b', 'c', 'd', 'e'], [topic('t', 2)]));
    assert.deepEqual(Object.values(sizes), [1, 1, 1, 1, 1]);
    assert.deepEqual(
      Object.values(sharers)
        .map(({ length }) => length)
        .sort(),
      [2, 3],
    );
  });

  it('moves no more than it must when a member comes or goes', () => {
    const topics = [topic('t', 12)];
    const three = assign(['a', 'b', 'c'], topics);
    const four = assign(['a', 'b', 'c', 'd'], topics, three);
    const kept = (one: Assignment, other: Assignment) =>
      [...(one.get('id-t') ?? [])].filter((partition) => other.get('id-t')?.has(partition)).length;
    for (const memberId of ['a', 'b', 'c']) assert.equal(kept(three.get(memberId)!, four.get(memberId)!), 3);
    const two = assign(['a', 'd'], topics, four);
    for (const memberId of ['a', 'd']) assert.equal(kept(four.get(memberId)!, two.get(memberId)!), 3);
    assert.deepEqual(assigned(two).sizes, { a: 6, d: 6 });
  });

  it('spreads members anew when those of one partition have left', () => {
    const topics = [topic('t', 2)];
    const before = assign(['a', 'b', 'c', 'd', 'e', 'f'], topics);
    const onFirst = [...before].filter(([, target]) => target.get('id-t')!.has(0)).map(([memberId]) => memberId);
    const { sharers } = assigned(assign(onFirst, topics, before));
    assert.deepEqual(
      Object.values(sharers)
        .map(({ length }) => length)
        .sort(),
      [1, 2],
    );
  });

  it('gives nobody a topic it did not ask for, and knows members without any', () => {
    const [t, u] = [topic('t', 2), topic('u', 2)];
    const targets = assignSimply([
      { memberId: 'a', subscribed: new Map([[t.topicId, t]]), target: new Map() },
      {
        memberId: 'b',
        subscribed: new Map([
          [t.topicId, t],
          [u.topicId, u],
        ]),
        target: new Map([['id-gone', new Set([0])]]),
      },
      { memberId: 'c', subscribed: new Map(), target: new Map() },
    ]);
    assert.deepEqual([...targets.get('a')!.keys()], ['id-t']);
    assert.deepEqual([...targets.get('b')!.keys()], ['id-u']);
    assert.equal(targets.get('c')!.size, 0);
  });
});
