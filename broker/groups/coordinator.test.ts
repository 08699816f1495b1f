import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { groupFixture } from '../../test/kit/groups.ts';
import type { ErrorName } from '../protocol/error-codes.ts';
import { encodeConsumerProtocolSubscription } from '../protocol/messages/generated/consumer-protocol-subscription.ts';
import { Writer } from '../protocol/writer.ts';
import { partitionOfGroup } from './offsets-topic.ts';
import type { CommitRequest, CommitResult } from './types.ts';

const day = 24 * 60 * 60 * 1000;
const nobody = { memberId: '', groupInstanceId: null, generationId: -1 };

function commit(fixture: ReturnType<typeof groupFixture>, request: Partial<CommitRequest> = {}): CommitResult | null {
  let results: CommitResult | null = null;
  const offsets = [{ topic: 't', partition: 0, offset: 42, leaderEpoch: 3, metadata: 'note' }];
  fixture.coordinator.commit({ group: 'g', ...nobody, offsets, retentionTimeMs: -1, ...request }, (result) => {
    results = result;
  });
  return results;
}

function subscription(...topics: string[]): Buffer {
  const writer = new Writer();
  writer.int16(0);
  encodeConsumerProtocolSubscription(writer, { topics, userData: null, ownedPartitions: [] }, 0);
  return writer.toBuffer();
}

describe('committing offsets', () => {
  it('needs no group: a consumer that assigns its partitions itself keeps them here', () => {
    const fixture = groupFixture();
    assert.deepEqual(commit(fixture), ['NONE']);
    const committed = fixture.coordinator.offset('g', 't', 0)!;
    assert.deepEqual([committed.offset, committed.leaderEpoch, committed.metadata], [42, 3, 'note']);
    assert.equal(fixture.coordinator.offset('g', 't', 1), undefined);
    assert.deepEqual(fixture.coordinator.list(), [{ group: 'g', protocolType: '', state: 'Empty', type: 'classic' }]);
  });

  it('is a member’s right in its generation only', () => {
    const fixture = groupFixture();
    const [memberId] = fixture.stable(1);
    assert.deepEqual(commit(fixture, { memberId: memberId!, generationId: 1 }), ['NONE']);
    assert.deepEqual(commit(fixture), ['UNKNOWN_MEMBER_ID']);
    assert.deepEqual(commit(fixture, { memberId: 'x', generationId: 1 }), ['UNKNOWN_MEMBER_ID']);
    assert.deepEqual(commit(fixture, { memberId: memberId!, generationId: 2 }), ['ILLEGAL_GENERATION']);
    assert.deepEqual(commit(fixture, { group: 'new', generationId: 5, memberId: 'x' }), ['ILLEGAL_GENERATION']);
  });

  it('waits for the assignment in a generation that has none yet', () => {
    const fixture = groupFixture();
    const member = fixture.join();
    fixture.timers.advance(3000);
    const { memberId } = member.result!;
    assert.deepEqual(commit(fixture, { memberId, generationId: 1 }), ['REBALANCE_IN_PROGRESS']);
  });

  it('is answered when durable, and forgotten when it could not be written', () => {
    const fixture = groupFixture();
    fixture.log.error = 'NOT_COORDINATOR';
    assert.deepEqual(commit(fixture), ['NOT_COORDINATOR']);
    assert.equal(fixture.coordinator.offset('g', 't', 0), undefined);
  });

  it('refuses metadata that is too long, and only that partition', () => {
    const fixture = groupFixture();
    const offsets = ['x'.repeat(4097), 'x'.repeat(4096)].map((metadata, partition) => ({
      topic: 't',
      partition,
      offset: 1,
      leaderEpoch: -1,
      metadata,
    }));
    assert.deepEqual(commit(fixture, { offsets }), ['OFFSET_METADATA_TOO_LARGE', 'NONE']);
  });

  it('survives a restart, with everything that was committed', () => {
    const fixture = groupFixture();
    commit(fixture);
    const restarted = fixture.restarted();
    assert.deepEqual(restarted.coordinator.offsets('g'), fixture.coordinator.offsets('g'));
  });
});

