/**
 * Runs of records from a task to the built-in broker: what a reader gets is what he would get of records one by one, and each thing
 * that must look at a record is a reason to take a run apart. The source here answers runs always, whatever it was told.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import {
  JsonText,
  type Plugin,
  type RecordRun,
  runOf,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
} from '../../connectors/api/index.ts';
import { jsonPlugin } from '../../connectors/converters/json.ts';
import { type BrokerFixture, startTestBroker } from '../../test/kit/broker.ts';
import type { ConsumerRecord, LogClient } from '../log/client.ts';
import { type RunningWorker, startWorker } from '../worker-server.ts';
import { eventually, range, silent, textConverter, textHeaderConverter } from './harness.ts';

const PARTITION = { list: 'rows' };
const ROUNDS = 6;
const RUN_ROWS = 40;
/** A record, a run and a record in each round. */
const TOTAL = ROUNDS * (RUN_ROWS + 2);

interface Row {
  readonly key: Buffer | null;
  readonly value: Buffer;
}

/** Every seventh has no key; one in the middle is large. */
const rowOf = (number: number): Row => ({
  key: number % 7 === 0 ? null : Buffer.from(`{"id":${number}}`),
  value: Buffer.from(`{"id":${number},"text":"${'x'.repeat(number === 100 ? 5000 : number % 90)}"}`),
});

interface RunSource {
  readonly plugin: Plugin;
  /** Answers of `takesRuns`, the newest last. */
  readonly told: (boolean | undefined)[];
  released: number;
  committedRecords: number;
}

/** Answers rows 0 to {@link TOTAL}, one round in each poll. */
function runSource(exactlyOnce: boolean): RunSource {
  const source: RunSource = { told: [], released: 0, committedRecords: 0, plugin: null as never };
  const createTask = (): SourceTask => {
    let next = 0;
    let topic = '';
    let context: SourceTaskContext;
    const place = (end: number) => ({
      sourcePartition: PARTITION,
      sourceOffset: { next: end },
      topic,
      keySchema: null,
      valueSchema: null,
    });
    const record = (number: number): SourceRecord => {
      const { key, value } = rowOf(number);
      const texts = { key: key && new JsonText(key), value: new JsonText(value) };
      return { ...place(number + 1), ...texts, partition: null, headers: [], timestamp: null };
    };
    return {
      async start(given, config) {
        context = given;
        topic = config.string('topic');
        next = Number((await context.offsets([PARTITION]))[0]?.next ?? 0);
      },
      async poll() {
        await sleep(5);
        if (next >= TOTAL) return null;
        source.told.push(context.takesRuns?.(topic, 20_000));
        const rows = range(RUN_ROWS).map((_, i) => rowOf(next + 1 + i));
        const run = { ...packed(rows), release: () => void source.released++ };
        const records = [record(next), runOf(place(next + RUN_ROWS + 1), run), record(next + RUN_ROWS + 1)];
        next += RUN_ROWS + 2;
        context.transactions?.commitTransaction();
        return records;
      },
      commitRecord: () => void source.committedRecords++,
      stop() {},
    };
  };
  const plugin: Plugin = {
    type: 'source',
    class: exactlyOnce ? 'RunSource' : 'LooseRunSource',
    version: '1',
    config: { topic: { type: 'string', default: 'out', doc: 'The topic.' } },
    create: () => ({ start() {}, taskConfigs: () => [{}], createTask, stop() {} }),
    ...(exactlyOnce
      ? { exactlyOnceSupport: () => 'supported' as const, canDefineTransactionBoundaries: () => true }
      : {}),
  };
  return Object.assign(source, { plugin });
}

function packed(rows: readonly Row[]): RecordRun {
  const builder = new BatchBuilder();
  for (const { key, value } of rows) builder.append(0, key, value, []);
  const bytes = new Uint8Array(builder.build());
  const largestBytes = Math.max(...rows.map(({ key, value }) => (key?.length ?? 0) + value.length));
  return { bytes, count: rows.length, largestBytes };
}

/** Puts a member in front of every object, so that whoever reads sees that it was there. */
const marking: Plugin = {
  type: 'transformation',
  class: 'Marking',
  version: '1',
  config: {},
  create: () => ({
    configure() {},
    apply: (record) => ({ ...record, headers: [...record.headers, { key: 'marked', value: 'yes', schema: null }] }),
  }),
};

