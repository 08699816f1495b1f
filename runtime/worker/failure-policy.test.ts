/** Failures: their cause in a word, the wait before the next start, and the breaker. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, DataError, parseConfig, RetriableError } from '../../connectors/api/index.ts';
import { DeadlineError, RecordError } from '../errors.ts';
import { LogError } from '../log/client.ts';
import { causeOf, FailurePolicy } from './failure-policy.ts';
import { eventually, harness, steeredSource } from './harness.ts';
import { restartKeys } from './keys.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const timedOut = new RetriableError('open too long', {
  code: 'TRANSACTION_TIMED_OUT',
  cause: new LogError('PRODUCER_FENCED', 'no', { retriable: false }),
});
const policyOf = (keys: Record<string, string> = {}) => new FailurePolicy(parseConfig(restartKeys, keys).config);

const causes: readonly [string, unknown, ReturnType<typeof causeOf>][] = [
  ['a connection refused', refused, 'transient'],
  ['a retriable error below another', new Error('no', { cause: new RetriableError('later') }), 'transient'],
  ['a record that was not tolerated', new RecordError('VALUE_CONVERTER', 'it', new Error('no')), 'bad record'],
  ['bad data', new DataError('no'), 'bad record'],
  ['a wrong config', new ConfigError('no'), 'bad config'],
  ['a newer owner', new LogError('PRODUCER_FENCED', 'no', { retriable: false }), 'fenced'],
  ['a transaction that was open too long', timedOut, 'transient'],
  ['a deadline that passed', new DeadlineError('Creating topic out', 5), 'transient'],
  ['anything else', new TypeError('no'), 'unknown'],
];
for (const [what, error, cause] of causes) test(`${what} is ${cause}`, () => assert.equal(causeOf(error), cause));

test('what may pass is tried for ever, with waits that grow to their cap and have jitter', () => {
  const policy = policyOf({ 'restart.backoff.ms': '100', 'restart.backoff.max.ms': '400' });
  const waits = Array.from({ length: 50 }, () => policy.judge(refused, 0).waitMs!);
  assert.ok(waits[0]! >= 50 && waits[0]! <= 100 && waits.at(-1)! >= 200 && waits.at(-1)! <= 400);
  assert.ok(new Set(waits).size > 40);
});

test('the breaker opens after so many failures in a row, and closes when something is done in between', () => {
  const policy = policyOf({ 'restart.on.failure': 'always', 'restart.max.attempts': '2' });
  const judge = (done: number) => policy.judge(new Error('no'), 0, done);
  assert.ok(judge(0).waitMs !== null && judge(0).waitMs !== null);
  assert.ok(judge(5).waitMs !== null, 'five records were done since');
  assert.ok(judge(5).waitMs !== null);
  const open = judge(5);
  assert.equal(open.waitMs, null);
  assert.match(open.sentence, /^Cause: unknown\. 3 failures in a row .* stays FAILED/);
  assert.equal(policyOf({ 'restart.on.failure': 'never' }).judge(refused, 0).waitMs, null);
});

test('a guess is not repeated for ever, and a fenced task never fights', () => {
  const policy = policyOf({ 'restart.on.failure': 'always' });
  const waits = Array.from({ length: 12 }, () => policy.judge(new Error('no'), 0).waitMs);
  assert.equal(waits.filter((wait) => wait === null).length, 2);
  assert.equal(policy.judge(new LogError('PRODUCER_FENCED', 'no', { retriable: false }), 0).waitMs, null);
});

test('while a task waits for its restart it is FAILED, and its status says why and what comes next', async (t) => {
  const source = steeredSource();
  source.onPoll = () => Promise.reject(refused);
  const { create, running } = await harness(t, [source.plugin]);
  await create('s', { 'connector.class': 'SteeredSource', 'restart.backoff.ms': '50' });
  const trace = await eventually(() => {
    const task = running.worker.status('s').tasks[0]!;
    assert.equal(task.state, 'FAILED');
    return task.trace ?? '';
  });
  assert.match(trace, /ECONNREFUSED[\s\S]*Cause: transient\. It restarts by itself in \d+ ms/);
  await eventually(() => assert.match(running.worker.status('s').tasks[0]!.trace ?? '', /\(attempt [2-9]\)/));
  const failures = running.collect().find(({ name }) => name === 'millrace_connect_task_failures')!;
  assert.ok(failures.samples.find(({ labels }) => labels.cause === 'transient')!.value >= 2);
});
