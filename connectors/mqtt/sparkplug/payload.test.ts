/**
 * Sparkplug B payloads as another implementation writes them: `payloads.golden.json` holds the bytes of the npm package
 * sparkplug-payload 1.0.3 (Eclipse Tahu's schema), base64, one per message below.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodePayload, encodeRebirth } from './payload.ts';
import { jsonMetric, jsonValue } from './values.ts';

const golden = JSON.parse(readFileSync(new URL('payloads.golden.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>;
const payloadOf = (name: string) => decodePayload(Buffer.from(golden[name]!, 'base64'));
const shown = (name: string) =>
  payloadOf(name).metrics.map((metric) => jsonMetric(metric, metric.name, metric.datatype));

test('A birth with every scalar type is read to the last digit', () => {
  const { timestamp, seq } = payloadOf('nbirth');
  assert.deepEqual([timestamp, seq], [1700000000000, 0]);
  const values = Object.fromEntries(shown('nbirth').map(({ name, value, datatype }) => [name, [datatype, value]]));
  assert.deepEqual(values, {
    bdSeq: ['UInt64', 3],
    'Node Control/Rebirth': ['Boolean', false],
    temp: ['Double', 21.5],
    small: ['Int8', -5],
    short: ['Int16', -300],
    int: ['Int32', -70000],
    long: ['Int64', -9007199254740995n],
    ulong: ['UInt64', 18446744073709551615n],
    u32: ['UInt32', 4294967295],
    float: ['Float', 0.5],
    text: ['String', 'grün'],
    when: ['DateTime', 1700000000123],
    bytes: ['Bytes', 'AQL/'],
    none: ['Int32', null],
    'with properties': ['UInt8', 7],
    history: ['Int32', 1],
  });
});

test('Aliases, times, properties and the flags of history stay with their metric', () => {
  const byName = new Map(shown('nbirth').map((metric) => [metric.name, metric]));
  assert.equal(byName.get('temp')!.alias, 1);
  assert.deepEqual(byName.get('with properties')!.properties, { Quality: 192, engUnit: '°C' });
  assert.deepEqual([byName.get('history')!.historical, byName.get('history')!.transient], [true, true]);
  const [data] = payloadOf('ndata').metrics;
  assert.deepEqual([data!.name, data!.alias, data!.timestamp], [null, 1, 1700000000999]);
});

test('Data sets and templates are read with their types', () => {
  assert.deepEqual(shown('dataset')[0]!.value, {
    columns: ['id', 'name'],
    types: ['Int32', 'String'],
    rows: [
      [-1, 'a'],
      [2, 'b'],
    ],
  });
  assert.deepEqual(shown('template')[0]!.value, {
    version: '1',
    reference: 'Motor',
    isDefinition: false,
    parameters: [{ name: 'index', datatype: 'String', value: 'M1' }],
    metrics: [{ name: 'rpm', datatype: 'Int32', value: -1500 }],
  });
});

test('Packed arrays become arrays, and bytes of a wrong length stay bytes', () => {
  const int32Array = 24;
  const booleanArray = 32;
  const stringArray = 33;
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(-2, 0);
  bytes.writeInt32LE(7, 4);
  assert.deepEqual(jsonValue(bytes, int32Array), [-2, 7]);
  assert.deepEqual(jsonValue(Buffer.from([3, 0, 0, 0, 0b1010_0000]), booleanArray), [true, false, true]);
  assert.deepEqual(jsonValue(Buffer.from('a\0b\0'), stringArray), ['a', 'b']);
  assert.equal(jsonValue(Buffer.from([1, 2, 3]), int32Array), 'AQID');
  assert.equal(jsonValue(Number.NaN, 10), 'NaN');
});

test('Bytes that end too soon, or nest without end, are refused and never read beyond', () => {
  const whole = Buffer.from(golden.nbirth!, 'base64');
  let refused = 0;
  for (let end = 1; end < whole.length; end++) {
    try {
      decodePayload(whole.subarray(0, end));
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
      refused++;
    }
  }
  assert.ok(refused > whole.length / 2);
  let nested = Buffer.alloc(0);
  for (let depth = 0; depth < 40; depth++) {
    const inner = Buffer.concat([Buffer.from([0x92, 0x01, nested.length]), nested]);
    nested = Buffer.concat([Buffer.from([0x12, inner.length]), inner]);
    if (nested.length > 100) break;
  }
  assert.throws(() => decodePayload(nested), /nests deeper than 16 levels/);
});

test('A request for a rebirth is the command the specification asks for', () => {
  const [metric] = decodePayload(encodeRebirth(1700000000000)).metrics;
  assert.deepEqual(jsonMetric(metric!, metric!.name, metric!.datatype), {
    name: 'Node Control/Rebirth',
    datatype: 'Boolean',
    value: true,
    timestamp: 1700000000000,
  });
});
