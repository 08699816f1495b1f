/** Expressions are judged when the config is read, with the place marked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnectValue, parseConfig, type SinkRecord } from '../api/index.ts';
import { compile } from './expression.ts';
import { setPlugin } from './set.ts';
import { wherePlugin } from './where.ts';

const messages = (plugin: typeof setPlugin, config: Record<string, string>) =>
  parseConfig(plugin.config, config).problems.map(({ key, message }) => `${key}: ${message}`);

test('a name that is none is marked', () => {
  assert.deepEqual(messages(wherePlugin, { condition: 'value.a > 1 && topik == "x"' }), [
    'condition: Invalid value "value.a > 1 && topik == \\"x\\"" for configuration "condition": it is wrong at character 16 (Unknown variable: topik)\n' +
      '  value.a > 1 && topik == "x"\n' +
      '                 ^\n' +
      'A CEL expression over key, value, headers, topic and timestamp; only records for which it is true go on.',
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

const recordOf = (value: ConnectValue): SinkRecord => ({
  topic: 't',
  partition: 0,
  keySchema: null,
  key: null,
  valueSchema: null,
  value,
  headers: [],
  timestamp: null,
  originalTopic: 't',
  originalPartition: 0,
  offset: 0,
});

test('a pattern that would hang a backtracking engine is matched in linear time', () => {
  // Thirty letters take JavaScript's own engine minutes, and twice as long with each more.
  const hostile = compile('value.text.matches("^(a+)+$")', 'bool');
  assert.equal(hostile.evaluate(recordOf({ text: `${'a'.repeat(5_000)}!` })), false);
  assert.equal(hostile.evaluate(recordOf({ text: 'aaa' })), true);
});

test('matches finds anywhere in the text, inside macros too, and patterns may come out of records', () => {
  const found = compile('value.list.exists(x, x.matches(value.pattern))', 'bool');
  assert.equal(found.evaluate(recordOf({ list: ['one', 'two'], pattern: 'w' })), true);
  assert.equal(found.evaluate(recordOf({ list: ['one', 'two'], pattern: '^w' })), false);
  assert.throws(() => found.evaluate(recordOf({ list: ['one'], pattern: '(' })), /is no RE2 pattern/);
});

test('a pattern that RE2 does not know, or that is too large, is marked in the config', () => {
  assert.match(
    messages(wherePlugin, { condition: 'value.a.matches("(?=x)")' })[0]!,
    /is wrong at character 17 \("\(\?=x\)" is no RE2 pattern.*\n {18}\^/s,
  );
  assert.match(messages(wherePlugin, { condition: 'value.a.matches("(x{1000}){1000}")' })[0]!, /is no RE2|too large/);
});
