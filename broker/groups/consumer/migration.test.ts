import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClassicMember } from '../../../test/kit/classic-members.ts';
import { SimulatedMember } from '../../../test/kit/consumer-groups.ts';
import { type GroupFixture, groupFixture, SimulatedTopics } from '../../../test/kit/groups.ts';
import type { ConsumerGroupsConfig } from './types.ts';

type AnyMember = SimulatedMember | SimulatedClassicMember;

function fixtureOf(config: Partial<ConsumerGroupsConfig> = {}) {
  const fixture = groupFixture({}, [], new SimulatedTopics(), config);
  fixture.topics.set('t', 4);
  return fixture;
}

/** All beat, and time passes, until nothing moves any more. */
function settle(fixture: GroupFixture, members: readonly AnyMember[]): void {
  for (let round = 0; round < 12; round++) {
    for (const member of members) member.beat();
    fixture.timers.advance(1000);
  }
}

function classicGroup(count: number, options: { isCooperative?: boolean; instances?: boolean } = {}) {
  const fixture = fixtureOf();
  const members = Array.from(
    { length: count },
    (_, index) =>
      new SimulatedClassicMember(fixture, {
        isCooperative: options.isCooperative ?? false,
        groupInstanceId: options.instances ? `i${index}` : null,
      }),
  );
  settle(fixture, members);
  return { fixture, members };
}

function sizes(members: readonly AnyMember[]): number[] {
  return members.map(({ owned }) => owned.size);
}

function typeOf(fixture: GroupFixture): string[] {
  return fixture.coordinator.list().map(({ type, state }) => `${type} ${state}`);
}

for (const isCooperative of [false, true]) {
  const kind = isCooperative ? 'cooperative' : 'eager';

  describe(`a classic group of ${kind} members that a member of the consumer protocol joins`, () => {
    it('becomes a consumer group in which members of both protocols share the partitions', () => {
      const { fixture, members } = classicGroup(2, { isCooperative });
      assert.deepEqual(sizes(members), [2, 2]);
      const newcomer = new SimulatedMember(fixture, 'n').join();
      assert.deepEqual(typeOf(fixture), ['consumer Reconciling']);
      assert.equal(newcomer.owned.size, 0, 'all partitions have owners still');
      settle(fixture, [...members, newcomer]);
      assert.deepEqual(sizes([...members, newcomer]).sort(), [1, 1, 2]);
      assert.deepEqual(typeOf(fixture), ['consumer Stable']);
    });

    it('is classic again when the last member of the consumer protocol leaves', () => {
      const { fixture, members } = classicGroup(2, { isCooperative });
      const newcomer = new SimulatedMember(fixture, 'n').join();
      settle(fixture, [...members, newcomer]);
      newcomer.leave();
      assert.deepEqual(typeOf(fixture), ['classic PreparingRebalance']);
      settle(fixture, members);
      assert.deepEqual(sizes(members), [2, 2]);
      assert.deepEqual(typeOf(fixture), ['classic Stable']);
    });

    it('goes on after a restart, before and after either change', () => {
      const { fixture, members } = classicGroup(2, { isCooperative });
      const newcomer = new SimulatedMember(fixture, 'n').join();
      let now = fixture.restarted();
      const all = [...members, newcomer];
      for (const member of all) member.fixture = now;
      settle(now, all);
      assert.deepEqual(sizes(all).sort(), [1, 1, 2]);
      newcomer.leave();
      now = now.restarted();
      for (const member of members) member.fixture = now;
      assert.deepEqual(typeOf(now), ['classic PreparingRebalance']);
      settle(now, members);
      assert.deepEqual(sizes(members).sort(), [2, 2]);
      assert.deepEqual(typeOf(now.restarted()), ['classic Stable']);
    });
  });
}

