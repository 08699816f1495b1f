/**
 * The consumer protocol, and the admin APIs that came with it, over real sockets: what the bytes say, version by version.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allExchanges } from '../../test/kit/exchanges.ts';
import { type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  await kafka.broker.topics.create([{ name: 't', partitions: 2 }]);
});
after(() => kafka.remove());

const joining = (groupId: string, more: object = {}) => ({
  groupId,
  memberId: 'm',
  memberEpoch: 0,
  rebalanceTimeoutMs: 30_000,
  subscribedTopicNames: ['t'],
  topicPartitions: [],
  ...more,
});

describe('ConsumerGroupHeartbeat', () => {
  it('joins with an assignment, and says nothing more while nothing changes', async () => {
    const { topicId } = kafka.broker.topics.get('t')!;
    const joined = await connection.call(allExchanges.consumerGroupHeartbeat, 1, joining('g'));
    assert.deepEqual([joined.errorCode, joined.memberId, joined.memberEpoch], [0, 'm', 1]);
    assert.equal(joined.heartbeatIntervalMs, 5000);
    assert.deepEqual(joined.assignment, { topicPartitions: [{ topicId, partitions: [0, 1] }] });
    const beat = { groupId: 'g', memberId: 'm', memberEpoch: 1 };
    const answer = await connection.call(allExchanges.consumerGroupHeartbeat, 1, beat);
    assert.deepEqual([answer.errorCode, answer.assignment], [0, null]);
  });

  it('makes the member id in version 0 and says why it refuses', async () => {
    const made = await connection.call(allExchanges.consumerGroupHeartbeat, 0, joining('g0', { memberId: '' }));
    assert.ok(made.memberId!.length > 20);
    const refused = await connection.call(allExchanges.consumerGroupHeartbeat, 1, joining('g1', { memberId: '' }));
    assert.equal(refused.errorCode, ErrorCode.INVALID_REQUEST);
    assert.equal(refused.errorMessage, "MemberId can't be empty.");
    const regex = joining('g1', { subscribedTopicNames: null, subscribedTopicRegex: '(' });
    const unread = await connection.call(allExchanges.consumerGroupHeartbeat, 1, regex);
    assert.equal(unread.errorCode, ErrorCode.INVALID_REGULAR_EXPRESSION);
  });
});

describe('what other APIs say of such a group', () => {
  it('is described by its own API, with epochs, and not by the classic one', async () => {
    const { groups } = await connection.call(allExchanges.consumerGroupDescribe, 1, { groupIds: ['g', 'none'] });
    const [group, unknown] = groups;
    assert.deepEqual(
      [group!.groupState, group!.groupEpoch, group!.assignmentEpoch, group!.assignorName],
      ['Stable', 1, 1, 'uniform'],
    );
    const [member] = group!.members;
    assert.deepEqual([member!.memberId, member!.memberEpoch, member!.memberType], ['m', 1, 1]);
    assert.deepEqual(member!.assignment.topicPartitions[0]!.topicName, 't');
    assert.deepEqual(member!.assignment, member!.targetAssignment);
    assert.equal(unknown!.errorCode, ErrorCode.GROUP_ID_NOT_FOUND);
    const classic = await connection.call(allExchanges.describeGroups, 6, { groups: ['g'] });
    assert.deepEqual(
      [classic.groups[0]!.errorCode, classic.groups[0]!.groupState],
      [ErrorCode.GROUP_ID_NOT_FOUND, 'Dead'],
    );
  });

  it('is listed with its type', async () => {
    const { groups } = await connection.call(allExchanges.listGroups, 5, {
      typesFilter: ['Consumer'],
      statesFilter: [],
    });
    const listed = groups.find(({ groupId }) => groupId === 'g')!;
    assert.deepEqual([listed.groupType, listed.groupState, listed.protocolType], ['consumer', 'Stable', 'consumer']);
    const classic = await connection.call(allExchanges.listGroups, 5, { typesFilter: ['classic'], statesFilter: [] });
    assert.deepEqual(classic.groups, []);
  });

  it('keeps its offsets by member epoch', async () => {
    const { topicId } = kafka.broker.topics.get('t')!;
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: 'x' }];
    const commit = async (generationIdOrMemberEpoch: number): Promise<number> => {
      const request = { groupId: 'g', memberId: 'm', generationIdOrMemberEpoch, topics: [{ topicId, partitions }] };
      const { topics } = await connection.call(allExchanges.offsetCommit, 10, request);
      return topics[0]!.partitions[0]!.errorCode;
    };
    assert.deepEqual([await commit(1), await commit(2)], [0, ErrorCode.STALE_MEMBER_EPOCH]);
    const fetch = (memberEpoch: number) => {
      const topics = [{ topicId, partitionIndexes: [0] }];
      return connection.call(allExchanges.offsetFetch, 10, {
        groups: [{ groupId: 'g', memberId: 'm', memberEpoch, topics }],
        requireStable: true,
      });
    };
    assert.equal((await fetch(1)).groups[0]!.topics[0]!.partitions[0]!.committedOffset, 5);
    assert.equal((await fetch(2)).groups[0]!.errorCode, ErrorCode.STALE_MEMBER_EPOCH);
  });
});

describe('DescribeQuorum', () => {
  it('shows one voter with the figures of the metadata log', async () => {
    const topics = [
      { topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] },
      { topicName: 't', partitions: [{ partitionIndex: 0 }] },
    ];
    const answer = await connection.call(allExchanges.describeQuorum, 2, { topics });
    const [metadata] = answer.topics[0]!.partitions;
    assert.deepEqual([answer.errorCode, metadata!.errorCode, metadata!.leaderId], [0, 0, kafka.broker.nodeId]);
    assert.ok(metadata!.highWatermark > 0 && metadata!.currentVoters[0]!.logEndOffset === metadata!.highWatermark);
    assert.deepEqual([metadata!.currentVoters.length, metadata!.observers.length], [1, 0]);
    assert.equal(answer.topics[1]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal(answer.nodes[0]!.listeners[0]!.port, kafka.broker.address.port);
  });
});

describe('UpdateFeatures', () => {
  const update = (feature: string, maxVersionLevel: number) => ({
    timeoutMs: 60_000,
    featureUpdates: [{ feature, maxVersionLevel, upgradeType: 1 }],
  });

  it('accepts the level that is finalized and refuses others with the reason', async () => {
    const same = await connection.call(allExchanges.updateFeatures, 2, update('group.version', 1));
    assert.equal(same.errorCode, 0);
    const other = await connection.call(allExchanges.updateFeatures, 2, update('group.version', 0));
    assert.deepEqual([other.errorCode, /always runs it at 1/.test(other.errorMessage!)], [95, true]);
    const unknown = await connection.call(allExchanges.updateFeatures, 1, update('nope', 1));
    assert.deepEqual([unknown.errorCode, unknown.results[0]!.errorCode], [0, ErrorCode.INVALID_UPDATE_VERSION]);
  });
});

describe('ListConfigResources', () => {
  it('lists topics and the broker, by type', async () => {
    const all = await connection.call(allExchanges.listConfigResources, 1, { resourceTypes: [] });
    const named = all.configResources.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`);
    assert.ok(named.includes('2 t') && named.includes(`4 ${kafka.broker.nodeId}`));
    const metrics = await connection.call(allExchanges.listConfigResources, 0, {});
    assert.deepEqual([metrics.errorCode, metrics.configResources], [0, []]);
    const unknown = await connection.call(allExchanges.listConfigResources, 1, { resourceTypes: [99] });
    assert.equal(unknown.errorCode, ErrorCode.UNSUPPORTED_VERSION);
  });
});
