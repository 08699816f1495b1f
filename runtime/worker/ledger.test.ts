/** The ledger is broken on purpose: a record that is read and then forgotten is an alarm, wherever it was forgotten. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceRecord } from '../../connectors/api/index.ts';
import { MemoryLog } from '../log/memory.ts';
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
  await eventually(() => assert.equal(source.started.length, 2), 10_000);
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