describe('an upgrade', () => {
  it('keeps what cooperative members have until they gave it up, even when an assignment was under way', () => {
    const { fixture, members } = classicGroup(1, { isCooperative: true });
    const [first] = members as [SimulatedClassicMember];
    const second = new SimulatedClassicMember(fixture, { isCooperative: true });
    second.beat();
    first.beat().beat();
    // The leader's assignment, which takes two partitions from the first member, is on its way to the log.
    const newcomer = new SimulatedMember(fixture, 'n').join();
    newcomer.beat();
    const held = [...first.owned, ...second.owned, ...newcomer.owned];
    assert.equal(new Set(held).size, held.length, 'no partition has two owners');
    settle(fixture, [first, second, newcomer]);
    assert.deepEqual(sizes([first, second, newcomer]).sort(), [1, 1, 2]);
  });

  it('commits by classic members count in their generation, and are refused in another', () => {
    const { fixture, members } = classicGroup(1);
    new SimulatedMember(fixture, 'n').join();
    const commit = (generationId: number) => {
      const offsets = [{ topic: 't', partition: 0, offset: 5, leaderEpoch: 0, metadata: '' }];
      const who = { group: 'g', memberId: members[0]!.memberId, groupInstanceId: null, generationId };
      let answer: readonly string[] = [];
      fixture.coordinator.commit({ ...who, offsets, retentionTimeMs: -1 }, (result) => {
        answer = result;
      });
      return answer[0];
    };
    assert.equal(commit(members[0]!.generationId), 'NONE');
    assert.equal(commit(members[0]!.generationId + 5), 'ILLEGAL_GENERATION');
  });

  it('that cannot be written leaves the classic group as it was', () => {
    const { fixture, members } = classicGroup(2);
    fixture.log.error = 'NOT_COORDINATOR';
    const newcomer = new SimulatedMember(fixture, 'n').join();
    fixture.log.error = null;
    assert.equal(newcomer.last!.error, 'NOT_COORDINATOR');
    assert.equal(fixture.coordinator.consumers.has('g'), false);
    settle(fixture, members);
    assert.deepEqual(sizes(members), [2, 2]);
    assert.deepEqual(typeOf(fixture), ['classic Stable']);
  });

  it('while it is written, members and commits are judged as of their generation, and who joins waits', () => {
    const { fixture, members } = classicGroup(2);
    fixture.log.isHeld = true;
    const newcomer = new SimulatedMember(fixture, 'n').join();
    assert.equal(newcomer.last, null);
    assert.equal(members[0]!.beat().lastError, 'NONE');
    const late = new SimulatedClassicMember(fixture).join();
    fixture.log.settle();
    settle(fixture, [...members, newcomer, late]);
    assert.deepEqual(sizes([...members, late]), [1, 1, 1]);
  });

  it('is refused by policy, for other protocol types, for bytes nobody can read and for custom assignors', () => {
    const join = (fixture: GroupFixture): string => {
      const { last } = new SimulatedMember(fixture, 'n').join();
      assert.equal(last!.error, 'GROUP_ID_NOT_FOUND');
      return last!.message!;
    };
    for (const [config, why] of [
      [{ isUpgradeEnabled: false }, /online upgrade is disabled/],
      [{ sizeMax: 1 }, /exceeds the consumer group maximum size/],
    ] as const) {
      const fixture = fixtureOf(config);
      settle(fixture, [new SimulatedClassicMember(fixture), new SimulatedClassicMember(fixture)]);
      assert.match(join(fixture), why);
    }
    const other = fixtureOf();
    other.stable(1, { protocolType: 'connect' });
    assert.match(join(other), /does not use the consumer embedded protocol/);
    const unreadable = fixtureOf();
    unreadable.stable(1);
    assert.match(join(unreadable), /malformed/);
  });
});

describe('a downgrade', () => {
  it('that is followed by an upgrade at once takes nothing from members that have not rejoined', () => {
    const { fixture, members } = classicGroup(1);
    const first = new SimulatedMember(fixture, 'a').join();
    first.leave();
    const second = new SimulatedMember(fixture, 'b').join();
    second.beat();
    assert.deepEqual(sizes([members[0]!, second]), [4, 0]);
    settle(fixture, [...members, second]);
    assert.deepEqual(sizes([members[0]!, second]), [2, 2]);
  });

  it('asks members to rejoin and does not throw them out: they can commit what they have done', () => {
    const { fixture, members } = classicGroup(2);
    const newcomer = new SimulatedMember(fixture, 'n').join();
    settle(fixture, [...members, newcomer]);
    newcomer.leave();
    for (const member of members) assert.equal(member.beat().lastError, 'REBALANCE_IN_PROGRESS');
  });

  it('waits for the policy: classic members go on in the consumer group, and share what is left', () => {
    const fixture = fixtureOf({ isDowngradeEnabled: false });
    const members = [new SimulatedClassicMember(fixture), new SimulatedClassicMember(fixture)];
    settle(fixture, members);
    const newcomer = new SimulatedMember(fixture, 'n').join();
    settle(fixture, [...members, newcomer]);
    newcomer.leave();
    settle(fixture, members);
    assert.deepEqual(typeOf(fixture), ['consumer Stable']);
    assert.deepEqual(sizes(members), [2, 2]);
    fixture.topics.set('t', 6);
    fixture.coordinator.consumers.topicsChanged();
    settle(fixture, members);
    assert.deepEqual(sizes(members), [3, 3], 'new partitions are dealt out without a member of the consumer protocol');
  });

  it('follows the last member of the consumer protocol that falls silent', () => {
    const { fixture, members } = classicGroup(1);
    const newcomer = new SimulatedMember(fixture, 'n').join();
    settle(fixture, [...members, newcomer]);
    for (let waited = 0; waited < 60; waited++) settle(fixture, members);
    assert.deepEqual(typeOf(fixture), ['classic Stable']);
    assert.deepEqual(sizes(members), [4]);
  });

  it('happens when a static member comes back with the classic protocol, and upgrade when with the consumer one', () => {
    const { fixture, members } = classicGroup(2, { instances: true });
    const modern = new SimulatedMember(fixture, 'n', { instanceId: 'i1' }).join();
    settle(fixture, [members[0]!, modern]);
    assert.deepEqual(typeOf(fixture), ['consumer Stable']);
    assert.equal(members[1]!.beat().lastError, 'FENCED_INSTANCE_ID');
    const back = new SimulatedClassicMember(fixture, { groupInstanceId: 'i1' });
    settle(fixture, [members[0]!, back]);
    assert.deepEqual(typeOf(fixture), ['classic Stable']);
    assert.deepEqual(sizes([members[0]!, back]), [2, 2]);
  });
});

