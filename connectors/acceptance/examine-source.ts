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
  /** A piece of input that can become no record. A source that takes everything has none. */
  writeBad?(): Promise<void>;
  /** Makes one input appear whose record is a tombstone: a key with a null value. Many sources have none. */
  writeTombstone?(): Promise<void>;
  /** The plugin made for this place, where each test needs its own: a clock that it moves. */
  readonly plugin?: SourceConnectorPlugin;
  /** What `check` and `sample` must leave as it was: files, tables, sessions. */
  snapshot?(): Promise<unknown>;
}

export interface SourceSubject {
  readonly plugin: SourceConnectorPlugin;
  /** Called once per test; registers its own clean-up with `t.after`. */
  prepare(t: TestContext): Promise<SourceFixture>;
  /** False for a source whose input has no order of its own: jobs that several workers take. */
  readonly keepsOrder?: boolean;
  /** What this source has none of, each with the reason; that part is then no test at all. */
  readonly lacks?: Readonly<Partial<Record<'check' | 'badInput' | 'tombstones' | 'sample', string>>>;
  /** A reason not to run, in node:test's own shape. */
  readonly skip?: string | false;
}

/** A poll with nothing to give must be back by then: the contract says about once a second, a busy machine later. */
const pollReturnMs = 10_000;
/** Soon, after an abort. */
const abortReturnMs = 5_000;
const stopMs = 15_000;
/** How long a sample may wait for input that comes by itself. */
const sampleMs = 1_500;
/** Enough to cut at each place, few enough to be quick. */
const values = ['one', 'two', 'three', 'four', 'five', 'six'];

