/**
 * Metadata over real sockets: topics asked for by name and by id.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchanges, type KafkaConnection, startTestBroker, type TestBroker } from '../../test/kit/kafka.ts';
import { ErrorCode } from '../protocol/error-codes.ts';

let kafka: TestBroker;
let connection: KafkaConnection;
before(async () => {
  kafka = await startTestBroker();
  connection = await kafka.connect();
  await kafka.broker.topics.create([{ name: 't', partitions: 2 }]);
});
after(() => kafka.remove());

const unknownId = 'AAAAAAAAAAAAAAAAAAAABA';

describe('Metadata', () => {
  for (const name of [null, '']) {
    it(`finds a topic by its id where the name is ${name === null ? 'null' : 'empty, as the Java admin client sends it'}`, async () => {
      const { topicId } = kafka.broker.topics.get('t')!;
      const { topics } = await connection.call(exchanges.metadata, 13, { topics: [{ name, topicId }] });
      assert.deepEqual(
        topics.map((topic) => [topic.errorCode, topic.name, topic.topicId, topic.partitions.length]),
        [[0, 't', topicId, 2]],
      );
    });

    it(`answers an unknown id with itself where the name is ${name === null ? 'null' : 'empty'}`, async () => {
      const { topics } = await connection.call(exchanges.metadata, 13, { topics: [{ name, topicId: unknownId }] });
      assert.deepEqual(
        topics.map((topic) => [topic.errorCode, topic.name, topic.topicId]),
        [[ErrorCode.UNKNOWN_TOPIC_ID, null, unknownId]],
      );
    });
  }
});
