/**
 * Share groups over real sockets: sessions, waiting, acknowledgements on a fetch, and the APIs about their offsets. What
 * Kafka's own consumer makes of it is in test/compat/clients.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { allExchanges } from '../../test/kit/exchanges.ts';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';
import { exchange, KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { RawClient, timedBatch } from '../../test/kit/raw-client.ts';
import { ShareMember } from '../../test/kit/share-member.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeSaslAuthenticateRequest } from '../protocol/messages/generated/sasl-authenticate-request.ts';
import { decodeSaslAuthenticateResponse } from '../protocol/messages/generated/sasl-authenticate-response.ts';
import { encodeSaslHandshakeRequest } from '../protocol/messages/generated/sasl-handshake-request.ts';
import { decodeSaslHandshakeResponse } from '../protocol/messages/generated/sasl-handshake-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { AcknowledgeType } from '../share/types.ts';

const { accept, release, renew } = AcknowledgeType;
let kafka: TestBroker;
let client: RawClient;
let topics = 0;

before(async () => {
  kafka = await startTestBroker({ config: { 'group.share.max.share.sessions': '20' } });
  client = await RawClient.connect(kafka);
});
after(() => kafka.remove());

const values = (count: number) => timedBatch(Array.from({ length: count }, (_, i): [number, string] => [i, `v${i}`]));

/** A topic of its own with a member that has begun at its start. */
async function begun(partitions = 1): Promise<{ topic: string; group: string; member: ShareMember }> {
  const topic = `share-${++topics}`;
  await client.createTopic(topic, partitions);
  const member = await ShareMember.join(kafka.broker, `group-${topics}`, topic);
  assert.deepEqual(await member.fetch(), []);
  return { topic, group: `group-${topics}`, member };
}

describe('a share session', () => {
  it('goes on by its epoch, and says which it does not know', async () => {
    const { group, member } = await begun();
    const fetch = (shareSessionEpoch: number, memberId = member.memberId) =>
      member.connection.call(allExchanges.shareFetch, 2, {
        groupId: group,
        memberId,
        shareSessionEpoch,
        maxRecords: 1,
      });
    assert.equal((await fetch(7)).errorCode, ErrorCode.INVALID_SHARE_SESSION_EPOCH);
    assert.equal((await fetch(1, 'stranger')).errorCode, ErrorCode.SHARE_SESSION_NOT_FOUND);
    assert.equal((await fetch(1)).errorCode, 0);
    assert.equal((await fetch(-1)).errorCode, 0);
    assert.equal((await fetch(2)).errorCode, ErrorCode.SHARE_SESSION_NOT_FOUND);
    member.close();
  });

  it('is opened by a fetch that acknowledges nothing, by a member with a name', async () => {
    const { group, member } = await begun();
    const partition = {
      partitionIndex: 0,
      acknowledgementBatches: [{ firstOffset: 0, lastOffset: 0, acknowledgeTypes: [1] }],
    };
    const request = { groupId: group, memberId: 'm', topics: [{ topicId: member.topicId, partitions: [partition] }] };
    const opening = await member.connection.call(allExchanges.shareFetch, 2, { ...request, shareSessionEpoch: 0 });
    assert.equal(opening.errorCode, ErrorCode.INVALID_REQUEST);
    const nameless = await member.connection.call(allExchanges.shareFetch, 2, { groupId: group, memberId: '' });
    assert.equal(nameless.errorCode, ErrorCode.INVALID_REQUEST);
    const acknowledging = await member.connection.call(allExchanges.shareAcknowledge, 2, {
      ...request,
      shareSessionEpoch: 0,
    });
    assert.equal(acknowledging.errorCode, ErrorCode.INVALID_SHARE_SESSION_EPOCH);
    member.close();
  });

  it('ends with its connection, and what its member held is for others at once, as if never delivered', async () => {
    const { topic, group, member } = await begun();
    await client.produce(topic, values(5));
    const other = await ShareMember.join(kafka.broker, group, topic);
    assert.equal((await member.fetch()).length, 5);
    assert.deepEqual(await other.fetch(), []);
    const waiting = other.fetch({ maxWaitMs: 60_000 });
    member.close();
    assert.deepEqual(
      (await waiting).map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [0, 1, 2, 3, 4].map((offset) => [offset, 1]),
    );
    other.close();
  });

  it('is one of so many, and who comes too late waits before it hears so', async () => {
    const { group, member } = await begun();
    const open = (memberId: string, maxWaitMs: number) =>
      member.connection.call(allExchanges.shareFetch, 2, { groupId: group, memberId, shareSessionEpoch: 0, maxWaitMs });
    let error = 0;
    for (let i = 0; i < 21 && error === 0; i++) error = (await open(`extra-${i}`, 0)).errorCode;
    assert.equal(error, ErrorCode.SHARE_SESSION_LIMIT_REACHED);
    const started = performance.now();
    assert.equal((await open('late', 100)).errorCode, ErrorCode.SHARE_SESSION_LIMIT_REACHED);
    assert.ok(performance.now() - started >= 90);
    member.close();
  });
});