describe('forgetting offsets', () => {
  it('of an empty group, a week after its last member left', () => {
    const fixture = groupFixture();
    const [memberId] = fixture.stable(1);
    commit(fixture, { memberId: memberId!, generationId: 1 });
    fixture.leave([{ memberId: memberId!, groupInstanceId: null }]);
    fixture.timers.advance(7 * day - 1);
    fixture.coordinator.expire();
    assert.equal(fixture.coordinator.offset('g', 't', 0)?.offset, 42);
    fixture.timers.advance(1);
    fixture.coordinator.expire();
    assert.equal(fixture.coordinator.offset('g', 't', 0), undefined);
    assert.deepEqual(fixture.coordinator.list(), []);
    assert.deepEqual(fixture.restarted().coordinator.list(), []);
  });

  it('of a simple consumer, a week after the commit', () => {
    const fixture = groupFixture();
    commit(fixture);
    fixture.timers.advance(7 * day);
    fixture.coordinator.expire();
    assert.deepEqual(fixture.coordinator.offsets('g'), []);
  });

  it('of a living group, only of topics it no longer subscribes to', () => {
    const fixture = groupFixture();
    const protocols = [{ name: 'range', metadata: subscription('used') }];
    const [memberId] = fixture.stable(1, { protocols, sessionTimeoutMs: 1_800_000 });
    const offsets = ['used', 'unused'].map((topic) => ({
      topic,
      partition: 0,
      offset: 1,
      leaderEpoch: -1,
      metadata: '',
    }));
    commit(fixture, { memberId: memberId!, generationId: 1, offsets });
    for (let elapsed = 0; elapsed < 7 * day; elapsed += 1_000_000) {
      fixture.timers.advance(1_000_000);
      fixture.coordinator.heartbeat({ group: 'g', memberId: memberId!, groupInstanceId: null, generationId: 1 });
    }
    fixture.coordinator.expire();
    assert.deepEqual(
      fixture.coordinator.offsets('g').map(({ topic }) => topic),
      ['used'],
    );
  });

  it('on request: not of topics the group is subscribed to', () => {
    const fixture = groupFixture();
    const protocols = [{ name: 'range', metadata: subscription('used') }];
    const [memberId] = fixture.stable(1, { protocols });
    const offsets = ['used', 'unused'].map((topic) => ({
      topic,
      partition: 0,
      offset: 1,
      leaderEpoch: -1,
      metadata: '',
    }));
    commit(fixture, { memberId: memberId!, generationId: 1, offsets });
    const answers: [ErrorName, readonly ErrorName[]][] = [];
    const forget = (group: string) =>
      fixture.coordinator.deleteOffsets(group, offsets, (error, results) => answers.push([error, results]));
    forget('g');
    forget('none');
    assert.deepEqual(answers, [
      ['NONE', ['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE']],
      ['GROUP_ID_NOT_FOUND', []],
    ]);
    assert.equal(fixture.coordinator.offset('g', 'unused', 0), undefined);
    assert.equal(fixture.coordinator.offset('g', 'used', 0)?.offset, 1);
  });

  it('on request of a group of another protocol type only when it is empty', () => {
    const fixture = groupFixture();
    fixture.stable(1, { protocolType: 'connect' });
    let answer: ErrorName | null = null;
    fixture.coordinator.deleteOffsets('g', [], (error) => {
      answer = error;
    });
    assert.equal(answer, 'NON_EMPTY_GROUP');
  });

  it('of a topic that was deleted', () => {
    const fixture = groupFixture();
    commit(fixture);
    fixture.coordinator.topicDeleted('t');
    assert.deepEqual(fixture.coordinator.offsets('g'), []);
    assert.deepEqual(fixture.restarted().coordinator.offsets('g'), []);
  });
});

describe('deleting a group', () => {
  const remove = (fixture: ReturnType<typeof groupFixture>, group: string): ErrorName | null => {
    let answer: ErrorName | null = null;
    fixture.coordinator.delete(group, (error) => {
      answer = error;
    });
    return answer;
  };

  it('is refused while it has members, and unknown groups are not found', () => {
    const fixture = groupFixture();
    fixture.stable(1);
    assert.equal(remove(fixture, 'g'), 'NON_EMPTY_GROUP');
    assert.equal(remove(fixture, 'none'), 'GROUP_ID_NOT_FOUND');
  });

  it('forgets it with its offsets, also after a restart', () => {
    const fixture = groupFixture();
    const [memberId] = fixture.stable(1);
    commit(fixture, { memberId: memberId!, generationId: 1 });
    fixture.leave([{ memberId: memberId!, groupInstanceId: null }]);
    assert.equal(remove(fixture, 'g'), 'NONE');
    assert.deepEqual(fixture.coordinator.list(), []);
    const restarted = fixture.restarted();
    assert.deepEqual(restarted.coordinator.list(), []);
    assert.equal(restarted.coordinator.offset('g', 't', 0), undefined);
  });
});

describe('describing a group', () => {
  it('shows members with metadata and assignment when it is stable, and without while it rebalances', () => {
    const fixture = groupFixture();
    const [leader] = fixture.stable(2);
    const stable = fixture.coordinator.describe('g');
    assert.equal(stable.protocol, 'range');
    assert.deepEqual(
      stable.members.map(({ assignment }) => assignment.toString()),
      ['a0', 'a1'],
    );
    fixture.join({ memberId: leader! });
    const moving = fixture.coordinator.describe('g');
    assert.equal(moving.protocol, '');
    assert.deepEqual(
      moving.members.map(({ assignment }) => assignment.length),
      [0, 0],
    );
    assert.equal(fixture.coordinator.describe('none').state, 'Dead');
  });
});

describe('the partition of a group', () => {
  it('is where Kafka looks for it', () => {
    // Utils.abs("…".hashCode()) % 50, computed with Java.
    assert.equal(partitionOfGroup('my-group', 50), 12);
    assert.equal(partitionOfGroup('', 50), 0);
    // The hash of this one is Integer.MIN_VALUE, whose absolute value Kafka takes for 0.
    assert.equal(partitionOfGroup('polygenelubricants', 50), 0);
  });
});
