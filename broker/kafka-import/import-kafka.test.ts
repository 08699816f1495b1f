/**
 * An import from a directory with Kafka's own metadata log (captured, see test/golden/README.md) and partitions in the
 * layout that both share. That Kafka's own segments are read was proved by hand with Kafka 4.3.1.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startTestBroker } from '../../test/kit/broker.ts';
import { append, batchOf, directoryDefaults, readAll } from '../../test/kit/log.ts';
import { disk } from '../fs/disk.ts';
import { defaultLogConfig } from '../log/config.ts';
import { LogDirectory } from '../log/log-directory.ts';
import { importKafka } from './import-kafka.ts';

const metadataLog = gunzipSync(
  readFileSync(new URL('../../test/golden/kafka-cluster-metadata.log.gz', import.meta.url)),
);
/** As in the captured log. */
const ordersId = 'NE2scQjURoaEASr68yp5mA';

interface Source {
  readonly from: string;
  readonly to: string;
}

/** A stopped broker's directory: `orders` with three partitions, the producer of its records, and the metadata. */
async function kafkaDirectory(test: TestContext, partitions = [0, 1, 2]): Promise<Source> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-import-'));
  test.after(() => rmSync(root, { recursive: true }));
  const from = join(root, 'kafka');
  const directory = LogDirectory.open({ ...directoryDefaults(disk), path: from, nodeId: 7 });
  for (const partition of partitions) {
    const log = directory.create('orders', partition, ordersId, defaultLogConfig);
    await append(
      log,
      batchOf({ values: [`${partition}a`, `${partition}b`], producerId: 5000, producerEpoch: 0, baseSequence: 0 }),
    );
    if (partition === 1) await log.deleteRecordsDurably(1);
  }
  await directory.close();
  mkdirSync(join(from, '__cluster_metadata-0'));
  writeFileSync(join(from, '__cluster_metadata-0', '00000000000000000000.log'), metadataLog);
  return { from, to: join(root, 'data') };
}

function run({ from, to }: Source, notices: string[] = []) {
  return importKafka({ from, to, nodeId: 1, notice: (sentence) => notices.push(sentence) });
}

describe('An import from Kafka', () => {
  it('brings topics with their ids, configs and records, and never gives out a producer id again', async (test) => {
    const source = await kafkaDirectory(test);
    const notices: string[] = [];
    const [orders] = await run(source, notices);
    assert.deepEqual([orders?.topic, orders?.partitions, orders?.records], ['orders', 3, 5]);
    assert.doesNotMatch(notices.join('\n'), /left out/);
    assert.deepEqual(readdirSync(join(source.to, '..')).sort(), ['data', 'kafka']);
    const { broker } = await startTestBroker(test, { dataDir: source.to });
    const topic = broker.topics.get('orders')!;
    assert.deepEqual(
      [topic.topicId, topic.partitions, topic.overrides],
      [ordersId, 3, { 'compression.type': 'lz4', 'retention.ms': '123456789' }],
    );
    assert.deepEqual(readAll(broker.log('orders', 1)), ['1:1b']);
    assert.deepEqual(readAll(broker.log('orders', 2)), ['0:2a', '1:2b']);
    const retried = batchOf({ values: ['2a', '2b'], producerId: 5000, producerEpoch: 0, baseSequence: 0 });
    assert.equal((await append(broker.log('orders', 2), retried)).isDuplicate, true);
  });

  it('refuses what is no directory of Kafka, was not stopped, or is only part of one', async (test) => {
    const part = await kafkaDirectory(test, [0, 2]);
    await assert.rejects(run(part), /orders has 3 partitions, but 1 is not here/);
    await assert.rejects(run({ ...part, from: tmpdir() }), /holds no meta.properties/);
    const running = await kafkaDirectory(test);
    rmSync(join(running.from, '.kafka_cleanshutdown'));
    await assert.rejects(run(running), /still runs, or did not stop in good order/);
    assert.deepEqual(readdirSync(join(running.to, '..')), ['kafka']);
  });

  it('refuses a target that is not empty, and leaves nothing of an import that fails', async (test) => {
    const source = await kafkaDirectory(test);
    await assert.rejects(run({ ...source, to: source.from }), /is not empty/);
    const path = join(source.from, 'orders-2', '00000000000000000000.log');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    await assert.rejects(run(source), /orders-2 cannot be read whole: .*damaged/);
    assert.deepEqual(readdirSync(join(source.to, '..')), ['kafka']);
  });
});
