/** Source tasks on the in-memory log: what is acknowledged when, and what a crash, a refusal or a bad record does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Config,
  DataError,
  offsetOnly,
  RetriableError,
  type SourceConnectorPlugin,
  type SourceTaskContext,
  type StoredOffset,
} from '../../connectors/api/index.ts';
import { LogError } from '../log/client.ts';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, range, steeredSource } from './harness.ts';

const config = (more: Record<string, string> = {}) => ({ 'connector.class': 'SteeredSource', ...more });
const deadLetters = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };
const away = () => new LogError('NOT_ENOUGH_REPLICAS', 'The log is away.', { retriable: true });

test('records reach their topic, their offsets the offsets topic, in Kafka Connect’s format', async (t) => {
  const source = steeredSource();
  source.values.push(...range(25));
  const { log, create, values, running } = await harness(t, [source.plugin]);
  await create('s', config());
  await eventually(() => assert.deepEqual(values('out'), range(25)));
  await eventually(async () => {
    assert.deepEqual(await running.worker.offsets.list('s'), [{ partition: { list: 'values' }, offset: { next: 25 } }]);
  });
  const last = log.records({ topic: 'connect-offsets', partition: 0 }).at(-1);
  assert.equal(last?.key?.toString(), '["s",{"list":"values"}]');
  assert.equal(last?.value?.toString(), '{"next":25}');
});

test('commitRecord follows the durable append, commit follows the durable offset', async (t) => {
  const source = steeredSource();
  source.values.push('a', 'b');
  const events = source.calls;
  const log = new MemoryLog({
    beforeAppend: async ([record]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (record?.topic === 'out') events.push('append');
      if (record?.topic === 'connect-offsets') events.push('offset');
    },
  });
  const { create } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.ok(events.includes('commit')));
  assert.deepEqual(events, ['append', 'commitRecord:a', 'commitRecord:b', 'offset', 'commit']);
  assert.equal(source.metadata[1]?.offset, 1);
});

test('a worker that dies between append and offset write delivers again and loses nothing', async (t) => {
  const source = steeredSource();
  source.values.push(...range(10));
  let offsetsFail = true;
  const log = new MemoryLog({
    beforeAppend: ([record]) => {
      if (offsetsFail && record?.topic === 'connect-offsets') throw away();
    },
  });
  const first = await harness(t, [source.plugin], { log });
  await first.create('s', config());
  await eventually(() => assert.equal(first.values('out').length, 10));
  await first.running.stop();
  offsetsFail = false;
  await first.restart();
  await eventually(() => assert.deepEqual(first.values('out'), [...range(10), ...range(10)]));
  assert.deepEqual(source.started, [0, 0]);
});

test('after a clean stop the next worker continues where the last one was', async (t) => {
  const source = steeredSource();
  source.values.push(...range(10));
  const { create, values, restart } = await harness(t, [source.plugin]);
  await create('s', config());
  await eventually(() => assert.equal(values('out').length, 10));
  await restart();
  source.values.push('more');
  await eventually(() => assert.deepEqual(values('out'), [...range(10), 'more']));
  assert.deepEqual(source.started, [0, 10]);
});

test('an append that fails for a while is sent again, and what was sent behind it comes after it', async (t) => {
  const source = steeredSource();
  source.values.push(...range(40));
  let refusals = 0;
  const log = new MemoryLog({
    beforeAppend: async (records) => {
      const isSecond = records.some(({ value }) => value?.toString() === 'v10');
      if (records[0]?.topic === 'out') await new Promise((resolve) => setTimeout(resolve, 5));
      if (isSecond && refusals++ < 1) throw away();
    },
  });
  const { create, values } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.equal(source.calls.filter((call) => call.startsWith('commitRecord')).length, 40));
  const seen = values('out');
  const lastOf = (value: string) => seen.lastIndexOf(value);
  for (let index = 1; index < 40; index++)
    assert.ok(lastOf(`v${index - 1}`) < lastOf(`v${index}`), `order at ${index}`);
  assert.deepEqual(
    source.calls.filter((call) => call.startsWith('commitRecord')),
    range(40).map((value) => `commitRecord:${value}`),
  );
});

test('a record that does not convert fails the task, which names it, unless errors are tolerated', async (t) => {
  const source = steeredSource();
  source.values.push('ok', 'bad one', 'ok too');
  const { create, running } = await harness(t, [source.plugin]);
  await create('s', config());
  const status = await eventually(() => {
    const { tasks } = running.worker.status('s');
    assert.equal(tasks[0]?.state, 'FAILED');
    return tasks[0];
  });
  assert.match(status?.trace ?? '', /VALUE_CONVERTER failed for the record for topic \S+ from .*"next":2/s);
  assert.match(status?.trace ?? '', /Caused by: Error: cannot convert bad one/);
  assert.match(status?.trace ?? '', /stays FAILED/);
});

test('with a dead letter queue a bad record leaves its neighbours alone and keeps its cause and its bytes', async (t) => {
  const source = steeredSource();
  source.values.push('a', 'bad one', 'drop this', 'b');
  const { log, create, values, running } = await harness(t, [source.plugin]);
  await create('s', config({ ...deadLetters, transforms: 'd', 'transforms.d.type': 'DropSome' }));
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b']));
  const [dead] = await eventually(() => {
    const records = log.records({ topic: 'dead', partition: 0 });
    assert.equal(records.length, 1);
    return records;
  });
  assert.equal(dead?.value?.toString(), 'bad one');
  const headers = Object.fromEntries(dead!.headers.map(({ key, value }) => [key, value?.toString() ?? null]));
  assert.equal(headers['__connect.errors.stage'], 'VALUE_CONVERTER');
  assert.equal(headers['__connect.errors.class.name'], 'TextConverter');
  assert.equal(headers['__connect.errors.connector.name'], 's');
  assert.equal(headers['__connect.errors.exception.message'], 'cannot convert bad one');
  assert.equal(Object.keys(headers).length, 11);
  await eventually(() =>
    assert.deepEqual(running.worker.ledger('s', 0), {
      read: 4,
      written: 2,
      filtered: 1,
      deadLettered: 1,
      skipped: 0,
      released: 0,
      inFlight: 0,
      mismatch: 0,
    }),
  );
  assert.deepEqual(
    source.metadata.map((metadata) => metadata?.offset ?? null),
    [0, null, null, 1],
  );
});

test('input that never became a record goes to the same queue, with its bytes', async (t) => {
  const source = steeredSource();
  let reported = false;
  source.onPoll = async (context) => {
    if (reported) return;
    reported = true;
    const error = new DataError('too few columns');
    await context.reportBadInput({ error, source: { file: 'a.csv', line: 3 }, bytes: Buffer.from('x;y') });
  };
  const { log, create } = await harness(t, [source.plugin]);
  await create('s', config(deadLetters));
  await eventually(() => assert.equal(log.records({ topic: 'dead', partition: 0 })[0]?.value?.toString(), 'x;y'));
});

test('a record the log refuses for good is told apart from its neighbours', async (t) => {
  const source = steeredSource();
  source.values.push('a', 'b', 'huge', 'c');
  const log = new MemoryLog({
    beforeAppend: (records) => {
      if (!records.some(({ topic, value }) => topic === 'out' && value?.toString() === 'huge')) return;
      throw new LogError('RECORD_TOO_LARGE', 'The record is too large.', { retriable: false });
    },
  });
  const { create, values, running } = await harness(t, [source.plugin], { log });
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(values('out'), ['a', 'b', 'c']));
  assert.deepEqual(values('dead'), ['huge']);
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.deadLettered, 1));
  assert.equal(running.worker.ledger('s', 0)?.mismatch, 0);
});

test('a retriable poll is asked again; a transient failure restarts the task by itself', async (t) => {
  const source = steeredSource();
  source.values.push('a');
  let polls = 0;
  source.onPoll = () => {
    polls++;
    if (polls === 1) throw new RetriableError('a moment, please');
    if (polls === 2) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  };
  const { create, values, running } = await harness(t, [source.plugin]);
  await create('s', config({ 'restart.backoff.ms': '10', 'errors.retry.delay.max.ms': '10' }));
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  assert.deepEqual(source.started, [0, 0]);
  assert.equal(running.worker.status('s').tasks[0]?.state, 'RUNNING');
});

test('a source that does not end in time is cut off and commits nothing more', async (t) => {
  const source = steeredSource();
  source.values.push('a');
  let release = () => {};
  const stuck = new Promise<void>((resolve) => {
    release = resolve;
  });
  let polls = 0;
  source.onPoll = () => (++polls > 1 ? stuck : undefined);
  const { create, running } = await harness(t, [source.plugin]);
  await create('s', config());
  await eventually(() => assert.ok(source.calls.includes('commit')));
  const began = Date.now();
  await running.stop();
  assert.ok(Date.now() - began < 30_000);
  const calls = [...source.calls];
  release();
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(
    source.calls.filter((call) => call !== 'stop'),
    calls,
  );
});

test('pause stops polling, resume goes on; a new topic gets the settings of its group', async (t) => {
  const source = steeredSource();
  const { log, create, values, running } = await harness(t, [source.plugin]);
  await create(
    's',
    config({
      'topic.creation.groups': 'wide',
      'topic.creation.wide.include': 'o.*',
      'topic.creation.wide.partitions': '3',
      'topic.creation.wide.cleanup.policy': 'compact',
    }),
  );
  await running.worker.setTarget('s', 'PAUSED');
  await eventually(() => assert.equal(running.worker.status('s').tasks[0]?.state, 'PAUSED'));
  await new Promise((resolve) => setTimeout(resolve, 30));
  source.values.push('a');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(values('out'), []);
  await running.worker.setTarget('s', 'STARTED');
  await eventually(() => assert.deepEqual(values('out'), ['a']));
  assert.equal(log.partitionCount('out'), 3);
  assert.deepEqual(log.topicConfig('out'), { 'cleanup.policy': 'compact' });
});

test('the log being away for a while neither fails the task nor loses a record', async (t) => {
  const source = steeredSource();
  source.values.push(...range(30));
  let isAway = true;
  const log = new MemoryLog({
    beforeAppend: ([record]) => {
      if (isAway && record?.topic === 'out') throw away();
    },
  });
  const { create, values, running } = await harness(t, [source.plugin], { log });
  await create('s', config({ 'errors.retry.delay.max.ms': '20' }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(running.worker.status('s').tasks[0]?.state, 'RUNNING');
  assert.equal(running.worker.ledger('s', 0)?.written, 0);
  isAway = false;
  await eventually(() => assert.deepEqual(values('out'), range(30)));
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.mismatch, 0));
});

test('an offset without a record is kept and told to the source soon, and nothing is written to a topic', async (t) => {
  const source = steeredSource();
  const told: unknown[] = [];
  let isGiven = false;
  const { create } = source.plugin as SourceConnectorPlugin;
  const plugin: SourceConnectorPlugin = {
    ...(source.plugin as SourceConnectorPlugin),
    create: async () => {
      const connector = await create();
      const createTask = connector.createTask.bind(connector);
      connector.createTask = () => {
        const task = createTask();
        const { start } = task;
        let requestCommit: (() => void) | undefined;
        return Object.assign(task, {
          start: (context: SourceTaskContext, config: Config) => {
            requestCommit = context.requestCommit;
            return start.call(task, context, config);
          },
          poll: async () => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (isGiven) return null;
            isGiven = true;
            return [offsetOnly({ list: 'idle' }, { next: 7 })];
          },
          commitRecord: () => requestCommit?.(),
          commit: (offsets: readonly StoredOffset[]) => void told.push(...offsets),
        });
      };
      return connector;
    },
  };
  // The interval is far away: only the request can have caused the write.
  const {
    create: createConnector,
    log,
    running,
  } = await harness(t, [plugin], {
    config: { 'offset.flush.interval.ms': '600000' },
  });
  await createConnector('s', config());
  await eventually(() => assert.deepEqual(told, [{ partition: { list: 'idle' }, offset: { next: 7 } }]));
  assert.deepEqual(await running.worker.offsets.list('s'), [{ partition: { list: 'idle' }, offset: { next: 7 } }]);
  assert.throws(() => log.records({ topic: '', partition: 0 }), /does not exist/);
});

test('a log that is slow is given more at a time than a quick one needs, within a bound', async (t) => {
  const source = steeredSource();
  source.values.push(...range(40_000));
  source.batchSize = 1_000;
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 50));
  const log = new MemoryLog({ beforeAppend: ([record]) => (record?.topic === 'out' ? slow() : undefined) });
  const { create, running, values } = await harness(t, [source.plugin], { log });
  await create('s', config());
  await eventually(() => assert.equal(values('out').length, 40_000));
  const { inFlightMax } = [...running.worker.lives()][0]!.tasks[0]!.ledger;
  // The bound lets a whole slice in when it is not reached yet, and the poll behind it waits.
  assert.ok(inFlightMax > 4_096 + 2_000 && inFlightMax <= 16_384 + 2_000, `${inFlightMax} in flight`);
});
