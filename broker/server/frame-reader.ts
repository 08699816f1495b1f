/**
 * Cuts a connection's bytes into frames: four length bytes, then so many more. Step 5 of the record's journey begins
 * here. A frame that lies whole in a small chunk is a view of it. All others are copied, as their bytes arrive, into
 * memory that is used again, and the chunk's own memory is given back at once; how much is taken follows what arrived,
 * so that a length alone costs nothing.
 */
import { type FrameBuffers, freeMemory, smallestPooledBytes } from './frame-buffers.ts';

/** The bytes that follow are no Kafka request; the message says what they look like. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

/** A request's bytes, without their length. */
export interface Frame {
  readonly bytes: Buffer;
  /** What the bytes lie in, to be given back to the {@link FrameBuffers} when nothing looks at them; or null. */
  readonly pooled: Buffer | null;
}

const lengthBytes = 4;
/** From this size on freeing a chunk's memory saves more than the copy costs. */
const copiedFromBytes = 8 * 1024;
/** Memory is taken for so many times what is there: two copies of a part on the way to 1 MiB, none below 256 KiB. */
const growth = 4;

export class FrameReader {
  /** The longest frame taken; a client that has logged in may send more. */
  maxBytes: number;
  readonly #buffers: FrameBuffers;
  readonly #onFrame: (frame: Frame) => void;
  readonly #length = Buffer.alloc(lengthBytes);
  #lengthHeld = 0;
  /** Of the unfinished frame; valid while its length is there. */
  #bodyBytes = 0;
  #bodyHeld = 0;
  /** Where the unfinished frame gathers; null while none of its bytes are there. */
  #body: Buffer | null = null;
  #isEnded = false;

  constructor(maxBytes: number, buffers: FrameBuffers, onFrame: (frame: Frame) => void) {
    this.maxBytes = maxBytes;
    this.#buffers = buffers;
    this.#onFrame = onFrame;
  }

  /** What the unfinished frame still lacks, 0 when nothing was begun. */
  get missingBytes(): number {
    if (this.#lengthHeld === lengthBytes) return this.#bodyBytes - this.#bodyHeld;
    return this.#lengthHeld > 0 ? lengthBytes - this.#lengthHeld : 0;
  }

  /** Bytes that arrived and belong to no whole frame yet. */
  get heldBytes(): number {
    return this.#lengthHeld + this.#bodyHeld;
  }

  /**
   * Calls back for every frame that is whole now. The chunk belongs to the reader from now on: it is empty afterwards
   * unless a frame is a view of it. Throws {@link FrameError}.
   */
  push(chunk: Buffer): void {
    if (this.#isEnded) return;
    const mayBeViewed = chunk.length < copiedFromBytes;
    let at = 0;
    do {
      at = this.#takeLength(chunk, at);
      const isBodyToCome = this.#lengthHeld < lengthBytes || (at === chunk.length && this.#bodyBytes > 0);
      if (isBodyToCome) break;
      at = this.#takeBody(chunk, at, mayBeViewed);
    } while (at < chunk.length && !this.#isEnded);
    if (!mayBeViewed) freeMemory(chunk);
  }

  /** Nobody wants what is unfinished, nor what would come. May be called from the callback. */
  end(): void {
    this.#isEnded = true;
    if (this.#body !== null) this.#buffers.give(this.#body);
    this.#body = null;
  }

  /** Both take what they need from the chunk and answer where the rest begins. */
  #takeLength(chunk: Buffer, from: number): number {
    if (this.#lengthHeld === lengthBytes) return from;
    let at = from;
    while (this.#lengthHeld < lengthBytes && at < chunk.length) this.#length[this.#lengthHeld++] = chunk[at++]!;
    if (this.#lengthHeld === lengthBytes) this.#bodyBytes = this.#checkedLength();
    return at;
  }

  #takeBody(chunk: Buffer, from: number, mayBeViewed: boolean): number {
    const end = Math.min(chunk.length, from + this.#bodyBytes - this.#bodyHeld);
    if (mayBeViewed && end - from === this.#bodyBytes) {
      this.#finish({ bytes: chunk.subarray(from, end), pooled: null });
      return end;
    }
    const held = this.#bodyHeld + end - from;
    chunk.copy(this.#roomFor(held), this.#bodyHeld, from, end);
    this.#bodyHeld = held;
    if (held === this.#bodyBytes) this.#finishGathered();
    return end;
  }

  /** The body's memory, large enough for so many bytes. */
  #roomFor(bytes: number): Buffer {
    const body = this.#body;
    if (body !== null && bytes <= body.length) return body;
    const grown = this.#buffers.take(Math.min(this.#bodyBytes, Math.max(smallestPooledBytes, growth * bytes)));
    if (body !== null) {
      body.copy(grown, 0, 0, this.#bodyHeld);
      this.#buffers.give(body);
    }
    this.#body = grown;
    return grown;
  }

  #finishGathered(): void {
    const body = this.#body!;
    this.#body = null;
    this.#finish({ bytes: body.subarray(0, this.#bodyBytes), pooled: body });
  }

  #finish(frame: Frame): void {
    this.#lengthHeld = 0;
    this.#bodyHeld = 0;
    this.#onFrame(frame);
  }

  #checkedLength(): number {
    const length = this.#length.readInt32BE(0);
    if (length >= 0 && length <= this.maxBytes) return length;
    throw new FrameError(whatItLooksLike(this.#length, length, this.maxBytes));
  }
}

function whatItLooksLike(start: Buffer, length: number, maxBytes: number): string {
  const text = start.toString('latin1');
  if (/^(GET |POST|PUT |HEAD|OPTI|PRI )/.test(text)) {
    return 'It sent an HTTP request, but this port speaks the Kafka protocol.';
  }
  if (start[0] === 0x16 && start[1] === 3) {
    return 'It began a TLS handshake, but this listener is plaintext. Set security.protocol=PLAINTEXT in the client.';
  }
  return length < 0
    ? `It announced a request of ${length} bytes, so these bytes are no Kafka request.`
    : `It announced a request of ${length} bytes; socket.request.max.bytes is ${maxBytes}.`;
}
