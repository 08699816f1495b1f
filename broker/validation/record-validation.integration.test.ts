/**
 * Topics that have their records checked: over a socket and in process, refused and diverted.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchanges, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { inProcessLog } from '../in-process/log-client.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { zeroUuid } from '../protocol/reader.ts';
import { batchStarts } from '../protocol/record-batch.ts';
import { BatchBuilder, readRecords } from '../protocol/records.ts';
import type { SchemaCheck } from './schema-check.ts';

/** Whoever says "bad" is refused. */
const check: SchemaCheck = {
  problem: (_topic, side, bytes) => {
    const text = bytes.toString();
    if (text === 'unclear') return { message: 'Not yet.', deadLetterTopic: null, isTemporary: true };
    if (!text.startsWith('bad')) return null;
    return { message: `The ${side} is bad.`, deadLetterTopic: text === 'bad rule' ? 'of-the-rule' : null };
  },
};

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
});
after(() => kafka.remove());

async function topic(name: string, config: Record<string, string>): Promise<void> {
  const [created] = await kafka.broker.topics.create([{ name, partitions: 1, config }]);
  assert(!(created instanceof Error), String(created));
}

function batch(values: readonly (string | null)[], sequence = -1): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(1000, Buffer.from('k'), value === null ? null : Buffer.from(value), []);
  return builder.build(sequence < 0 ? {} : { producerId: 77, producerEpoch: 0, baseSequence: sequence });
}

async function produce(name: string, records: Buffer) {
  const topicId = kafka.broker.topics.get(name)?.topicId ?? zeroUuid;
  const topicData = [{ name, topicId, partitionData: [{ index: 0, records }] }];
  const { responses } = await connection.call(exchanges.produce, 9, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 60_000,
    topicData,
  });
  return responses[0]!.partitionResponses[0]!;
}

function recordsOf(name: string) {
  const options = { isolation: 'read_uncommitted', minOneBatch: true } as const;
  const read = kafka.broker.log(name, 0).read(0, 1 << 20, options);
  const copy = Buffer.from(read.records);
  read.release();
  return [...batchStarts(copy)].flatMap((start) => readRecords(copy, start));
}

const valuesOf = (name: string) => recordsOf(name).map(({ value }) => value?.toString() ?? null);

