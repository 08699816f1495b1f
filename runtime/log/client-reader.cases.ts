/** The cases of `client.cases.ts` for readers of single records. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { LogClient } from './client.ts';

/** `topicOf` creates a topic of one partition. */
export function readerCases(client: () => LogClient, topicOf: () => Promise<string>): void {
  test('a reader answers single records by offset in any order, and null where no committed one stands', async () => {
    const topic = await topicOf();
    const producer = await client().transactionalProducer({
      clientId: 'cases',
      transactionalId: `txn-${randomUUID()}`,
    });
    const send = async (value: string) => {
      const record = { topic, partition: 0, key: null, value: Buffer.from(value), headers: [], timestamp: null };
      return (await producer.send([record]))[0]!.offset;
    };
    const [first, second] = [await send('first'), await send('second')];
    await producer.commit();
    const aborted = await send('taken back');
    await producer.abort();
    const third = await send('third');
    await producer.commit();
    const reader = client().reader({ topic, partition: 0 });
    const read = async (offset: number) => (await reader.read(offset))?.value?.toString() ?? null;
    assert.equal(await read(third), 'third');
    assert.equal(await read(first), 'first');
    assert.equal(await read(second), 'second');
    assert.equal(await read(aborted), null);
    assert.equal(await read(third + 10), null);
    assert.equal(await read(second), 'second');
    await reader.close();
    await producer.close();
  });
}
