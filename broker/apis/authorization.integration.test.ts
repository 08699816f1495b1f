/**
 * What clients without the right are told, API by API, with Kafka's error of each; and that they are told nothing more.
 * kafkajs where it can ask, else our own connection.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startGuardedBroker } from '../../test/kit/guarded-broker.ts';
import { type Exchange, exchange, exchanges, KafkaConnection } from '../../test/kit/kafka.ts';
import { Operation, PatternType, Permission, ResourceType } from '../protocol/acl-codes.ts';
import { type ErrorCode, errorName } from '../protocol/error-codes.ts';
import { encodeAlterClientQuotasRequest } from '../protocol/messages/generated/alter-client-quotas-request.ts';
import { decodeAlterClientQuotasResponse } from '../protocol/messages/generated/alter-client-quotas-response.ts';
import { encodeAlterUserScramCredentialsRequest } from '../protocol/messages/generated/alter-user-scram-credentials-request.ts';
import { decodeAlterUserScramCredentialsResponse } from '../protocol/messages/generated/alter-user-scram-credentials-response.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeCreateAclsRequest } from '../protocol/messages/generated/create-acls-request.ts';
import { decodeCreateAclsResponse } from '../protocol/messages/generated/create-acls-response.ts';
import { encodeDeleteAclsRequest } from '../protocol/messages/generated/delete-acls-request.ts';
import { decodeDeleteAclsResponse } from '../protocol/messages/generated/delete-acls-response.ts';
import { encodeDeleteTopicsRequest } from '../protocol/messages/generated/delete-topics-request.ts';
import { decodeDeleteTopicsResponse } from '../protocol/messages/generated/delete-topics-response.ts';
import { encodeDescribeAclsRequest } from '../protocol/messages/generated/describe-acls-request.ts';
import { decodeDescribeAclsResponse } from '../protocol/messages/generated/describe-acls-response.ts';
import { encodeDescribeClientQuotasRequest } from '../protocol/messages/generated/describe-client-quotas-request.ts';
import { decodeDescribeClientQuotasResponse } from '../protocol/messages/generated/describe-client-quotas-response.ts';
import { encodeDescribeConfigsRequest } from '../protocol/messages/generated/describe-configs-request.ts';
import { decodeDescribeConfigsResponse } from '../protocol/messages/generated/describe-configs-response.ts';
import { encodeDescribeUserScramCredentialsRequest } from '../protocol/messages/generated/describe-user-scram-credentials-request.ts';
import { decodeDescribeUserScramCredentialsResponse } from '../protocol/messages/generated/describe-user-scram-credentials-response.ts';
import { encodeFindCoordinatorRequest } from '../protocol/messages/generated/find-coordinator-request.ts';
import { decodeFindCoordinatorResponse } from '../protocol/messages/generated/find-coordinator-response.ts';
import { encodeHeartbeatRequest } from '../protocol/messages/generated/heartbeat-request.ts';
import { decodeHeartbeatResponse } from '../protocol/messages/generated/heartbeat-response.ts';
import { encodeInitProducerIdRequest } from '../protocol/messages/generated/init-producer-id-request.ts';
import { decodeInitProducerIdResponse } from '../protocol/messages/generated/init-producer-id-response.ts';
import { encodeJoinGroupRequest } from '../protocol/messages/generated/join-group-request.ts';
import { decodeJoinGroupResponse } from '../protocol/messages/generated/join-group-response.ts';
import { encodeListGroupsRequest } from '../protocol/messages/generated/list-groups-request.ts';
import { decodeListGroupsResponse } from '../protocol/messages/generated/list-groups-response.ts';
import { encodeListOffsetsRequest } from '../protocol/messages/generated/list-offsets-request.ts';
import { decodeListOffsetsResponse } from '../protocol/messages/generated/list-offsets-response.ts';
import { encodeOffsetCommitRequest } from '../protocol/messages/generated/offset-commit-request.ts';
import { decodeOffsetCommitResponse } from '../protocol/messages/generated/offset-commit-response.ts';
import { encodeOffsetFetchRequest } from '../protocol/messages/generated/offset-fetch-request.ts';
import { decodeOffsetFetchResponse } from '../protocol/messages/generated/offset-fetch-response.ts';
import { encodeSaslAuthenticateRequest } from '../protocol/messages/generated/sasl-authenticate-request.ts';
import { decodeSaslAuthenticateResponse } from '../protocol/messages/generated/sasl-authenticate-response.ts';
import { encodeSaslHandshakeRequest } from '../protocol/messages/generated/sasl-handshake-request.ts';
import { decodeSaslHandshakeResponse } from '../protocol/messages/generated/sasl-handshake-response.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { BatchBuilder } from '../protocol/records.ts';

const guarded = await startGuardedBroker({ after }, { protocol: 'SASL_PLAINTEXT', mechanisms: 'PLAIN' });
const user = 'mallory';
const topic = 'secret';
let connection: KafkaConnection;
let topicId: string;

const noBatch = () => {
  const builder = new BatchBuilder();
  builder.append(Date.now(), null, Buffer.from('x'), []);
  return builder.build();
};

/** One request and the error codes its answer holds, in order. */
interface Case {
  readonly what: string;
  readonly errors: readonly (keyof typeof ErrorCode)[];
  ask(): Promise<readonly number[]>;
}