/** Registers the examination. Call it at the top level of a test file. */
export function examineSource(subject: SourceSubject): void {
  const { plugin } = subject;
  const skip = subject.skip ?? false;
  const exam = (name: string, examine: Examine, needs?: keyof NonNullable<SourceSubject['lacks']>) => {
    if (needs !== undefined && subject.lacks?.[needs] !== undefined) return;
    test(name, { skip, timeout: 60_000 }, async (t) => {
      const fixture = await subject.prepare(t);
      await examine({ ...subject, plugin: fixture.plugin ?? plugin, fixture, t });
    });
  };

  // Most of it is waiting, each in a place of its own.
  describe(`acceptance: source ${plugin.class}`, { concurrency: 4 }, () => {
    exam('Refuses a configuration that lacks a required key, and names the key', async ({ fixture }) => {
      refusesMissingKeys(plugin, fixture.config);
    });
    exam('Checks the real world without changing it', checkChangesNothing, 'check');
    exam('Delivers everything, in order, with offsets that survive JSON', deliversInOrder);
    exam('Loses nothing when it is stopped after any record, and repeats nothing it has committed', resumes);
    exam('Delivers again what was polled but not committed', redelivers);
    exam('Goes on behind the last committed record, wherever it is killed', survivesKills);
    exam('Takes a record that was dropped on its way for done', takesDroppedForDone);
    exam('Comes back from a poll that has nothing to give, and soon after an abort', pollsInTime);
    exam('Holds back while nobody polls, and then loses nothing', holdsBack);
    exam('Stops in time in the middle of its input', stopsInTime);
    const reported = 'Reports bad input once, delivers its neighbours, and so accounts for all it has read';
    exam(reported, reportsBadInput, 'badInput');
    exam('Carries a record of a megabyte', carriesBigRecords);
    exam('Delivers tombstones', deliversTombstones, 'tombstones');
    exam('Shows samples and changes nothing by it', samplesChangeNothing, 'sample');
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

/** One test: what is examined, with the place made for it. */
interface Exam extends SourceSubject {
  readonly fixture: SourceFixture;
  readonly t: TestContext;
}
type Examine = (exam: Exam) => Promise<void>;

/** Starts a run that ends with the test, whatever happens. */
async function begin({ plugin, fixture, t }: Exam, offsets?: OffsetStore) {
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

/** An offset may hold things that say by `toJSON` what is written of them. */
function asWritten(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON();
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asWritten(member)]));
}

/** These values came, in this order where the source has one. */
function isAll({ fixture, keepsOrder }: Exam, records: readonly SourceRecord[], expected: readonly string[]): void {
  const found = records.map(fixture.read);
  if (keepsOrder === false) assert.deepEqual(found.sort(), [...expected].sort());
  else assert.deepEqual(found, expected);
}

const without = (all: readonly string[], gone: readonly string[]) => all.filter((value) => !gone.includes(value));

/** Nothing comes any more, neither records nor bad input. */
async function isQuiet({ fixture }: Exam, run: SourceRun): Promise<void> {
  assert.deepEqual((await run.takeFor(300)).map(fixture.read), []);
  assert.deepEqual(run.badInput, []);
}

/** A look while input waits, in a world that a task has worked in before: the input is there all the same afterwards. */
async function looksWhileInputWaits(exam: Exam, look: () => Promise<void>): Promise<void> {
  const { fixture } = exam;
  const offsets = new OffsetStore();
  const first = await begin(exam, offsets);
  await fixture.write(['seen']);
  await first.run.commit(await first.run.take(1));
  await first.stop();
  await fixture.write(values);
  const before = await fixture.snapshot?.();
  await look();
  assert.deepEqual(await fixture.snapshot?.(), before);
  const second = await begin(exam, offsets);
  isAll(exam, await second.run.take(values.length), values);
  await second.stop();
}

async function checkChangesNothing(exam: Exam): Promise<void> {
  const { plugin, fixture } = exam;
  const connector = await plugin.create();
  assert.ok(connector.check !== undefined, lacking('check'));
  const before = await fixture.snapshot?.();
  assert.deepEqual(await connector.check(parsed(plugin, fixture.config)), []);
  assert.deepEqual(await fixture.snapshot?.(), before);
  await looksWhileInputWaits(exam, async () => {
    assert.deepEqual(await connector.check!(parsed(plugin, fixture.config)), []);
  });
}

async function deliversInOrder(exam: Exam): Promise<void> {
  const { run, stop } = await begin(exam);
  await exam.fixture.write(values);
  const records = await run.take(values.length);
  isAll(exam, records, values);
  for (const { sourcePartition, sourceOffset } of records) {
    const written = [sourcePartition, asWritten(sourceOffset)];
    assert.deepEqual(JSON.parse(JSON.stringify([sourcePartition, sourceOffset])), written);
  }
  await run.commit(records);
  await stop();
}

async function resumes(exam: Exam): Promise<void> {
  const { fixture } = exam;
  const offsets = new OffsetStore();
  const seen: SourceRecord[] = [];
  while (seen.length < values.length) {
    const { run, stop } = await begin(exam, offsets);
    if (seen.length === 0) await fixture.write(values);
    const records = await run.take(1);
    await run.commit(records.slice(0, 1));
    seen.push(records[0]!);
    await stop();
  }
  isAll(exam, seen, values);
  const { run, stop } = await begin(exam, offsets);
  await isQuiet(exam, run);
  await stop();
}

async function redelivers(exam: Exam): Promise<void> {
  const { fixture } = exam;
  const offsets = new OffsetStore();
  const first = await begin(exam, offsets);
  await fixture.write(values);
  const done = (await first.run.take(values.length)).slice(0, 2);
  await first.run.commit(done);
  await first.stop();
  const second = await begin(exam, offsets);
  const rest = without(values, done.map(fixture.read));
  const again = await second.run.take(rest.length);
  isAll(exam, again, rest);
  await second.run.commit(again);
  await second.stop();
}

/** Each life has polled everything that is left when it ends, and committed one record. */
async function survivesKills(exam: Exam): Promise<void> {
  const { fixture } = exam;
  const offsets = new OffsetStore();
  let left = values;
  while (left.length > 0) {
    const { run, stop } = await begin(exam, offsets);
    if (left === values) await fixture.write(values);
    const records = await run.take(left.length);
    isAll(exam, records, left);
    await run.commit(records.slice(0, 1));
    left = without(left, [fixture.read(records[0]!)]);
    await stop();
  }
}

async function takesDroppedForDone(exam: Exam): Promise<void> {
  const offsets = new OffsetStore();
  const first = await begin(exam, offsets);
  await exam.fixture.write(values);
  const records = await first.run.take(values.length);
  await first.run.commit(records, [records[0]!, records[3]!, records.at(-1)!]);
  await first.stop();
  const second = await begin(exam, offsets);
  await isQuiet(exam, second.run);
  await second.stop();
}

async function pollsInTime(exam: Exam): Promise<void> {
  const { run, stop } = await begin(exam);
  await within(pollReturnMs, 'poll', run.poll());
  const pending = run.poll();
  await sleep(20);
  run.abort();
  await within(abortReturnMs, 'poll after abort', pending);
  await stop();
}

async function holdsBack(exam: Exam): Promise<void> {
  const { run, stop } = await begin(exam);
  const many = Array.from({ length: 500 }, (_, index) => `value ${index}`);
  await exam.fixture.write(many);
  await sleep(300);
  const seen: SourceRecord[] = [];
  while (seen.length < many.length) {
    const records = await run.take(1);
    await run.commit(records);
    seen.push(...records);
  }
  isAll(exam, seen, many);
  await stop();
}

async function stopsInTime(exam: Exam): Promise<void> {
  const { run, stop } = await begin(exam);
  await exam.fixture.write(Array.from({ length: 2_000 }, (_, index) => `value ${index}`));
  await run.take(1);
  const pending = run.poll();
  run.abort();
  await within(abortReturnMs, 'poll after abort', pending);
  await stop();
}

/** Read is records and bad input, in this life and in the next. */
async function reportsBadInput(exam: Exam): Promise<void> {
  const { fixture } = exam;
  assert.ok(fixture.writeBad !== undefined, lacking('badInput'));
  const offsets = new OffsetStore();
  const first = await begin(exam, offsets);
  await fixture.write(['before']);
  await fixture.writeBad();
  await fixture.write(['after']);
  const records = await first.run.take(2);
  isAll(exam, records, ['before', 'after']);
  assert.equal(first.run.badInput.length, 1);
  await first.run.commit(records);
  await first.stop();
  const second = await begin(exam, offsets);
  await isQuiet(exam, second.run);
  await second.stop();
}

async function carriesBigRecords(exam: Exam): Promise<void> {
  const { fixture } = exam;
  const { run, stop } = await begin(exam);
  const big = 'big '.repeat(250_000).trimEnd();
  const texts = ['before', big, 'after'];
  await fixture.write(texts);
  const records = await run.take(3);
  const found = records.map(fixture.read);
  // Not deepEqual: a difference of a megabyte helps nobody.
  assert.deepEqual(found.map(({ length }) => length).sort(), texts.map(({ length }) => length).sort());
  assert.ok(found.includes(big), 'the big record came through unchanged');
  if (exam.keepsOrder !== false) assert.equal(found.indexOf(big), 1);
  await run.commit(records);
  await stop();
}

/** What is written while nobody runs is sampled, and is there all the same for the task that runs next. */
async function samplesChangeNothing(exam: Exam): Promise<void> {
  const { plugin, fixture } = exam;
  const connector = await plugin.create();
  assert.ok(connector.sample !== undefined, lacking('sample'));
  await looksWhileInputWaits(exam, async () => {
    const { logger } = recordingLogger();
    const request = { signal: AbortSignal.timeout(sampleMs), logger };
    const sampled = await within(stopMs, 'sample', connector.sample!(parsed(plugin, fixture.config), 3, request));
    assert.ok(sampled.length <= 3, 'no more samples than asked for');
    for (const record of sampled) assert.ok(['seen', ...values].includes(fixture.read(record)));
  });
}

async function deliversTombstones(exam: Exam): Promise<void> {
  const { fixture } = exam;
  assert.ok(fixture.writeTombstone !== undefined, lacking('tombstones'));
  const { run, stop } = await begin(exam);
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
}

/** What the author of a plugin reads whose examination is not whole. */
export function lacking(what: string): string {
  return `There is no ${what} to examine. Where the connector has none, say so with the reason: lacks: { ${what}: '…' }.`;
}

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
