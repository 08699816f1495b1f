import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beat, SimulatedMember, settle } from '../../../test/kit/consumer-groups.ts';
import { type GroupFixture, groupFixture } from '../../../test/kit/groups.ts';
import { decodeRecord } from '../records.ts';
import type { CommitRequest, CommitResult } from '../types.ts';

function fixtureOf(partitions = 4): GroupFixture {
  const fixture = groupFixture();
  fixture.topics.set('t', partitions);
  return fixture;
}

function commit({ coordinator }: GroupFixture, request: Partial<CommitRequest>): CommitResult | null {
  let results: CommitResult | null = null;
  const offsets = [{ topic: 't', partition: 0, offset: 1, leaderEpoch: 0, metadata: '' }];
  const nobody = { group: 'g', memberId: '', groupInstanceId: null, generationId: -1, retentionTimeMs: -1 };
  coordinator.commit({ ...nobody, offsets, ...request }, (result) => {
    results = result;
  });
  return results;
}

describe('what is written', () => {
  it('comes before the answer, and others wait meanwhile', () => {
    const fixture = fixtureOf();
    fixture.log.isHeld = true;
    const member = new SimulatedMember(fixture, 'a').join();
    assert.equal(member.last, null);
    const second = new SimulatedMember(fixture, 'b').join();
    fixture.log.settle();
    assert.equal(second.last, null);
    assert.equal(fixture.coordinator.consumers.get('g')!.members.size, 2);
  });

  it('did not happen when it failed', () => {
    const fixture = fixtureOf();
    fixture.log.error = 'NOT_COORDINATOR';
    assert.equal(new SimulatedMember(fixture, 'a').join().last!.error, 'NOT_COORDINATOR');
    assert.equal(fixture.coordinator.consumers.has('g'), false);
    fixture.log.error = null;
    const member = new SimulatedMember(fixture, 'a').join();
    assert.equal(member.owned.size, 4);
    fixture.log.error = 'NOT_COORDINATOR';
    fixture.timers.advance(45_000);
    assert.equal(fixture.coordinator.consumers.get('g')!.members.size, 1);
    fixture.log.error = null;
    fixture.timers.advance(45_000);
    assert.equal(fixture.coordinator.consumers.get('g')!.members.size, 0);
  });

  it('is in Kafka’s records, one per change', () => {
    const fixture = fixtureOf();
    new SimulatedMember(fixture, 'a').join();
    const types = fixture.log.records.map(({ key }) => key.readInt16BE());
    // Member, group epoch, target of the member, target epoch, current assignment.
    assert.deepEqual(types, [5, 3, 7, 6, 8]);
    for (const { key, value } of fixture.log.records) assert.equal(decodeRecord(key, value)!.type, 'consumer-group');
  });

  it('brings everything back: members, targets, what is half given up, and the clocks', () => {
    const fixture = fixtureOf(2);
    fixture.topics.set('orders', 1);
    const slow = new SimulatedMember(fixture, 'a', { instanceId: 'i' }).join();
    slow.isSlow = true;
    const regex = { subscribedTopicRegex: '(t|orders)', serverAssignor: 'range', rackId: 'r' };
    const second = new SimulatedMember(fixture, 'b', { ...regex, subscribedTopicNames: [] }).join();
    slow.beat();
    const before = fixture.coordinator.consumers.get('g')!;
    const after = fixture.restarted();
    const group = after.coordinator.consumers.get('g')!;
    assert.deepEqual(group.members, before.members);
    assert.deepEqual([group.targets, group.regexes], [before.targets, before.regexes]);
    assert.deepEqual(
      [group.epoch, group.assignmentEpoch, group.state],
      [before.epoch, before.assignmentEpoch, 'Reconciling'],
    );
    second.fixture = after;
    for (let waited = 0; waited < 30_000; waited += 5000) {
      second.beat();
      after.timers.advance(5000);
    }
    settle([second]);
    assert.deepEqual([second.owned.size, group === after.coordinator.consumers.get('g')], [3, false]);
  });

  it('is forgotten with the group, also after a restart', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    let outcome = '';
    const forget = (): void =>
      fixture.coordinator.delete('g', (error) => {
        outcome = error;
      });
    forget();
    assert.equal(outcome, 'NON_EMPTY_GROUP');
    member.leave();
    forget();
    assert.equal(outcome, 'NONE');
    assert.deepEqual([fixture.coordinator.list(), fixture.restarted().coordinator.list()], [[], []]);
  });

  it('ends when the broker stops', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    fixture.coordinator.stop();
    assert.equal(fixture.timers.pendingCount, 0);
    assert.equal(member.beat({ subscribedTopicNames: [] }).last!.error, 'NOT_COORDINATOR');
  });
});

