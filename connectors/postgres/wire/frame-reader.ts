/**
 * Cuts what a server sends into frames, without an object per frame and with a bound on what waits.
 *
 * ```
 * type u8 | length i32, itself included | body
 * ```
 * `next` moves to the next whole frame and shows it in place: `buffer`, `start`, `end` are valid until the next call.
 * While more than the bound waits, the socket is paused and TCP holds the server back.
 */
import type { Socket } from 'node:net';
import { ConnectionLost } from '../errors.ts';

const EMPTY = Buffer.alloc(0);
const HEADER_BYTES = 5;
/** Postgres builds no message past 1 GiB; a longer one means we lost the thread. */
const FRAME_BYTES_MAX = 0x4000_0000;

export class FrameReader {
  /** The frame's type, an ASCII letter. */
  type = 0;
  buffer: Buffer = EMPTY;
  /** The body is `buffer[start, end)`. */
  start = 0;
  end = 0;

  readonly #socket: Socket;
  readonly #queuedBytesMax: number;
  #current: Buffer = EMPTY;
  #position = 0;
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  #arrivedAt = Date.now();
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #interrupt: (() => void) | null = null;

  constructor(socket: Socket, queuedBytesMax: number) {
    this.#socket = socket;
    this.#queuedBytesMax = queuedBytesMax;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (cause) => this.#fail(new ConnectionLost(`${cause.message}.`, { cause })));
    socket.on('close', () => this.#fail(new ConnectionLost('The server closed the connection.')));
  }

  /** Bytes received and not yet looked at. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** When bytes last came, by `Date.now()`. */
  get arrivedAt(): number {
    return this.#arrivedAt;
  }

  /** True while so much waits that the server is held back: then nothing comes because of us. */
  get isHeldBack(): boolean {
    return this.#socket.isPaused();
  }

  /** Moves to the next frame; false when no whole frame is here yet. */
  next(): boolean {
    if (this.#advance()) return true;
    // Half a frame, however large, is no reason to wait: nobody else would let the rest of it in.
    if (this.#socket.isPaused()) this.#socket.resume();
    return false;
  }

  #advance(): boolean {
    let available = this.#current.length - this.#position;
    if (available < HEADER_BYTES) {
      if (!this.#join(HEADER_BYTES)) return false;
      available = this.#current.length - this.#position;
    }
    const length = this.#current.readInt32BE(this.#position + 1) + 1;
    if (length < HEADER_BYTES || length > FRAME_BYTES_MAX) {
      throw new Error(`The server sent a frame of ${length} bytes; this is no Postgres, or the stream is damaged.`);
    }
    if (available < length && !this.#join(length)) return false;
    const begin = this.#position;
    this.type = this.#current[begin]!;
    this.buffer = this.#current;
    this.start = begin + HEADER_BYTES;
    this.end = begin + length;
    this.#position = this.end;
    this.#queuedBytes -= length;
    if (this.#queuedBytes < this.#queuedBytesMax && this.#socket.isPaused()) this.#socket.resume();
    return true;
  }

  /** Puts pieces together until `needed` bytes lie side by side; copies only frames that were cut. */
  #join(needed: number): boolean {
    if (this.#queuedBytes < needed) return false;
    const rest = this.#current.length - this.#position;
    let gathered = rest;
    let count = 0;
    while (gathered < needed) gathered += this.#chunks[count++]!.length;
    const pieces = this.#chunks.splice(0, count);
    if (rest > 0) pieces.unshift(this.#current.subarray(this.#position));
    this.#current = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, gathered);
    this.#position = 0;
    return true;
  }

  /**
   * Resolves true once something new may be there, false when the time is up, the signal fires or `interrupt` is called.
   * Rejects with {@link ConnectionLost} when the connection ended and everything it brought was looked at. One at a time.
   */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const settle = (arrived: boolean) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        this.#wake = null;
        this.#interrupt = null;
        if (this.#failure === null) resolve(arrived);
        else reject(this.#failure);
      };
      const stop = () => settle(false);
      const timer = setTimeout(stop, timeoutMs);
      signal?.addEventListener('abort', stop, { once: true });
      this.#wake = () => settle(true);
      this.#interrupt = stop;
    });
  }

  /** Ends the wait under way, if there is one. */
  interrupt(): void {
    this.#interrupt?.();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#arrivedAt = Date.now();
    this.#queuedBytes += chunk.length;
    // A frame larger than the bound must still come in whole, so the pause waits for a whole frame.
    if (this.#queuedBytes >= this.#queuedBytesMax && this.#hasWholeFrame()) this.#socket.pause();
    this.#wake?.();
  }

  #hasWholeFrame(): boolean {
    const rest = this.#current.length - this.#position;
    if (rest < HEADER_BYTES && !this.#join(HEADER_BYTES)) return false;
    return this.#queuedBytes >= this.#current.readInt32BE(this.#position + 1) + 1;
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#wake?.();
  }
}
