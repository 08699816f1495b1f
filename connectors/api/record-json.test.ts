/** What a record looks like to those who only know JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonValue, type SinkRecord, stringifyJson, wholeRecord } from './index.ts';

test('what JSON has no word for is written in the usual one', () => {
  const value = {
    bytes: new Uint8Array([1, 2]),
    at: new Date(0),
    big: 2n ** 60n,
    named: new Map([['a', [new Date(1)]]]),
    numbered: new Map([[1, 'one']]),
    nothing: null,
  };
  assert.equal(
    stringifyJson(jsonValue(value)),
    '{"bytes":"AQI=","at":"1970-01-01T00:00:00.000Z","big":1152921504606846976,' +
      '"named":{"a":["1970-01-01T00:00:00.001Z"]},"numbered":[[1,"one"]],"nothing":null}',
  );
  assert.deepEqual(jsonValue([2n ** 60n], { bigints: 'text' }), ['1152921504606846976']);
});

test('a whole record carries its place in the log, before transforms moved it, its key and headers', () => {
  const record: SinkRecord = {
    topic: 'after',
    partition: 3,
    keySchema: null,
    key: 'k',
    valueSchema: null,
    value: null,
    headers: [{ key: 'h', value: 1, schema: null }],
    timestamp: 5,
    originalTopic: 'before',
    originalPartition: 2,
    offset: 9,
  };
  assert.deepEqual(wholeRecord(record, { n: 1 }), {
    topic: 'after',
    partition: 2,
    offset: 9,
    timestamp: 5,
    key: 'k',
    value: { n: 1 },
    headers: [{ key: 'h', value: 1 }],
  });
});
