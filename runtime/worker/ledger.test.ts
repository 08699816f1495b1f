/** The ledger is broken on purpose: a record that is read and then forgotten is an alarm, wherever it was forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceRecord } from '../../connectors/api/index.ts';
import { MemoryLog } from '../log/memory.ts';
import type { RunningWorker } from '../worker-server.ts';
import { eventually, harness, range, silent, steeredSink, steeredSource } from './harness.ts';
import { Ledger } from './ledger.ts';

function alarms() {
  const heard: { fields: object; message: string }[] = [];
  const logger = { ...silent, error: (fields: object, message: string) => void heard.push({ fields, message }) };
  const child = (): typeof logger => ({ ...logger, child });
  return { heard, logger: { ...logger, child } };
}

for (const declared of [{}, { exactlyOnceSupport: () => 'supported' as const }]) {
  const mode = 'exactlyOnceSupport' in declared ? 'exactly-once' : 'at-least-once';
  test(`an ${mode} source that empties an array it had handed over loses records, and everybody hears of it`, async (t) => {
    const source = steeredSource(declared);
    source.values.push(...range(10));
    let handedOver: SourceRecord[] = [];
    source.onRecords = (records) => {
      handedOver = records;
    };
    // As a task would that uses one array for every poll, while the last one's records are still on their way.
    source.onPoll = () => void handedOver.splice(0, 4);
    const log = new MemoryLog({ beforeAppend: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const { heard, logger } = alarms();
    const { create, running } = await harness(t, [source.plugin], { logger, log });
    await create('s', { 'connector.class': 'SteeredSource' });
    await eventually(() => assert.ok(running.worker.ledger('s', 0)!.mismatch > 0));
    const alarm = await eventually(() => {
      assert.equal(heard.length, 1);
      return heard[0]!;
    });
    assert.match(alarm.message, /Task 0 of connector s lost track of \d+ record\(s\)/);
    assert.equal((alarm.fields as { code: string }).code, 'LEDGER_MISMATCH');
    const task = running.worker.status('s').tasks[0]!;
    assert.equal(task.ledger?.mismatch, running.worker.ledger('s', 0)!.mismatch);
    const metric = running.collect().find(({ name }) => name === 'millrace_connect_task_ledger_mismatch');
    assert.ok(metric!.samples[0]!.value > 0);
  });
}

test('a sink that removes records from the batch it is given is found out, and a stop does not hide it', async (t) => {
  const sink = steeredSink();
  sink.onPut = (records) => void (records as unknown[]).splice(0, 2);
  const { heard, logger } = alarms();
  const { create, running, write } = await harness(t, [sink.plugin], { logger });
  await write('in', range(5));
  await create('k', { 'connector.class': 'SteeredSink', topics: 'in' });
  await eventually(() => assert.equal(running.worker.ledger('k', 0)?.mismatch, 2));
  assert.equal(heard.length, 1);
  await running.worker.setTarget('k', 'PAUSED');
  assert.equal(running.worker.ledger('k', 0)?.released, 0);
});

test('a task that is cut off and still at work does not spoil the books of the one that follows', async (t) => {
  const source = steeredSource();
  source.values.push(...range(10));
  let release = () => {};
  const isStuck = new Promise<void>((resolve) => {
    release = resolve;
  });
  const log = new MemoryLog({ beforeAppend: ([record]) => (record?.topic === 'out' ? isStuck : undefined) });
  const { heard, logger } = alarms();
  const { create, running, values } = await harness(t, [source.plugin], { logger, log });
  await create('s', { 'connector.class': 'SteeredSource' });
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.inFlight, 10));
  running.worker.restartTask('s', 0);
  await eventually(() => assert.equal(source.started.length, 2));
  release();
  await eventually(() => assert.equal(values('out').length, 20));
  source.values.push('more');
  await eventually(() => assert.equal(running.worker.ledger('s', 0)?.written, 11));
  assert.deepEqual([heard, running.worker.ledger('s', 0)?.mismatch], [[], 0]);
});

test('books that balance say nothing, whatever is held or given back', () => {
  const heard: number[] = [];
  const ledger = new Ledger((lost) => void heard.push(lost));
  ledger.take(5);
  ledger.written += 2;
  ledger.inFlight -= 2;
  ledger.audit(3);
  ledger.release(3);
  ledger.audit(0);
  assert.deepEqual([heard, ledger.mismatch()], [[], 0]);
  ledger.take(1);
  ledger.audit(0);
  assert.deepEqual([heard, ledger.mismatch(), ledger.lost], [[1], 1, 1]);
});

const tolerant = { 'errors.tolerance': 'all', 'errors.deadletterqueue.topic.name': 'dead' };
const dropping = { transforms: 'drop', 'transforms.drop.type': 'DropSome' };

/** The books in the order of their equation, from the worker and from the metrics. */
function booksOf(running: RunningWorker, connector: string) {
  const { read, written, filtered, deadLettered, skipped, released, inFlight, mismatch } = running.worker.ledger(
    connector,
    0,
  )!;
  const metric = (name: string) => {
    const family = running.collect().find((each) => each.name === `millrace_connect_task_ledger_${name}`)!;
    return family.samples.find(({ labels }) => labels.connector === connector)!.value;
  };
  const names = ['read', 'written', 'filtered', 'dead_lettered', 'skipped', 'released', 'in_flight', 'mismatch'];
  const books = { read, written, filtered, deadLettered, skipped, released, inFlight, mismatch };
  assert.deepEqual(names.map(metric), Object.values(books), 'the metrics say the same');
  return books;
}

