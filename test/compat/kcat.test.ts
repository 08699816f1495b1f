/**
 * kcat (librdkafka) against our broker: metadata, produce and consume with every compression, a group, -J.
 *
 * kcat is a system binary: where it is absent each test is a listed skip, which CI_REQUIRE=kcat turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import { startTestBroker } from '../kit/broker.ts';
import { requiredServices } from '../kit/service.ts';
import { unique } from './names.ts';
import { until } from './wait.ts';

/** Nothing here takes kcat more than a second or two; this is for a broker that does not answer. */
const deadlineMs = 60_000;

const isThere = spawnSync('kcat', ['-V']).status === 0;
if (!isThere && requiredServices().includes('kcat'))
  throw new Error('CI_REQUIRE names kcat, but it is not on the PATH.');
const options = { skip: isThere ? false : 'kcat is not on the PATH (Debian: apt-get install kcat)' };

const fixture = await startTestBroker({ after });

/** Runs kcat and answers its stdout; a failure shows its stderr. */
function kcat(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('kcat', ['-b', fixture.bootstrap, ...args], { timeout: deadlineMs });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`kcat ${args.join(' ')} ended with ${code}: ${err}`)),
    );
    child.stdin.end(input);
  });
}

async function topicOf(partitions = 1): Promise<string> {
  const topic = unique('kcat');
  await fixture.broker.topics.create([{ name: topic, partitions }]);
  return topic;
}

test('-L lists brokers and topics, as JSON with -J', options, async () => {
  const topic = await topicOf(3);
  assert.match(await kcat(['-L']), new RegExp(`topic "${topic}" with 3 partitions`));
  const metadata = JSON.parse(await kcat(['-L', '-J'])) as {
    brokers: { name: string }[];
    topics: { topic: string; partitions: { leader: number }[] }[];
  };
  assert.equal(metadata.brokers[0]!.name, fixture.bootstrap);
  const described = metadata.topics.find((each) => each.topic === topic)!;
  assert.equal(described.partitions.length, 3);
  assert.ok(described.partitions.every(({ leader }) => leader === fixture.broker.nodeId));
});

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(`what -P wrote with ${codec} comes out of -C as it went in`, options, async () => {
    const topic = await topicOf();
    const lines = Array.from({ length: 200 }, (_, i) => `k${i}:value-${i}-${'x'.repeat(i)}`);
    const produce = ['-P', '-t', topic, '-K:', '-z', codec, '-H', 'source=kcat', '-X', 'acks=all'];
    await kcat(produce, `${lines.join('\n')}\n`);
    const consumed = await kcat(['-C', '-t', topic, '-e', '-q', '-K:', '-X', 'check.crcs=true']);
    assert.deepEqual(consumed.trimEnd().split('\n'), lines);
    const [first] = (await kcat(['-C', '-t', topic, '-e', '-q', '-J', '-c', '1'])).split('\n');
    const record = JSON.parse(first!) as { offset: number; headers: string[]; key: string };
    assert.deepEqual([record.offset, record.headers, record.key], [0, ['source', 'kcat'], 'k0']);
  });
}

test('what our own producer compressed is read by librdkafka', options, async () => {
  const log = inProcessLog(fixture.broker);
  const topic = await topicOf();
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    const producer = log.producer({ clientId: 'compat', overrides: { 'compression.type': codec } });
    const value = Buffer.from(`${codec} ${'x'.repeat(70_000)}`);
    await producer.send([{ topic, partition: 0, key: null, value, headers: [], timestamp: null }]);
  }
  const consumed = await kcat(['-C', '-t', topic, '-e', '-q', '-X', 'check.crcs=true']);
  const starts = consumed
    .trimEnd()
    .split('\n')
    .map((line) => [line.split(' ')[0], line.length]);
  assert.deepEqual(starts, [
    ['gzip', 70_005],
    ['snappy', 70_007],
    ['lz4', 70_004],
    ['zstd', 70_005],
  ]);
});

test('records that came in runs are read by librdkafka, checksums and all', options, async () => {
  const log = inProcessLog(fixture.broker);
  const topic = await topicOf();
  const producer = await log.transactionalProducer({ clientId: 'compat', transactionalId: unique('runs') });
  const lines = Array.from({ length: 2000 }, (_, i) => `k${i}:value-${i}-${'x'.repeat(i % 300)}`);
  const builder = new BatchBuilder();
  for (const line of lines) {
    const [key, value] = line.split(':');
    builder.append(0, Buffer.from(key!), Buffer.from(value!), []);
  }
  const run = { bytes: new Uint8Array(builder.build()), count: lines.length };
  await producer.sendAndCommit([{ topic, run }]).committed;
  const consumed = await kcat(['-C', '-t', topic, '-e', '-q', '-K:', '-X', 'check.crcs=true']);
  assert.deepEqual(consumed.trimEnd().split('\n'), lines);
});

test('kcat and a consumer in our own process share a group', options, async () => {
  const log = inProcessLog(fixture.broker);
  const topic = await topicOf(2);
  const group = unique('group');
  const owned = new Set<number>();
  const consumer = log.consumer({ clientId: 'ours', group, autoOffsetReset: 'earliest' });
  consumer.subscribe([topic], {
    onAssigned: async (partitions) => {
      for (const { partition } of partitions) owned.add(partition);
    },
    onRevoked: async () => owned.clear(),
  });
  const pollUntilOwned = (count: number): Promise<void> =>
    until(`our member owns ${count}`, async () => {
      await consumer.poll(50);
      return owned.size === count;
    });
  await pollUntilOwned(2);
  const theirs = kcat(['-G', group, '-c', '1', '-q', '-X', 'auto.offset.reset=earliest', topic]);
  await pollUntilOwned(1);
  const partition = owned.has(0) ? 1 : 0;
  await kcat(['-P', '-t', topic, '-p', String(partition)], 'for kcat\n');
  assert.equal(await theirs, 'for kcat\n');
  await pollUntilOwned(2);
  await log.close();
});

test('-G joins a group, commits, and goes on after a restart of the broker', options, async () => {
  const topic = await topicOf(2);
  const group = unique('group');
  const read = (count: number): Promise<string> =>
    kcat(['-G', group, '-c', String(count), '-q', '-X', 'auto.offset.reset=earliest', topic]);
  await kcat(['-P', '-t', topic, '-p', '0'], 'a\nb\nc\n');
  assert.deepEqual((await read(3)).trimEnd().split('\n'), ['a', 'b', 'c']);
  await fixture.restart();
  await kcat(['-P', '-t', topic, '-p', '1'], 'd\n');
  assert.equal((await read(1)).trimEnd(), 'd');
});

test('-Q and -o find offsets by time and from the end', options, async () => {
  const topic = await topicOf();
  await kcat(['-P', '-t', topic], 'a\nb\nc\n');
  assert.match(await kcat(['-Q', '-t', `${topic}:0:-1`]), /offset 3/);
  assert.match(await kcat(['-Q', '-t', `${topic}:0:1`]), /offset 0/);
  assert.equal(await kcat(['-C', '-t', topic, '-o', '-1', '-e', '-q']), 'c\n');
});

test('an idempotent producer gets its records in once', options, async () => {
  const topic = await topicOf();
  await kcat(['-P', '-t', topic, '-X', 'enable.idempotence=true'], 'a\nb\n');
  assert.equal(await kcat(['-C', '-t', topic, '-e', '-q']), 'a\nb\n');
});
