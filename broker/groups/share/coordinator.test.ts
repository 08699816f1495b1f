import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GroupFixture, groupFixture } from '../../../test/kit/groups.ts';
import type { ShareHeartbeat, ShareHeartbeatResult } from './types.ts';

const sessionMs = 45_000;

function beat(
  { coordinator }: GroupFixture,
  memberId: string,
  memberEpoch: number,
  more: Partial<ShareHeartbeat> = {},
) {
  const request = {
    group: 'workers',
    memberId,
    memberEpoch,
    rackId: null,
    subscribedTopicNames: memberEpoch === 0 ? ['t'] : null,
    clientId: 'c',
    clientHost: '/h',
    ...more,
  };
  let result: ShareHeartbeatResult | null = null;
  coordinator.shares.heartbeat(request, (answer) => {
    result = answer;
  });
  return result! as ShareHeartbeatResult;
}

function fixtureWithTopic(partitions = 4): GroupFixture {
  const fixture = groupFixture();
  fixture.topics.set('t', partitions);
  return fixture;
}

const partitionsOf = ({ assignment }: ShareHeartbeatResult) => assignment?.flatMap(({ partitions }) => partitions);

describe('a share group', () => {
  it('has its first member read everything, and tells it only once', () => {
    const fixture = fixtureWithTopic();
    const joined = beat(fixture, 'a', 0);
    assert.deepEqual([joined.error, joined.memberEpoch, joined.heartbeatIntervalMs], ['NONE', 1, 5000]);
    assert.deepEqual(partitionsOf(joined), [0, 1, 2, 3]);
    assert.equal(beat(fixture, 'a', 1).assignment, null);
    assert.equal(fixture.coordinator.shares.get('workers')!.state, 'Stable');
  });

  it('divides with the second, and the first hears of it with its next heartbeat', () => {
    const fixture = fixtureWithTopic();
    beat(fixture, 'a', 0);
    assert.deepEqual(partitionsOf(beat(fixture, 'b', 0))!.length, 2);
    const told = beat(fixture, 'a', 1);
    assert.deepEqual([told.memberEpoch, partitionsOf(told)!.length], [2, 2]);
  });

  it('lets a member come with the epoch before, and no other', () => {
    const fixture = fixtureWithTopic();
    beat(fixture, 'a', 0);
    beat(fixture, 'b', 0);
    beat(fixture, 'a', 1);
    assert.equal(beat(fixture, 'a', 1).error, 'NONE');
    assert.equal(beat(fixture, 'a', 7).error, 'FENCED_MEMBER_EPOCH');
    assert.equal(beat(fixture, 'stranger', 2).error, 'UNKNOWN_MEMBER_ID');
    assert.equal(beat(fixture, 'a', 1, { group: 'none' }).error, 'GROUP_ID_NOT_FOUND');
  });

  it('says what is wrong with a request before it looks at the group', () => {
    const fixture = fixtureWithTopic();
    const wrong: [Partial<ShareHeartbeat>, string][] = [
      [{ memberId: '' }, "MemberId can't be empty."],
      [{ group: '' }, "GroupId can't be empty."],
      [{ rackId: '' }, "RackId can't be empty."],
      [{ subscribedTopicNames: [] }, 'SubscribedTopicNames must be set in first request.'],
      [{ memberEpoch: -2 }, 'MemberEpoch is invalid.'],
    ];
    for (const [more, message] of wrong) {
      const { error, message: told } = beat(fixture, 'a', 0, more);
      assert.deepEqual([error, told], ['INVALID_REQUEST', message]);
    }
    assert.equal(fixture.coordinator.shares.has('workers'), false);
  });

  it('goes on without a member that leaves or falls silent, and stays when it is empty', () => {
    const fixture = fixtureWithTopic();
    beat(fixture, 'a', 0);
    beat(fixture, 'b', 0);
    assert.equal(partitionsOf(beat(fixture, 'a', 1))!.length, 2);
    beat(fixture, 'b', -1);
    const alone = beat(fixture, 'a', 2);
    assert.equal(partitionsOf(alone)!.length, 4);
    fixture.timers.advance(sessionMs);
    assert.equal(beat(fixture, 'a', alone.memberEpoch).error, 'UNKNOWN_MEMBER_ID');
    assert.deepEqual(fixture.coordinator.list(), [
      { group: 'workers', protocolType: 'share', state: 'Empty', type: 'share' },
    ]);
  });

  it('takes in what a topic grows by, and topics that come later', () => {
    const fixture = fixtureWithTopic(1);
    beat(fixture, 'a', 0, { subscribedTopicNames: ['t', 'later'] });
    fixture.topics.set('t', 3);
    fixture.topics.set('later', 2);
    fixture.coordinator.shares.topicsChanged();
    const told = beat(fixture, 'a', 1);
    assert.deepEqual([told.memberEpoch, partitionsOf(told)!.length], [2, 5]);
    const { initialized } = fixture.coordinator.shares.get('workers')!;
    assert.deepEqual(
      [...initialized.values()].map(({ name, partitions }) => [name, partitions.size]),
      [
        ['t', 3],
        ['later', 2],
      ],
    );
  });

  it('has no more members than it may', () => {
    const fixture = fixtureWithTopic();
    for (let i = 0; i < 200; i++) assert.equal(beat(fixture, `m${i}`, 0).error, 'NONE');
    assert.equal(beat(fixture, 'one more', 0).error, 'GROUP_MAX_SIZE_REACHED');
    assert.equal(beat(fixture, 'm0', 0).error, 'NONE');
  });

  it('survives a restart in its epochs, and gives its members a session to come back', () => {
    const fixture = fixtureWithTopic();
    beat(fixture, 'a', 0);
    const before = beat(fixture, 'b', 0);
    const after = fixture.restarted();
    const again = beat(after, 'b', before.memberEpoch);
    assert.deepEqual([again.error, again.memberEpoch, again.assignment], ['NONE', before.memberEpoch, null]);
    after.timers.advance(sessionMs);
    assert.equal(after.coordinator.shares.get('workers')!.state, 'Empty');
  });

  it('is deleted only while it is empty, and then for good', () => {
    const fixture = fixtureWithTopic();
    beat(fixture, 'a', 0);
    const answers: string[] = [];
    const remove = () => fixture.coordinator.delete('workers', (error) => answers.push(error));
    remove();
    beat(fixture, 'a', -1);
    remove();
    remove();
    assert.deepEqual(answers, ['NON_EMPTY_GROUP', 'NONE', 'GROUP_ID_NOT_FOUND']);
    assert.equal(fixture.restarted().coordinator.shares.has('workers'), false);
  });

  it('is no group of another kind, and no other kind is one of it', () => {
    const fixture = fixtureWithTopic();
    const { coordinator } = fixture;
    beat(fixture, 'a', 0);
    assert.equal(fixture.join({ group: 'workers' }).result!.error, 'INCONSISTENT_GROUP_PROTOCOL');
    fixture.join({ group: 'classic' });
    assert.equal(beat(fixture, 'a', 0, { group: 'classic' }).error, 'GROUP_ID_NOT_FOUND');
    const offset = { topic: 't', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' };
    const committer = { group: 'workers', memberId: '', groupInstanceId: null, generationId: -1 };
    let answer: readonly string[] = [];
    coordinator.commit({ ...committer, offsets: [offset], retentionTimeMs: -1 }, (results) => {
      answer = results;
    });
    assert.deepEqual(answer, ['GROUP_ID_NOT_FOUND']);
  });

  it('answers when its change is in the log, and changes nothing when it could not be written', () => {
    const fixture = fixtureWithTopic();
    fixture.log.error = 'NOT_COORDINATOR';
    assert.equal(beat(fixture, 'a', 0).error, 'NOT_COORDINATOR');
    assert.equal(fixture.coordinator.shares.has('workers'), false);
    fixture.log.error = null;
    assert.equal(beat(fixture, 'a', 0).memberEpoch, 1);
  });
});