function ask<Request, Response>(
  what: string,
  api: Exchange<Request, Response>,
  version: number,
  request: () => Request,
  codes: (response: Response) => readonly number[],
  ...errors: (keyof typeof ErrorCode)[]
): Case {
  return { what, errors, ask: async () => codes(await connection.call(api, version, request())) };
}

const T = 'TOPIC_AUTHORIZATION_FAILED';
const G = 'GROUP_AUTHORIZATION_FAILED';
const C = 'CLUSTER_AUTHORIZATION_FAILED';
const anyAcl = {
  resourceTypeFilter: ResourceType.any,
  resourceNameFilter: null,
  patternTypeFilter: PatternType.any,
  principalFilter: null,
  hostFilter: null,
  operation: Operation.any,
  permissionType: Permission.any,
};
const myAcl = {
  resourceType: ResourceType.topic,
  resourceName: '*',
  resourcePatternType: PatternType.literal,
  principal: `User:${user}`,
  host: '*',
  operation: Operation.all,
  permissionType: Permission.allow,
};

before(async () => {
  await guarded.addUser(user, 'secret');
  await guarded.broker.topics.create([{ name: topic, partitions: 1 }]);
  topicId = guarded.broker.topics.get(topic)!.topicId;
  connection = await logIn();
});
after(() => connection.close());

async function logIn(): Promise<KafkaConnection> {
  const own = await KafkaConnection.open({ address: { host: '127.0.0.1', port: guarded.port } });
  const handshake = exchange(apis.saslHandshake, encodeSaslHandshakeRequest, decodeSaslHandshakeResponse);
  const authenticate = exchange(apis.saslAuthenticate, encodeSaslAuthenticateRequest, decodeSaslAuthenticateResponse);
  await own.call(handshake, 1, { mechanism: 'PLAIN' });
  const { errorCode } = await own.call(authenticate, 1, { authBytes: Buffer.from(`\0${user}\0secret`) });
  assert.equal(errorCode, 0);
  return own;
}

const fetchTopic = (byId: boolean) => ({
  maxWaitMs: 0,
  topics: [
    {
      topic: byId ? '' : topic,
      topicId: byId ? topicId : zeroUuid,
      partitions: [{ partition: 0, partitionMaxBytes: 1000 }],
    },
  ],
});