describe('a classic member in a consumer group', () => {
  function mixed() {
    const fixture = fixtureOf();
    const modern = new SimulatedMember(fixture, 'n').join();
    const classic = new SimulatedClassicMember(fixture);
    settle(fixture, [modern, classic]);
    assert.deepEqual(sizes([modern, classic]), [2, 2]);
    return { fixture, modern, classic };
  }

  it('joins it by JoinGroup, and is out when it neither syncs nor rejoins in time', () => {
    const { fixture, modern, classic } = mixed();
    classic.leave();
    settle(fixture, [modern]);
    assert.equal(modern.owned.size, 4);
    const { memberId } = fixture.join({ requiresKnownMemberId: true, protocols: protocols(['t']) }).result!;
    const joined = fixture.join({ memberId, protocols: protocols(['t']), rebalanceTimeoutMs: 20_000 }).result!;
    assert.equal(joined.error, 'NONE');
    const identity = { group: 'g', memberId, groupInstanceId: null, generationId: joined.generationId };
    for (let waited = 0; waited < 10; waited++) {
      modern.beat();
      fixture.coordinator.heartbeat(identity);
      fixture.timers.advance(2500);
    }
    assert.equal(fixture.coordinator.heartbeat(identity), 'UNKNOWN_MEMBER_ID');
  });

  it('hears of its errors: of another generation, of a protocol nobody speaks, of not being a member', () => {
    const { fixture, modern, classic } = mixed();
    const identity = { group: 'g', memberId: classic.memberId, groupInstanceId: null };
    const { coordinator } = fixture;
    assert.equal(coordinator.heartbeat({ ...identity, generationId: 99 }), 'ILLEGAL_GENERATION');
    assert.equal(coordinator.heartbeat({ ...identity, memberId: 'x', generationId: 1 }), 'UNKNOWN_MEMBER_ID');
    const asModern = { ...identity, memberId: modern.memberId, generationId: modern.epoch };
    assert.equal(coordinator.heartbeat(asModern), 'UNKNOWN_MEMBER_ID');
    assert.equal(
      fixture.join({ protocols: [{ name: 'other', metadata: protocols(['t'])[0]!.metadata }] }).result!.error,
      'INCONSISTENT_GROUP_PROTOCOL',
    );
    assert.equal(fixture.join({ protocolType: 'connect' }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    const wrong = { ...identity, generationId: classic.generationId, protocolName: 'other' };
    assert.equal(fixture.sync(wrong).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
  });

  it('in the broker’s own process ends with it', () => {
    const fixture = fixtureOf();
    const modern = new SimulatedMember(fixture, 'n').join();
    const join = { protocols: protocols(['t']), clientHost: '/in-process' };
    const { memberId, generationId } = fixture.join(join).result!;
    assert.equal(fixture.sync({ memberId, generationId }).result!.error, 'NONE');
    const again = fixture.restarted();
    again.timers.advance(1);
    modern.fixture = again;
    settle(again, [modern]);
    assert.equal(modern.owned.size, 4);
  });
});

function protocols(topics: readonly string[]) {
  const named = topics.map((topic) => {
    const bytes = Buffer.alloc(2 + topic.length);
    bytes.writeInt16BE(topic.length);
    bytes.write(topic, 2);
    return bytes;
  });
  const count = Buffer.alloc(4);
  count.writeInt32BE(named.length);
  // Version 0: topics, then user data that is null.
  const metadata = Buffer.concat([Buffer.from([0, 0]), count, ...named, Buffer.from([255, 255, 255, 255])]);
  return [{ name: 'range', metadata }];
}
