import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beat, SimulatedMember, settle } from '../../../test/kit/consumer-groups.ts';
import { groupFixture, joinDefaults, SimulatedTopics } from '../../../test/kit/groups.ts';
import type { ConsumerGroupsConfig } from './types.ts';

const session = 45_000;

/** `group.consumer.migration.policy=disabled`; what the others mean stands in migration.test.ts. */
const unmigrated = { isUpgradeEnabled: false, isDowngradeEnabled: false };

function fixtureOf(partitions = 4, config: Partial<ConsumerGroupsConfig> = {}) {
  const fixture = groupFixture({}, [], new SimulatedTopics(), config);
  fixture.topics.set('t', partitions);
  return fixture;
}

function joining(memberId: string, more = {}) {
  return { memberId, rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['t'], ownedPartitions: [], ...more };
}

const sizes = (members: readonly SimulatedMember[]): number[] => members.map(({ owned }) => owned.size);

describe('joining', () => {
  it('gives the first member everything at once, at epoch 1', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    assert.deepEqual([member.epoch, member.owned.size], [1, 4]);
    assert.equal(member.last!.heartbeatIntervalMs, 5000);
    assert.equal(fixture.coordinator.consumers.get('g')!.state, 'Stable');
  });

  it('needs a whole first request', () => {
    const { coordinator } = fixtureOf();
    const refusals = [
      joining('', {}),
      joining('a', { rebalanceTimeoutMs: -1 }),
      joining('a', { ownedPartitions: null }),
      joining('a', { subscribedTopicNames: null }),
      joining('a', { instanceId: '' }),
      joining('a', { group: '' }),
      joining('a', { memberEpoch: -3 }),
    ];
    for (const request of refusals) assert.equal(beat(coordinator, request)!.error, 'INVALID_REQUEST');
    assert.equal(coordinator.consumers.has('g'), false);
  });

  it('makes an id for a member of version 0 that brings none', () => {
    const { coordinator } = fixtureOf();
    const { error, memberId } = beat(coordinator, joining('', { requiresMemberId: false }))!;
    assert.equal(error, 'NONE');
    assert.ok(memberId!.length > 20);
  });

  it('is refused with an assignor nobody has, and with the names of those there are', () => {
    const { error, message } = beat(fixtureOf().coordinator, joining('a', { serverAssignor: 'mine' }))!;
    assert.equal(error, 'UNSUPPORTED_ASSIGNOR');
    assert.match(message!, /uniform, range/);
  });

  it('is not begun by a heartbeat of somebody unknown', () => {
    const fixture = fixtureOf();
    assert.equal(beat(fixture.coordinator, { memberId: 'x', memberEpoch: 3 })!.error, 'GROUP_ID_NOT_FOUND');
    new SimulatedMember(fixture, 'a').join();
    assert.equal(beat(fixture.coordinator, { memberId: 'x', memberEpoch: 1 })!.error, 'UNKNOWN_MEMBER_ID');
  });

  it('may be done again by a member that is there: it gets what it has', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    member.join();
    assert.deepEqual([member.epoch, member.owned.size], [1, 4]);
  });

  it('turns an empty classic group into one of the new protocol and keeps its offsets', () => {
    const fixture = fixtureOf(4, unmigrated);
    const [memberId] = fixture.stable(1);
    const offsets = [{ topic: 't', partition: 0, offset: 7, leaderEpoch: 0, metadata: '' }];
    const identity = { group: 'g', memberId: memberId!, groupInstanceId: null, generationId: 1 };
    fixture.coordinator.commit({ ...identity, offsets, retentionTimeMs: -1 }, () => {});
    assert.equal(beat(fixture.coordinator, joining('a'))!.error, 'GROUP_ID_NOT_FOUND');
    fixture.leave([{ memberId: memberId!, groupInstanceId: null }]);
    assert.equal(new SimulatedMember(fixture, 'a').join().owned.size, 4);
    for (const { coordinator } of [fixture, fixture.restarted()]) {
      assert.equal(coordinator.offset('g', 't', 0)!.offset, 7);
      assert.deepEqual(
        coordinator.list().map(({ type, state }) => [type, state]),
        [['consumer', 'Stable']],
      );
    }
  });

  it('with the classic protocol is refused while members of the new one are there, and changes an empty group', () => {
    const fixture = fixtureOf(4, unmigrated);
    const member = new SimulatedMember(fixture, 'a').join();
    assert.equal(fixture.join().result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    member.leave();
    const joined = fixture.join();
    fixture.timers.advance(3000);
    assert.equal(joined.result!.error, 'NONE');
    assert.equal(fixture.coordinator.consumers.has('g'), false);
    assert.equal(joinDefaults.group, 'g');
  });
});

