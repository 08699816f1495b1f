import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameError, FrameReader } from './frame-reader.ts';

function frameOf(body: string): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  frame.write(body, 4);
  return frame;
}

function reader(maxBytes = 1000) {
  const frames: string[] = [];
  return { frames, reader: new FrameReader(maxBytes, (frame) => frames.push(frame.toString())) };
}

describe('a frame reader', () => {
  it('finds the same frames however the bytes are cut', () => {
    const bodies = ['first', '', 'a somewhat longer third one', 'x'];
    const bytes = Buffer.concat(bodies.map(frameOf));
    for (let size = 1; size <= bytes.length; size++) {
      const { frames, reader: cut } = reader();
      for (let at = 0; at < bytes.length; at += size) cut.push(bytes.subarray(at, at + size));
      assert.deepEqual(frames, bodies, `in pieces of ${size}`);
      assert.equal(cut.missingBytes, 0);
      assert.equal(cut.heldBytes, 0);
    }
  });

  it('says how much is missing of the frame it is in', () => {
    const { reader: partial } = reader();
    partial.push(frameOf('hello').subarray(0, 6));
    assert.equal(partial.missingBytes, 3);
    assert.equal(partial.heldBytes, 6);
  });

  it('takes a whole frame as a view of the chunk, without a copy', () => {
    const chunk = frameOf('hello');
    let seen: Buffer | null = null;
    new FrameReader(100, (frame) => {
      seen = frame;
    }).push(chunk);
    assert.equal(seen!.buffer, chunk.buffer);
    assert.equal((seen! as Buffer).byteOffset, chunk.byteOffset + 4);
  });

  it('refuses a length out of bounds as soon as it is there', () => {
    const { reader: strict } = reader(10);
    assert.throws(() => strict.push(frameOf('eleven bytes')), FrameError);
    const { reader: slow } = reader(10);
    slow.push(Buffer.from([0, 0]));
    assert.throws(() => slow.push(Buffer.from([0, 11])), /11 bytes; socket.request.max.bytes is 10/);
  });
});
