/**
 * kcat (librdkafka) as a read_committed consumer of our broker: it sees what was committed, and neither what was aborted
 * nor what is still open. kafkajs writes the transactions, for kcat cannot.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { startTestBroker } from '../kit/broker.ts';
import { requiredServices } from '../kit/service.ts';
import { unique } from './names.ts';

const deadlineMs = 60_000;

const isThere = spawnSync('kcat', ['-V']).status === 0;
if (!isThere && requiredServices().includes('kcat'))
  throw new Error('CI_REQUIRE names kcat, but it is not on the PATH.');
const options = { skip: isThere ? false : 'kcat is not on the PATH (Debian: apt-get install kcat)' };

const fixture = await startTestBroker({ after });

async function consumed(topic: string, isolation: string): Promise<string[]> {
  const args = ['-b', fixture.bootstrap, '-C', '-t', topic, '-e', '-q', '-X', `isolation.level=${isolation}`];
  const { stdout } = await promisify(execFile)('kcat', args, { timeout: deadlineMs });
  return stdout.split('\n').filter((line) => line !== '');
}

test('read_committed leaves out what is aborted and what is open', options, async () => {
  const topic = unique('kcat');
  await fixture.broker.topics.create([{ name: topic, partitions: 1 }]);
  const kafka = new Kafka({
    clientId: 'compat',
    brokers: [fixture.bootstrap],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000,
  });
  const producerOf = () => kafka.producer({ transactionalId: unique('id'), idempotent: true, maxInFlightRequests: 1 });
  const [one, other] = [producerOf(), producerOf()];
  await one.connect();
  await other.connect();
  const open = await other.transaction();
  for (const value of ['committed-1', 'aborted-1', 'committed-2', 'aborted-2', 'committed-3']) {
    const transaction = await one.transaction();
    await transaction.send({ topic, messages: [{ value }] });
    if (value.startsWith('aborted')) await transaction.abort();
    else await transaction.commit();
    if (value === 'committed-2') await open.send({ topic, messages: [{ value: 'open' }] });
  }
  // What comes after the first record of an open transaction waits for its end.
  assert.deepEqual(await consumed(topic, 'read_committed'), ['committed-1', 'committed-2']);
  assert.equal((await consumed(topic, 'read_uncommitted')).length, 6);
  await open.abort();
  const log = fixture.broker.log(topic, 0);
  while (log.lastStableOffset < log.highWatermark) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await consumed(topic, 'read_committed'), ['committed-1', 'committed-2', 'committed-3']);
  await one.disconnect();
  await other.disconnect();
});
