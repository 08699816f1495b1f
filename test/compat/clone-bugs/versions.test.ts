/**
 * Where clones of Kafka broke clients by the versions they offered: items 1 to 8, 25 and 27 of the list in
 * docs/clone-bugs.md. Each test is named after what the user saw.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorCode } from '../../../broker/protocol/error-codes.ts';
import { decodeApiVersionsResponse } from '../../../broker/protocol/messages/generated/api-versions-response.ts';
import { type ApiName, apis } from '../../../broker/protocol/messages/generated/apis.ts';
import { Reader } from '../../../broker/protocol/reader.ts';
import { readRecords } from '../../../broker/protocol/records.ts';
import { allExchanges } from '../../kit/exchanges.ts';
import { startGuardedBroker } from '../../kit/guarded-broker.ts';
import {
  batchOf,
  encodeRequest,
  exchanges,
  KafkaConnection,
  startTestBroker,
  type TestBroker,
} from '../../kit/kafka.ts';
import { type Advertised, advertisedBy, software } from '../../kit/negotiate.ts';
import { RawClient, timedBatch } from '../../kit/raw-client.ts';

let kafka: TestBroker;
let client: RawClient;
let advertised: Advertised;
before(async () => {
  kafka = await startTestBroker();
  client = await RawClient.connect(kafka);
  advertised = await advertisedBy(client.connection);
  await client.createTopic('t');
});
after(() => kafka.remove());

/** The maxima of Kafka 2.8, which Sarama and others that do not negotiate may be set to. */
const maximaOf28: Partial<Record<ApiName, number>> = {
  produce: 9,
  fetch: 12,
  listOffsets: 6,
  metadata: 11,
  offsetCommit: 8,
  offsetFetch: 7,
  findCoordinator: 3,
  joinGroup: 7,
  heartbeat: 4,
  leaveGroup: 4,
  syncGroup: 5,
  describeGroups: 5,
  listGroups: 4,
  saslHandshake: 1,
  apiVersions: 3,
  createTopics: 7,
  deleteTopics: 6,
  deleteRecords: 2,
  initProducerId: 4,
  offsetForLeaderEpoch: 4,
  addPartitionsToTxn: 3,
  addOffsetsToTxn: 3,
  endTxn: 3,
  txnOffsetCommit: 3,
  describeAcls: 2,
  createAcls: 2,
  deleteAcls: 2,
  describeConfigs: 4,
  alterConfigs: 2,
  describeLogDirs: 2,
  saslAuthenticate: 2,
  createPartitions: 3,
  deleteGroups: 2,
  electLeaders: 2,
  incrementalAlterConfigs: 1,
  alterPartitionReassignments: 0,
  listPartitionReassignments: 0,
  offsetDelete: 0,
  describeClientQuotas: 1,
  alterClientQuotas: 1,
  describeUserScramCredentials: 0,
  alterUserScramCredentials: 0,
  describeCluster: 0,
  describeProducers: 0,
};

