/**
 * What a client and a broker agree on before the first record: the rules that real clients hold a broker to, each as a
 * test over a real socket. The ranges are those of Apache Kafka 4.4.0 (the definitions in its kafka-clients jar); what
 * old clients look for is from librdkafka's feature map and the issues that the clone bugs beside this file name.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { servedApis } from '../../broker/apis/served.ts';
import { ErrorCode } from '../../broker/protocol/error-codes.ts';
import { beginRequest } from '../../broker/protocol/frame.ts';
import { decodeApiVersionsResponse } from '../../broker/protocol/messages/generated/api-versions-response.ts';
import { type ApiName, apis } from '../../broker/protocol/messages/generated/apis.ts';
import { Reader } from '../../broker/protocol/reader.ts';
import { allExchanges } from '../kit/exchanges.ts';
import { startGuardedBroker } from '../kit/guarded-broker.ts';
import {
  batchOf,
  type Exchange,
  encodeRequest,
  exchanges,
  KafkaConnection,
  startTestBroker,
  type TestBroker,
} from '../kit/kafka.ts';
import { type Advertised, advertisedBy, software } from '../kit/negotiate.ts';

let kafka: TestBroker;
let connection: KafkaConnection;
let advertised: Advertised;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  advertised = await advertisedBy(connection);
  await kafka.broker.topics.create([{ name: 't', partitions: 1 }]);
});
after(() => kafka.remove());

/** The keys in the table of skipped.md: `52–54, 56`. */
function skippedKeys(text: string): Set<number> {
  const keys = new Set<number>();
  for (const [, cell] of text.matchAll(/^\| (\d[^|]*) \|/gm)) {
    for (const range of cell!.split(', ')) {
      const [first, last = first] = range.split('–').map(Number);
      for (let key = first!; key <= last!; key++) keys.add(key);
    }
  }
  return keys;
}

const names = Object.keys(apis) as ApiName[];

/** The least that each API answers; an empty request does for the rest. */
const leastRequests: Partial<Record<ApiName, object>> = { produce: { acks: -1 }, apiVersions: software };

describe('Each version that is advertised', () => {
  // The table that ApiVersions is made of; that they agree is a test below.
  const served = names.filter((name) => servedApis.some(({ key }) => key === apis[name].key));
  for (const name of served) {
    it(`of ${name} is answered in that version, to the last byte`, async () => {
      const { min, max } = apis[name];
      const asking = await kafka.connect();
      for (let version = min; version <= max; version++) {
        await asking.call(allExchanges[name] as Exchange<object, unknown>, version, leastRequests[name] ?? {});
      }
      asking.close();
    });
  }
});

describe('The request header', () => {
  it('may leave the client id null, which stays a two-byte length in flexible versions too', async () => {
    for (const version of [1, 8, 9, 13]) {
      const isFlexible = version >= 9;
      const writer = beginRequest({ apiKey: 3, apiVersion: version, correlationId: 5, clientId: null }, isFlexible);
      exchanges.metadata.encode(writer, { topics: [] }, version);
      connection.send(Buffer.concat(writer.finishFrame()));
      const reader = new Reader(await connection.answer());
      assert.equal(reader.int32(), 5);
      if (isFlexible) reader.skipTags();
      assert.equal(exchanges.metadata.decode(reader, version).brokers.length, 1);
      reader.finish();
    }
  });

  it('may carry tags that nobody knows', async () => {
    const request = encodeRequest(exchanges.metadata, 12, { topics: [] }, 9);
    const headerEnd = 4 + 8 + 2 + 'test'.length;
    const unknownTag = Buffer.from([1, 99, 3, 1, 2, 3]);
    const tagged = Buffer.concat([request.subarray(0, headerEnd), unknownTag, request.subarray(headerEnd + 1)]);
    tagged.writeInt32BE(tagged.length - 4);
    connection.send(tagged);
    assert.equal(new Reader(await connection.answer()).int32(), 9);
  });
});