const cases: readonly Case[] = [
  ask(
    'Produce',
    exchanges.produce,
    9,
    () => ({ acks: -1, topicData: [{ name: topic, partitionData: [{ index: 0, records: noBatch() }] }] }),
    ({ responses }) => responses.map(({ partitionResponses }) => partitionResponses[0]!.errorCode),
    T,
  ),
  ask(
    'Produce to a topic that is not there either',
    exchanges.produce,
    9,
    () => ({ acks: -1, topicData: [{ name: 'nowhere', partitionData: [{ index: 0, records: noBatch() }] }] }),
    ({ responses }) => responses.map(({ partitionResponses }) => partitionResponses[0]!.errorCode),
    T,
  ),
  ask(
    'Fetch',
    exchanges.fetch,
    12,
    () => fetchTopic(false),
    (r) => [r.responses[0]!.partitions[0]!.errorCode],
    T,
  ),
  ask(
    'Fetch by id',
    exchanges.fetch,
    13,
    () => fetchTopic(true),
    (r) => [r.responses[0]!.partitions[0]!.errorCode],
    T,
  ),
  ask(
    'ListOffsets',
    exchange(apis.listOffsets, encodeListOffsetsRequest, decodeListOffsetsResponse),
    7,
    () => ({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }),
    ({ topics }) => [topics[0]!.partitions[0]!.errorCode],
    T,
  ),
  ask(
    'Metadata of a name, there or not',
    exchanges.metadata,
    9,
    () => ({ topics: [{ name: topic }, { name: 'nowhere' }], allowAutoTopicCreation: true }),
    ({ topics }) => topics.map(({ errorCode }) => errorCode),
    T,
    T,
  ),
  ask(
    'Metadata of an id',
    exchanges.metadata,
    12,
    () => ({ topics: [{ name: null, topicId }] }),
    ({ topics }) => [topics[0]!.errorCode, topics[0]!.name === null ? 0 : -1],
    'UNKNOWN_TOPIC_ID',
    'NONE',
  ),
  ask(
    'Metadata of everything',
    exchanges.metadata,
    9,
    () => ({ topics: null }),
    (r) => r.topics.map((t) => t.errorCode),
  ),
  ask(
    'OffsetCommit',
    exchange(apis.offsetCommit, encodeOffsetCommitRequest, decodeOffsetCommitResponse),
    8,
    () => ({ groupId: 'g', topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] }),
    ({ topics }) => [topics[0]!.partitions[0]!.errorCode],
    G,
  ),
  ask(
    'OffsetFetch',
    exchange(apis.offsetFetch, encodeOffsetFetchRequest, decodeOffsetFetchResponse),
    8,
    () => ({ groups: [{ groupId: 'g', topics: null }] }),
    ({ groups }) => [groups[0]!.errorCode],
    G,
  ),
  ask(
    'FindCoordinator of a group',
    exchange(apis.findCoordinator, encodeFindCoordinatorRequest, decodeFindCoordinatorResponse),
    4,
    () => ({ keyType: 0, coordinatorKeys: ['g'] }),
    ({ coordinators }) => [coordinators[0]!.errorCode],
    G,
  ),
  ask(
    'FindCoordinator of a transaction',
    exchange(apis.findCoordinator, encodeFindCoordinatorRequest, decodeFindCoordinatorResponse),
    4,
    () => ({ keyType: 1, coordinatorKeys: ['t'] }),
    ({ coordinators }) => [coordinators[0]!.errorCode],
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  ),
  ask(
    'JoinGroup',
    exchange(apis.joinGroup, encodeJoinGroupRequest, decodeJoinGroupResponse),
    7,
    () => ({ groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols: [] }),
    ({ errorCode }) => [errorCode],
    G,
  ),
  ask(
    'Heartbeat',
    exchange(apis.heartbeat, encodeHeartbeatRequest, decodeHeartbeatResponse),
    4,
    () => ({ groupId: 'g', generationId: 1, memberId: 'm' }),
    ({ errorCode }) => [errorCode],
    G,
  ),
  ask(
    'ListGroups',
    exchange(apis.listGroups, encodeListGroupsRequest, decodeListGroupsResponse),
    4,
    () => ({}),
    ({ errorCode, groups }) => [errorCode, ...groups.map(() => -1)],
    'NONE',
  ),
  ask(
    'InitProducerId without a transaction',
    exchange(apis.initProducerId, encodeInitProducerIdRequest, decodeInitProducerIdResponse),
    4,
    () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    ({ errorCode }) => [errorCode],
    C,
  ),
  ask(
    'InitProducerId with one',
    exchange(apis.initProducerId, encodeInitProducerIdRequest, decodeInitProducerIdResponse),
    4,
    () => ({ transactionalId: 't', transactionTimeoutMs: 1000 }),
    ({ errorCode }) => [errorCode],
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  ),
  ask(
    'CreateTopics',
    exchanges.createTopics,
    5,
    () => ({ topics: [{ name: 'mine', numPartitions: 1, replicationFactor: 1 }] }),
    ({ topics }) => [topics[0]!.errorCode],
    T,
  ),
  ask(
    'DeleteTopics',
    exchange(apis.deleteTopics, encodeDeleteTopicsRequest, decodeDeleteTopicsResponse),
    5,
    () => ({ topicNames: [topic] }),
    ({ responses }) => [responses[0]!.errorCode],
    T,
  ),
  ask(
    'DescribeConfigs of a topic and of the broker',
    exchange(apis.describeConfigs, encodeDescribeConfigsRequest, decodeDescribeConfigsResponse),
    4,
    () => ({
      resources: [
        { resourceType: 2, resourceName: topic, configurationKeys: null },
        { resourceType: 4, resourceName: '1', configurationKeys: null },
      ],
    }),
    ({ results }) => results.map(({ errorCode }) => errorCode),
    T,
    C,
  ),
  ask(
    'DescribeAcls',
    exchange(apis.describeAcls, encodeDescribeAclsRequest, decodeDescribeAclsResponse),
    3,
    () => anyAcl,
    ({ errorCode }) => [errorCode],
    C,
  ),
  ask(
    'CreateAcls',
    exchange(apis.createAcls, encodeCreateAclsRequest, decodeCreateAclsResponse),
    3,
    () => ({ creations: [myAcl] }),
    ({ results }) => [results[0]!.errorCode],
    C,
  ),
  ask(
    'DeleteAcls',
    exchange(apis.deleteAcls, encodeDeleteAclsRequest, decodeDeleteAclsResponse),
    3,
    () => ({ filters: [anyAcl] }),
    ({ filterResults }) => [filterResults[0]!.errorCode],
    C,
  ),
  ask(
    'DescribeUserScramCredentials',
    exchange(
      apis.describeUserScramCredentials,
      encodeDescribeUserScramCredentialsRequest,
      decodeDescribeUserScramCredentialsResponse,
    ),
    0,
    () => ({ users: null }),
    ({ errorCode }) => [errorCode],
    C,
  ),
  ask(
    'AlterUserScramCredentials',
    exchange(
      apis.alterUserScramCredentials,
      encodeAlterUserScramCredentialsRequest,
      decodeAlterUserScramCredentialsResponse,
    ),
    0,
    () => ({ deletions: [{ name: user, mechanism: 1 }], upsertions: [] }),
    ({ results }) => [results[0]!.errorCode],
    C,
  ),
  ask(
    'DescribeClientQuotas',
    exchange(apis.describeClientQuotas, encodeDescribeClientQuotasRequest, decodeDescribeClientQuotasResponse),
    1,
    () => ({ components: [], strict: false }),
    ({ errorCode }) => [errorCode],
    C,
  ),
  ask(
    'AlterClientQuotas',
    exchange(apis.alterClientQuotas, encodeAlterClientQuotasRequest, decodeAlterClientQuotasResponse),
    1,
    () => ({
      entries: [
        { entity: [{ entityType: 'user', entityName: user }], ops: [{ key: 'producer_byte_rate', value: 1e9 }] },
      ],
    }),
    ({ entries }) => [entries[0]!.errorCode],
    C,
  ),
];

