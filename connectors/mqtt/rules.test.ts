import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, parseConfig } from '../api/index.ts';
import { mqttSourceConfig } from './config.ts';
import { matchesFilter, parseRules, parseTemplate, topicName } from './rules.ts';

const rulesOf = (raw: Record<string, string>) =>
  parseRules(parseConfig(mqttSourceConfig, { 'mqtt.server.uri': 'mqtt://127.0.0.1', ...raw }).config);

test('Matching follows MQTT: + is one level, # the rest and its parent, $ topics need naming', () => {
  const cases: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/+', 'a', false],
    ['a/+/c', 'a//c', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['#', 'a/b', true],
    ['#', '$SYS/broker', false],
    ['+/broker', '$SYS/broker', false],
    ['$SYS/#', '$SYS/broker', true],
    ['a', 'A', false],
  ];
  for (const [filter, topic, expected] of cases) {
    assert.equal(matchesFilter(filter.split('/'), topic.split('/')), expected, `${filter} against ${topic}`);
  }
});

test('The first rule that matches wins, named levels make topic and key, kafka.topic takes the rest', () => {
  const rules = rulesOf({
    'mqtt.rules': 'gps, any',
    'mqtt.rules.gps.filter': 'trucks/{id}/gps',
    'mqtt.rules.gps.topic': 'trucks_gps',
    'mqtt.rules.gps.key': '{id}',
    'mqtt.rules.any.filter': 'trucks/+/{#}',
    'mqtt.rules.any.topic': 'trucks_{1}_{#}',
    'kafka.topic': 'rest',
  });
  const route = (topic: string) => {
    const levels = topic.split('/');
    const rule = rules.find((candidate) => candidate.matches(levels))!;
    return [rule.topic.render(levels, topic, () => null), rule.key?.render(levels, topic, () => null)];
  };
  assert.deepEqual(
    rules.map((rule) => rule.filter),
    ['trucks/+/gps', 'trucks/+/#', ''],
  );
  assert.deepEqual(route('trucks/17/gps'), ['trucks_gps', '17']);
  assert.deepEqual(route('trucks/17/door/left'), ['trucks_17_door/left', 'trucks/17/door/left']);
  assert.deepEqual(route('ships/1'), ['rest', 'ships/1']);
});

test('A shared subscription matches by the topic behind its group', () => {
  const [rule] = rulesOf({
    'mqtt.rules': 'a',
    'mqtt.rules.a.filter': '$share/group/trucks/{id}',
    'mqtt.rules.a.topic': 't',
    'mqtt.rules.a.key': '{id}',
  });
  assert.equal(rule!.filter, '$share/group/trucks/+');
  assert.equal(rule!.matches(['trucks', '9']), true);
  assert.equal(
    rule!.key!.render(['trucks', '9'], 'trucks/9', () => null),
    '9',
  );
});

test('A key may come from the payload by JSON pointer, with or without braces', () => {
  const value = () => ({ truck: { id: 17, 'a/b': 'x' }, ok: true });
  for (const [template, expected] of [
    ['value:/truck/id', '17'],
    ['t-{value:/truck/id}-{value:/ok}', 't-17-true'],
    ['{value:/truck/a~1b}', 'x'],
  ] as const) {
    const parsed = parseTemplate('mqtt.key', template, new Map());
    assert.equal(parsed.needsValue, true);
    assert.equal(parsed.render([], 't', value), expected);
  }
  const missing = parseTemplate('mqtt.key', 'value:/truck/name', new Map());
  assert.throws(() => missing.render([], 'trucks/1', value), /"trucks\/1" has no text or number at "\/truck\/name"/);
});

test('A rule that cannot work is refused with the key that is wrong', () => {
  const refused = (raw: Record<string, string>, key: string, message: RegExp) =>
    assert.throws(
      () => rulesOf({ 'mqtt.rules': 'r', ...raw }),
      (error) => error instanceof ConfigError && error.problems[0]!.key === key && message.test(error.message),
    );
  refused({}, 'mqtt.rules.r.filter', /has no "mqtt.rules.r.filter"/);
  const whole = { 'mqtt.rules.r.filter': 'a', 'mqtt.rules.r.topic': 't' };
  refused({ ...whole, 'mqtt.rules.r.kye': 'x' }, 'mqtt.rules.r.kye', /Did you mean "mqtt.rules.r.key"\?/);
  refused(
    { ...whole, 'mqtt.rules.something-else.key': 'x' },
    'mqtt.rules.something-else.key',
    /Name its rule in "mqtt.rules"/,
  );
  refused({ 'mqtt.rules.r.filter': 'a/+' }, 'mqtt.rules.r.topic', /has no/);
  refused({ 'mqtt.rules.r.filter': 'a/#/b', 'mqtt.rules.r.topic': 't' }, 'mqtt.rules.r.filter', /must be the last/);
  refused({ 'mqtt.rules.r.filter': 'a/x{id}', 'mqtt.rules.r.topic': 't' }, 'mqtt.rules.r.filter', /plain text/);
  refused({ 'mqtt.rules.r.filter': 'a/{id}', 'mqtt.rules.r.topic': '{name}' }, 'mqtt.rules.r.topic', /does not name/);
});

test('A topic made from a message is one that Kafka accepts', () => {
  assert.equal(topicName('trucks/17 °C'), 'trucks_17__C');
  assert.equal(topicName('..'), '__');
  assert.equal(topicName(''), '_');
  assert.equal(topicName('x'.repeat(300)).length, 249);
});