describe('ApiVersions', () => {
  it('of any version from the future is answered in version 0 with its own range, and the connection goes on (KIP-511)', async () => {
    for (const version of [6, 99, 32767]) {
      const request = encodeRequest(allExchanges.apiVersions, 3, software, version);
      request.writeInt16BE(version, 6);
      connection.send(request);
      const reader = new Reader(await connection.answer());
      assert.equal(reader.int32(), version);
      const { errorCode, apiKeys } = decodeApiVersionsResponse(reader, 0);
      reader.finish();
      assert.equal(errorCode, ErrorCode.UNSUPPORTED_VERSION);
      assert.deepEqual(apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 5 }]);
    }
    assert.equal((await connection.call(allExchanges.apiVersions, 3, software)).errorCode, 0);
  });

  it('takes no name or version of a client that does not belong into a log line, and goes on', async () => {
    const strange = ['', ' ', 'a b', 'librdkafka/2', '-x', 'x-', 'ünicode', 'a\nb'];
    for (const text of strange) {
      for (const wrong of [{ clientSoftwareName: text }, { clientSoftwareVersion: text }]) {
        const { errorCode } = await connection.call(allExchanges.apiVersions, 3, { ...software, ...wrong });
        assert.equal(errorCode, ErrorCode.INVALID_REQUEST, JSON.stringify(wrong));
      }
    }
    assert.equal((await connection.call(allExchanges.apiVersions, 0, {})).errorCode, 0);
  });

  it('is answered before a login, and says the same after it', async (test) => {
    const guarded = await startGuardedBroker(test, { protocol: 'SASL_PLAINTEXT', mechanisms: 'PLAIN' });
    await guarded.addUser('alice', 'secret');
    const client = await KafkaConnection.open({ address: { host: '127.0.0.1', port: guarded.port } });
    test.after(() => client.close());
    const earlier = await client.call(allExchanges.apiVersions, 4, software);
    assert.equal((await client.call(allExchanges.saslHandshake, 1, { mechanism: 'PLAIN' })).errorCode, 0);
    const authBytes = Buffer.from('\0alice\0secret');
    assert.equal((await client.call(allExchanges.saslAuthenticate, 2, { authBytes })).errorCode, 0);
    assert.deepEqual(await client.call(allExchanges.apiVersions, 4, software), earlier);
  });

  it('says no more than one line about a client that asks for what is not there, with its names', async () => {
    const lost = await kafka.connect();
    await lost.call(allExchanges.apiVersions, 3, software);
    const request = encodeRequest(exchanges.metadata, 13, { topics: [] });
    request.writeInt16BE(14, 6);
    const linesBefore = kafka.lines.length;
    lost.send(request);
    await lost.closed;
    const lines = kafka.lines.slice(linesBefore);
    assert.equal(lines.length, 1);
    const { apiKey, apiVersion, clientId, clientSoftware } = lines[0]!.fields as Record<string, unknown>;
    assert.deepEqual([apiKey, apiVersion, clientId, clientSoftware], [3, 14, 'test', 'test-client 1.0']);
  });
});

describe('What is advertised', () => {
  it('is what Kafka 4.4 serves of each API, so that a client that does not negotiate finds its version', () => {
    const ranges = (from: readonly ApiName[]) =>
      Object.fromEntries(from.map((name) => [name, advertised.range(name)] as const));
    const served = names.filter((name) => advertised.has(name));
    // What Kafka advertises and no longer serves keeps old librdkafka compressing.
    const kafkas = served.map((name) => {
      const { min, max } = apis[name];
      return [name, { min: name === 'produce' ? 0 : min, max }] as const;
    });
    assert.deepEqual(ranges(served), Object.fromEntries(kafkas));
  });

  it('is the table of what is served, and what is not stands in skipped.md with its reason', async () => {
    const { apiKeys } = await connection.call(allExchanges.apiVersions, 4, software);
    assert.deepEqual(
      apiKeys.map(({ apiKey }) => apiKey),
      servedApis.map(({ key }) => key),
    );
    const skipped = skippedKeys(await readFile(new URL('../../broker/apis/skipped.md', import.meta.url), 'utf8'));
    const known = Object.values(apis).map(({ key }) => key);
    const advertisedKeys = new Set(apiKeys.map(({ apiKey }) => apiKey));
    assert.deepEqual(
      known.filter((key) => advertisedKeys.has(key) === skipped.has(key)),
      [],
      'advertised or skipped, not both and not neither',
    );
  });

  it('names no API twice, and none that brokers or controllers keep to themselves', async () => {
    const { apiKeys } = await connection.call(allExchanges.apiVersions, 4, software);
    const keys = apiKeys.map(({ apiKey }) => apiKey);
    assert.equal(new Set(keys).size, keys.length);
    const kept = [4, 5, 6, 7, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 80, 81, 82, 83, 84, 85, 86, 87, 94];
    assert.deepEqual(
      keys.filter((key) => kept.includes(key)),
      [],
    );
  });

  /** librdkafka up to 2.11 turns a feature on only if one exact version is in the range (rdkafka_feature.c). */
  const floors: [name: ApiName, versions: readonly number[]][] = [
    ['produce', [1, 2, 3, 7]],
    ['fetch', [4, 10, 12]],
    ['listOffsets', [1]],
    ['findCoordinator', [0]],
    ['joinGroup', [0]],
    ['syncGroup', [0]],
    ['heartbeat', [0]],
    ['leaveGroup', [0]],
    ['offsetCommit', [2]],
    ['offsetFetch', [1]],
    ['saslHandshake', [0, 1]],
    ['saslAuthenticate', [0]],
    ['initProducerId', [0]],
    ['apiVersions', [0]],
  ];
  for (const [name, versions] of floors) {
    it(`has what old librdkafka looks for in ${name}: ${versions.join(', ')}`, () => {
      const { min, max } = advertised.range(name)!;
      for (const version of versions) assert.ok(version >= min && version <= max, `${version} in ${min} to ${max}`);
    });
  }

  it('has client telemetry whole or not at all (KIP-714)', () => {
    assert.equal(advertised.has('getTelemetrySubscriptions'), advertised.has('pushTelemetry'));
  });
});

