import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameBuffers } from './frame-buffers.ts';

describe('buffers for frames', () => {
  it('are used again once they are given back, and never by two', () => {
    const buffers = new FrameBuffers();
    const first = buffers.take(10_000);
    const second = buffers.take(10_000);
    assert.notEqual(first.buffer, second.buffer);
    buffers.give(first);
    assert.equal(buffers.take(16_384), first);
    assert.notEqual(buffers.take(16_384).buffer, first.buffer);
  });

  it('keep no more idle than their bound, and nothing very large or very small', () => {
    const buffers = new FrameBuffers(20_000);
    const kept = buffers.take(16_384);
    const tooMuch = buffers.take(8192);
    buffers.give(kept);
    buffers.give(tooMuch);
    assert.equal(tooMuch.buffer.byteLength, 0, 'its memory is free at once');
    assert.notEqual(buffers.take(8192), tooMuch);
    for (const bytes of [100, 3 * 1024 * 1024]) {
      const odd = buffers.take(bytes);
      assert.equal(odd.length, bytes);
      buffers.give(odd);
      assert.notEqual(buffers.take(bytes), odd);
    }
  });
});
