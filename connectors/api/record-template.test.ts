/**
 * What each placeholder of a record template becomes, and what is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError, JsonText, judgeRecordTemplate, parseRecordTemplate, type SinkRecord } from './index.ts';

const record: SinkRecord = {
  topic: 'renamed',
  partition: null,
  originalTopic: 'orders',
  originalPartition: 3,
  offset: 42,
  keySchema: null,
  key: 'k1',
  valueSchema: null,
  value: new JsonText(Buffer.from('{"id":7,"who":{"na/me":"Ann"},"big":12345678901234567890,"list":["a","b"]}')),
  headers: [
    { key: 'trace', value: 'old', schema: null },
    { key: 'trace', value: 'new', schema: null },
  ],
  timestamp: 1000,
};

const cases: [string, string][] = [
  ['plain', 'plain'],
  ['{topic}/{partition}/{offset}/{timestamp}', 'renamed/3/42/1000'],
  ['{original.topic}-{key}', 'orders-k1'],
  ['{value:/id}', '7'],
  ['{value:/who/na~1me}', 'Ann'],
  ['{value:/big}', '12345678901234567890'],
  ['{value:/list/1}', 'b'],
  ['{header.trace}', 'new'],
  ['{{topic}} {topic}', '{topic} renamed'],
];

for (const [source, text] of cases) {
  test(`"${source}" becomes "${text}"`, () => {
    assert.equal(parseRecordTemplate(source).render(record), text);
  });
}

test('What the record lacks is a bad record, and is named', () => {
  const template = parseRecordTemplate('{topic}-{value:/missing}');
  assert.throws(
    () => template.render(record),
    (error) => {
      assert(error instanceof DataError);
      assert.match(error.message, /orders-3 offset 42 has no text or number for \{value:\/missing\}/);
      return true;
    },
  );
  assert.equal(template.tryRender(record), null);
  for (const source of ['{value:/__proto__/x}', '{value:/list}', '{header.none}', '{key:/a}']) {
    assert.equal(parseRecordTemplate(source).tryRender(record), null, source);
  }
});

test('An encoding touches what placeholders put in, not the text around them', () => {
  const template = parseRecordTemplate('/a/{value:/who/na~1me}/{key}');
  const odd = { ...record, key: 'x/y?z' };
  assert.equal(template.render(odd, encodeURIComponent), '/a/Ann/x%2Fy%3Fz');
});

test('A text without placeholders is known before any record comes', () => {
  assert.equal(parseRecordTemplate('jobs').constant, 'jobs');
  assert.equal(parseRecordTemplate('{topic}').constant, null);
});

test('A misspelled placeholder and a lonely brace are refused in a sentence', () => {
  assert.match(judgeRecordTemplate('{topik}')!, /\{topik\} is not known; use \{topic\}/);
  assert.match(judgeRecordTemplate('a{b')!, /without its partner/);
  assert.match(judgeRecordTemplate('{value:id}')!, /no JSON pointer/);
  assert.equal(judgeRecordTemplate('{value:/id}'), null);
});