describe('ShareFetch', () => {
  it('waits for records, and gives them as soon as they are there', async () => {
    const { topic, member } = await begun(2);
    const waiting = member.fetch({ maxWaitMs: 60_000 });
    await client.produce(topic, values(3), { partition: 1 });
    assert.deepEqual(
      (await waiting).map(({ partition, value }) => [partition, value]),
      [
        [1, 'v0'],
        [1, 'v1'],
        [1, 'v2'],
      ],
    );
    member.close();
  });

  it('waits for records that come back', async () => {
    const { topic, group, member } = await begun();
    await client.produce(topic, values(2));
    const other = await ShareMember.join(kafka.broker, group, topic);
    await member.fetch();
    const waiting = other.fetch({ maxWaitMs: 60_000 });
    assert.equal(await member.acknowledge([[1, 1, [release]]]), 0);
    assert.deepEqual(
      (await waiting).map(({ offset, deliveryCount }) => [offset, deliveryCount]),
      [[1, 2]],
    );
    member.close();
    other.close();
  });

  it('takes acknowledgements along, answers both for each partition, and gives again what they release', async () => {
    const { topic, group, member } = await begun();
    await client.produce(topic, values(2));
    await member.fetch();
    const batches = [{ firstOffset: 0, lastOffset: 1, acknowledgeTypes: [accept, release] }];
    const { responses } = await member.connection.call(allExchanges.shareFetch, 2, {
      groupId: group,
      memberId: member.memberId,
      shareSessionEpoch: 2,
      maxWaitMs: 60_000,
      minBytes: 1,
      maxBytes: 1000,
      maxRecords: 10,
      topics: [{ topicId: member.topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: batches }] }],
    });
    const [partition] = responses[0]!.partitions;
    assert.equal(partition!.acknowledgeErrorCode, 0);
    assert.deepEqual(partition!.acquiredRecords, [{ firstOffset: 1, lastOffset: 1, deliveryCount: 2 }]);
    member.close();
  });

  it('says of each partition what is wrong with it', async () => {
    const { group, member } = await begun();
    const partitions = [{ partitionIndex: 0 }, { partitionIndex: 9 }];
    const { responses } = await member.connection.call(allExchanges.shareFetch, 2, {
      groupId: group,
      memberId: member.memberId,
      shareSessionEpoch: 0,
      maxRecords: 1,
      topics: [
        { topicId: member.topicId, partitions },
        { topicId: zeroUuid, partitions: [{ partitionIndex: 0 }] },
      ],
    });
    const errors = responses.flatMap(({ partitions: each }) =>
      each.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
    );
    assert.deepEqual(errors.sort(), [
      [0, ErrorCode.UNKNOWN_TOPIC_ID],
      [9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    member.close();
  });

  it('gives no more bytes than were acquired: batches that are somebody else’s stay behind', async () => {
    const { topic, member } = await begun();
    for (let batch = 0; batch < 10; batch++) await client.produce(topic, values(10));
    const { responses } = await member.fetchRaw({ maxRecords: 20 });
    const [partition] = responses[0]!.partitions;
    assert.deepEqual(partition!.acquiredRecords, [{ firstOffset: 0, lastOffset: 19, deliveryCount: 1 }]);
    assert.equal(partition!.records.length, values(10).length * 2);
    member.close();
  });
});

describe('ShareAcknowledge', () => {
  it('refuses what cannot be, partition by partition', async () => {
    const { topic, member } = await begun();
    await client.produce(topic, values(5));
    await member.fetch();
    assert.equal(await member.acknowledge([[3, 1, [accept]]]), ErrorCode.INVALID_REQUEST);
    assert.equal(await member.acknowledge([[0, 4, [accept, accept]]]), ErrorCode.INVALID_REQUEST);
    assert.equal(await member.acknowledge([[0, 0, []]]), ErrorCode.INVALID_REQUEST);
    assert.equal(await member.acknowledge([[0, 0, [9]]]), ErrorCode.INVALID_REQUEST);
    assert.equal(
      await member.acknowledge([
        [2, 3, [accept]],
        [3, 4, [accept]],
      ]),
      ErrorCode.INVALID_REQUEST,
    );
    assert.equal(await member.acknowledge([[7, 7, [accept]]]), ErrorCode.INVALID_RECORD_STATE);
    assert.equal(await member.acknowledge([[0, 0, [accept]]], { partition: 3 }), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal(await member.acknowledge([[0, 4, [accept]]]), 0);
    member.close();
  });

  it('renews locks only where the request says so, which version 1 cannot', async () => {
    const { topic, member } = await begun();
    await client.produce(topic, values(1));
    await member.fetch();
    assert.equal(await member.acknowledge([[0, 0, [renew]]]), ErrorCode.INVALID_REQUEST);
    assert.equal(await member.acknowledge([[0, 0, [renew]]], { version: 1 }), ErrorCode.INVALID_REQUEST);
    assert.equal(await member.acknowledge([[0, 0, [renew]]], { isRenewAck: true }), 0);
    assert.equal(await member.acknowledge([[0, 0, [accept]]]), 0);
    member.close();
  });
});

describe('what a share group has done', () => {
  const placesOf = async (group: string, topicName: string | null = null) => {
    const asked = { groupId: group, topics: topicName === null ? null : [{ topicName, partitions: [0] }] };
    const { groups } = await client.call(allExchanges.describeShareGroupOffsets, 1, { groups: [asked] });
    return groups[0]!;
  };

  it('is told with its lag, and outlives a restart', async (context) => {
    const own = await startTestBroker();
    let running = own;
    context.after(() => running.remove());
    const raw = await RawClient.connect(own);
    await raw.createTopic('t');
    const member = await ShareMember.join(own.broker, 'g', 't');
    await member.fetch();
    await raw.produce('t', values(10));
    await member.fetch();
    assert.equal(
      await member.acknowledge([
        [0, 2, [accept]],
        [5, 5, [accept]],
        [6, 6, [release]],
      ]),
      0,
    );
    running = await own.restart();
    const asked = { groups: [{ groupId: 'g', topics: null }] };
    const connection = await running.connect();
    const { groups } = await connection.call(allExchanges.describeShareGroupOffsets, 1, asked);
    const [place] = groups[0]!.topics[0]!.partitions;
    assert.deepEqual([place!.startOffset, place!.lag], [3, 6]);
    const next = await ShareMember.join(running.broker, 'g', 't');
    assert.deepEqual(
      (await next.fetch()).map(({ offset, deliveryCount }) => `${offset}:${deliveryCount}`),
      ['3:1', '4:1', '6:2', '7:1', '8:1', '9:1'],
    );
    next.close();
  });

  it('takes no more room in its topic than it needs', async (context) => {
    const config = {
      'share.coordinator.state.topic.prune.interval.ms': '20',
      'share.coordinator.snapshot.update.records.per.snapshot': '3',
      'share.coordinator.state.topic.num.partitions': '1',
    };
    const own = await startTestBroker({ config });
    let running = own;
    context.after(() => running.remove());
    const raw = await RawClient.connect(own);
    await raw.createTopic('t');
    const member = await ShareMember.join(own.broker, 'g', 't');
    await member.fetch();
    await raw.produce('t', values(40));
    await member.fetch();
    for (let offset = 0; offset < 39; offset++) assert.equal(await member.acknowledge([[offset, offset, [accept]]]), 0);
    const state = own.broker.log('__share_group_state', 0);
    const kept = (): number => state.logEndOffset - state.logStartOffset;
    for (let i = 0; i < 3000 && kept() > 4; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(kept() <= 4, `${kept()} records are kept: a snapshot and three updates would do`);
    running = await own.restart();
    const next = await ShareMember.join(running.broker, 'g', 't');
    assert.deepEqual(
      (await next.fetch()).map(({ offset }) => offset),
      [39],
    );
    next.close();
  });

  it('can be altered while nobody is there, also for a group that is not there yet', async () => {
    const { topic, group, member } = await begun();
    await client.produce(topic, values(10));
    const alter = (groupId: string, topicName: string) =>
      client.call(allExchanges.alterShareGroupOffsets, 0, {
        groupId,
        topics: [{ topicName, partitions: [{ partitionIndex: 0, startOffset: 6 }] }],
      });
    assert.equal((await alter(group, topic)).errorCode, ErrorCode.NON_EMPTY_GROUP);
    const unknown = await alter('fresh', 'nowhere');
    assert.equal(unknown.responses[0]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal((await placesOf('fresh')).errorCode, ErrorCode.GROUP_ID_NOT_FOUND);
    await member.leave();
    for (const name of [group, 'fresh']) {
      const { errorCode, responses } = await alter(name, topic);
      assert.deepEqual([errorCode, responses[0]!.partitions[0]!.errorCode], [0, 0]);
      assert.equal((await placesOf(name, topic)).topics[0]!.partitions[0]!.startOffset, 6);
    }
    const next = await ShareMember.join(kafka.broker, 'fresh', topic);
    assert.deepEqual(
      (await next.fetch()).map(({ offset }) => offset),
      [6, 7, 8, 9],
    );
    await next.leave();
  });

  it('is forgotten topic by topic, or with the group', async () => {
    const { topic, group, member } = await begun();
    const remove = (topicName: string) =>
      client.call(allExchanges.deleteShareGroupOffsets, 0, { groupId: group, topics: [{ topicName }] });
    assert.equal((await remove(topic)).errorCode, ErrorCode.NON_EMPTY_GROUP);
    await member.leave();
    assert.equal((await remove('nowhere')).responses[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    assert.equal((await remove(topic)).responses[0]!.errorCode, 0);
    assert.deepEqual((await placesOf(group)).topics, []);
    const { results } = await client.call(allExchanges.deleteGroups, 2, { groupsNames: [group] });
    assert.equal(results[0]!.errorCode, 0);
    assert.equal((await placesOf(group)).errorCode, ErrorCode.GROUP_ID_NOT_FOUND);
  });

  it('is forgotten with the topic', async () => {
    const { topic, group, member } = await begun();
    await kafka.broker.topics.delete(topic);
    const { responses } = await member.fetchRaw();
    assert.equal(responses[0]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
    assert.equal((await placesOf(group, topic)).topics[0]!.partitions[0]!.startOffset, -1);
    member.close();
  });
});

describe('who may not', () => {
  it('hears GROUP_AUTHORIZATION_FAILED from every API of share groups', async (context) => {
    const guarded = await startGuardedBroker(context, { protocol: 'SASL_PLAINTEXT', mechanisms: 'PLAIN' });
    await guarded.addUser('mallory', 'secret');
    const connection = await KafkaConnection.open({ address: { host: '127.0.0.1', port: guarded.port } });
    const handshake = exchange(apis.saslHandshake, encodeSaslHandshakeRequest, decodeSaslHandshakeResponse);
    const authenticate = exchange(apis.saslAuthenticate, encodeSaslAuthenticateRequest, decodeSaslAuthenticateResponse);
    await connection.call(handshake, 1, { mechanism: 'PLAIN' });
    await connection.call(authenticate, 1, { authBytes: Buffer.from('\0mallory\0secret') });
    const groupId = 'g';
    const member = { groupId, memberId: 'm' };
    const { shareGroupHeartbeat, shareGroupDescribe, shareFetch, shareAcknowledge } = allExchanges;
    const { describeShareGroupOffsets, alterShareGroupOffsets, deleteShareGroupOffsets } = allExchanges;
    const told = [
      (await connection.call(shareGroupHeartbeat, 1, { ...member, subscribedTopicNames: ['t'] })).errorCode,
      (await connection.call(shareGroupDescribe, 1, { groupIds: [groupId] })).groups[0]!.errorCode,
      (await connection.call(shareFetch, 2, member)).errorCode,
      (await connection.call(shareAcknowledge, 2, { ...member, shareSessionEpoch: 1 })).errorCode,
      (await connection.call(describeShareGroupOffsets, 1, { groups: [{ groupId, topics: null }] })).groups[0]!
        .errorCode,
      (await connection.call(alterShareGroupOffsets, 0, { groupId })).errorCode,
      (await connection.call(deleteShareGroupOffsets, 0, { groupId })).errorCode,
    ];
    assert.deepEqual(new Set(told), new Set([ErrorCode.GROUP_AUTHORIZATION_FAILED]));
    connection.close();
  });
});
