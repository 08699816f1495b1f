/**
 * The examination of a sink connector: what every one must hold, whatever it writes to. Registers tests with node:test.
 *
 * The log it puts from is in memory and remembers committed offsets, so a crash is a run that is killed and another
 * that begins where the group (or the sink's own seek) says.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { DataError, type RecordValue, type Schema, type SinkConnectorPlugin } from '../api/index.ts';
import { lacking, refusesMissingKeys, within } from './examine-source.ts';
import { recordingLogger } from './logger.ts';
import { SinkLog, SinkRun } from './sink-run.ts';
import { parsed } from './source-run.ts';

/** A fresh place to write to, made for one test. */
export interface SinkFixture {
  readonly config: Readonly<Record<string, string>>;
  /** The record that carries this text; all have distinct texts. */
  record(text: string): { readonly value: RecordValue; readonly schema: Schema | null; readonly key?: string };
  /** A record that this target cannot take. A sink that takes everything has none. */
  bad?(): { readonly value: RecordValue; readonly schema: Schema | null; readonly key?: string };
  /** The texts that have arrived for good, in order where the target has one. */
  read(): Promise<readonly string[]>;
  /** What `check` and `explain` must leave as it was. */
  snapshot?(): Promise<unknown>;
}

export interface SinkSubject {
  readonly plugin: SinkConnectorPlugin;
  prepare(t: TestContext): Promise<SinkFixture>;
  /** True: after a crash nothing is there twice. False: at least once. */
  readonly exactlyOnce: boolean;
  /** False for a target that keeps no order (a table). */
  readonly keepsOrder?: boolean;
  /** What this sink has none of, each with the reason; that part is then no test at all. */
  readonly lacks?: Readonly<Partial<Record<'check' | 'bad', string>>>;
  readonly skip?: string | false;
}

const topic = 'acceptance';
const partitions = [
  { topic, partition: 0 },
  { topic, partition: 1 },
];
const stopMs = 15_000;

/** Registers the examination. Call it at the top level of a test file. */
export function examineSink(subject: SinkSubject): void {
  const { plugin } = subject;
  const skip = subject.skip ?? false;
  const exam = (
    name: string,
    examine: (fixture: SinkFixture, t: TestContext) => Promise<void>,
    needs?: keyof NonNullable<SinkSubject['lacks']>,
  ) => {
    if (needs !== undefined && subject.lacks?.[needs] !== undefined) return;
    test(name, { skip, timeout: 60_000 }, async (t) => examine(await subject.prepare(t), t));
  };

  describe(`acceptance: sink ${plugin.class}`, () => {
    exam('Refuses a configuration that lacks a required key, and names the key', async (fixture) => {
      refusesMissingKeys(plugin, fixture.config);
    });
    exam('Checks the real world without changing it', (fixture) => checkChangesNothing(plugin, fixture), 'check');
    exam('Has delivered everything after put and a graceful stop, in the order of each partition', (fixture) =>
      deliversInOrder(subject, fixture),
    );
    exam('Takes an empty batch', (fixture) => takesNothing(subject, fixture));
    exam('Loses nothing when it crashes after put, before or after flush', (fixture) =>
      survivesCrashes(subject, fixture),
    );
    exam('Ends in time with records that were put and not flushed', (fixture) => endsInTime(subject, fixture));
    const accounted = 'Accounts for every record it was given: delivered, or bad and said so once';
    exam(accounted, (fixture) => accountsForAll(subject, fixture), 'bad');
    exam('Takes the same records again when the group goes back', (fixture) => takesAgain(subject, fixture));
    exam('Carries a record of a megabyte', (fixture) => carriesBigRecords(subject, fixture));
    exam('Takes a thousand records in one put', (fixture) => takesLargeBatches(subject, fixture));
    exam('Delivers the neighbours of a tombstone, and takes or refuses the tombstone itself', (fixture) =>
      takesTombstones(subject, fixture),
    );
    exam('Explains what it would send, and sends nothing', (fixture) => explainsOnly(plugin, fixture));
  });
}