describe('offsets of a group of the consumer protocol', () => {
  it('are committed by members in their epoch, and by anybody while it is empty', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    assert.deepEqual(commit(fixture, { memberId: 'a', generationId: 1 }), ['NONE']);
    assert.deepEqual(commit(fixture, { memberId: 'a', generationId: 1, apiVersion: 8 }), ['UNSUPPORTED_VERSION']);
    assert.deepEqual(commit(fixture, { memberId: 'a', generationId: 2 }), ['STALE_MEMBER_EPOCH']);
    assert.deepEqual(commit(fixture, { memberId: 'b', generationId: 1 }), ['UNKNOWN_MEMBER_ID']);
    assert.deepEqual(commit(fixture, {}), ['UNKNOWN_MEMBER_ID']);
    member.leave();
    assert.deepEqual(commit(fixture, {}), ['NONE']);
  });

  it('may come from an older epoch for what the member had then, and not for what it got later', () => {
    const fixture = fixtureOf(2);
    const first = new SimulatedMember(fixture, 'a').join();
    const second = new SimulatedMember(fixture, 'b').join();
    settle([first, second]);
    const [kept] = [...first.owned].map((key) => Number(key.split('/')[1]));
    const offset = (partition: number) => ({ topic: 't', partition, offset: 1, leaderEpoch: 0, metadata: '' });
    const offsets = [offset(kept!), offset(1 - kept!)];
    assert.deepEqual(commit(fixture, { memberId: 'a', generationId: 1, offsets }), ['NONE', 'STALE_MEMBER_EPOCH']);
    assert.deepEqual(commit(fixture, { memberId: 'b', generationId: 1, offsets }), Array(2).fill('STALE_MEMBER_EPOCH'));
  });

  it('are committed inside a transaction by the same rules, in the words that API has', () => {
    const fixture = fixtureOf();
    new SimulatedMember(fixture, 'a').join();
    const commitAs = (memberId: string, generationId: number): CommitResult => {
      const offsets = [{ topic: 't', partition: 0, offset: 1, leaderEpoch: 0, metadata: '' }];
      const who = { group: 'g', memberId, groupInstanceId: null, generationId, producerId: 1, producerEpoch: 0 };
      let results: CommitResult = [];
      fixture.coordinator.commitTransactional({ ...who, offsets }, (result) => {
        results = result;
      });
      return results;
    };
    assert.deepEqual(
      [commitAs('a', 1), commitAs('a', 2), commitAs('b', 1), commitAs('', -1)],
      [['NONE'], ['ILLEGAL_GENERATION'], ['UNKNOWN_MEMBER_ID'], ['NONE']],
    );
  });

  it('are shown to members in their epoch, and to who says nothing of itself', () => {
    const { coordinator, ...fixture } = fixtureOf();
    new SimulatedMember({ coordinator, ...fixture }, 'a').join();
    const { consumers } = coordinator;
    assert.equal(consumers.refuseFetch('g', null, -1), null);
    assert.equal(consumers.refuseFetch('g', 'a', 1), null);
    assert.equal(consumers.refuseFetch('g', 'a', 0), 'STALE_MEMBER_EPOCH');
    assert.equal(consumers.refuseFetch('g', 'b', 1), 'UNKNOWN_MEMBER_ID');
    assert.equal(consumers.refuseFetch('other', 'b', 1), null);
  });

  it('stay while a member wants their topic, and go in their time with the last of the group', () => {
    const fixture = fixtureOf();
    const member = new SimulatedMember(fixture, 'a').join();
    commit(fixture, { memberId: 'a', generationId: 1 });
    const week = 7 * 24 * 60 * 60 * 1000;
    for (let waited = 0; waited <= week; waited += 40_000) {
      fixture.timers.advance(40_000);
      member.beat();
    }
    fixture.coordinator.expire();
    assert.equal(fixture.coordinator.offset('g', 't', 0)!.offset, 1);
    member.leave();
    fixture.coordinator.expire();
    assert.equal(fixture.coordinator.offset('g', 't', 0), undefined);
    assert.deepEqual([fixture.coordinator.list(), fixture.restarted().coordinator.list()], [[], []]);
  });

  it('are not deleted under a member that reads their topic', () => {
    const fixture = fixtureOf();
    new SimulatedMember(fixture, 'a').join();
    commit(fixture, { memberId: 'a', generationId: 1 });
    const partitions = ['t', 'other'].map((topic) => ({ topic, partition: 0 }));
    let results: readonly string[] = [];
    fixture.coordinator.deleteOffsets('g', partitions, (_, answers) => {
      results = answers;
    });
    assert.deepEqual(results, ['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE']);
  });

  it('do not make the group one of the classic protocol', () => {
    const fixture = fixtureOf();
    assert.deepEqual(commit(fixture, {}), ['NONE']);
    const member = new SimulatedMember(fixture, 'a').join();
    assert.equal(member.owned.size, 4);
    assert.equal(fixture.coordinator.describe('g').state, 'Dead');
    const after = fixture.restarted();
    assert.equal(after.coordinator.consumers.get('g')!.members.size, 1);
    assert.equal(beat(after.coordinator, { memberId: 'a', memberEpoch: 1 })!.error, 'NONE');
  });
});