for (const declared of [{}, { exactlyOnceSupport: () => 'supported' as const }]) {
  const mode = 'exactlyOnceSupport' in declared ? 'exactly once' : 'at least once';
  test(`a source (${mode}): read = written + filtered + dead-lettered + in flight, each with its number`, async (t) => {
    const source = steeredSource(declared);
    source.values.push('a', 'drop 1', 'bad 1', 'b', 'drop 2', 'c', 'bad 2', 'drop 3', 'd');
    let isHeld = false;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const log = new MemoryLog({ beforeAppend: ([record]) => (isHeld && record?.topic === 'out' ? held : undefined) });
    const { create, running } = await harness(t, [source.plugin], { log });
    await create('s', { 'connector.class': 'SteeredSource', ...dropping, ...tolerant });
    const books = {
      read: 9,
      written: 4,
      filtered: 3,
      deadLettered: 2,
      skipped: 0,
      released: 0,
      inFlight: 0,
      mismatch: 0,
    };
    await eventually(() => assert.deepEqual(booksOf(running, 's'), books));
    isHeld = true;
    source.values.push('e', 'drop 4', 'f');
    await eventually(() => assert.deepEqual(booksOf(running, 's'), { ...books, read: 12, inFlight: 3 }));
    release();
    await eventually(() => assert.deepEqual(booksOf(running, 's'), { ...books, read: 12, written: 6, filtered: 4 }));
  });
}

test('a sink: read = written + filtered + dead-lettered + in flight, whoever refuses a record and whenever', async (t) => {
  const sink = steeredSink();
  let isHeld = false;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  sink.onPut = async (records) => {
    if (records.some(({ value }) => value === 'poison')) throw new Error('no');
    if (isHeld) await held;
  };
  const { create, running, write } = await harness(t, [sink.plugin]);
  await write('in', ['a', 'drop 1', 'unreadable', 'b', 'poison', 'c', 'drop 2', 'd']);
  await create('k', { 'connector.class': 'SteeredSink', topics: 'in', ...dropping, ...tolerant });
  const books = {
    read: 8,
    written: 4,
    filtered: 2,
    deadLettered: 2,
    skipped: 0,
    released: 0,
    inFlight: 0,
    mismatch: 0,
  };
  await eventually(() => assert.deepEqual(booksOf(running, 'k'), books));
  isHeld = true;
  await write('in', ['e', 'drop 3']);
  await eventually(() => assert.deepEqual(booksOf(running, 'k'), { ...books, read: 10, filtered: 3, inFlight: 1 }));
  release();
  await eventually(() => assert.deepEqual(booksOf(running, 'k'), { ...books, read: 10, filtered: 3, written: 5 }));
});

for (const way of ['source', 'sink'] as const) {
  test(`without a queue a tolerated record of a ${way} is skipped, and counted as that`, async (t) => {
    const [source, sink] = [steeredSource(), steeredSink()];
    source.values.push('a', 'bad', 'b');
    const { create, running, write } = await harness(t, [source.plugin, sink.plugin]);
    await write('in', ['a', 'unreadable', 'b']);
    const keys =
      way === 'source' ? { 'connector.class': 'SteeredSource' } : { 'connector.class': 'SteeredSink', topics: 'in' };
    await create('x', { ...keys, 'errors.tolerance': 'all' });
    const books = {
      read: 3,
      written: 2,
      filtered: 0,
      deadLettered: 0,
      skipped: 1,
      released: 0,
      inFlight: 0,
      mismatch: 0,
    };
    await eventually(() => assert.deepEqual(booksOf(running, 'x'), books));
  });
}

test('a source that adds to an array it had handed over: more came out than went in, which is an alarm as well', async (t) => {
  const source = steeredSource();
  source.values.push(...range(10));
  let handedOver: SourceRecord[] = [];
  source.onRecords = (records) => {
    handedOver = records;
  };
  source.onPoll = () => {
    if (handedOver.length === 10) handedOver.push(handedOver[0]!, handedOver[1]!);
  };
  const log = new MemoryLog({ beforeAppend: () => new Promise((resolve) => setTimeout(resolve, 20)) });
  const { heard, logger } = alarms();
  const { create, running } = await harness(t, [source.plugin], { logger, log });
  await create('s', { 'connector.class': 'SteeredSource' });
  await eventually(() => assert.ok(running.worker.ledger('s', 0)!.mismatch !== 0));
  await eventually(() => assert.match(heard[0]?.message ?? '', /Task 0 of connector s (?:lost track of|counted)/));
});

test('a sink that forgets a record while its batch is narrowed down is found out too', async (t) => {
  const sink = steeredSink();
  sink.onPut = (records) => {
    if (records.some(({ value }) => value === 'poison')) throw new Error('no');
    if (records.some(({ value }) => value === 'v0')) (records as unknown[]).pop();
  };
  const { heard, logger } = alarms();
  const { create, running, write } = await harness(t, [sink.plugin], { logger });
  await write('in', [...range(3), 'poison']);
  await create('k', { 'connector.class': 'SteeredSink', topics: 'in', ...tolerant });
  await eventually(() => assert.equal(running.worker.ledger('k', 0)?.mismatch, 1));
  await eventually(() => assert.equal(heard.length, 1));
  assert.equal(running.worker.ledger('k', 0)?.deadLettered, 1);
});
