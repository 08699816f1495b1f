/** Sink tasks on the in-memory log: delivery, commits, retries, bisection, rebalances, stopping. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError, RetriableError } from '../../connectors/api/index.ts';
import { jsonPlugin } from '../../connectors/converters/json.ts';
import { insertFieldPlugins } from '../../connectors/transforms/insert-field.ts';
import { LogError } from '../log/client.ts';
import { MemoryLog } from '../log/memory.ts';
import { eventually, harness, range, steeredSink } from './harness.ts';

const config = (more: Record<string, string> = {}) => ({ 'connector.class': 'SteeredSink', topics: 'in', ...more });
const deadLetters = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };

test('records are delivered in order, and committed after the flush', async (t) => {
  const sink = steeredSink();
  const { log, create, write } = await harness(t, [sink.plugin]);
  await write('in', range(100));
  await create('s', config());
  await eventually(() => assert.deepEqual(sink.received, range(100)));
  await eventually(async () => assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 100));
  assert.ok(sink.calls.includes('flush'));
});

test('after a restart the sink goes on from its committed offset', async (t) => {
  const sink = steeredSink();
  const { create, write, restart } = await harness(t, [sink.plugin]);
  await write('in', range(10));
  await create('s', config());
  await eventually(() => assert.equal(sink.received.length, 10));
  await restart();
  await write('in', ['more']);
  await eventually(() => assert.deepEqual(sink.received, [...range(10), 'more']));
});

test('a retriable put gets the very same batch again', async (t) => {
  const sink = steeredSink();
  const { create, write, running } = await harness(t, [sink.plugin]);
  const attempts: string[][] = [];
  sink.onPut = (records) => {
    attempts.push(records.map(({ value }) => String(value)));
    if (attempts.length < 3) throw new RetriableError('the database is away');
  };
  await write('in', range(5));
  await create('s', config({ 'errors.retry.delay.max.ms': '20' }));
  await eventually(() => assert.deepEqual(sink.received, range(5)));
  assert.deepEqual(attempts, [range(5), range(5), range(5)]);
  assert.equal(running.worker.ledger('s', 0)?.mismatch, 0);
});

test('one bad record of a batch is found by halving; its neighbours are delivered once, in order', async (t) => {
  const sink = steeredSink();
  const { log, create, write, values, running } = await harness(t, [sink.plugin]);
  sink.onPut = (records) => {
    if (records.some(({ value }) => value === 'v13')) throw new DataError('v13 does not fit');
  };
  await write('in', range(32));
  await create('s', config(deadLetters));
  await eventually(() => assert.equal(sink.received.length, 31));
  assert.deepEqual(
    sink.received,
    range(32).filter((value) => value !== 'v13'),
  );
  assert.deepEqual(values('dead'), ['v13']);
  const headers = Object.fromEntries(
    log.records({ topic: 'dead', partition: 0 })[0]!.headers.map(({ key, value }) => [key, value?.toString()]),
  );
  assert.equal(headers['__connect.errors.topic'], 'in');
  assert.equal(headers['__connect.errors.offset'], '13');
  assert.equal(headers['__connect.errors.stage'], 'TASK_PUT');
  await eventually(async () => assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 32));
  assert.equal(running.worker.ledger('s', 0)?.mismatch, 0);
});

test('without tolerance the task fails with the coordinates of the one bad record', async (t) => {
  const sink = steeredSink();
  const { create, write, running } = await harness(t, [sink.plugin]);
  sink.onPut = (records) => {
    if (records.some(({ value }) => value === 'v3')) throw new DataError('v3 does not fit');
  };
  await write('in', range(8));
  await create('s', config());
  await eventually(() => assert.equal(running.worker.status('s').tasks[0]?.state, 'FAILED'));
  assert.match(running.worker.status('s').tasks[0]?.trace ?? '', /TASK_PUT failed for the record at in-0@3/);
  assert.deepEqual(sink.received, ['v0', 'v1', 'v2']);
});

test('a record that cannot be read is dead-lettered with its own bytes, key and headers', async (t) => {
  const sink = steeredSink();
  const { log, create } = await harness(t, [sink.plugin]);
  await log.createTopics([{ topic: 'in', partitions: 1, replicationFactor: 1 }]);
  const record = { topic: 'in', partition: 0, timestamp: 12_345 };
  await log.producer().send([
    {
      ...record,
      key: Buffer.from('k'),
      value: Buffer.from('unreadable'),
      headers: [{ key: 'h', value: Buffer.from('1') }],
    },
    { ...record, key: null, value: Buffer.from('fine'), headers: [] },
  ]);
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(sink.received, ['fine']));
  const [dead] = log.records({ topic: 'dead', partition: 0 });
  assert.equal(dead?.key?.toString(), 'k');
  assert.equal(dead?.value?.toString(), 'unreadable');
  assert.equal(dead?.timestamp, 12_345);
  assert.equal(dead?.headers[0]?.key, 'h');
});

test('a record that is too large for the dead letter topic is there without its value, which a header tells', async (t) => {
  const sink = steeredSink();
  const log = new MemoryLog({
    beforeAppend: (records) => {
      if (!records.some(({ topic, value }) => topic === 'dead' && value?.toString() === 'unreadable')) return;
      throw new LogError('MESSAGE_TOO_LARGE', 'The record is too large.', { retriable: false });
    },
  });
  const { create } = await harness(t, [sink.plugin], { log });
  await log.createTopics([{ topic: 'in', partitions: 1, replicationFactor: 1 }]);
  const record = { topic: 'in', partition: 0, timestamp: 1, key: null, headers: [] };
  await log.producer().send([
    { ...record, value: Buffer.from('unreadable') },
    { ...record, value: Buffer.from('fine') },
  ]);
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(sink.received, ['fine']));
  const [dead] = log.records({ topic: 'dead', partition: 0 });
  assert.equal(dead?.value, null);
  const told = dead?.headers.find(({ key }) => key === 'millrace.omitted.value.bytes');
  assert.equal(told?.value?.toString(), '10');
});

test('bytes that are no JSON are a dead letter of the converter, though transforms and sink never look into them', async (t) => {
  const sink = steeredSink();
  const { log, create } = await harness(t, [sink.plugin, jsonPlugin, ...insertFieldPlugins]);
  await log.createTopics([{ topic: 'in', partitions: 1, replicationFactor: 1 }]);
  const record = { topic: 'in', partition: 0, timestamp: 1, key: null, headers: [] };
  const values = ['{"a":1}', '{"a":01}', '{"a":1', '[1,]', '{"b":"\\x"}', '{"c":[{}]}'];
  await log.producer().send(values.map((value) => ({ ...record, value: Buffer.from(value) })));
  await create(
    's',
    config({
      ...deadLetters,
      'value.converter': 'JsonConverter',
      'value.converter.schemas.enable': 'false',
      transforms: 'add',
      'transforms.add.type': 'InsertField$Value',
      'transforms.add.static.field': 'added',
      'transforms.add.static.value': 'x',
      'errors.deadletterqueue.context.headers.enable': 'true',
    }),
  );
  await eventually(() => assert.equal(sink.received.length + log.records({ topic: 'dead', partition: 0 }).length, 6));
  assert.equal(sink.received.length, 2);
  const dead = log.records({ topic: 'dead', partition: 0 });
  assert.deepEqual(
    dead.map(({ value }) => value?.toString()),
    values.slice(1, 5),
  );
  for (const { headers } of dead) {
    const said = Object.fromEntries(headers.map(({ key, value }) => [key, value?.toString()]));
    assert.equal(said['__connect.errors.stage'], 'VALUE_CONVERTER');
    assert.equal(said['__connect.errors.class.name'], 'JsonConverter');
  }
});

test('a plugin may report single records; the commit waits for them and the books balance', async (t) => {
  const sink = steeredSink();
  const { create, write, values, running } = await harness(t, [sink.plugin]);
  sink.onPut = async (records) => {
    const bad = records.filter(({ value }) => String(value).endsWith('3'));
    await Promise.all(bad.map((record) => sink.report!(record, new DataError('a three'))));
  };
  await write('in', range(20));
  await create('s', config(deadLetters));
  await eventually(() => assert.deepEqual(values('dead'), ['v3', 'v13']));
  await eventually(() => {
    const ledger = running.worker.ledger('s', 0)!;
    assert.deepEqual([ledger.read, ledger.written, ledger.deadLettered, ledger.mismatch], [20, 18, 2, 0]);
  });
});

test('a record that a later put reports is not taken for one of that put: the books balance', async (t) => {
  const sink = steeredSink();
  const { create, write, values, running } = await harness(t, [sink.plugin]);
  let late: Parameters<NonNullable<typeof sink.report>>[0] | null = null;
  sink.onPut = async (records) => {
    if (late === null) late = records[1]!;
    else await sink.report!(late, new DataError('found out late'));
  };
  await write('in', range(3));
  await create('s', config(deadLetters));
  await eventually(() => assert.equal(sink.received.length, 3));
  await write('in', ['more']);
  await eventually(() => assert.deepEqual(values('dead'), ['v1']));
  await eventually(() => {
    const ledger = running.worker.ledger('s', 0)!;
    const { read, written, deadLettered, inFlight, mismatch } = ledger;
    assert.deepEqual([read, written, deadLettered, inFlight, mismatch], [4, 3, 1, 0, 0]);
  });
});

test('a record that a later put reports fails the task under its own name, and that put is not taken apart', async (t) => {
  const sink = steeredSink();
  const { create, write, running } = await harness(t, [sink.plugin]);
  const late: Parameters<NonNullable<typeof sink.report>>[0][] = [];
  let later = 0;
  sink.onPut = async (records) => {
    if (late.length === 0) late.push(...records);
    else {
      later++;
      await sink.report!(late[1]!, new DataError('found out late'));
    }
  };
  await write('in', range(3));
  await create('s', config());
  await eventually(() => assert.equal(sink.received.length, 3));
  await write('in', ['more', 'and more']);
  await eventually(() => assert.equal(running.worker.status('s').tasks[0]?.state, 'FAILED'));
  assert.match(
    running.worker.status('s').tasks[0]?.trace ?? '',
    /TASK_PUT failed for the record at in-0@1: found out late/,
  );
  assert.equal(later, 1);
});

test('a failed flush commits nothing, and the restarted task reads again', async (t) => {
  const sink = steeredSink();
  const { log, create, write } = await harness(t, [sink.plugin]);
  let flushes = 0;
  sink.onFlush = () => {
    if (flushes++ === 0) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  };
  await write('in', range(5));
  await create('s', config({ 'restart.backoff.ms': '10' }));
  await eventually(() => assert.deepEqual(sink.received, [...range(5), ...range(5)]));
  await eventually(async () => assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 5));
});

test('a bad record that only the flush finds is told apart; its neighbours are delivered and committed', async (t) => {
  const sink = steeredSink();
  const { log, create, write, values, running } = await harness(t, [sink.plugin]);
  // A sink that gathers in put and writes in flush, all or nothing, and forgets what it gathered when it is closed.
  const written: string[] = [];
  const gathered = () => sink.received.splice(0);
  sink.onFlush = () => {
    if (sink.received.includes('poison')) throw new DataError('a value out of range');
    written.push(...gathered());
  };
  sink.onClose = () => void gathered();
  await write('in', [...range(40), 'poison', ...range(40, 'w')], 2);
  await create('s', config(deadLetters));
  await eventually(async () => {
    assert.equal(
      (await log.groupOffsets('connect-s')).reduce((sum, { offset }) => sum + offset, 0),
      81,
    );
  });
  assert.deepEqual([...new Set(written)].sort(), [...range(40), ...range(40, 'w')].sort());
  assert.deepEqual(values('dead'), ['poison']);
  assert.equal(running.worker.status('s').tasks[0]?.state, 'RUNNING');
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.mismatch, 0));
});

test('a sink pauses partitions, asks for a commit, and says when its batch shall come again', async (t) => {
  const sink = steeredSink();
  const { log, create, write } = await harness(t, [sink.plugin], { config: { 'offset.flush.interval.ms': '60000' } });
  let failures = 0;
  const times: number[] = [];
  sink.onPut = () => {
    times.push(Date.now());
    sink.context!.retryAfter(60);
    if (failures++ === 0) throw new RetriableError('not yet');
    sink.context!.requestCommit();
  };
  await write('in', range(3));
  await create('s', config({ 'errors.retry.delay.max.ms': '1' }));
  await eventually(async () => assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 3));
  assert.ok(times[1]! - times[0]! >= 55, `it came again after ${times[1]! - times[0]!} ms`);
  const partitions = sink.context!.assignment();
  assert.deepEqual(partitions, [{ topic: 'in', partition: 0 }]);
  sink.context!.pause(partitions);
  await write('in', ['more']);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(sink.received, range(3));
  sink.context!.resume(partitions);
  await eventually(() => assert.deepEqual(sink.received, [...range(3), 'more']));
});

test('two tasks share the partitions, and no record is lost when one of them is restarted', async (t) => {
  const sink = steeredSink();
  const { create, write, running, log } = await harness(t, [sink.plugin]);
  await write('in', range(50), 4);
  await create('s', config({ 'tasks.max': '2' }));
  await eventually(() => assert.equal(new Set(sink.received).size, 50));
  await eventually(() => {
    const opened = sink.calls.filter((call) => call.startsWith('open'));
    assert.ok(opened.some((call) => call.startsWith('open 0')) && opened.some((call) => call.startsWith('open 1')));
  });
  running.worker.restartTask('s', 1);
  await write('in', range(50, 'w'), 4);
  await eventually(() => assert.equal(new Set(sink.received).size, 100));
  await eventually(async () => {
    const offsets = await log.groupOffsets('connect-s');
    assert.equal(
      offsets.reduce((sum, { offset }) => sum + offset, 0),
      100,
    );
  });
  assert.ok(sink.calls.some((call) => call.startsWith('close')));
});

test('stop during a retry ends in time and commits only what was delivered', async (t) => {
  const sink = steeredSink();
  const { log, create, write, running } = await harness(t, [sink.plugin]);
  await write('in', range(5));
  await create('s', config());
  await eventually(async () => assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 5));
  sink.onPut = () => {
    throw new RetriableError('away for good');
  };
  await write('in', ['later']);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const began = Date.now();
  await running.stop();
  assert.ok(Date.now() - began < 30_000);
  assert.equal((await log.groupOffsets('connect-s'))[0]?.offset, 5);
});

test('a paused sink reads nothing and goes on where it was', async (t) => {
  const sink = steeredSink();
  const { create, write, running } = await harness(t, [sink.plugin]);
  await write('in', ['a']);
  await create('s', config());
  await eventually(() => assert.deepEqual(sink.received, ['a']));
  await running.worker.setTarget('s', 'PAUSED');
  await eventually(() => assert.equal(running.worker.status('s').tasks[0]?.state, 'PAUSED'));
  await new Promise((resolve) => setTimeout(resolve, 60));
  await write('in', ['b']);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(sink.received, ['a']);
  await running.worker.setTarget('s', 'STARTED');
  await eventually(() => assert.deepEqual(sink.received, ['a', 'b']));
});
