/**
 * What job a record becomes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError, parseConfig, type RecordValue, type SinkRecord } from '../api/index.ts';
import { bullmqSinkConfig, sinkSettings } from './config.ts';
import { jobIdOf, toJob } from './job.ts';

const nowMs = 1_700_000_000_000;

function recordOf(value: RecordValue, extra: Partial<SinkRecord> = {}): SinkRecord {
  return {
    topic: 'mail',
    partition: null,
    keySchema: null,
    key: 'ann',
    valueSchema: null,
    value,
    headers: [],
    timestamp: nowMs - 5,
    originalTopic: 'mail',
    originalPartition: 2,
    offset: 9,
    ...extra,
  };
}

function settingsOf(keys: Record<string, string>) {
  const { config, problems } = parseConfig(bullmqSinkConfig, { 'bullmq.url': 'redis://127.0.0.1', ...keys });
  assert.deepEqual(problems, []);
  return sinkSettings(config);
}

const jobOf = (keys: Record<string, string>, record: SinkRecord) => toJob(settingsOf(keys), record, nowMs);

test('Without any key about jobs the record becomes a job of its topic, with its place as id', () => {
  const job = jobOf({}, recordOf({ to: 'ann' }));
  assert.equal(job.queue, 'mail');
  assert.equal(job.name, 'mail');
  assert.deepEqual(job.data, { to: 'ann' });
  assert.equal(job.opts.jobId, 'mail-2-9');
  assert.equal(job.opts.timestamp, nowMs - 5);
  assert.equal(job.opts.delay, 0);
  assert.equal(job.opts.attempts, 1);
});

test('Name, priority, attempts and delay come from fields and headers', () => {
  const record = recordOf({ type: 'welcome', urgency: 3 }, { headers: [{ key: 'wait', value: '1500', schema: null }] });
  const job = jobOf(
    {
      'job.name': '{value:/type}',
      'job.priority': '{value:/urgency}',
      'job.delay.ms': '{header.wait}',
      'job.attempts': '5',
    },
    record,
  );
  assert.equal(job.name, 'welcome');
  assert.deepEqual([job.opts.priority, job.opts.delay, job.opts.attempts], [3, 1500, 5]);
  assert.equal(
    jobOf({ 'job.delay.ms': '{header.wait}' }, recordOf({})).opts.delay,
    0,
    'a record without it does not wait',
  );
});

test('A time before which the job must not run becomes a delay from now', () => {
  const keys = { 'job.not.before': '{value:/at}' };
  assert.equal(jobOf(keys, recordOf({ at: nowMs + 2000 })).opts.delay, 2000);
  assert.equal(jobOf(keys, recordOf({ at: new Date(nowMs + 3000).toISOString() })).opts.delay, 3000);
  assert.equal(jobOf(keys, recordOf({ at: nowMs - 2000 })).opts.delay, 0);
  assert.throws(() => jobOf(keys, recordOf({ at: 'soon' })), /"soon" is no time/);
});

test('What BullMQ would refuse or misunderstand is a bad record', () => {
  for (const [keys, value] of [
    [{ 'job.priority': '{value:/p}' }, { p: 2_097_152 }],
    [{ 'job.priority': '{value:/p}' }, { p: 'high' }],
    [{ 'job.attempts': '{value:/n}' }, { n: 0 }],
    [{ 'job.name': '{value:/missing}' }, {}],
    [{ 'job.size.limit.bytes': '10' }, { text: 'longer than ten bytes' }],
  ] as const) {
    assert.throws(() => jobOf(keys, recordOf(value)), DataError, JSON.stringify(keys));
  }
});

test('Ids are written in the letters BullMQ allows', () => {
  const settings = settingsOf({ 'job.id': '{key}' });
  assert.equal(jobIdOf(settings, recordOf({}, { key: '42' })), 'id-42');
  assert.equal(jobIdOf(settings, recordOf({}, { key: 'a:b%' })), 'a%3Ab%25');
  assert.throws(() => jobIdOf(settings, recordOf({}, { key: '' })), /empty id/);
});

test('The whole record can be the data, with what JSON cannot hold as text', () => {
  const job = jobOf({ 'job.data': 'record' }, recordOf({ big: 12345678901234567890n, raw: new Uint8Array([1, 2]) }));
  assert.deepEqual(job.data, {
    topic: 'mail',
    partition: 2,
    offset: 9,
    timestamp: nowMs - 5,
    key: 'ann',
    value: { big: '12345678901234567890', raw: 'AQI=' },
    headers: [],
  });
});

test('Tombstones remove jobs only where the id can be told from the key', () => {
  assert.equal(settingsOf({}).onTombstone, 'ignore');
  assert.equal(settingsOf({ 'job.id': '{topic}-{key}' }).onTombstone, 'remove');
  assert.equal(settingsOf({ 'job.id': '{key:/id}', 'behavior.on.null.values': 'ignore' }).onTombstone, 'ignore');
  assert.throws(() => settingsOf({ 'behavior.on.null.values': 'remove' }), /a tombstone has no such id/);
});

test('A wrong address or number is refused with its key', () => {
  const problemsOf = (keys: Record<string, string>) =>
    parseConfig(bullmqSinkConfig, { 'bullmq.url': 'redis://127.0.0.1', ...keys }).problems.map(
      ({ message }) => message,
    );
  assert.match(problemsOf({ 'bullmq.url': 'http://user:secret@x' })[0]!, /"bullmq.url".*must begin with redis:/);
  assert.doesNotMatch(problemsOf({ 'bullmq.url': 'http://user:secret@x' })[0]!, /secret/);
  assert.match(problemsOf({ 'job.attempts': 'many' })[0]!, /must be a whole number, or a template/);
});