describe('Features', () => {
  const newest = (name: ApiName) => apis[name].max;

  it('have an epoch that is not negative, or the Java producer stays with transactions of version 1', async () => {
    const answer = await connection.call(allExchanges.apiVersions, newest('apiVersions'), software);
    assert.ok(answer.finalizedFeaturesEpoch >= 0);
    const level = answer.finalizedFeatures.find(({ name }) => name === 'transaction.version');
    assert.equal(level?.maxVersionLevel, 2);
  });

  it('are finalized within what is supported', async () => {
    const { supportedFeatures, finalizedFeatures } = await connection.call(allExchanges.apiVersions, 4, software);
    for (const { name, maxVersionLevel } of finalizedFeatures) {
      const supported = supportedFeatures.find((feature) => feature.name === name);
      assert.ok(supported !== undefined, `${name} is supported`);
      assert.ok(maxVersionLevel >= supported.minVersion && maxVersionLevel <= supported.maxVersion, name);
    }
  });

  it('of minimum 0 are kept from clients before version 4, which cannot read them (KAFKA-17011)', async () => {
    const old = await connection.call(allExchanges.apiVersions, 3, software);
    assert.deepEqual(
      old.supportedFeatures.filter(({ minVersion }) => minVersion === 0),
      [],
    );
    const current = await connection.call(allExchanges.apiVersions, 4, software);
    assert.ok(current.supportedFeatures.some(({ minVersion }) => minVersion === 0));
  });

  const byApi: [feature: string, api: ApiName][] = [
    ['group.version', 'consumerGroupHeartbeat'],
    ['share.version', 'shareGroupHeartbeat'],
    ['transaction.version', 'endTxn'],
  ];
  for (const [feature, api] of byApi) {
    it(`have ${feature} finalized exactly when ${api} is served`, async () => {
      const { finalizedFeatures } = await connection.call(allExchanges.apiVersions, 4, software);
      const level = finalizedFeatures.find(({ name }) => name === feature)?.maxVersionLevel ?? 0;
      assert.equal(level > 0, advertised.has(api));
    });
  }

  it('have the metadata.version that the tools of Kafka ask for', async () => {
    const { finalizedFeatures } = await connection.call(allExchanges.apiVersions, 4, software);
    assert.ok(finalizedFeatures.some(({ name }) => name === 'metadata.version'));
  });
});

