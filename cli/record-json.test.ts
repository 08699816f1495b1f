import assert from 'node:assert/strict';
import { it } from 'node:test';
import { recordFromJson, recordToJson, type StoredRecord } from './record-json.ts';

const place = { topic: 't', partition: 3, offset: 7, timestamp: 1_700_000_000_123 };

function roundTrip(record: StoredRecord): unknown {
  return recordFromJson(JSON.stringify(recordToJson(record)), 'line 1');
}

it('keeps binary, tombstones, empty against null, and repeated headers in order', () => {
  const record: StoredRecord = {
    ...place,
    key: Buffer.from([0xff, 0x00, 0x80]),
    value: null,
    headers: [
      { key: 'a', value: Buffer.from('1') },
      { key: 'b', value: null },
      { key: 'a', value: Buffer.alloc(0) },
    ],
  };
  const { key, value, headers, timestamp, partition } = record;
  assert.deepEqual(roundTrip(record), { key, value, headers, timestamp, partition });
});

it('keeps a byte order mark and text outside the basic plane', () => {
  const record: StoredRecord = { ...place, key: null, value: Buffer.from('\ufeffü🚚\u2028'), headers: [] };
  assert.deepEqual((roundTrip(record) as StoredRecord).value, record.value);
});

it('names the line and the member of a record it cannot read', () => {
  assert.throws(() => recordFromJson('{"value":', 'line 4'), { code: 'BAD_INPUT', message: 'line 4 is no JSON.' });
  assert.throws(() => recordFromJson('{"valeu":"x"}', 'line 5'), { message: /line 5 is no record/ });
  assert.throws(() => recordFromJson('{"value":{"a":1}}', 'line 6'), { message: /line 6: "value" is neither text/ });
  assert.throws(() => recordFromJson('{"value":"x","headers":{}}', 'line 7'), { message: /"headers" is no list/ });
  assert.throws(() => recordFromJson('{"value":"x","timestamp":"now"}', 'line 8'), {
    message: /"timestamp" is no whole/,
  });
});
