/**
 * The examination of a source connector: what every one must hold, whatever it reads. Registers tests with node:test.
 *
 * It judges behaviour that the worker relies on: nothing lost when it stops anywhere, polls that come back, an end in
 * time, offsets that survive JSON, a check that changes nothing. What is special about a connector is tested beside it.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig, type SourceConnectorPlugin, type SourceRecord } from '../api/index.ts';
import { recordingLogger } from './logger.ts';
import { OffsetStore, parsed, SourceRun } from './source-run.ts';

/** A fresh place to read from, made for one test. */
export interface SourceFixture {
  /** A config that works, without `name` and `connector.class`. */
  readonly config: Readonly<Record<string, string>>;
  /** Makes input appear, one record each, in this order. Called only while a task runs or has run. */
  write(values: readonly string[]): Promise<void>;
  /** The value that `write` was given, read back from a record. */
  read(record: SourceRecord): string;
  /** Resolves when a running task is ready for `write` (a subscription is made). */
  ready?(run: SourceRun): Promise<void>;
  /** A piece of input that can become no record. */
  writeBad?(): Promise<void>;
  /** Makes one input appear whose record is a tombstone: a key with a null value. */
  writeTombstone?(): Promise<void>;
  /** What `check` and `sample` must leave as it was: files, tables, sessions. */
  snapshot?(): Promise<unknown>;
}

export interface SourceSubject {
  readonly plugin: SourceConnectorPlugin;
  /** Called once per test; registers its own clean-up with `t.after`. */
  prepare(t: TestContext): Promise<SourceFixture>;
  /** A reason not to run, in node:test's own shape. */
  readonly skip?: string | false;
}

/** A poll with nothing to give must be back by then: the contract says about once a second. */
const pollReturnMs = 2_500;
/** Soon, after an abort. */
const abortReturnMs = 1_000;
const stopMs = 5_000;
/** How long a sample may wait for input that comes by itself. */
const sampleMs = 1_500;
/** Enough to cut at each place, few enough to be quick. */
const values = ['one', 'two', 'three', 'four', 'five', 'six'];

/** Registers the examination. Call it at the top level of a test file. */
export function examineSource(subject: SourceSubject): void {
  const { plugin } = subject;
  const skip = subject.skip ?? false;
  const exam = (name: string, examine: (fixture: SourceFixture, t: TestContext) => Promise<void>) =>
    test(name, { skip, timeout: 60_000 }, async (t) => examine(await subject.prepare(t), t));

  describe(`acceptance: source ${plugin.class}`, () => {
    exam('Refuses a configuration that lacks a required key, and names the key', async (fixture) => {
      refusesMissingKeys(plugin, fixture.config);
    });
    exam('Checks the real world without changing it', (fixture) => checkChangesNothing(plugin, fixture));
    exam('Delivers everything, in order, with offsets that survive JSON', deliversInOrder(plugin));
    exam('Loses nothing when it is stopped after any record, and repeats nothing it has committed', resumes(plugin));
    exam('Delivers again what was polled but not committed', redelivers(plugin));
    exam('Comes back from a poll that has nothing to give, and soon after an abort', pollsInTime(plugin));
    exam('Holds back while nobody polls, and then loses nothing', holdsBack(plugin));
    exam('Reports bad input and goes on', reportsBadInput(plugin));
    exam('Goes on behind the last committed record, wherever it is killed', survivesKills(plugin));
    exam('Stops in time in the middle of its input', stopsInTime(plugin));
    exam('Carries a record of a megabyte', carriesBigRecords(plugin));
    exam('Shows samples and changes nothing by it', samplesChangeNothing(plugin));
    exam('Delivers tombstones', deliversTombstones(plugin));
  });
}

/** Every declared key without a default must be missed by name. */
export function refusesMissingKeys(
  plugin: { readonly class: string; readonly config: SourceConnectorPlugin['config'] },
  config: Readonly<Record<string, string>>,
): void {
  assert.deepEqual(parseConfig(plugin.config, config).problems, [], 'the given config is right');
  for (const [key, declared] of Object.entries(plugin.config)) {
    if (declared.default !== undefined) continue;
    const { [key]: _, ...without } = config;
    const { problems } = parseConfig(plugin.config, without);
    assert.deepEqual(
      problems.map((problem) => problem.key),
      [key],
    );
  }
}

async function checkChangesNothing(plugin: SourceConnectorPlugin, fixture: SourceFixture): Promise<void> {
  const connector = await plugin.create();
  if (connector.check === undefined) return;
  const before = await fixture.snapshot?.();
  assert.deepEqual(await connector.check(parsed(plugin, fixture.config)), []);
  assert.deepEqual(await fixture.snapshot?.(), before);
}

type Examine = (fixture: SourceFixture, t: TestContext) => Promise<void>;

/** Starts a run that ends with the test, whatever happens. */
async function begin(plugin: SourceConnectorPlugin, fixture: SourceFixture, t: TestContext, offsets?: OffsetStore) {
  const run = await SourceRun.start(plugin, fixture.config, offsets === undefined ? {} : { offsets });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await within(stopMs, 'stop', run.stop());
  };
  t.after(stop);
  await fixture.ready?.(run);
  return { run, stop };
}

const deliversInOrder =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const { run, stop } = await begin(plugin, fixture, t);
    await fixture.write(values);
    const records = await run.take(values.length);
    assert.deepEqual(records.map(fixture.read), values);
    for (const { sourcePartition, sourceOffset } of records) {
      assert.deepEqual(JSON.parse(JSON.stringify([sourcePartition, sourceOffset])), [sourcePartition, sourceOffset]);
    }
    await run.commit(records);
    await stop();
  };

