/**
 * What a task takes over from earlier runs, by what their source offsets say.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeptOffset, parseConfig } from '../api/index.ts';
import { mqttSettings, mqttSourceConfig } from './config.ts';
import { taskClientId } from './connection-config.ts';
import { formerRuns } from './former-runs.ts';

const kept = (id: string, filters: readonly string[], tasks: number): KeptOffset => ({
  partition: { 'mqtt.client.id': id },
  offset: { filters, tasks, unacked: `of ${id}` },
});

function runsOf(offsets: readonly KeptOffset[], keys: Record<string, string> = {}, task = 0) {
  const given = { 'mqtt.server.uri': 'mqtt://127.0.0.1', 'mqtt.client.id': 'us', 'kafka.topic': 't' };
  const { config } = parseConfig(mqttSourceConfig, { ...given, 'mqtt.topics': 'a,b', ...keys });
  const settings = mqttSettings(config, 'fleet', task);
  return formerRuns(settings, (other) => taskClientId(config, 'fleet', other), task, offsets);
}

test('A client id without an offset has had no session, and nothing to take over', () => {
  assert.deepEqual(runsOf([]), { filters: null, unacked: '', orphans: [] });
});

test('Filters that nobody has any more are told from those that another task has now', () => {
  const share = { 'mqtt.task.filters': '["a"]', 'mqtt.task.count': '2' };
  const { filters, unacked } = runsOf([kept('us', ['a', 'b', 'gone'], 1)], share);
  assert.deepEqual(filters, { removed: ['gone'], moved: ['b'] });
  assert.equal(unacked, 'of us');
});

test('Sessions of former tasks are shared out over the tasks that are left, known or not', () => {
  const offsets = [kept('us', ['a'], 4), kept('us-2', ['b'], 4)];
  const two = { 'mqtt.task.filters': '["a"]', 'mqtt.task.count': '2' };
  assert.deepEqual(runsOf(offsets, two, 0).orphans, [{ clientId: 'us-2', filters: ['b'], unacked: 'of us-2' }]);
  // Nothing ever arrived there, so nothing is kept of it: it may have had any filter.
  assert.deepEqual(runsOf(offsets, two, 1).orphans, [{ clientId: 'us-3', filters: ['a', 'b'], unacked: '' }]);
});

test('Another client id makes no orphans of its own: those names may be somebody else’s', () => {
  assert.deepEqual(runsOf([kept('older', ['a'], 3), kept('older-2', ['b'], 3)]).orphans, []);
});

test('A session that only ever brought Sparkplug is known by its births', () => {
  const partition = { 'mqtt.client.id': 'us', 'sparkplug.seq': 'g/n' };
  assert.deepEqual(runsOf([{ partition, offset: { seq: 3 } }]).filters, { removed: [], moved: [] });
});
