/**
 * The examination of a sink connector: what every one must hold, whatever it writes to. Registers tests with node:test.
 *
 * The log it puts from is in memory and remembers committed offsets, so a crash is a run that is killed and another
 * that begins where the group (or the sink's own seek) says.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { RecordValue, Schema, SinkConnectorPlugin } from '../api/index.ts';
import { refusesMissingKeys, within } from './examine-source.ts';
import { SinkLog, SinkRun } from './sink-run.ts';
import { parsed } from './source-run.ts';

/** A fresh place to write to, made for one test. */
export interface SinkFixture {
  readonly config: Readonly<Record<string, string>>;
  /** The record that carries this text; all have distinct texts. */
  record(text: string): { readonly value: RecordValue; readonly schema: Schema | null; readonly key?: string };
  /** The texts that have arrived for good, in order where the target has one. */
  read(): Promise<readonly string[]>;
  /** What `check` must leave as it was. */
  snapshot?(): Promise<unknown>;
}

export interface SinkSubject {
  readonly plugin: SinkConnectorPlugin;
  prepare(t: TestContext): Promise<SinkFixture>;
  /** True: after a crash nothing is there twice. False: at least once. */
  readonly exactlyOnce: boolean;
  /** False for a target that keeps no order (a table). */
  readonly keepsOrder?: boolean;
  readonly skip?: string | false;
}

const topic = 'acceptance';
const partitions = [
  { topic, partition: 0 },
  { topic, partition: 1 },
];
const stopMs = 5_000;

/** Registers the examination. Call it at the top level of a test file. */
export function examineSink(subject: SinkSubject): void {
  const { plugin } = subject;
  const skip = subject.skip ?? false;
  const exam = (name: string, examine: (fixture: SinkFixture, t: TestContext) => Promise<void>) =>
    test(name, { skip, timeout: 60_000 }, async (t) => examine(await subject.prepare(t), t));

  describe(`acceptance: sink ${plugin.class}`, () => {
    exam('Refuses a configuration that lacks a required key, and names the key', async (fixture) => {
      refusesMissingKeys(plugin, fixture.config);
    });
    exam('Checks the real world without changing it', (fixture) => checkChangesNothing(plugin, fixture));
    exam('Has delivered everything after put and a graceful stop, in the order of each partition', (fixture) =>
      deliversInOrder(subject, fixture),
    );
    exam('Takes an empty batch', (fixture) => takesNothing(subject, fixture));
    exam('Loses nothing when it crashes after put, before or after flush', (fixture) =>
      survivesCrashes(subject, fixture),
    );
    exam('Takes the same records again when the group goes back', (fixture) => takesAgain(subject, fixture));
  });
}

async function checkChangesNothing(plugin: SinkConnectorPlugin, fixture: SinkFixture): Promise<void> {
  const connector = await plugin.create();
  if (connector.check === undefined) return;
  const before = await fixture.snapshot?.();
  assert.deepEqual(await connector.check(parsed(plugin, fixture.config)), []);
  assert.deepEqual(await fixture.snapshot?.(), before);
}

/** Appends `count` records, alternating over the partitions; answers their texts. */
function fill(log: SinkLog, fixture: SinkFixture, count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, index) => {
    const text = `${prefix}-${String(index).padStart(4, '0')}`;
    const { value, schema, key } = fixture.record(text);
    log.append(topic, index % partitions.length, value, schema, key ?? null);
    return text;
  });
}

/** Everything is there; in order per partition if the target keeps order; not twice if it promises that. */
async function judge(subject: SinkSubject, fixture: SinkFixture, texts: readonly string[]): Promise<void> {
  const found = await fixture.read();
  const distinct = [...new Set(found)];
  assert.deepEqual([...distinct].sort(), [...texts].sort());
  if (subject.exactlyOnce) assert.equal(found.length, distinct.length, 'nothing is there twice');
  if (subject.keepsOrder === false) return;
  for (const index of partitions.keys()) {
    const mine = texts.filter((_text, position) => position % partitions.length === index);
    assert.deepEqual(
      distinct.filter((text) => mine.includes(text)),
      mine,
    );
  }
}

async function deliversInOrder(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const texts = fill(log, fixture, 20, 'a');
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  while ((await run.put(3)) > 0) await run.flush();
  await within(stopMs, 'stop', run.stop());
  await settle(subject, fixture, log);
  await judge(subject, fixture, texts);
}

async function takesNothing(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const run = await SinkRun.start(subject.plugin, fixture.config, new SinkLog(), partitions);
  await run.put();
  await within(stopMs, 'stop', run.stop());
  assert.deepEqual(await fixture.read(), []);
}

async function survivesCrashes(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const texts = fill(log, fixture, 12, 'b');
  for (const flushFirst of [false, true, false]) {
    const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
    await run.put(2);
    if (flushFirst) await run.flush();
    await run.put(1);
    await run.kill();
  }
  await settle(subject, fixture, log);
  await judge(subject, fixture, texts);
}

async function takesAgain(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const texts = fill(log, fixture, 10, 'c');
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  await run.put();
  await run.stop();
  for (const partition of partitions) log.commit({ ...partition, offset: 0 });
  await settle(subject, fixture, log);
  await judge(subject, fixture, texts);
}

/** A last life in which everything left in the log is delivered. */
async function settle(subject: SinkSubject, fixture: SinkFixture, log: SinkLog): Promise<void> {
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  while ((await run.put()) > 0) await run.flush();
  await run.stop();
}