describe('reconciling', () => {
  it('hands a partition over only after its owner has given it up', () => {
    const fixture = fixtureOf(2);
    const first = new SimulatedMember(fixture, 'a').join();
    first.isSlow = true;
    const second = new SimulatedMember(fixture, 'b').join();
    assert.deepEqual(sizes([first, second]), [2, 0]);
    first.beat();
    second.beat();
    assert.deepEqual([first.told.size, second.owned.size, first.epoch, second.epoch], [1, 0, 1, 2]);
    assert.equal(fixture.coordinator.consumers.get('g')!.state, 'Reconciling');
    first.isSlow = false;
    first.beat().beat();
    second.beat();
    assert.deepEqual([...sizes([first, second]), first.epoch], [1, 1, 2]);
    assert.equal(fixture.coordinator.consumers.get('g')!.state, 'Stable');
  });

  it('lets two members swap what they have', () => {
    const fixture = groupFixture();
    fixture.topics.set('t', 2);
    fixture.topics.set('u', 2);
    const first = new SimulatedMember(fixture, 'a', { subscribedTopicNames: ['t'] }).join();
    const second = new SimulatedMember(fixture, 'b', { subscribedTopicNames: ['u'] }).join();
    settle([first, second]);
    const [had, other] = [new Set(first.owned), new Set(second.owned)];
    assert.deepEqual(sizes([first, second]), [2, 2]);
    first.beat({ subscribedTopicNames: ['u'] });
    second.beat({ subscribedTopicNames: ['t'] });
    settle([first, second]);
    assert.deepEqual([first.owned, second.owned], [other, had]);
  });

  it('takes away at once what a member no longer wants', () => {
    const fixture = fixtureOf();
    fixture.topics.set('u', 2);
    const member = new SimulatedMember(fixture, 'a', { subscribedTopicNames: ['t', 'u'] }).join();
    assert.equal(member.owned.size, 6);
    member.beat({ subscribedTopicNames: ['u'] });
    assert.equal(member.told.size, 2);
    settle([member]);
    assert.deepEqual([member.owned.size, member.epoch], [2, 2]);
  });

  it('puts out a member that does not give up in its time, and goes on without it', () => {
    const fixture = fixtureOf(2);
    const slow = new SimulatedMember(fixture, 'a').join();
    slow.isSlow = true;
    const second = new SimulatedMember(fixture, 'b').join();
    slow.beat();
    for (let waited = 0; waited < 30_000; waited += 5000) {
      fixture.timers.advance(5000);
      if (waited < 25_000) slow.beat();
      second.beat();
    }
    settle([second]);
    assert.equal(second.owned.size, 2);
    slow.isSlow = false;
    slow.beat();
    assert.equal(slow.epoch > 0, true);
    settle([slow, second]);
    assert.deepEqual(sizes([slow, second]), [1, 1]);
  });

  it('gives a member that did not get the answer the same answer again', () => {
    const fixture = fixtureOf(2);
    const first = new SimulatedMember(fixture, 'a').join();
    const owned = [...first.last!.assignment!];
    first.beat({ subscribedTopicNames: ['t', 'later'] });
    assert.equal(first.epoch, 2);
    const again = beat(fixture.coordinator, { memberId: 'a', memberEpoch: 1, ownedPartitions: owned })!;
    assert.deepEqual([again.error, again.memberEpoch], ['NONE', 2]);
    const unsaid = beat(fixture.coordinator, { memberId: 'a', memberEpoch: 1 })!;
    assert.equal(unsaid.error, 'FENCED_MEMBER_EPOCH');
    const ahead = beat(fixture.coordinator, { memberId: 'a', memberEpoch: 3, ownedPartitions: owned })!;
    assert.equal(ahead.error, 'FENCED_MEMBER_EPOCH');
  });

  it('says nothing of the assignment while it stays', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    assert.equal(member.beat().last!.assignment, null);
    const written = fixture.log.records.length;
    member.beat().beat();
    assert.equal(fixture.log.records.length, written);
  });
});

describe('topics that change', () => {
  it('are noticed at the next heartbeat: created, grown and gone', () => {
    const fixture = groupFixture();
    const member = new SimulatedMember(fixture, 'a').join();
    assert.deepEqual([member.epoch, member.owned.size], [1, 0]);
    for (const [partitions, epoch] of [
      [2, 2],
      [5, 3],
    ] as const) {
      fixture.topics.set('t', partitions);
      fixture.coordinator.consumers.topicsChanged();
      settle([member]);
      assert.deepEqual([member.epoch, member.owned.size], [epoch, partitions]);
    }
    fixture.topics.delete('t');
    fixture.coordinator.consumers.topicsChanged();
    settle([member]);
    assert.deepEqual([member.epoch, member.owned.size], [4, 0]);
  });

  it('are none of a group’s business that is not subscribed to them', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    fixture.topics.set('other', 3);
    fixture.coordinator.consumers.topicsChanged();
    assert.equal(member.beat().epoch, 1);
  });
});

