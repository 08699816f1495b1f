/** The wire format: prefix, id, body. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSchemaId, wireProblem, withSchemaId } from './wire.ts';

describe('the wire format', () => {
  it('puts magic byte 0 and the id before the body', () => {
    const bytes = withSchemaId(0x01020304, Buffer.from('{}'));
    assert.deepEqual([...bytes], [0, 1, 2, 3, 4, 0x7b, 0x7d]);
    assert.equal(wireProblem(bytes), null);
    assert.equal(readSchemaId(bytes.subarray(0)), 0x01020304);
  });

  it('says why bytes are not in it', () => {
    assert.match(wireProblem(Buffer.from('{"a":1}')) ?? '', /first byte is 123/);
    assert.match(wireProblem(Buffer.of(0, 0)) ?? '', /has 2 bytes/);
  });
});
