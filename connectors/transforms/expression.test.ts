/** Expressions are judged when the config is read, with the place marked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../api/index.ts';
import { setPlugin } from './set.ts';
import { wherePlugin } from './where.ts';

const messages = (plugin: typeof setPlugin, config: Record<string, string>) =>
  parseConfig(plugin.config, config).problems.map(({ key, message }) => `${key}: ${message}`);

test('a name that is none is marked', () => {
  assert.deepEqual(messages(wherePlugin, { condition: 'value.a > 1 && topik == "x"' }), [
    'condition: Invalid value "value.a > 1 && topik == \\"x\\"" for configuration "condition": it is wrong at character 16 (Unknown variable: topik)\n' +
      '  value.a > 1 && topik == "x"\n' +
      '                 ^.',
  ]);
});

test('types that do not go together are marked', () => {
  const [message] = messages(setPlugin, { 'value.total': 'topic + 1' });
  assert.match(message!, /^value\.total: .*no such overload: string \+ int\)\n {2}topic \+ 1\n {2}\^/s);
});

test('a text that is no expression is marked where it ends', () => {
  const [message] = messages(setPlugin, { topic: 'value.a >' });
  assert.match(message!, /is wrong at character 10 \(Unexpected token: EOF\)\n {2}value\.a >\n {11}\^/);
});

test('a condition must be true or false', () => {
  assert.match(messages(wherePlugin, { condition: '1 + 1' })[0]!, /is of type int, a condition must be true or false/);
});

test('what is only known with the record is accepted', () => {
  assert.deepEqual(messages(wherePlugin, { condition: 'value.flag' }), []);
  assert.deepEqual(messages(setPlugin, { 'headers.a': 'value.x + value.y' }), []);
});