describe('Versions', () => {
  it('1. Sarama, which does not negotiate, saw EOF: all of Kafka 2.8 is there, also as the first request of a connection', async () => {
    for (const [name, max] of Object.entries(maximaOf28) as [ApiName, number][]) {
      const range = advertised.range(name);
      assert.ok(range !== null && range.max >= max, `${name} v${max}`);
    }
    for (const version of [1, 5, 9, 11]) {
      const abrupt = await RawClient.connect(kafka);
      assert.equal((await abrupt.call(exchanges.metadata, version, { topics: [] })).brokers.length, 1);
      abrupt.close();
    }
  });

  it('2. librdkafka saw "ApiArrayCnt -1": a flexible answer counts its APIs; a version too new is answered as version 0', async () => {
    client.connection.send(encodeRequest(allExchanges.apiVersions, 3, software, 1));
    const flexible = new Reader(await client.connection.answer());
    assert.equal(flexible.int32(), 1);
    assert.equal(flexible.int16(), 0, 'no tags in the header, whatever the version');
    assert.ok(flexible.uvarint() > 40, 'the count, plus one');
    const request = encodeRequest(allExchanges.apiVersions, 3, software, 2);
    request.writeInt16BE(50, 6);
    client.connection.send(request);
    const old = new Reader(await client.connection.answer());
    assert.equal(old.int32(), 2);
    assert.equal(decodeApiVersionsResponse(old, 0).errorCode, ErrorCode.UNSUPPORTED_VERSION);
    old.finish();
  });

  it('3. kafka-python was cut off when it asked with a newer ApiVersions: the connection stays, and the retry is served', async () => {
    const newer = await RawClient.connect(kafka);
    for (const version of [4, 5, 6]) {
      const request = encodeRequest(allExchanges.apiVersions, Math.min(version, 5), software, version);
      request.writeInt16BE(version, 6);
      newer.connection.send(request);
      await newer.connection.answer();
    }
    assert.equal((await newer.call(exchanges.metadata, 12, { topics: [] })).brokers.length, 1);
    newer.close();
  });

  it('4. librdkafka sent everything uncompressed: Produce is advertised from 0, and every codec is stored as it came', async () => {
    assert.equal(advertised.range('produce')!.min, 0);
    for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const batch = timedBatch([[Date.now(), codec.repeat(100)]], { codec });
      const { errorCode, baseOffset } = await client.produce('t', batch, { version: 7 });
      assert.equal(errorCode, 0, codec);
      const { records } = await client.fetch('t', baseOffset);
      assert.deepEqual(records!.subarray(16), batch.subarray(16), `${codec}: the bytes received are the bytes sent`);
    }
  });

  it('5. kafka_ex and Kerberos clients lost their groups: JoinGroup 0 and 1 still make a group', async () => {
    for (const version of [0, 1]) {
      const group = `old-${version}`;
      const joined = await client.join(group, { version });
      assert.deepEqual([joined.errorCode, joined.leader], [0, joined.memberId]);
      const synced = await client.call(allExchanges.syncGroup, 0, {
        groupId: group,
        generationId: joined.generationId,
        memberId: joined.memberId,
        assignments: [{ memberId: joined.memberId, assignment: Buffer.from('all') }],
      });
      assert.equal(synced.assignment.toString(), 'all');
    }
  });

  it('6. librdkafka 2.6.0 hung because it sends Fetch 12 whatever is offered: it is answered', async () => {
    assert.ok(advertised.range('fetch')!.max >= 12);
    await client.produce('t', batchOf('six'));
    assert.equal((await client.fetch('t', 0, { version: 12 })).errorCode, 0);
  });

  it('7. platformatic could not connect: Metadata reaches 12 and SaslAuthenticate 2', async (test) => {
    const { topics } = await client.call(exchanges.metadata, 12, { topics: [{ name: 't' }] });
    assert.notEqual(topics[0]!.topicId, 'AAAAAAAAAAAAAAAAAAAAAA');
    const guarded = await startGuardedBroker(test, { protocol: 'SASL_PLAINTEXT', mechanisms: 'PLAIN' });
    await guarded.addUser('alice', 'secret');
    const login = await KafkaConnection.open({ address: { host: '127.0.0.1', port: guarded.port } });
    test.after(() => login.close());
    await login.call(allExchanges.saslHandshake, 1, { mechanism: 'PLAIN' });
    const authBytes = Buffer.from('\0alice\0secret');
    assert.equal((await login.call(allExchanges.saslAuthenticate, 2, { authBytes })).errorCode, 0);
  });

  it('8. Producers of Java 3, idempotent by default, failed: they get a producer id and may compress', async () => {
    for (let version = 0; version <= apis.initProducerId.max; version++) {
      const { errorCode, producerId, producerEpoch } = await client.initProducerId(null, { version });
      assert.equal(errorCode, 0);
      const options = { codec: 'lz4', producerId, producerEpoch, baseSequence: 0 } as const;
      assert.equal((await client.produce('t', timedBatch([[Date.now(), 'x']], options))).errorCode, 0);
    }
  });

  it('25. Old producers of format 0 and 1 are refused in words, not by silence, and the connection goes on', async () => {
    for (const magic of [0, 1]) {
      const batch = batchOf('old');
      batch.writeInt8(magic, 16);
      const { errorCode, errorMessage } = await client.produce('t', batch);
      assert.ok(errorCode === ErrorCode.INVALID_RECORD || errorCode === ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT);
      assert.match(errorMessage!, new RegExp(`format version ${magic}`));
    }
    const { records } = await client.fetch('t', (await client.produce('t', batchOf('new'))).baseOffset);
    assert.equal(readRecords(records!)[0]!.value!.toString(), 'new');
  });

  it('27. librdkafka refused to change passwords because it looks for key 50 first: both are there or neither', () => {
    assert.equal(advertised.has('describeUserScramCredentials'), advertised.has('alterUserScramCredentials'));
  });
});