describe('runs of records', () => {
  /** Bytes that the broker's own check has seen. */
  let judged = 0;
  const cleanUps: (() => Promise<void>)[] = [];
  let kafka: BrokerFixture;
  let log: LogClient;
  let worker: RunningWorker;
  const exact = runSource(true);
  const loose = runSource(false);
  before(async () => {
    kafka = await startTestBroker({ after: (cleanUp) => void cleanUps.push(cleanUp) });
    log = inProcessLog(kafka.broker);
    worker = await startWorker({
      log,
      plugins: [exact.plugin, loose.plugin, marking, textConverter, textHeaderConverter, jsonPlugin],
      host: '127.0.0.1',
      port: 0,
      logger: silent,
      config: { 'header.converter': 'TextHeaderConverter', 'offset.flush.interval.ms': '20' },
    });
    kafka.broker.validation.use({
      problem(_topic, _side, bytes) {
        judged += bytes.length;
        return null;
      },
    });
  });
  after(async () => {
    await worker.stop();
    await log.close();
    for (const cleanUp of cleanUps) await cleanUp();
  });

  let number = 0;
  interface Outcome {
    readonly records: readonly ConsumerRecord[];
    readonly source: RunSource;
    readonly topic: string;
    readonly name: string;
  }

  /** Runs a connector to its end, and answers what is in its topic. */
  async function run(
    config: Record<string, string>,
    options: {
      readonly partitions?: number;
      readonly topicConfig?: Record<string, string>;
      readonly total?: number;
    } = {},
  ): Promise<Outcome> {
    const name = `runs-${number++}`;
    const source = config['connector.class'] === 'LooseRunSource' ? loose : exact;
    Object.assign(source, { released: 0, committedRecords: 0 });
    source.told.length = 0;
    const { partitions = 0, topicConfig = {}, total = TOTAL } = options;
    if (partitions > 0)
      await log.createTopics([{ topic: name, partitions, replicationFactor: 1, config: topicConfig }]);
    await worker.worker.create(name, { 'connector.class': 'RunSource', topic: name, ...config });
    await eventually(() => {
      const ledger = worker.worker.ledger(name, 0);
      assert.equal((ledger?.written ?? 0) + (ledger?.deadLettered ?? 0), TOTAL);
    });
    const records: ConsumerRecord[] = [];
    await eventually(async () => {
      records.length = 0;
      const table = await log.table(name, (record) => void records.push(copyOf(record)));
      await table.readToEnd();
      await table.close();
      assert.equal(records.length, total);
    });
    const ledger = worker.worker.ledger(name, 0)!;
    assert.deepEqual([ledger.read, ledger.mismatch, ledger.inFlight], [TOTAL, 0, 0]);
    await eventually(async () =>
      assert.deepEqual(await worker.worker.offsets.list(name), [{ partition: PARTITION, offset: { next: TOTAL } }]),
    );
    return { records, source, topic: name, name };
  }

  const told = (records: readonly ConsumerRecord[]) => records.map(({ key, value }) => `${key} ${value}`);
  const expected = Array.from({ length: TOTAL }, (_, i) => rowOf(i)).map(({ key, value }) => `${key} ${value}`);

  test('arrive as the same records do one by one, and their memory comes back once they are durable', async () => {
    const { records, source, topic } = await run({});
    assert.deepEqual(source.told, Array(ROUNDS).fill(true));
    assert.deepEqual(told(records), expected);
    assert.equal(source.released, ROUNDS);
    assert.equal(source.committedRecords, 2 * ROUNDS, 'nobody is told of records in runs');
    // Consumers see records, no headers, and the time of the append.
    const apart = await run({ transforms: '', 'producer.override.compression.type': 'gzip' });
    const shape = (all: readonly ConsumerRecord[]) => all.map(({ headers, timestamp }) => [headers, timestamp > 0]);
    assert.deepEqual(shape(records), shape(apart.records));
    assert.ok(records.every(({ timestamp }) => Math.abs(timestamp - Date.now()) < 600_000));
    assert.equal((await log.describeTopics([topic]))[0]!.partitions, 1);
  });

  const refusals: readonly {
    readonly why: string;
    readonly config?: Record<string, string>;
    readonly partitions?: number;
    readonly topicConfig?: Record<string, string>;
    /** Its values are written otherwise. */
    readonly isOther?: boolean;
  }[] = [
    { why: 'transforms look at records', config: { transforms: 'm', 'transforms.m.type': 'Marking' } },
    {
      why: 'the value converter puts schemas beside values',
      config: { 'value.converter': 'JsonConverter', 'value.converter.schemas.enable': 'true' },
      isOther: true,
    },
    {
      why: 'the key converter puts schemas beside keys',
      config: { 'key.converter': 'JsonConverter', 'key.converter.schemas.enable': 'true' },
      isOther: true,
    },
    {
      why: 'decimals are written as numbers',
      config: {
        'value.converter': 'JsonConverter',
        'value.converter.schemas.enable': 'false',
        'value.converter.decimal.format': 'NUMERIC',
      },
    },
    { why: 'the converter is one of others', config: { 'value.converter': 'TextConverter' }, isOther: true },
    { why: 'traces begin in headers', config: { 'trace.context': 'begin' } },
    { why: 'the producer compresses', config: { 'producer.override.compression.type': 'zstd' } },
    { why: 'the producer sends smaller batches', config: { 'producer.override.batch.size': '1000' } },
    { why: 'the topic has several partitions', partitions: 3 },
    { why: 'the topic has its records checked', partitions: 1, topicConfig: { 'schema.validation': 'value' } },
    { why: 'the task ends transactions itself', config: { 'transaction.boundary': 'connector' } },
    { why: 'delivery is at least once', config: { 'connector.class': 'LooseRunSource' } },
  ];
  for (const { why, config = {}, partitions = 0, topicConfig = {}, isOther = false } of refusals) {
    test(`are taken apart where ${why}`, async () => {
      const { records, source } = await run(config, { partitions, topicConfig });
      assert.equal(source.told.at(-1), false);
      assert.equal(source.released, 0);
      assert.equal(source.committedRecords, TOTAL, 'each is a record like any other');
      if (!isOther) assert.deepEqual(told(records).sort(), [...expected].sort());
      if (config.transforms !== undefined) assert.ok(records.every(({ headers }) => headers[0]?.key === 'marked'));
      if (topicConfig['schema.validation'] !== undefined) assert.ok(judged > 0);
      if (config['trace.context'] !== undefined) assert.ok(records.every(({ headers }) => headers.length > 0));
    });
  }

  test('are taken apart where the topic takes no batch of their size', async () => {
    const { records, source } = await run({}, { partitions: 1, topicConfig: { 'max.message.bytes': '5300' } });
    assert.equal(source.told.at(-1), false);
    assert.equal(source.released, ROUNDS - 1, 'one has a large record in it');
    assert.deepEqual(told(records), expected);
  });

  test('wait in transactions of an interval, too', async () => {
    const { records, source } = await run({
      'transaction.boundary': 'interval',
      'transaction.boundary.interval.ms': '30',
    });
    assert.equal(source.released, ROUNDS);
    assert.deepEqual(told(records), expected);
  });

  const tolerant = {
    'errors.tolerance': 'all',
    'errors.deadletterqueue.topic.name': 'letters',
    'errors.deadletterqueue.topic.replication.factor': '1',
  };

  test('are taken apart where a record in one is larger than max.request.size, and only that one is a dead letter', async () => {
    const { records, source } = await run(
      { ...tolerant, 'producer.override.max.request.size': '4000' },
      { total: TOTAL - 1 },
    );
    assert.deepEqual(
      told(records),
      expected.filter((_, i) => i !== 100),
    );
    assert.deepEqual(source.told, Array(ROUNDS).fill(true));
    assert.equal(source.released, ROUNDS - 1);
  });

  test('that the log refuses are taken apart, and what it will never take are dead letters', async () => {
    const keyed = expected.filter((text) => !text.startsWith('null'));
    const { records, source } = await run(tolerant, {
      partitions: 1,
      topicConfig: { 'cleanup.policy': 'compact' },
      total: keyed.length,
    });
    assert.deepEqual(told(records), keyed);
    assert.deepEqual(source.told, Array(ROUNDS).fill(true));
    assert.equal(source.released, 0, 'each had a record without a key');
  });
});

function copyOf(record: ConsumerRecord): ConsumerRecord {
  const copy = (bytes: Buffer | null) => (bytes === null ? null : Buffer.from(bytes));
  return { ...record, key: copy(record.key), value: copy(record.value) };
}
