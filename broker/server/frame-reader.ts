/**
 * Cuts a connection's bytes into frames: four length bytes, then so many more. Step 5 of the record's journey begins
 * here. A frame that lies whole in one chunk is a view of it; one that spans chunks is put together once, when its last
 * byte is there, so that a length alone costs nothing.
 */

/** The bytes that follow are no Kafka request; the message says what they look like. */
export class FrameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FrameError';
  }
}

const lengthBytes = 4;

export class FrameReader {
  /** The longest frame taken; a client that has logged in may send more. */
  maxBytes: number;
  readonly #onFrame: (frame: Buffer) => void;
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  /** Of the unfinished frame, length bytes included; 0 while those are not there yet. */
  #wantedBytes = 0;

  constructor(maxBytes: number, onFrame: (frame: Buffer) => void) {
    this.maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** What the unfinished frame still lacks, 0 when nothing was begun. */
  get missingBytes(): number {
    if (this.#wantedBytes > 0) return this.#wantedBytes - this.#heldBytes;
    return this.#heldBytes > 0 ? lengthBytes - this.#heldBytes : 0;
  }

  /** Bytes that arrived and belong to no whole frame yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Calls back for every frame that is whole now (without its length). Throws {@link FrameError}. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#heldBytes === 0) rest = this.#takeWhole(rest);
      if (rest.length === 0) return;
      rest = this.#gather(rest);
    }
  }

  /** Frames that lie whole in the chunk; answers what is left. */
  #takeWhole(chunk: Buffer): Buffer {
    let at = 0;
    while (chunk.length - at >= lengthBytes) {
      const end = at + lengthBytes + this.#lengthAt(chunk, at);
      if (end > chunk.length) break;
      this.#onFrame(chunk.subarray(at + lengthBytes, end));
      at = end;
    }
    return at === 0 ? chunk : chunk.subarray(at);
  }

  /** Adds to the unfinished frame; answers what belongs to the next. */
  #gather(chunk: Buffer): Buffer {
    if (this.#wantedBytes === 0) return this.#gatherLength(chunk);
    const missing = this.#wantedBytes - this.#heldBytes;
    const part = chunk.length <= missing ? chunk : chunk.subarray(0, missing);
    this.#chunks.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes === this.#wantedBytes) this.#finish();
    return part === chunk ? chunk.subarray(chunk.length) : chunk.subarray(missing);
  }

  #gatherLength(chunk: Buffer): Buffer {
    const part = chunk.subarray(0, Math.max(lengthBytes - this.#heldBytes, 0));
    this.#chunks.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes >= lengthBytes) {
      const length = Buffer.concat(this.#chunks, lengthBytes);
      this.#wantedBytes = lengthBytes + this.#lengthAt(length, 0);
      this.#chunks = [length];
      if (this.#wantedBytes === lengthBytes) this.#finish();
    }
    return chunk.subarray(part.length);
  }

  #finish(): void {
    const frame = Buffer.concat(this.#chunks, this.#wantedBytes).subarray(lengthBytes);
    this.#chunks = [];
    this.#heldBytes = 0;
    this.#wantedBytes = 0;
    this.#onFrame(frame);
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readInt32BE(at);
    if (length >= 0 && length <= this.maxBytes) return length;
    throw new FrameError(whatItLooksLike(bytes.subarray(at, at + lengthBytes), length, this.maxBytes));
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
