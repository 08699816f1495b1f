import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameBuffers } from './frame-buffers.ts';
import { type Frame, FrameError, FrameReader } from './frame-reader.ts';

function frameOf(body: string | Buffer): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  frame.set(typeof body === 'string' ? Buffer.from(body) : body, 4);
  return frame;
}

/** As a socket gives it: with its memory for itself. */
function chunkOf(bytes: Buffer): Buffer {
  const chunk = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(chunk);
  return chunk;
}

function reader(maxBytes = 1000) {
  const frames: string[] = [];
  const onFrame = ({ bytes }: Frame): void => void frames.push(bytes.toString());
  return { frames, reader: new FrameReader(maxBytes, new FrameBuffers(), onFrame) };
}

/** Bodies whose bytes say which frame they are of and where they stand in it. */
function bodyOf(frame: number, length: number): Buffer {
  const body = Buffer.alloc(length);
  for (let at = 0; at < length; at++) body[at] = (frame * 31 + at * 7 + (at >> 8)) & 0xff;
  return body;
}

describe('a frame reader', () => {
  it('finds the same frames however the bytes are cut', () => {
    const bodies = ['first', '', 'a somewhat longer third one', 'x'];
    const bytes = Buffer.concat(bodies.map(frameOf));
    for (let size = 1; size <= bytes.length; size++) {
      const { frames, reader: cut } = reader();
      for (let at = 0; at < bytes.length; at += size) cut.push(chunkOf(bytes.subarray(at, at + size)));
      assert.deepEqual(frames, bodies, `in pieces of ${size}`);
      assert.equal(cut.missingBytes, 0);
      assert.equal(cut.heldBytes, 0);
    }
  });

  it('finds large frames cut at every byte, in memory that is used again', () => {
    const lengths = [9000, 0, 5, 12_000, 4096, 1];
    const bytes = Buffer.concat(lengths.map((length, index) => frameOf(bodyOf(index, length))));
    const buffers = new FrameBuffers();
    for (let cut = 0; cut <= bytes.length; cut++) {
      let seen = 0;
      const split = new FrameReader(20_000, buffers, ({ bytes: body, pooled }) => {
        const expected = bodyOf(seen, lengths[seen]!);
        assert.ok(body.equals(expected), `frame ${seen} of a stream cut at ${cut}`);
        seen++;
        // What is left in it must not be taken for anything by the next.
        body.fill(0xee);
        if (pooled !== null) buffers.give(pooled);
      });
      split.push(chunkOf(bytes.subarray(0, cut)));
      split.push(chunkOf(bytes.subarray(cut)));
      assert.equal(seen, lengths.length, `all frames of a stream cut at ${cut}`);
      assert.equal(split.heldBytes, 0);
    }
  });

  it('gathers a frame of megabytes from pieces of any size without losing a byte', () => {
    const body = bodyOf(1, 3_000_000);
    const bytes = frameOf(body);
    for (const size of [1447, 16_384, 65_536, 700_001]) {
      const found: Buffer[] = [];
      const large = new FrameReader(4_000_000, new FrameBuffers(), (frame) => found.push(frame.bytes));
      for (let at = 0; at < bytes.length; at += size) large.push(chunkOf(bytes.subarray(at, at + size)));
      assert.equal(found.length, 1);
      assert.ok(found[0]!.equals(body), `in pieces of ${size}`);
    }
  });

  it('gives frames that are held at the same time memory of their own', () => {
    const held: Buffer[] = [];
    const keeping = new FrameReader(100_000, new FrameBuffers(), (frame) => held.push(frame.bytes));
    const lengths = [20_000, 20_000, 300, 20_000];
    keeping.push(chunkOf(Buffer.concat(lengths.map((length, index) => frameOf(bodyOf(index, length))))));
    for (const [index, body] of held.entries())
      assert.ok(body.equals(bodyOf(index, lengths[index]!)), `frame ${index}`);
    assert.equal(held.length, lengths.length);
  });

  it('says how much is missing of the frame it is in', () => {
    const { reader: partial } = reader();
    partial.push(frameOf('hello').subarray(0, 6));
    assert.equal(partial.missingBytes, 3);
    assert.equal(partial.heldBytes, 6);
    partial.push(Buffer.alloc(0));
    assert.equal(partial.missingBytes, 3);
  });

  it('takes memory for what arrived, not for what was announced', () => {
    const taken: number[] = [];
    class Watched extends FrameBuffers {
      override take(bytes: number): Buffer {
        taken.push(bytes);
        return super.take(bytes);
      }
    }
    const announced = Buffer.alloc(4);
    announced.writeInt32BE(100_000_000);
    const patient = new FrameReader(100_000_000, new Watched(), () => assert.fail('no frame is whole'));
    patient.push(announced);
    assert.deepEqual(taken, [], 'a length alone costs nothing');
    patient.push(Buffer.alloc(10));
    for (let piece = 0; piece < 10; piece++) patient.push(Buffer.alloc(65_536));
    assert.ok(Math.max(...taken) <= 4 * patient.heldBytes, `${taken} for ${patient.heldBytes} bytes`);
  });

  it('takes a whole frame in a small chunk as a view, without a copy', () => {
    const chunk = frameOf('hello');
    let seen: Buffer | null = null;
    new FrameReader(100, new FrameBuffers(), ({ bytes, pooled }) => {
      seen = bytes;
      assert.equal(pooled, null);
    }).push(chunk);
    assert.equal(seen!.buffer, chunk.buffer);
    assert.equal((seen! as Buffer).byteOffset, chunk.byteOffset + 4);
  });

  it('frees the memory of a large chunk, and of no other', () => {
    const large = chunkOf(frameOf(bodyOf(0, 50_000)));
    const shared = Buffer.concat([Buffer.alloc(10), frameOf(bodyOf(0, 50_000))]).subarray(10);
    const frames: Buffer[] = [];
    const freeing = new FrameReader(100_000, new FrameBuffers(), (frame) => frames.push(frame.bytes));
    freeing.push(large);
    freeing.push(shared);
    assert.equal(large.length, 0);
    assert.equal(shared.length, 50_004);
    for (const frame of frames) assert.ok(frame.equals(bodyOf(0, 50_000)));
  });

  it('gives back what is unfinished when it ends, and calls back no more', () => {
    const given: Buffer[] = [];
    class Watched extends FrameBuffers {
      override give(buffer: Buffer): void {
        given.push(buffer);
      }
    }
    let frames = 0;
    const ending: FrameReader = new FrameReader(100_000, new Watched(), () => {
      if (++frames === 2) ending.end();
    });
    const bytes = Buffer.concat([1, 2, 3].map((index) => frameOf(bodyOf(index, 20_000))));
    ending.push(chunkOf(bytes.subarray(0, 30_000)));
    assert.equal(frames, 1);
    ending.push(chunkOf(bytes.subarray(30_000)));
    ending.push(chunkOf(bytes));
    assert.equal(frames, 2);
    const unfinished = new FrameReader(100_000, new Watched(), () => assert.fail('no frame is whole'));
    unfinished.push(chunkOf(bytes.subarray(0, 15_000)));
    unfinished.end();
    assert.deepEqual(
      given.map(({ length }) => length),
      [32_768],
    );
  });

  it('refuses a length out of bounds as soon as it is there', () => {
    const { reader: strict } = reader(10);
    assert.throws(() => strict.push(frameOf('eleven bytes')), FrameError);
    const { reader: slow } = reader(10);
    slow.push(Buffer.from([0, 0]));
    assert.throws(() => slow.push(Buffer.from([0, 11])), /11 bytes; socket.request.max.bytes is 10/);
  });
});
