import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compileFormat } from './record-format.ts';
import type { StoredRecord } from './record-json.ts';

const record: StoredRecord = {
  topic: 'trucks_gps',
  partition: 4,
  offset: 12,
  timestamp: 1_700_000_000_123,
  key: Buffer.from('T1'),
  value: Buffer.from('hello'),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
};

function formatted(format: string, of = record, nullText = ''): string {
  return Buffer.from(compileFormat(format, { nullText })(of)).toString('latin1');
}

it("writes kcat's tokens and escapes", () => {
  assert.equal(
    formatted('%t[%p]@%o %T %k(%K)=%s(%S) %h%%\\n\\x41'),
    'trucks_gps[4]@12 1700000000123 T1(2)=hello(5) a=1,b=NULL%\nA',
  );
});

it('writes bytes as they are, or in hex and base64 when asked', () => {
  const binary = { ...record, value: Buffer.from([0xff, 0x00]) };
  assert.equal(formatted('%s', binary), '\xff\0');
  assert.equal(formatted('%v{hex} %v{base64} %V', binary), 'ff00 /wA= 2');
});

it('tells a null from an empty value by its size and by the text for null', () => {
  assert.equal(formatted('%s %S', { ...record, value: null }, 'NULL'), 'NULL -1');
  assert.equal(formatted('%s|%S', { ...record, value: Buffer.alloc(0) }, 'NULL'), '|0');
});

it('picks one header by its name', () => {
  assert.equal(formatted('%h{a}|%h{b}|%h{c}', record, 'NULL'), '1|NULL|NULL');
});

it('refuses a token it does not know', () => {
  assert.throws(() => compileFormat('%q', { nullText: '' }), { code: 'USAGE', message: 'The format has no token %q.' });
});
