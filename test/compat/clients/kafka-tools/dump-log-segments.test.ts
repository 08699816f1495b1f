/**
 * Kafka's DumpLogSegments reads the files of our log and compares indexes with records: it must have nothing to complain
 * about, and must see what we wrote. The files are those of a broker that was stopped.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import kafkajs from 'kafkajs';
import { startBroker } from '../../../../broker/broker.ts';
import { cache, skipUnlessInstalled } from '../installed.ts';

const { CompressionTypes, Kafka, logLevel } = kafkajs;
const lib = join(cache, 'kafka-tools', 'lib');
const skip = skipUnlessInstalled('java', lib);

const dataDir = mkdtempSync(join(tmpdir(), 'millrace-dump-'));
after(() => rmSync(dataDir, { recursive: true }));

/** What the tool prints when it finds something; it ends with 0 all the same. */
const complaint =
  /.*(mismatch|non-consecutive|out of order|not found|isvalid: false|exception|corrupt|could not).*\n.*/i;
/** It says so of every segment that does not begin at offset 0, of Kafka's own as well. */
const falseAlarm = /Non-consecutive offsets in .*\n\s*-1 is followed by \d+\n/g;

/** Runs the tool on files of one partition. */
function dump(partition: string, names: readonly string[], ...options: string[]): string {
  const files = names.map((name) => join(dataDir, partition, name)).join(',');
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(lib, '*')];
  const args = [...jvm, 'org.apache.kafka.tools.DumpLogSegments', ...options, '--files', files];
  const limits = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
  const { stdout, stderr, status } = spawnSync('java', args, { encoding: 'utf8', ...limits });
  // What it finds goes to either.
  assert.equal(complaint.exec(`${stdout}${stderr}`.replaceAll(falseAlarm, ''))?.[0], undefined);
  assert.equal(status, 0, stderr);
  return stdout;
}

function namesOf(partition: string, suffix: string): string[] {
  return readdirSync(join(dataDir, partition))
    .filter((name) => name.endsWith(suffix))
    .sort();
}

/** A partition with every kind of batch in three segments, a transaction that was aborted, and a group's offsets. */
async function writeEverything(): Promise<void> {
  const noop = (): void => {};
  const logger = { debug: noop, info: noop, warn: noop, error: noop };
  const broker = await startBroker({ dataDir, port: 0, logger });
  await broker.topics.create([{ name: 't', partitions: 1 }]);
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, connectionTimeout: 60_000 });
  const value = 'v'.repeat(500);
  const messages = Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, value, headers: { h: 'x' } }));
  const plain = kafka.producer();
  await plain.connect();
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    for (let count = 0; count < 5; count++) await plain.send({ topic: 't', messages, compression });
    broker.log('t', 0).rollNow();
  }
  await plain.disconnect();
  const atomic = kafka.producer({ transactionalId: 'id', maxInFlightRequests: 1, idempotent: true });
  await atomic.connect();
  for (const isCommit of [false, true]) {
    const transaction = await atomic.transaction();
    await transaction.send({ topic: 't', messages });
    await transaction.sendOffsets({
      consumerGroupId: 'g',
      topics: [{ topic: 't', partitions: [{ partition: 0, offset: '7' }] }],
    });
    await (isCommit ? transaction.commit() : transaction.abort());
  }
  await atomic.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.setOffsets({ groupId: 'plain', topic: 't', partitions: [{ partition: 0, offset: '3' }] });
  await admin.disconnect();
  await broker.stop();
}

describe('DumpLogSegments', { skip }, () => {
  before(writeEverything);

  it('reads every record of every segment', () => {
    const names = namesOf('t-0', '.log');
    assert.equal(names.length, 3);
    const output = dump('t-0', names, '--print-data-log', '--deep-iteration');
    assert.equal(output.match(/ key: k\d+ payload: v{500}/g)!.length, 240);
    assert.match(output, /compresscodec: gzip/);
    assert.match(output, /isTransactional: true isControl: true .*\n.*endTxnMarker: ABORT coordinatorEpoch: \d+/);
    assert.match(output, /endTxnMarker: COMMIT/);
  });

  it('finds the indexes in agreement with the records', () => {
    for (const suffix of ['.index', '.timeindex']) {
      const output = dump('t-0', namesOf('t-0', suffix));
      assert.ok(output.match(/^(offset|timestamp): \d+/gm)!.length >= 5, output);
    }
    dump('t-0', namesOf('t-0', '.index'), '--index-sanity-check');
    assert.match(dump('t-0', namesOf('t-0', '.txnindex')), /producerId: \d+ firstOffset: 200 lastOffset: 220/);
  });

  it('would complain', () => {
    cpSync(join(dataDir, 't-0'), join(dataDir, 'damaged-0'), { recursive: true });
    const [index] = namesOf('damaged-0', '.index');
    const bytes = readFileSync(join(dataDir, 'damaged-0', index!));
    bytes[3]! ^= 1;
    writeFileSync(join(dataDir, 'damaged-0', index!), bytes);
    assert.throws(() => dump('damaged-0', [index!]), /Mismatches in/);
  });

  it('reads the producer snapshot', () => {
    const [last] = namesOf('t-0', '.snapshot').slice(-1);
    assert.match(dump('t-0', [last!]), /producerId: \d+ producerEpoch: \d+ .*currentTxnFirstOffset: /);
  });

  it('decodes groups and transactions, which are in Kafka’s own records', () => {
    const used = (topic: string) =>
      readdirSync(dataDir).filter((name) => name.startsWith(topic) && namesOf(name, '.log').length > 0);
    const offsets = used('__consumer_offsets-').map((name) => dump(name, namesOf(name, '.log'), '--offsets-decoder'));
    assert.match(offsets.join('\n'), /"group":"plain","topic":"t","partition":0.*"offset":3/);
    assert.match(offsets.join('\n'), /"group":"g","topic":"t","partition":0.*"offset":7/);
    const states = used('__transaction_state-').map((name) =>
      dump(name, namesOf(name, '.log'), '--transaction-log-decoder'),
    );
    assert.match(states.join('\n'), /"transactionalId":"id"/);
  });
});
