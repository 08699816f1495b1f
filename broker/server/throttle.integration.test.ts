/**
 * Quotas on the wire: set by AlterClientQuotas, announced in the answer, kept by silence (KIP-219).
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startTestBroker } from '../../test/kit/broker.ts';
import { allExchanges } from '../../test/kit/exchanges.ts';
import { exchange, exchanges, KafkaConnection } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { encodeAlterClientQuotasRequest } from '../protocol/messages/generated/alter-client-quotas-request.ts';
import { decodeAlterClientQuotasResponse } from '../protocol/messages/generated/alter-client-quotas-response.ts';
import { apis } from '../protocol/messages/generated/apis.ts';
import { encodeDescribeClientQuotasRequest } from '../protocol/messages/generated/describe-client-quotas-request.ts';
import { decodeDescribeClientQuotasResponse } from '../protocol/messages/generated/describe-client-quotas-response.ts';
import { BatchBuilder } from '../protocol/records.ts';

const alter = exchange(apis.alterClientQuotas, encodeAlterClientQuotasRequest, decodeAlterClientQuotasResponse);
const describeQuotas = exchange(
  apis.describeClientQuotas,
  encodeDescribeClientQuotasRequest,
  decodeDescribeClientQuotasResponse,
);

const bytesPerSecond = 50_000;
// A window of one second, so that a test does not take eleven.
const fixture = await startTestBroker({ after }, { config: { 'quota.window.num': '2' } });
const topic = 'throttled';
const readTopic = 'read';
await fixture.broker.topics.create([topic, readTopic].map((name) => ({ name, partitions: 1 })));

async function open(): Promise<KafkaConnection> {
  const connection = await KafkaConnection.open(fixture.broker);
  after(() => connection.close());
  return connection;
}

async function limit(key: string, value: number | null): Promise<void> {
  const connection = await open();
  const entity = [{ entityType: 'client-id', entityName: 'test' }];
  const { entries } = await connection.call(alter, 1, {
    entries: [{ entity, ops: [{ key, value: value ?? 0, remove: value === null }] }],
  });
  assert.equal(entries[0]!.errorCode, 0, entries[0]!.errorMessage ?? '');
}

const batchOf = (bytes: number) => {
  const builder = new BatchBuilder();
  builder.append(Date.now(), null, Buffer.alloc(bytes), []);
  return builder.build();
};

const produce = (connection: KafkaConnection, bytes: number, name = topic) =>
  connection.call(exchanges.produce, 9, {
    acks: -1,
    timeoutMs: 60_000,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf(bytes) }] }],
  });

const fetch = (connection: KafkaConnection) =>
  connection.call(exchanges.fetch, 12, {
    maxWaitMs: 0,
    maxBytes: 10_000_000,
    topics: [{ topic: readTopic, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 10_000_000 }] }],
  });

/** Sends something cheap and says how long its answer took. */
async function silence(connection: KafkaConnection): Promise<number> {
  const beganAt = performance.now();
  await connection.call(exchanges.metadata, 9, { topics: [] });
  return performance.now() - beganAt;
}

describe('a client over its quota', () => {
  it('of produced bytes is told for how long, and then not heard for that long', async () => {
    await limit('producer_byte_rate', bytesPerSecond);
    const connection = await open();
    const beganAt = performance.now();
    const answer = await produce(connection, bytesPerSecond * 1.3);
    assert.equal(answer.responses[0]!.partitionResponses[0]!.errorCode, 0);
    assert.ok(answer.throttleTimeMs > 200 && answer.throttleTimeMs <= 320, `${answer.throttleTimeMs} ms`);
    await silence(connection);
    const tookMs = performance.now() - beganAt;
    assert.ok(tookMs > answer.throttleTimeMs - 50, `${tookMs} ms of ${answer.throttleTimeMs}`);
    await limit('producer_byte_rate', null);
  });

  it('does not silence others', async () => {
    await limit('producer_byte_rate', bytesPerSecond);
    const [connection, bystander] = [await open(), await open()];
    const { throttleTimeMs } = await produce(connection, bytesPerSecond * 10);
    assert.ok(throttleTimeMs > 4000, `${throttleTimeMs} ms`);
    assert.ok((await silence(bystander)) < throttleTimeMs - 500);
    await limit('producer_byte_rate', null);
  });

  it('of fetched bytes gets its records, no more than its windows hold, and then silence', async () => {
    const connection = await open();
    for (let i = 0; i < 10; i++) await produce(connection, bytesPerSecond / 4, readTopic);
    await limit('consumer_byte_rate', bytesPerSecond);
    const first = await fetch(connection);
    const bytes = first.responses[0]!.partitions[0]!.records!.length;
    assert.ok(bytes > bytesPerSecond / 2 && bytes <= bytesPerSecond, `${bytes} bytes`);
    let [throttledMs, beganAt] = [0, 0];
    // Four would do, if the machine did not stand still between them for as long as the quota needs to recover.
    for (let i = 0; i < 400 && throttledMs === 0; i++) {
      beganAt = performance.now();
      throttledMs = (await fetch(connection)).throttleTimeMs;
    }
    assert.ok(throttledMs > 0);
    await silence(connection);
    assert.ok(performance.now() - beganAt > throttledMs - 50);
    await limit('consumer_byte_rate', null);
  });
});