describe('schema.validation', () => {
  it('makes a producer try again while nobody can judge', async () => {
    await topic('early', { 'schema.validation': 'value' });
    const { errorCode } = await produce('early', batch(['a']));
    assert.equal(errorCode, ErrorCode.LEADER_NOT_AVAILABLE);
    kafka.broker.validation.use(check);
    assert.equal((await produce('early', batch(['a']))).errorCode, 0);
  });

  it('refuses a batch with the reason of each record, and takes tombstones', async () => {
    await topic('strict', { 'schema.validation': 'key,value' });
    const refused = await produce('strict', batch(['good', 'bad one', 'good', 'bad two']));
    assert.equal(refused.errorCode, ErrorCode.INVALID_RECORD);
    assert.deepEqual(
      refused.recordErrors?.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage]),
      [
        [1, 'The value is bad.'],
        [3, 'The value is bad.'],
      ],
    );
    assert.equal((await produce('strict', batch(['good', null]))).errorCode, 0);
    assert.deepEqual(valuesOf('strict'), ['good', null]);
  });

  it("keeps a producer's count where records were diverted, and keeps them with their reason", async () => {
    await topic('dead', {});
    await topic('diverting', { 'schema.validation': 'value', 'schema.validation.dead.letter.topic': 'dead' });
    const first = await produce('diverting', batch(['a', 'bad', 'c'], 0));
    assert.deepEqual([first.errorCode, first.baseOffset], [0, 0]);
    const second = await produce('diverting', batch(['bad', 'bad'], 3));
    assert.deepEqual([second.errorCode, second.baseOffset], [0, 3]);
    assert.equal((await produce('diverting', batch(['f'], 5))).errorCode, 0);
    assert.deepEqual(valuesOf('diverting'), ['a', 'c', 'f']);
    assert.deepEqual(valuesOf('dead'), ['bad', 'bad', 'bad']);
    const [letter] = recordsOf('dead');
    assert.deepEqual(
      letter!.headers.map(({ key, value }) => [key, value?.toString()]),
      [
        ['__connect.errors.topic', 'diverting'],
        ['__connect.errors.partition', '0'],
        ['__connect.errors.stage', 'BROKER_VALIDATION'],
        ['__connect.errors.exception.class.name', 'INVALID_RECORD'],
        ['__connect.errors.exception.message', 'The value is bad.'],
      ],
    );
  });

  it('makes a producer try again with a batch of which not all can be judged yet', async () => {
    await topic('unclear', { 'schema.validation': 'value', 'schema.validation.dead.letter.topic': 'unclear' });
    const { errorCode, errorMessage } = await produce('unclear', batch(['a', 'unclear', 'bad']));
    assert.equal(errorCode, ErrorCode.LEADER_NOT_AVAILABLE);
    assert.match(errorMessage ?? 'Not yet.', /Not yet/);
    assert.deepEqual(valuesOf('unclear'), []);
  });

  it('sends what a rule wants elsewhere to the topic of the rule, each record to its own', async () => {
    await topic('of-the-rule', {});
    await topic('of-the-topic', {});
    await topic('two-ways', { 'schema.validation': 'value', 'schema.validation.dead.letter.topic': 'of-the-topic' });
    assert.equal((await produce('two-ways', batch(['a', 'bad rule', 'bad', 'd'], 0))).errorCode, 0);
    assert.deepEqual(valuesOf('two-ways'), ['a', 'd']);
    assert.deepEqual([valuesOf('of-the-rule'), valuesOf('of-the-topic')], [['bad rule'], ['bad']]);
    await topic('one-way', { 'schema.validation': 'value' });
    assert.equal((await produce('one-way', batch(['a', 'bad rule']))).errorCode, 0);
    assert.equal((await produce('one-way', batch(['bad rule', 'bad']))).errorCode, ErrorCode.INVALID_RECORD);
    assert.deepEqual(valuesOf('one-way'), ['a']);
  });

  it('bounds the times of what stays where records were taken out', async () => {
    const bounds = { 'message.timestamp.before.max.ms': '1000', 'schema.validation.dead.letter.topic': 'late-letters' };
    await topic('late-letters', {});
    await topic('late', { 'schema.validation': 'value', ...bounds });
    const refused = await produce('late', batch(['bad', 'too old'], 0));
    assert.equal(refused.errorCode, ErrorCode.INVALID_TIMESTAMP);
    assert.deepEqual(
      refused.recordErrors?.map(({ batchIndex }) => batchIndex),
      [1],
    );
    assert.deepEqual([valuesOf('late'), valuesOf('late-letters')], [[], []]);
  });

  it('names a dead-letter topic that is not there', async () => {
    await topic('nowhere', {
      'confluent.value.schema.validation': 'true',
      'schema.validation.dead.letter.topic': 'missing',
    });
    const { errorCode, errorMessage } = await produce('nowhere', batch(['bad']));
    assert.equal(errorCode, ErrorCode.INVALID_RECORD);
    assert.match(errorMessage!, /missing, which does not exist/);
  });

  it('holds for producers in the same process too', async () => {
    await topic('inside', { 'schema.validation': 'value' });
    const log = inProcessLog(kafka.broker);
    const producer = await log.producer({ clientId: 'test' });
    const record = (text: string) => ({
      topic: 'inside',
      partition: 0,
      key: null,
      value: Buffer.from(text),
      headers: [],
      timestamp: null,
    });
    await assert.rejects(producer.send([record('good'), record('bad')]), /INVALID_RECORD|The value is bad/);
    await producer.send([record('good')]);
    await producer.close();
    assert.deepEqual(valuesOf('inside'), ['good']);
  });

  it('is refused where a topic asks for what there is not', async () => {
    const [outcome] = await kafka.broker.topics.create([
      { name: 'wrong', partitions: 1, config: { 'schema.validation': 'header' } },
    ]);
    assert.match(String(outcome), /schema\.validation/);
  });
});
