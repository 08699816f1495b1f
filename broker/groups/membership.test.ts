import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupFixture } from '../../test/kit/groups.ts';
import { inProcessHost } from './types.ts';

const protocol = (name: string, metadata = 'm') => ({ name, metadata: Buffer.from(metadata) });

describe('joining a group', () => {
  it('tells a new dynamic member its id first, and takes it when it comes again with it (KIP-394)', () => {
    const { join, timers, coordinator } = groupFixture();
    const first = join({ requiresKnownMemberId: true }).result!;
    assert.equal(first.error, 'MEMBER_ID_REQUIRED');
    assert.match(first.memberId, /^c-[0-9a-f-]{36}$/);
    const again = join({ requiresKnownMemberId: true, memberId: first.memberId });
    timers.advance(3000);
    assert.equal(again.result?.error, 'NONE');
    assert.equal(again.result?.memberId, first.memberId);
    assert.equal(coordinator.describe('g').state, 'CompletingRebalance');
  });

  it('does not wait for ever for a member that was told its id and never came again', () => {
    const { join, timers, stable } = groupFixture();
    const [leader] = stable(1);
    join({ requiresKnownMemberId: true, sessionTimeoutMs: 10_000 });
    const rejoin = join({ memberId: leader!, protocols: [protocol('range', 'changed')] });
    assert.equal(rejoin.result, null, 'the pending member is waited for');
    timers.advance(10_000);
    assert.equal(rejoin.result!.error, 'NONE');
    assert.equal(rejoin.result!.members.length, 1);
  });

  it('lets an old client in at once', () => {
    const { join, timers } = groupFixture();
    const call = join({ requiresKnownMemberId: false });
    assert.equal(call.result, null);
    timers.advance(3000);
    assert.equal(call.result!.error, 'NONE');
    assert.equal(call.result!.generationId, 1);
  });

  it('gives all members to the leader only, and the leader is the first', () => {
    const { join, timers } = groupFixture();
    const calls = [join(), join(), join()];
    timers.advance(9000);
    const [first, second, third] = calls.map(({ result }) => result!);
    assert.equal(first!.leader, first!.memberId);
    assert.deepEqual(
      first!.members.map(({ memberId }) => memberId),
      [first!.memberId, second!.memberId, third!.memberId],
    );
    assert.deepEqual(second!.members, []);
    assert.equal(third!.leader, first!.memberId);
  });

  it('extends the initial delay for every member that comes, up to the rebalance timeout', () => {
    const { join, timers } = groupFixture();
    const first = join({ rebalanceTimeoutMs: 10_000 });
    for (let elapsed = 0; elapsed < 9000; elapsed += 2000) {
      timers.advance(2000);
      join({ rebalanceTimeoutMs: 10_000 });
    }
    assert.equal(timers.now() - 1_000_000, 10_000);
    assert.equal(first.result?.generationId, 1);
  });

  it('refuses an empty group id, a session timeout out of bounds, and an id it never gave', () => {
    const { join } = groupFixture();
    assert.equal(join({ group: '' }).result!.error, 'INVALID_GROUP_ID');
    assert.equal(join({ sessionTimeoutMs: 5999 }).result!.error, 'INVALID_SESSION_TIMEOUT');
    assert.equal(join({ sessionTimeoutMs: 1_800_001 }).result!.error, 'INVALID_SESSION_TIMEOUT');
    assert.equal(join({ memberId: 'made-up' }).result!.error, 'UNKNOWN_MEMBER_ID');
    join();
    assert.equal(join({ memberId: 'made-up' }).result!.error, 'UNKNOWN_MEMBER_ID');
  });

  it('refuses a protocol that not everybody speaks, another protocol type, and none at all', () => {
    const { join, timers } = groupFixture();
    assert.equal(join({ protocols: [] }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    join({ protocols: [protocol('range'), protocol('sticky')] });
    timers.advance(3000);
    assert.equal(join({ protocols: [protocol('other')] }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(join({ protocolType: 'connect' }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
  });

  it('chooses the protocol that most members prefer among those all speak', () => {
    const { join, timers } = groupFixture();
    const call = join({ protocols: [protocol('a'), protocol('b'), protocol('c')] });
    join({ protocols: [protocol('c'), protocol('b')] });
    join({ protocols: [protocol('b'), protocol('c')] });
    timers.advance(9000);
    assert.equal(call.result!.protocolName, 'b');
  });

  it('refuses members beyond group.max.size, pending ones counted', () => {
    const { join } = groupFixture({ sizeMax: 2 });
    join();
    join({ requiresKnownMemberId: true });
    assert.equal(join().result!.error, 'GROUP_MAX_SIZE_REACHED');
  });

  it('answers a follower that comes again unchanged from the current generation', () => {
    const { join, stable } = groupFixture();
    const [, follower] = stable(2);
    const result = join({ memberId: follower! }).result!;
    assert.equal(result.error, 'NONE');
    assert.equal(result.generationId, 1);
  });

  it('rebalances when the leader comes again, and when a follower comes with other metadata', () => {
    const fixture = groupFixture();
    const [leader, follower] = fixture.stable(2);
    const call = fixture.join({ memberId: leader! });
    assert.equal(fixture.coordinator.describe('g').state, 'PreparingRebalance');
    const other = fixture.join({ memberId: follower! });
    assert.equal(call.result!.generationId, 2);
    assert.equal(other.result!.generationId, 2);
    fixture.sync({ memberId: leader!, generationId: 2 });
    fixture.sync({ memberId: follower!, generationId: 2 });
    fixture.join({ memberId: follower!, protocols: [protocol('range', 'changed')] });
    assert.equal(fixture.coordinator.describe('g').state, 'PreparingRebalance');
  });

  it('repeats its answer to a member that lost it, while the leader assigns', () => {
    const { join, timers } = groupFixture();
    const first = join();
    timers.advance(3000);
    const again = join({ memberId: first.result!.memberId });
    assert.deepEqual(again.result, first.result);
  });

  it('drops dynamic members that do not rejoin in time, and goes on with the others', () => {
    const { join, stable, timers, coordinator } = groupFixture();
    const [leader, follower] = stable(2);
    const heartbeat = () =>
      coordinator.heartbeat({ group: 'g', memberId: follower!, groupInstanceId: null, generationId: 1 });
    const call = join({ memberId: leader!, protocols: [protocol('range', 'changed')] });
    for (let i = 0; i < 11; i++) {
      timers.advance(5000);
      assert.equal(heartbeat(), 'REBALANCE_IN_PROGRESS');
    }
    assert.equal(call.result, null);
    timers.advance(5000);
    assert.equal(call.result!.members.length, 1);
    assert.equal(heartbeat(), 'UNKNOWN_MEMBER_ID');
  });
});

describe('syncing', () => {
  it('parks followers until the leader assigns, and gives each its part; who was left out gets an empty one', () => {
    const { join, sync, timers, coordinator } = groupFixture();
    const calls = [join(), join(), join()];
    timers.advance(9000);
    const [a, b, c] = calls.map(({ result }) => result!.memberId);
    const second = sync({ memberId: b! });
    assert.equal(second.result, null);
    const first = sync({ memberId: a!, assignments: [{ memberId: b!, assignment: Buffer.from('b') }] });
    assert.equal(second.result!.assignment.toString(), 'b');
    assert.equal(first.result!.assignment.length, 0);
    assert.equal(coordinator.describe('g').state, 'Stable');
    assert.equal(sync({ memberId: c! }).result!.error, 'NONE');
  });

  it('answers only when the assignment is durable', () => {
    const { join, sync, timers, log } = groupFixture();
    const member = join();
    timers.advance(3000);
    log.isHeld = true;
    const call = sync({ memberId: member.result!.memberId });
    assert.equal(call.result, null);
    log.settle();
    assert.equal(call.result!.error, 'NONE');
  });

  it('rebalances when the assignment cannot be kept', () => {
    const { join, sync, timers, log, coordinator } = groupFixture();
    const member = join();
    timers.advance(3000);
    log.error = 'NOT_COORDINATOR';
    assert.equal(sync({ memberId: member.result!.memberId }).result!.error, 'NOT_COORDINATOR');
    assert.equal(coordinator.describe('g').state, 'PreparingRebalance');
  });

  it('refuses strangers, other generations and other protocols', () => {
    const { sync, stable } = groupFixture();
    const [leader] = stable(1);
    assert.equal(sync({ memberId: 'x' }).result!.error, 'UNKNOWN_MEMBER_ID');
    assert.equal(sync({ memberId: 'x', group: 'none' }).result!.error, 'UNKNOWN_MEMBER_ID');
    assert.equal(sync({ memberId: leader!, generationId: 7 }).result!.error, 'ILLEGAL_GENERATION');
    assert.equal(sync({ memberId: leader!, protocolType: 'connect' }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(sync({ memberId: leader!, protocolName: 'x' }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(sync({ memberId: leader!, protocolType: 'consumer', protocolName: 'range' }).result!.error, 'NONE');
  });

  it('sends waiting members back when somebody joins meanwhile', () => {
    const { join, sync, timers } = groupFixture();
    const calls = [join(), join()];
    timers.advance(9000);
    const waiting = sync({ memberId: calls[1]!.result!.memberId });
    join();
    assert.equal(waiting.result!.error, 'REBALANCE_IN_PROGRESS');
  });

  it('drops members that never sync, after the rebalance timeout', () => {
    const { join, sync, timers, coordinator } = groupFixture();
    const calls = [
      join({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 }),
      join({ rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 60_000 }),
    ];
    timers.advance(9000);
    const [a, b] = calls.map(({ result }) => result!.memberId);
    sync({ memberId: a! });
    timers.advance(20_000);
    assert.equal(coordinator.describe('g').state, 'PreparingRebalance');
    assert.deepEqual(
      coordinator.describe('g').members.map(({ memberId }) => memberId),
      [a],
    );
    assert.equal(sync({ memberId: b! }).result!.error, 'UNKNOWN_MEMBER_ID');
  });
});

describe('heartbeats', () => {
  const beat = (fixture: ReturnType<typeof groupFixture>, memberId: string, generationId = 1) =>
    fixture.coordinator.heartbeat({ group: 'g', memberId, groupInstanceId: null, generationId });

  it('keep a member in; without them it is lost after its session timeout, and the group becomes empty', () => {
    const fixture = groupFixture();
    const [member] = fixture.stable(1);
    for (let i = 0; i < 5; i++) {
      fixture.timers.advance(9000);
      assert.equal(beat(fixture, member!), 'NONE');
    }
    fixture.timers.advance(10_000);
    assert.equal(beat(fixture, member!), 'UNKNOWN_MEMBER_ID');
    fixture.timers.advance(60_000);
    assert.equal(fixture.coordinator.describe('g').state, 'Empty');
  });

  it('tell of a rebalance while it is prepared, and of nothing while it is completed', () => {
    const fixture = groupFixture();
    const [leader, follower] = fixture.stable(2);
    fixture.join({ memberId: leader! });
    assert.equal(beat(fixture, follower!), 'REBALANCE_IN_PROGRESS');
    fixture.join({ memberId: follower! });
    assert.equal(beat(fixture, follower!, 2), 'NONE');
  });

  it('of another generation, of strangers and of unknown groups are refused', () => {
    const fixture = groupFixture();
    const [member] = fixture.stable(1);
    assert.equal(beat(fixture, member!, 9), 'ILLEGAL_GENERATION');
    assert.equal(beat(fixture, 'x'), 'UNKNOWN_MEMBER_ID');
    const nowhere = { group: 'none', memberId: 'x', groupInstanceId: null, generationId: 1 };
    assert.equal(fixture.coordinator.heartbeat(nowhere), 'UNKNOWN_MEMBER_ID');
    assert.equal(fixture.coordinator.heartbeat({ ...nowhere, group: '' }), 'INVALID_GROUP_ID');
  });

  it('are not needed from a member that waits for the others', () => {
    const { join, stable, timers } = groupFixture();
    const [leader, follower] = stable(2, { rebalanceTimeoutMs: 50_000, sessionTimeoutMs: 45_000 });
    const call = join({ memberId: leader!, sessionTimeoutMs: 6000, rebalanceTimeoutMs: 50_000 });
    timers.advance(40_000);
    join({ memberId: follower! });
    assert.equal(call.result!.error, 'NONE');
  });
});

describe('leaving', () => {
  it('by id, by instance, while pending; errors are each member’s own', () => {
    const fixture = groupFixture();
    const [member] = fixture.stable(1);
    const pending = fixture.join({ requiresKnownMemberId: true }).result!.memberId;
    const { error, members } = fixture.leave([
      { memberId: member!, groupInstanceId: null },
      { memberId: pending, groupInstanceId: null },
      { memberId: 'x', groupInstanceId: null },
      { memberId: '', groupInstanceId: 'nobody' },
    ])!;
    assert.equal(error, 'NONE');
    assert.deepEqual(
      members.map((left) => left.error),
      ['NONE', 'NONE', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'],
    );
    assert.equal(fixture.coordinator.describe('g').state, 'Empty');
    assert.equal(fixture.leave([], 'none')!.error, 'UNKNOWN_MEMBER_ID');
  });

  it('of one makes the others rebalance, and of the leader makes another lead', () => {
    const fixture = groupFixture();
    const [leader, follower] = fixture.stable(2);
    fixture.leave([{ memberId: leader!, groupInstanceId: null }]);
    assert.equal(fixture.coordinator.describe('g').state, 'PreparingRebalance');
    const result = fixture.join({ memberId: follower! }).result!;
    assert.equal(result.leader, follower);
    assert.equal(result.generationId, 2);
  });
});

describe('static members (KIP-345)', () => {
  it('come back under a new id without a rebalance; the old id is fenced; a leader need not assign', () => {
    const fixture = groupFixture();
    const [leader, follower] = fixture.stable(2, { groupInstanceId: 'i' });
    const back = fixture.join({ groupInstanceId: 'i0' }).result!;
    assert.equal(back.error, 'NONE');
    assert.equal(back.generationId, 1);
    assert.notEqual(back.memberId, leader);
    assert.equal(back.skipAssignment, true);
    assert.equal(back.leader, back.memberId);
    assert.equal(back.members.length, 2);
    const old = { group: 'g', memberId: leader!, groupInstanceId: 'i0', generationId: 1 };
    assert.equal(fixture.coordinator.heartbeat(old), 'FENCED_INSTANCE_ID');
    assert.equal(fixture.sync({ memberId: back.memberId, groupInstanceId: 'i0' }).result!.assignment.toString(), 'a0');
    const other = { group: 'g', memberId: follower!, groupInstanceId: 'i1', generationId: 1 };
    assert.equal(fixture.coordinator.heartbeat(other), 'NONE');
  });

  it('of an old client version are told of the leader they were, so that they do not assign', () => {
    const fixture = groupFixture();
    const [leader] = fixture.stable(1, { groupInstanceId: 'i' });
    const back = fixture.join({ groupInstanceId: 'i0', supportsSkippingAssignment: false }).result!;
    assert.equal(back.leader, leader);
    assert.deepEqual(back.members, []);
    assert.equal(back.skipAssignment, false);
  });

  it('that come back preferring another protocol make the group rebalance', () => {
    const fixture = groupFixture();
    fixture.stable(1, { groupInstanceId: 'i', protocols: [protocol('range'), protocol('other')] });
    const back = fixture.join({ groupInstanceId: 'i0', protocols: [protocol('other'), protocol('range')] });
    assert.equal(back.result!.generationId, 2);
    assert.equal(back.result!.protocolName, 'other');
  });

  it('are kept in a rebalance they do not join, until their session times out', () => {
    const fixture = groupFixture();
    const [leader] = fixture.stable(2, { groupInstanceId: 'i', sessionTimeoutMs: 100_000 });
    const call = fixture.join({ memberId: leader!, groupInstanceId: 'i0', sessionTimeoutMs: 100_000 });
    fixture.timers.advance(60_000);
    assert.equal(call.result!.members.length, 2, 'the other is still a member');
  });

  it('leave by instance id alone; with a wrong member id they are fenced', () => {
    const fixture = groupFixture();
    fixture.stable(1, { groupInstanceId: 'i' });
    const wrong = fixture.leave([{ memberId: 'old', groupInstanceId: 'i0' }]);
    assert.equal(wrong!.members[0]!.error, 'FENCED_INSTANCE_ID');
    const right = fixture.leave([{ memberId: '', groupInstanceId: 'i0' }]);
    assert.equal(right!.members[0]!.error, 'NONE');
    assert.equal(fixture.coordinator.describe('g').members.length, 0);
  });

  it('keep their old id when the new one could not be written down', () => {
    const fixture = groupFixture();
    const [leader] = fixture.stable(1, { groupInstanceId: 'i' });
    fixture.log.error = 'NOT_COORDINATOR';
    assert.equal(fixture.join({ groupInstanceId: 'i0' }).result!.error, 'NOT_COORDINATOR');
    const old = { group: 'g', memberId: leader!, groupInstanceId: 'i0', generationId: 1 };
    assert.equal(fixture.coordinator.heartbeat(old), 'NONE');
  });
});

describe('a coordinator that starts again', () => {
  it('goes on with the members in their generation, and loses those that do not show up', () => {
    const before = groupFixture();
    const [leader, follower] = before.stable(2);
    const after = before.restarted();
    const beat = (memberId: string) =>
      after.coordinator.heartbeat({ group: 'g', memberId, groupInstanceId: null, generationId: 1 });
    assert.equal(after.coordinator.describe('g').state, 'Stable');
    assert.equal(beat(leader!), 'NONE');
    assert.equal(after.sync({ memberId: follower! }).result!.assignment.toString(), 'a1');
    after.timers.advance(9000);
    assert.equal(beat(leader!), 'NONE');
    after.timers.advance(2000);
    assert.equal(beat(follower!), 'UNKNOWN_MEMBER_ID');
    assert.equal(beat(leader!), 'REBALANCE_IN_PROGRESS');
  });

  it('knows that members in its own process ended with it, and keeps their offsets', () => {
    const before = groupFixture();
    const [memberId] = before.stable(1, { clientHost: inProcessHost });
    const offsets = [{ topic: 't', partition: 0, offset: 5, leaderEpoch: -1, metadata: '' }];
    const member = { group: 'g', memberId: memberId!, groupInstanceId: null, generationId: 1 };
    before.coordinator.commit({ ...member, offsets, retentionTimeMs: -1 }, () => {});
    const after = before.restarted();
    assert.equal(after.coordinator.describe('g').state, 'Empty');
    assert.equal(after.coordinator.offset('g', 't', 0)!.offset, 5);
    const call = after.join();
    after.timers.advance(3000);
    assert.equal(call.result!.generationId, 2);
  });

  it('waits for members in its own process where others are among them', () => {
    const before = groupFixture();
    const first = before.join({ clientHost: inProcessHost });
    before.join();
    before.timers.advance(9000);
    before.sync({ memberId: first.result!.memberId });
    assert.equal(before.restarted().coordinator.describe('g').members.length, 2);
  });

  it('remembers an empty group with its generation', () => {
    const before = groupFixture();
    const [member] = before.stable(1);
    before.leave([{ memberId: member!, groupInstanceId: null }]);
    const after = before.restarted();
    assert.equal(after.coordinator.describe('g').state, 'Empty');
    const call = after.join();
    after.timers.advance(3000);
    assert.equal(call.result!.generationId, 3);
  });

  it('answers everybody who waits when it stops', () => {
    const fixture = groupFixture();
    const call = fixture.join();
    fixture.coordinator.stop();
    assert.equal(call.result!.error, 'NOT_COORDINATOR');
    assert.equal(fixture.timers.pendingCount, 0);
    assert.equal(fixture.join().result!.error, 'NOT_COORDINATOR');
  });
});
