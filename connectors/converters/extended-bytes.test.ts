/** Members stand behind an object's own, however long it is, and no bytes that were handed out change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extendedBytes } from './extended-bytes.ts';

test('objects of every length get their members, and keep their bytes', () => {
  const members = Buffer.from(',"a":1,"ä":"€"');
  const written: { readonly bytes: Uint8Array; readonly object: object }[] = [];
  const lengths = [...Array.from({ length: 500 }, (_, length) => length), 5_400, 5_460, 5_470, 16_384, 70_000];
  for (const text of ['x', '€', '😀']) {
    for (const length of lengths) {
      const object = { text: text.repeat(length) };
      written.push({ bytes: extendedBytes(JSON.stringify(object), members), object });
      written.push({ bytes: extendedBytes('{}', members), object: {} });
    }
  }
  for (const { bytes, object } of written) {
    assert.equal(Buffer.from(bytes).toString(), JSON.stringify({ ...object, a: 1, ä: '€' }));
  }
});