describe('whoever may nothing', () => {
  for (const { what, errors, ask } of cases) {
    it(`is answered ${errors.join(', ') || 'nothing'} by ${what}`, async () => {
      assert.deepEqual((await ask()).map(errorName), errors);
    });
  }

  it('has changed nothing by asking', () => {
    assert.equal(guarded.broker.topics.get('mine'), undefined);
    assert.equal(guarded.broker.topics.get('nowhere'), undefined);
    assert.notEqual(guarded.broker.topics.get(topic), undefined);
    assert.equal(guarded.broker.security.acls.count, 0);
    assert.equal(guarded.broker.security.quotas.isEmpty, true);
    assert.equal(guarded.broker.security.users.mechanismsOf(user).length, 2);
  });
});

describe('whoever may one thing', () => {
  it('may do that, is told so, and may still do nothing else', async () => {
    await guarded.allow(`User:${user}`, { resourceName: topic, operation: Operation.read });
    const { topics } = await connection.call(exchanges.metadata, 9, {
      topics: null,
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    });
    assert.deepEqual(
      topics.map(({ name }) => name),
      [topic],
    );
    assert.equal(topics[0]!.topicAuthorizedOperations, (1 << Operation.read) | (1 << Operation.describe));
    const fetched = await connection.call(exchanges.fetch, 12, fetchTopic(false));
    assert.equal(fetched.responses[0]!.partitions[0]!.errorCode, 0);
    const produced = await connection.call(exchanges.produce, 9, {
      acks: -1,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: noBatch() }] }],
    });
    assert.equal(errorName(produced.responses[0]!.partitionResponses[0]!.errorCode), T);
  });

  it('loses a fetch session’s partition with the right to read it', async () => {
    const session = await connection.call(exchanges.fetch, 12, { ...fetchTopic(false), sessionEpoch: 0 });
    assert.notEqual(session.sessionId, 0);
    await guarded.broker.security.acls.remove([anyAcl]);
    const next = { maxWaitMs: 0, sessionId: session.sessionId, sessionEpoch: 1, topics: [] };
    const { responses } = await connection.call(exchanges.fetch, 12, next);
    assert.equal(errorName(responses[0]!.partitions[0]!.errorCode), T);
  });
});
