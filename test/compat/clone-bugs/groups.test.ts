/**
 * Where clones of Kafka wedged or split consumer groups: items 15, 16, 17 and 19 of the list in docs/clone-bugs.md. Each
 * test is named after what the user saw.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { batchOf, exchanges, startTestBroker, type TestBroker } from '../../kit/kafka.ts';
import { type Joining, RawClient } from '../../kit/raw-client.ts';

/** Sessions as short as a test. */
const sessionTimeoutMs = 300;
let kafka: TestBroker;
before(async () => {
  kafka = await startTestBroker({ config: { 'group.min.session.timeout.ms': '50' } });
});
after(() => kafka.remove());

const connect = () => RawClient.connect(kafka);

/** A group of one that is Stable. */
async function stableGroup(group: string, options: Joining = {}) {
  const client = await connect();
  const joined = await client.joinAnew(group, options);
  assert.equal(joined.errorCode, 0);
  const { memberId, generationId } = joined;
  assert.equal((await client.sync(group, generationId, memberId, { [memberId]: 'all' })).errorCode, 0);
  return { client, memberId, generationId };
}

describe('15. Members that come and go', () => {
  it('hung as static members: one that comes back takes its place without a rebalance, and the old one is fenced', async () => {
    const leader = await stableGroup('static', { groupInstanceId: 'one' });
    const again = await connect();
    const back = await again.join('static', { groupInstanceId: 'one' });
    assert.deepEqual([back.errorCode, back.generationId], [0, leader.generationId]);
    assert.notEqual(back.memberId, leader.memberId);
    const old = await leader.client.call(allExchanges.heartbeat, 4, {
      groupId: 'static',
      generationId: leader.generationId,
      memberId: leader.memberId,
      groupInstanceId: 'one',
    });
    assert.equal(old.errorCode, ErrorCode.FENCED_INSTANCE_ID);
    const synced = await again.sync('static', back.generationId, back.memberId);
    assert.deepEqual([synced.errorCode, synced.assignment.toString()], [0, 'all']);
  });

  it('wedged the group when one asked for an id and never came: it is forgotten with its session', async () => {
    const client = await connect();
    const told = await client.join('pending', { sessionTimeoutMs, rebalanceTimeoutMs: 55_000 });
    assert.equal(told.errorCode, ErrorCode.MEMBER_ID_REQUIRED);
    const started = performance.now();
    const joined = await client.joinAnew('pending', { rebalanceTimeoutMs: 55_000 });
    assert.equal(joined.errorCode, 0);
    assert.ok(performance.now() - started < 50_000, 'well before its rebalance timeout');
  });

  it('stuck in PreparingRebalance when one died: the rest go on after its session', async () => {
    const first = await stableGroup('dying', { sessionTimeoutMs });
    first.client.close();
    const second = await connect();
    const joined = await second.joinAnew('dying');
    assert.deepEqual([joined.errorCode, joined.leader], [0, joined.memberId]);
    assert.equal(joined.members.length, 1);
  });

  it('never left: several may be taken out at once, each with an outcome of its own', async () => {
    const { client, memberId } = await stableGroup('leaving');
    const answer = await client.call(allExchanges.leaveGroup, 5, {
      groupId: 'leaving',
      members: [{ memberId }, { memberId: 'nobody' }, { groupInstanceId: 'nobody' }],
    });
    const outcomes = answer.members.map(({ errorCode }) => errorCode);
    assert.deepEqual(outcomes, [0, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.UNKNOWN_MEMBER_ID]);
  });
});

/** Two members in one group; answers the outcome of both, after the rebalance that the second one caused. */
async function twoMembers(group: string, options: Joining) {
  const one = await connect();
  const two = await connect();
  const alone = await one.joinAnew(group, options);
  await one.sync(group, alone.generationId, alone.memberId, { [alone.memberId]: 'all' });
  const second = two.joinAnew(group, options);
  for (;;) {
    const state = await one.heartbeat(group, alone.generationId, alone.memberId);
    if (state === ErrorCode.REBALANCE_IN_PROGRESS) break;
    assert.equal(state, 0, 'the first member is still a member');
  }
  const [first, joined] = await Promise.all([one.join(group, { ...options, memberId: alone.memberId }), second]);
  return { one, two, first, joined };
}

describe('16. A member without a rebalance timeout', () => {
  for (const [what, options] of [
    ['in version 0, which has none', { version: 0 }],
    ['of -1', { rebalanceTimeoutMs: -1, version: 5 }],
  ] as const) {
    it(`sent the group round for ever: ${what}, its session timeout counts`, async () => {
      const { first, joined } = await twoMembers(`timeless-${options.version}`, options);
      assert.deepEqual([first.errorCode, joined.errorCode], [0, 0]);
      assert.equal(first.generationId, joined.generationId);
    });
  }
});