describe('Topic ids', () => {
  const idOf = async (name: string) => {
    const { topics } = await connection.call(exchanges.metadata, 12, { topics: [{ name }] });
    return topics[0]!.topicId;
  };

  it('are random version 4 UUIDs, none reserved and none that looks like a flag', async () => {
    const count = 200;
    const created = await kafka.broker.topics.create(
      Array.from({ length: count }, (_, index) => ({ name: `id-${index}`, partitions: 1 })),
    );
    const ids = created.map((topic) => (topic as { topicId: string }).topicId);
    assert.equal(new Set(ids).size, count);
    for (const id of ids) {
      const bytes = Buffer.from(id, 'base64url');
      assert.deepEqual([bytes.length, bytes[6]! >> 4, bytes[8]! >> 6], [16, 4, 2]);
      assert.notEqual(id[0], '-');
    }
  });

  it('stay the same after a restart, and are new when a topic is created again', async (test) => {
    let own = await startTestBroker();
    test.after(() => own.remove());
    await own.broker.topics.create([{ name: 'again', partitions: 1 }]);
    const first = own.broker.topics.get('again')!.topicId;
    own = await own.restart();
    assert.equal(own.broker.topics.get('again')!.topicId, first);
    await own.broker.topics.delete('again');
    await own.broker.topics.create([{ name: 'again', partitions: 1 }]);
    assert.notEqual(own.broker.topics.get('again')!.topicId, first);
  });

  it('that are unknown are UNKNOWN_TOPIC_ID everywhere, and Metadata echoes them without a name', async () => {
    const topicId = 'QUJDREVGR0hJSktMTU5PUA';
    const metadata = await connection.call(exchanges.metadata, 12, { topics: [{ topicId, name: null }] });
    assert.deepEqual(
      [metadata.topics[0]!.errorCode, metadata.topics[0]!.topicId, metadata.topics[0]!.name],
      [ErrorCode.UNKNOWN_TOPIC_ID, topicId, null],
    );
    const partitionData = [{ index: 0, records: batchOf('x') }];
    const produced = await connection.call(exchanges.produce, 13, {
      acks: -1,
      topicData: [{ topicId, partitionData }],
    });
    assert.equal(produced.responses[0]!.partitionResponses[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
    const topics = [{ topicId, partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }];
    const fetched = await connection.call(exchanges.fetch, 18, { maxBytes: 1000, sessionEpoch: -1, topics });
    assert.equal(fetched.responses[0]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
    const committed = await connection.call(allExchanges.offsetCommit, 10, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      topics: [{ topicId, partitions: [{ partitionIndex: 0, committedOffset: 1 }] }],
    });
    assert.equal(committed.topics[0]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
    const groups = [{ groupId: 'g', topics: [{ topicId, partitionIndexes: [0] }] }];
    const asked = await connection.call(allExchanges.offsetFetch, 10, { groups });
    assert.equal(asked.groups[0]!.topics[0]!.partitions[0]!.errorCode, ErrorCode.UNKNOWN_TOPIC_ID);
  });

  it('are the same for every way to ask', async () => {
    const described = await connection.call(allExchanges.describeTopicPartitions, 0, {
      topics: [{ name: 't' }],
      responsePartitionLimit: 10,
    });
    assert.equal(described.topics[0]!.topicId, await idOf('t'));
  });
});

describe('Fields that nobody asked for', () => {
  it('have the defaults of the definitions, not zeros of the language', async () => {
    const metadata = await connection.call(exchanges.metadata, 10, { topics: [{ name: 't' }] });
    const notAsked = -2147483648;
    assert.equal(metadata.clusterAuthorizedOperations, notAsked);
    assert.equal(metadata.topics[0]!.topicAuthorizedOperations, notAsked);
    assert.equal(metadata.throttleTimeMs, 0);
    const cluster = await connection.call(allExchanges.describeCluster, 0, {});
    assert.equal(cluster.clusterAuthorizedOperations, notAsked);
    assert.equal(cluster.errorMessage, null);
    const groups = await connection.call(allExchanges.describeGroups, 5, { groups: ['none'] });
    assert.equal(groups.groups[0]!.authorizedOperations, notAsked);
    const topics = [{ topic: 't', partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }];
    const fetched = await connection.call(exchanges.fetch, 12, { maxBytes: 1000, sessionEpoch: -1, topics });
    const partition = fetched.responses[0]!.partitions[0]!;
    assert.equal(partition.preferredReadReplica, -1);
    assert.deepEqual(partition.currentLeader, { leaderId: -1, leaderEpoch: -1 });
    assert.deepEqual(partition.divergingEpoch, { epoch: -1, endOffset: -1 });
    assert.deepEqual(partition.snapshotId, { endOffset: -1, epoch: -1 });
  });
});
