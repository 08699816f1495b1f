/** Frames out of a socket's chunks, wherever they are cut. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { seededRandom } from '../../../test/kit/random.ts';
import { FrameReader } from './frame-reader.ts';

/** As much of a socket as the reader touches. */
class Wire extends EventEmitter {
  #isPaused = false;
  isPaused(): boolean {
    return this.#isPaused;
  }
  pause(): void {
    this.#isPaused = true;
  }
  resume(): void {
    this.#isPaused = false;
  }
}

function reader(bytesMax = 1_000_000): { wire: Wire; frames: FrameReader } {
  const wire = new Wire();
  return { wire, frames: new FrameReader(wire as unknown as Socket, bytesMax) };
}

function frame(type: string, body: string): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, Buffer.from(body)]);
}

function all(frames: FrameReader): string[] {
  const found: string[] = [];
  while (frames.next()) {
    found.push(String.fromCharCode(frames.type) + frames.buffer.toString('utf8', frames.start, frames.end));
  }
  return found;
}

test('frames come whole, at whatever place the stream was cut', () => {
  const bodies = ['', 'a', 'x'.repeat(300), 'yz'];
  const stream = Buffer.concat(bodies.map((body) => frame('d', body)));
  for (let size = 1; size <= stream.length; size += 7) {
    const { wire, frames } = reader();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      wire.emit('data', stream.subarray(at, at + size));
      found.push(...all(frames));
    }
    assert.deepEqual(
      found,
      bodies.map((body) => `d${body}`),
    );
    assert.equal(frames.queuedBytes, 0);
  }
});

test('beyond the bound the socket is paused, until what waits was looked at; one large frame still comes in', () => {
  const { wire, frames } = reader(100);
  const large = frame('d', 'x'.repeat(500));
  wire.emit('data', large.subarray(0, 400));
  assert.equal(wire.isPaused(), false);
  wire.emit('data', large.subarray(400));
  assert.equal(wire.isPaused(), true);
  assert.equal(all(frames).length, 1);
  assert.equal(wire.isPaused(), false);
});

test('a large frame behind small ones comes in too, though it is larger than the bound and was cut while paused', () => {
  const { wire, frames } = reader(100);
  const stream = Buffer.concat([frame('d', 'small'), frame('d', 'x'.repeat(500))]);
  wire.emit('data', stream.subarray(0, 300));
  assert.equal(wire.isPaused(), true, 'a whole frame waits, and much of another');
  assert.equal(frames.next(), true);
  assert.equal(frames.next(), false);
  assert.equal(wire.isPaused(), false, 'nothing whole is here, so the rest must be let in');
  wire.emit('data', stream.subarray(300));
  assert.equal(all(frames).length, 1);
});

test('any frames cut anywhere come out whole and in order, and the socket never stays paused with nothing to read', () => {
  const random = seededRandom(20_26);
  for (let run = 0; run < 200; run++) {
    const { wire, frames } = reader(1 + random.below(400));
    const bodies = Array.from({ length: 1 + random.below(30) }, (_, i) => `${i}`.padEnd(random.below(300), 'x'));
    const stream = Buffer.concat(bodies.map((body) => frame('d', body)));
    const found: string[] = [];
    for (let at = 0; at < stream.length; ) {
      const end = Math.min(stream.length, at + 1 + random.below(250));
      wire.emit('data', stream.subarray(at, end));
      at = end;
      // A reader that is sometimes slow, and sometimes takes only one.
      const mood = random.below(3);
      if (mood === 0 && frames.next()) found.push(`d${frames.buffer.toString('utf8', frames.start, frames.end)}`);
      if (mood !== 1) continue;
      found.push(...all(frames));
      assert.equal(wire.isPaused(), false);
    }
    found.push(...all(frames));
    assert.deepEqual(
      found,
      bodies.map((body) => `d${body}`),
    );
    assert.equal(frames.queuedBytes, 0);
  }
});

test('what came before the end of the connection is read before the end is told', async () => {
  const { wire, frames } = reader();
  wire.emit('data', frame('d', 'last'));
  wire.emit('close');
  assert.deepEqual(all(frames), ['dlast']);
  await assert.rejects(frames.wait(1000), { name: 'ConnectionLost' });
});

test('a wait ends with data, with the time, and with the signal', async () => {
  const { wire, frames } = reader();
  const waiting = frames.wait(1000);
  wire.emit('data', frame('d', 'x'));
  assert.equal(await waiting, true);
  assert.equal(await frames.wait(1), false);
  assert.equal(await frames.wait(1000, AbortSignal.abort()), false);
  const interrupted = frames.wait(60_000);
  frames.interrupt();
  assert.equal(await interrupted, false);
});

test('a stream that is no Postgres is refused', () => {
  const { wire, frames } = reader();
  wire.emit('data', Buffer.from('HTTP/1.1 400 Bad Request'));
  assert.throws(() => frames.next(), /this is no Postgres/);
});