describe('17. A second consumer', () => {
  it('was told UNKNOWN_MEMBER_ID: both are members of one generation, and each has a part of its own', async () => {
    const { one, two, first, joined } = await twoMembers('second', {});
    assert.deepEqual([first.errorCode, joined.errorCode], [0, 0]);
    assert.equal(first.leader, joined.leader);
    const [leader, follower] = first.leader === first.memberId ? [one, two] : [two, one];
    const members = [...first.members, ...joined.members].map(({ memberId }) => memberId);
    assert.deepEqual(new Set(members), new Set([first.memberId, joined.memberId]));
    const parts = { [first.memberId]: 'part one', [joined.memberId]: 'part two' };
    const followerId = first.leader === first.memberId ? joined.memberId : first.memberId;
    const [assigned, told] = await Promise.all([
      follower.sync('second', first.generationId, followerId),
      leader.sync('second', first.generationId, first.leader, parts),
    ]);
    assert.equal(assigned.assignment.toString(), parts[followerId]);
    assert.equal(told.assignment.toString(), parts[first.leader]);
    for (const { memberId } of [first, joined]) {
      assert.equal(await one.heartbeat('second', first.generationId, memberId), 0);
    }
  });

  it('waited for ever for a fetch: one that finds nothing is answered when its time is up, one that waits when there is', async () => {
    const client = await connect();
    await client.createTopic('waits');
    const started = performance.now();
    const empty = await client.fetch('waits', 0, { maxWaitMs: 200 });
    assert.deepEqual([empty.errorCode, empty.records?.length], [0, 0]);
    assert.ok(performance.now() - started >= 190);
    const waiting = client.fetch('waits', 0, { maxWaitMs: 55_000 });
    const writer = await connect();
    await writer.produce('waits', batchOf('here'));
    assert.ok((await waiting).records!.length > 0);
    assert.ok(performance.now() - started < 50_000);
  });
});

describe('19. Topic ids', () => {
  it('were only half there: offsets committed by id are found by id and by name, with what was said about them', async () => {
    const client = await connect();
    await client.createTopic('by-id', 2);
    const topicId = await client.topicId('by-id');
    const partitions = [{ partitionIndex: 1, committedOffset: 42, committedLeaderEpoch: 3, committedMetadata: 'note' }];
    const commit = { groupId: 'by-id', generationIdOrMemberEpoch: -1, topics: [{ topicId, partitions }] };
    const committed = await client.call(allExchanges.offsetCommit, 10, commit);
    assert.deepEqual(committed.topics[0], { name: '', topicId, partitions: [{ partitionIndex: 1, errorCode: 0 }] });
    const byId = await client.call(allExchanges.offsetFetch, 10, {
      groups: [{ groupId: 'by-id', topics: [{ topicId, partitionIndexes: [0, 1] }] }],
    });
    const found = byId.groups[0]!.topics[0]!;
    assert.equal(found.topicId, topicId);
    const offsets = found.partitions.map(({ committedOffset, errorCode }) => [committedOffset, errorCode]);
    assert.deepEqual(offsets, [
      [-1, 0],
      [42, 0],
    ]);
    const byName = await client.call(allExchanges.offsetFetch, 7, {
      groupId: 'by-id',
      topics: [{ name: 'by-id', partitionIndexes: [1] }],
    });
    const { committedOffset, committedLeaderEpoch, metadata } = byName.topics[0]!.partitions[0]!;
    assert.deepEqual([committedOffset, committedLeaderEpoch, metadata], [42, 3, 'note']);
    const all = await client.call(allExchanges.offsetFetch, 10, { groups: [{ groupId: 'by-id', topics: null }] });
    assert.equal(all.groups[0]!.topics[0]!.topicId, topicId);
  });

  it('of all zeros were named for real topics: no answer has one', async () => {
    const client = await connect();
    const zero = 'AAAAAAAAAAAAAAAAAAAAAA';
    const { topics } = await client.call(exchanges.metadata, 13, { topics: null });
    assert.ok(topics.length > 0);
    for (const { topicId, name } of topics) assert.notEqual(topicId, zero, name!);
    const fetched = await client.fetch('by-id', 0, { version: 18 });
    assert.equal(fetched.errorCode, 0);
    assert.equal((await client.produce('by-id', batchOf('x'), { version: 13 })).errorCode, 0);
  });
});