describe('a client that makes topics faster than its quota', () => {
  const create = (connection: KafkaConnection, name: string, version: number) =>
    connection.call(allExchanges.createTopics, version, {
      topics: [{ name, numPartitions: 10, replicationFactor: 1 }],
      timeoutMs: 60_000,
    });

  it('is told to come again, with when, and its topic is not there; older clients are served and told to wait', async () => {
    await limit('controller_mutation_rate', 0.5);
    const connection = await open();
    const first = await create(connection, 'made', 7);
    assert.equal(first.topics[0]!.errorCode, 0, 'what goes over the quota once is made');
    const second = await create(connection, 'refused', 7);
    assert.equal(second.topics[0]!.errorCode, ErrorCode.THROTTLING_QUOTA_EXCEEDED);
    assert.ok(second.throttleTimeMs > 1000, `${second.throttleTimeMs} ms`);
    assert.equal(fixture.broker.topics.get('refused'), undefined);
    const older = await create(connection, 'older', 5);
    assert.equal(older.topics[0]!.errorCode, 0);
    assert.ok(older.throttleTimeMs > 1000);
    await limit('controller_mutation_rate', null);
  });
});

describe('an address that connects faster than its quota', () => {
  it('waits for its turn, and others do not', async () => {
    const connection = await open();
    const set = (ip: string, remove: boolean) =>
      connection.call(alter, 1, {
        entries: [
          {
            entity: [{ entityType: 'ip', entityName: ip }],
            ops: [{ key: 'connection_creation_rate', value: 20, remove }],
          },
        ],
      });
    const timeFor = async (connections: number): Promise<number> => {
      const begun = performance.now();
      for (let i = 0; i < connections; i++) await silence(await open());
      return performance.now() - begun;
    };
    await set('10.1.2.3', false);
    const free = await timeFor(30);
    await set('127.0.0.1', false);
    const limited = await timeFor(30);
    await set('127.0.0.1', true);
    await set('10.1.2.3', true);
    assert.ok(limited > 300 && limited > free, `${limited} ms with a quota, ${free} ms without`);
  });
});

describe('quotas', () => {
  it('are described as they were set, also after a restart, and refused where they could not be kept', async () => {
    await limit('producer_byte_rate', 123.5);
    await fixture.restart();
    const connection = await open();
    const component = { entityType: 'client-id', matchType: 0, match: 'test' };
    const { entries } = await connection.call(describeQuotas, 1, { components: [component], strict: true });
    assert.deepEqual(entries, [
      {
        entity: [{ entityType: 'client-id', entityName: 'test' }],
        values: [{ key: 'producer_byte_rate', value: 123.5 }],
      },
    ]);
    const wrong: readonly (readonly [string, string, number])[] = [
      ['ip', 'producer_byte_rate', 1],
      ['user', 'connection_creation_rate', 1],
      ['user', 'producer_byte_rate', 0],
      ['user', 'producer_byte_rate', -1],
    ];
    for (const [entityType, key, value] of wrong) {
      const entity = [{ entityType, entityName: 'x' }];
      const answer = await connection.call(alter, 1, { entries: [{ entity, ops: [{ key, value }] }] });
      assert.equal(answer.entries[0]!.errorCode, ErrorCode.INVALID_REQUEST, key);
    }
    const checked = await connection.call(alter, 1, {
      entries: [{ entity: [{ entityType: 'user', entityName: null }], ops: [{ key: 'request_percentage', value: 5 }] }],
      validateOnly: true,
    });
    assert.equal(checked.entries[0]!.errorCode, 0);
    assert.equal(fixture.broker.security.quotas.all().length, 1);
    await limit('producer_byte_rate', null);
  });
});
