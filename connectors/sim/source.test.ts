/**
 * The fleet source by the clock: the examination, in which time is what makes input appear, and resumption.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examineSource, OffsetStore, parsed, recordingLogger, SourceRun } from '../acceptance/index.ts';
import type { JsonText, SourceConnectorPlugin, SourcePartition, SourceRecord } from '../api/index.ts';
import { simPlugins } from './plugins.ts';
import { SimFleetSource } from './source.ts';
import { FleetVerifier } from './verifier.ts';

const plugin = simPlugins[0] as SourceConnectorPlugin;
/** Twenty reports of each of ten trucks within a tenth of a second. */
const config = { topic: 'gps', 'sim.trucks': '10', 'sim.reports.max': '20', 'sim.speed': '4000', 'sim.seed': '3' };
const textOf = (record: SourceRecord) => Buffer.from((record.value as JsonText).bytes).toString();

examineSource({
  plugin,
  lacks: { badInput: 'it makes its input itself', tombstones: 'no truck ever leaves the fleet' },
  prepare: async () => {
    const intervalMs = 1000;
    let nowMs = Date.UTC(2026, 0, 1);
    // One truck: what was written as the n-th is its report number n.
    const written: string[] = [];
    const keys = { topic: 'gps', 'sim.trucks': '1', 'sim.interval.ms': String(intervalMs) };
    return {
      plugin: { ...plugin, create: () => new SimFleetSource(() => nowMs) },
      config: keys,
      write: async (values) => {
        written.push(...values);
        nowMs += values.length * intervalMs;
      },
      read: (record) => written[Number(record.sourceOffset.seq) - 1]!,
    };
  },
});

test('Every report comes once and in order, keyed by its truck', async (t) => {
  const run = await SourceRun.start(plugin, config);
  t.after(() => run.stop());
  const records = await run.take(200);
  await sleep(50);
  assert.deepEqual(await run.takeFor(50), []);
  const judge = new FleetVerifier();
  for (const record of records) {
    judge.addPayload(textOf(record));
    assert.equal(record.key, (JSON.parse(textOf(record)) as { id: string }).id);
  }
  assert.deepEqual([judge.verdict({ last: 20 }).faulty, judge.verdict().reports], [[], 200]);
});

test('A task that stops anywhere goes on behind what was durable, leaving nothing out', async () => {
  const offsets = new OffsetStore();
  const judge = new FleetVerifier();
  let left = 200;
  for (const count of [7, 1, 60, 13, 119]) {
    const run = await SourceRun.start(plugin, config, { offsets });
    const records = (await run.take(count)).slice(0, count);
    await run.commit(records);
    for (const record of records) judge.addPayload(textOf(record));
    left -= records.length;
    await run.stop();
  }
  assert.equal(left, 0);
  assert.deepEqual([judge.verdict({ last: 20 }).faulty, judge.verdict().reports], [[], 200]);
});

test('Tasks share the shards, each has one owner', async () => {
  const connector = await plugin.create();
  for (const tasks of [1, 3, 16, 40]) {
    const configs = await connector.taskConfigs(tasks);
    assert.equal(configs.length, Math.min(tasks, 16));
    const shards = configs.flatMap((task) => task['sim.task.shards']!.split(',').map(Number));
    assert.deepEqual(
      shards.toSorted((a, b) => a - b),
      Array.from({ length: 16 }, (_, shard) => shard),
    );
  }
});

test('Tasks that start at different moments drive in one world', async () => {
  const intervalMs = 1000;
  const beganMs = Date.UTC(2026, 0, 1);
  let nowMs = beganMs + intervalMs - 1;
  const keys = { topic: 'gps', 'sim.trucks': '32', 'sim.interval.ms': String(intervalMs) };
  const { logger } = recordingLogger();
  const connector = new SimFleetSource(() => nowMs);
  const raiseError = () => undefined;
  connector.start({ name: 'sim', logger, requestTaskReconfiguration() {}, raiseError }, parsed(plugin, keys));
  for (const [task, config] of connector.taskConfigs(2).entries()) {
    nowMs += 5 * intervalMs;
    const running = connector.createTask();
    const context = { connector: 'sim', task, logger, signal: new AbortController().signal };
    const offsets = async (partitions: readonly SourcePartition[]) => partitions.map(() => null);
    const given = parsed(plugin, { ...keys, ...config });
    await running.start({ ...context, offsets, reportBadInput: async () => undefined }, given);
    const [record] = (await running.poll()) ?? [];
    assert.equal(record!.sourceOffset.startMs, beganMs);
  }
});

test('What is no JSON is bad input, with its bytes', async (t) => {
  const run = await SourceRun.start(plugin, { ...config, 'sim.faults.bad': '1' });
  t.after(() => run.stop());
  const records = [];
  for (const deadline = Date.now() + 60_000; records.length + run.badInput.length < 200 && Date.now() < deadline; ) {
    records.push(...(await run.takeFor(20)));
  }
  assert.equal(records.length + run.badInput.length, 200);
  const judge = new FleetVerifier();
  for (const record of records) judge.addPayload(textOf(record));
  for (const { bytes } of run.badInput) judge.addPayload(Buffer.from(bytes!).toString());
  assert.deepEqual([judge.verdict({ last: 20 }).missing, judge.verdict().duplicates], [0, 0]);
});