describe('subscribing by expression', () => {
  const regex = { subscribedTopicNames: null, subscribedTopicRegex: 'orders-.*' };

  it('means topics whose whole name matches, also those that come later', () => {
    const fixture = groupFixture();
    fixture.topics.set('orders-eu', 2);
    fixture.topics.set('my-orders-eu', 2);
    const member = new SimulatedMember(fixture, 'a', regex).join();
    assert.equal(member.owned.size, 2);
    fixture.topics.set('orders-us', 3);
    fixture.coordinator.consumers.topicsChanged();
    settle([member]);
    assert.equal(member.owned.size, 5);
    assert.equal(fixture.coordinator.consumers.get('g')!.isSubscribedTo('orders-us'), true);
  });

  it('is refused where RE2 cannot read it, and holds nobody up where it can', () => {
    const { coordinator, topics } = groupFixture();
    const large = ['((a{999}){999}){999}', `(${'(.?){300}'.repeat(10)})b`, 'a'.repeat(5000)];
    for (const subscribedTopicRegex of ['[', '(a)\\1', '(?=a)', ...large]) {
      const request = joining('a', { subscribedTopicNames: null, subscribedTopicRegex });
      assert.equal(beat(coordinator, request)!.error, 'INVALID_REGULAR_EXPRESSION');
    }
    topics.set(`${'a'.repeat(248)}b`, 1);
    const evil = joining('a', { subscribedTopicNames: null, subscribedTopicRegex: '(a+)+' });
    const began = performance.now();
    assert.equal(beat(coordinator, evil)!.error, 'NONE');
    assert.ok(performance.now() - began < 60_000);
  });

  it('ends with an empty one, and then the expression is forgotten', () => {
    const fixture = groupFixture();
    fixture.topics.set('orders-eu', 2);
    const member = new SimulatedMember(fixture, 'a', regex).join();
    member.beat({ subscribedTopicRegex: '', subscribedTopicNames: [] });
    settle([member]);
    assert.equal(member.owned.size, 0);
    assert.equal(fixture.coordinator.consumers.get('g')!.regexes.size, 0);
  });

  it('means only topics its member may know of', () => {
    const fixture = groupFixture();
    fixture.topics.set('orders-eu', 2);
    fixture.topics.set('orders-secret', 2);
    const mayDescribe = (topic: string): boolean => topic !== 'orders-secret';
    const member = new SimulatedMember(fixture, 'a', { ...regex, mayDescribe }).join();
    assert.equal(member.owned.size, 2);
  });
});

describe('leaving', () => {
  it('gives everything to those who stay', () => {
    const fixture = fixtureOf();
    const [first, second] = [new SimulatedMember(fixture, 'a').join(), new SimulatedMember(fixture, 'b').join()];
    settle([first, second]);
    second.leave();
    assert.deepEqual([second.last!.error, second.last!.memberEpoch], ['NONE', -1]);
    settle([first]);
    assert.equal(first.owned.size, 4);
    first.leave();
    assert.equal(fixture.coordinator.consumers.get('g')!.state, 'Empty');
  });

  it('happens to whoever is silent for a session', () => {
    const fixture = fixtureOf();
    const [first, second] = [new SimulatedMember(fixture, 'a').join(), new SimulatedMember(fixture, 'b').join()];
    settle([first, second]);
    fixture.timers.advance(session - 1000);
    first.beat();
    fixture.timers.advance(1000);
    settle([first]);
    assert.deepEqual([first.owned.size, fixture.coordinator.consumers.get('g')!.members.size], [4, 1]);
    assert.equal(second.beat().last!.error, 'NONE');
    settle([first, second]);
    assert.deepEqual(sizes([first, second]), [2, 2]);
  });

  it('leaves no clock running', () => {
    const fixture = fixtureOf();
    new SimulatedMember(fixture, 'a').join().leave();
    assert.equal(fixture.timers.pendingCount, 0);
  });
});

describe('a static member', () => {
  it('comes back under another id to what it had, and nobody else moves', () => {
    const fixture = fixtureOf();
    const other = new SimulatedMember(fixture, 'b').join();
    const member = new SimulatedMember(fixture, 'a1', { instanceId: 'i' }).join();
    settle([other, member]);
    const [had, epoch] = [new Set(member.owned), other.epoch];
    member.leave(-2);
    assert.deepEqual([member.last!.error, member.last!.memberEpoch], ['NONE', -2]);
    other.beat();
    assert.deepEqual([other.owned.size, other.epoch], [2, epoch]);
    const returned = new SimulatedMember(fixture, 'a2', { instanceId: 'i' }).join();
    settle([other, returned]);
    assert.deepEqual([returned.owned, returned.epoch, other.epoch], [had, epoch, epoch]);
  });

  it('keeps its place from others, until it says it goes or its session ends', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a1', { instanceId: 'i' }).join();
    const request = joining('a2', { instanceId: 'i' });
    assert.equal(beat(fixture.coordinator, request)!.error, 'UNRELEASED_INSTANCE_ID');
    const impostor = { memberId: 'a2', memberEpoch: 1, instanceId: 'i' };
    assert.equal(beat(fixture.coordinator, impostor)!.error, 'FENCED_INSTANCE_ID');
    const unknown = { memberId: 'a2', memberEpoch: 1, instanceId: 'j' };
    assert.equal(beat(fixture.coordinator, unknown)!.error, 'UNKNOWN_MEMBER_ID');
    member.leave(-2);
    fixture.timers.advance(session);
    assert.equal(fixture.coordinator.consumers.get('g')!.members.size, 0);
    assert.equal(beat(fixture.coordinator, request)!.error, 'NONE');
  });
});