const resumes =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const offsets = new OffsetStore();
    const seen: string[] = [];
    let first = true;
    while (seen.length < values.length) {
      const { run, stop } = await begin(plugin, fixture, t, offsets);
      if (first) await fixture.write(values);
      first = false;
      const records = await run.take(1);
      await run.commit(records.slice(0, 1));
      seen.push(fixture.read(records[0]!));
      await stop();
    }
    assert.deepEqual(seen, values);
    const { run, stop } = await begin(plugin, fixture, t, offsets);
    assert.deepEqual((await run.takeFor(300)).map(fixture.read), []);
    await stop();
  };

const redelivers =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const offsets = new OffsetStore();
    const first = await begin(plugin, fixture, t, offsets);
    await fixture.write(values);
    const records = await first.run.take(values.length);
    await first.run.commit(records.slice(0, 2));
    await first.stop();
    const second = await begin(plugin, fixture, t, offsets);
    const again = await second.run.take(values.length - 2);
    assert.deepEqual(again.map(fixture.read), values.slice(2));
    await second.run.commit(again);
    await second.stop();
  };

const pollsInTime =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const { run, stop } = await begin(plugin, fixture, t);
    await within(pollReturnMs, 'poll', run.poll());
    const pending = run.poll();
    await sleep(20);
    run.abort();
    await within(abortReturnMs, 'poll after abort', pending);
    await stop();
  };

const holdsBack =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const { run, stop } = await begin(plugin, fixture, t);
    const many = Array.from({ length: 500 }, (_, index) => `value ${index}`);
    await fixture.write(many);
    await sleep(300);
    const seen: string[] = [];
    while (seen.length < many.length) {
      const records = await run.take(1);
      await run.commit(records);
      seen.push(...records.map(fixture.read));
    }
    assert.deepEqual(seen, many);
    await stop();
  };

const reportsBadInput =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    if (fixture.writeBad === undefined) return;
    const { run, stop } = await begin(plugin, fixture, t);
    await fixture.write(['before']);
    await fixture.writeBad();
    await fixture.write(['after']);
    const records = await run.take(2);
    assert.deepEqual(records.map(fixture.read), ['before', 'after']);
    assert.equal(run.badInput.length, 1);
    await run.commit(records);
    await stop();
  };

/** Each life has polled everything that is left when it ends, and committed one record. */
const survivesKills =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const offsets = new OffsetStore();
    for (let done = 0; done < values.length; done++) {
      const { run, stop } = await begin(plugin, fixture, t, offsets);
      if (done === 0) await fixture.write(values);
      const records = await run.take(values.length - done);
      assert.deepEqual(records.map(fixture.read), values.slice(done), `after ${done} committed records`);
      await run.commit(records.slice(0, 1));
      await stop();
    }
  };

const stopsInTime =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const { run, stop } = await begin(plugin, fixture, t);
    await fixture.write(Array.from({ length: 2_000 }, (_, index) => `value ${index}`));
    await run.take(1);
    const pending = run.poll();
    run.abort();
    await within(abortReturnMs, 'poll after abort', pending);
    await stop();
  };

const carriesBigRecords =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const { run, stop } = await begin(plugin, fixture, t);
    const big = 'big '.repeat(250_000).trimEnd();
    await fixture.write(['before', big, 'after']);
    const records = await run.take(3);
    // Not deepEqual: a difference of a megabyte helps nobody.
    assert.deepEqual(
      records.map((record) => fixture.read(record).length),
      ['before'.length, big.length, 'after'.length],
    );
    assert.ok(fixture.read(records[1]!) === big, 'the big record came through unchanged');
    await run.commit(records);
    await stop();
  };

/** What is written while nobody runs is sampled, and is there all the same for the task that runs next. */
const samplesChangeNothing =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    const connector = await plugin.create();
    if (connector.sample === undefined) return;
    const offsets = new OffsetStore();
    const first = await begin(plugin, fixture, t, offsets);
    await fixture.write(['seen']);
    await first.run.commit(await first.run.take(1));
    await first.stop();
    await fixture.write(values);
    const before = await fixture.snapshot?.();
    const { logger } = recordingLogger();
    const request = { signal: AbortSignal.timeout(sampleMs), logger };
    const sampled = await within(stopMs, 'sample', connector.sample(parsed(plugin, fixture.config), 3, request));
    assert.ok(sampled.length <= 3, 'no more samples than asked for');
    for (const record of sampled) assert.ok(['seen', ...values].includes(fixture.read(record)));
    assert.deepEqual(await fixture.snapshot?.(), before);
    const second = await begin(plugin, fixture, t, offsets);
    assert.deepEqual((await second.run.take(values.length)).map(fixture.read), values);
    await second.stop();
  };

const deliversTombstones =
  (plugin: SourceConnectorPlugin): Examine =>
  async (fixture, t) => {
    if (fixture.writeTombstone === undefined) return;
    const { run, stop } = await begin(plugin, fixture, t);
    await fixture.write(['before']);
    await fixture.writeTombstone();
    await fixture.write(['after']);
    const records: SourceRecord[] = [];
    const isAfter = (record: SourceRecord) => record.value !== null && fixture.read(record) === 'after';
    while (!records.some(isAfter)) records.push(...(await run.take(1)));
    assert.ok(
      records.some(({ key, value }) => key !== null && value === null),
      'a record with a key and no value came',
    );
    await run.commit(records);
    await stop();
  };

/** The promise's outcome, or an error that names what took too long. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`"${what}" was not done within ${ms} ms.`);
  });
  timeout.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
  }
}