async function checkChangesNothing(plugin: SinkConnectorPlugin, fixture: SinkFixture): Promise<void> {
  const connector = await plugin.create();
  assert.ok(connector.check !== undefined, lacking('check'));
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

async function endsInTime(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const texts = fill(log, fixture, 200, 'f');
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  await run.put();
  await within(stopMs, 'stop after a kill', run.kill());
  await settle(subject, fixture, log);
  await judge(subject, fixture, texts);
}

/** The worker's ledger, from the sink's side: put = delivered + bad, and a bad record takes no neighbour along. */
async function accountsForAll(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  assert.ok(fixture.bad !== undefined, lacking('bad'));
  const log = new SinkLog();
  const texts = fill(log, fixture, 4, 'g');
  const { value, schema, key } = fixture.bad();
  log.append(topic, 0, value, schema, key ?? null);
  texts.push(...fill(log, fixture, 4, 'h'));
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  let [given, refused] = [0, 0];
  // One record at a time is where the worker's bisection ends.
  for (const partition of partitions) {
    while (run.position(partition) < log.records(partition).length) {
      given++;
      await run.putOne(partition).catch((error: unknown) => {
        assert.ok(error instanceof DataError, `a bad record is a DataError, not ${String(error)}`);
        refused++;
      });
    }
  }
  await run.flush();
  await within(stopMs, 'stop', run.stop());
  assert.equal(refused + run.badRecords.length, 1, 'the bad record was said so, once');
  await judge(subject, fixture, texts);
  assert.equal(given, texts.length + 1);
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

async function carriesBigRecords(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const big = `big-${'record '.repeat(150_000)}end`;
  for (const [index, text] of ['before', big, 'after'].entries()) {
    const { value, schema, key } = fixture.record(text);
    log.append(topic, index % partitions.length, value, schema, key ?? null);
  }
  await settle(subject, fixture, log);
  const found = await fixture.read();
  // Not deepEqual: a difference of a megabyte helps nobody.
  assert.deepEqual([...new Set(found.map((text) => text.length))].sort(), [...new Set([5, 6, big.length])].sort());
  assert.ok(found.includes(big), 'the big record came through unchanged');
}

async function takesLargeBatches(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const texts = fill(log, fixture, 1_000, 'd');
  await settle(subject, fixture, log);
  await judge(subject, fixture, texts);
}

/** A sink that cannot do anything with a tombstone says so with a DataError; the worker then puts the rest alone. */
async function takesTombstones(subject: SinkSubject, fixture: SinkFixture): Promise<void> {
  const log = new SinkLog();
  const [before, gone, after] = ['before', 'gone', 'after'].map((text) => fixture.record(text));
  log.append(topic, 0, before!.value, before!.schema, before!.key ?? null);
  log.append(topic, 0, null, null, gone!.key ?? 'gone');
  log.append(topic, 0, after!.value, after!.schema, after!.key ?? null);
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  for (let left = 3; left > 0; left--) {
    await run.put(1).catch((error: unknown) => {
      assert.ok(error instanceof DataError, `a tombstone is refused with a DataError, not with ${String(error)}`);
    });
  }
  await run.flush();
  await within(stopMs, 'stop', run.stop());
  const found = await fixture.read();
  for (const text of ['before', 'after']) assert.ok(found.includes(text), `"${text}" was delivered`);
}

async function explainsOnly(plugin: SinkConnectorPlugin, fixture: SinkFixture): Promise<void> {
  const connector = await plugin.create();
  if (connector.explain === undefined) return;
  const log = new SinkLog();
  fill(log, fixture, 3, 'e');
  const before = await fixture.snapshot?.();
  const { logger } = recordingLogger();
  const request = { signal: AbortSignal.timeout(stopMs), logger };
  const statements = await connector.explain(parsed(plugin, fixture.config), log.records(partitions[0]!), request);
  assert.ok(statements.length > 0, 'it says what it would send');
  assert.ok(statements.join('\n').includes('e-0000'), 'the record is in it');
  assert.deepEqual(await fixture.snapshot?.(), before);
  assert.deepEqual(await fixture.read(), []);
}

/** A last life in which everything left in the log is delivered. */
async function settle(subject: SinkSubject, fixture: SinkFixture, log: SinkLog): Promise<void> {
  const run = await SinkRun.start(subject.plugin, fixture.config, log, partitions);
  while ((await run.put()) > 0) await run.flush();
  await run.stop();
}
