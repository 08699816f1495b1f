/**
 * One client's connection: bytes in, frames, calls, answers out in the order of the requests. Steps 5 and 7 of the
 * record's journey. It knows no API; `Dispatch` does.
 *
 * As in Kafka a request begins when the one before it is answered, so that what a client sent first has happened first.
 * Produce is the exception: produces that follow one another begin at once (their order is the order of their appends)
 * and wait for the disk together. Answers of one turn of the event loop leave in one writev.
 */
import type { Socket } from 'node:net';
import type { Logger } from '../broker.ts';
import type { Principal } from '../security/principal.ts';
import { newAuthentication } from '../security/security.ts';
import type { GuardedListener } from './acceptor.ts';
import type { Call, Session } from './api.ts';
import { plainAddress } from './connection-limits.ts';
import type { FrameBuffers } from './frame-buffers.ts';
import { type Frame, FrameError, FrameReader } from './frame-reader.ts';
import type { MemoryUser, RequestMemory } from './request-memory.ts';

/** Requests that wait on one connection before it is read no further. */
const requestsWaitingMax = 128;
/** Bytes of answers the client has not taken before it is read no further. */
const unsentBytesMax = 8 * 1024 * 1024;

const pausedForMemory = 1;
const pausedForRequests = 2;
const pausedForAnswers = 4;
const pausedForQuota = 8;
/** Who is over its quota, or does not take its answers, gets none of its waiting requests begun either. */
const holdsRequests = pausedForAnswers | pausedForQuota;

/** A client that has not logged in by then never will. */
const loginDeadlineMs = 60_000;

/** Who connects, and by which listener. */
export interface Client extends GuardedListener {
  readonly id: number;
  /** Before any login: ANONYMOUS, or the subject of a certificate. */
  readonly principal: Principal;
}

/** Begins requests; in tests, whatever answers. */
export interface Dispatch {
  /** Calls `pending.answer`, `pending.skip` or `pending.connection.refuse`, now or later. */
  begin(pending: PendingCall): void;
  /** By the first bytes of a frame: may this request begin while pipelined ones are under way? */
  isPipelined(frame: Buffer): boolean;
}

/** What all connections of a server share. */
export interface ConnectionSurroundings {
  readonly dispatch: Dispatch;
  readonly memory: RequestMemory;
  readonly buffers: FrameBuffers;
  readonly requestMaxBytes: number;
  /** The same before a login. */
  readonly loginMaxBytes: number;
  readonly idleMs: number;
  readonly logger: Logger;
  readonly onClosed: (connection: Connection) => void;
}

/** A request that has begun, and then its answer, until the socket has it. */
export class PendingCall implements Call {
  readonly connection: Connection;
  readonly frame: Buffer;
  /** What the frame lies in, if it is to be used again. */
  readonly pooled: Buffer | null;
  readonly isPipelined: boolean;
  apiVersion = -1;
  clientId: string | null = null;
  fetchedBytes = 0;
  onSent: (() => void) | null = null;
  onAbandoned: (() => void) | null = null;
  /** The answer's chunks; empty for a request without one; null while it is not known. */
  chunks: readonly Uint8Array[] | null = null;

  constructor(connection: Connection, frame: Frame, isPipelined: boolean) {
    this.connection = connection;
    this.frame = frame.bytes;
    this.pooled = frame.pooled;
    this.isPipelined = isPipelined;
  }

  get session(): Session {
    return this.connection.session;
  }
  get isAbandoned(): boolean {
    return this.connection.isClosed;
  }

  /** Gives the answer; the chunks stay untouched until `onSent`. An empty list is a request without an answer. */
  answer(chunks: readonly Uint8Array[]): void {
    this.chunks = chunks;
    this.onAbandoned = null;
    if (this.connection.isClosed) this.finish();
    else this.connection.onAnswered();
  }

  /** Calls `onSent`, once. */
  finish(): void {
    const onSent = this.onSent;
    this.onSent = null;
    onSent?.();
  }
}

export class Connection implements MemoryUser {
  readonly session: Session;
  isClosed = false;
  readonly #socket: Socket;
  readonly #around: ConnectionSurroundings;
  readonly #frames: FrameReader;
  /** Frames that may not begin yet. */
  #waiting: Frame[] = [];
  /** Begun, oldest first. */
  #calls: PendingCall[] = [];
  #heldBytes = 0;
  #paused = 0;
  #isCorked = false;
  #isAdvancing = false;
  /** No more requests are read; ends when the last answer is sent. */
  #isEnding = false;
  /** Over its quota: nothing is begun until this timer ends. */
  #mute: NodeJS.Timeout | null = null;
  #mutedUntilMs = 0;
  #loginDeadline: NodeJS.Timeout | null = null;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  constructor(socket: Socket, client: Client, around: ConnectionSurroundings) {
    const { id, principal, listener } = client;
    const clientHost = plainAddress(socket.remoteAddress);
    const authentication = newAuthentication(client.authentication, clientHost, (user) => this.#onLogin(user));
    this.#socket = socket;
    this.#around = around;
    this.session = {
      id,
      clientHost,
      listener,
      principal,
      authentication,
      localHost: plainAddress(socket.localAddress),
      localPort: socket.localPort ?? 0,
      clientSoftware: null,
      onClosed: new Set(),
    };
    const frameMaxBytes = authentication === null ? around.requestMaxBytes : around.loginMaxBytes;
    this.#frames = new FrameReader(frameMaxBytes, around.buffers, (frame) => this.#onFrame(frame));
    if (authentication !== null) {
      const tooLate = (): void => this.refuse(`it did not log in within ${loginDeadlineMs / 1000} s`);
      this.#loginDeadline = setTimeout(tooLate, loginDeadlineMs).unref();
    }
    socket.setNoDelay(true);
    socket.setTimeout(around.idleMs, () => this.#onIdle());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    // A reset by the peer is no news; `close` follows.
    socket.on('error', () => {});
    socket.on('end', () => this.end());
    socket.on('close', () => this.#onClose());
  }

  get missingBytes(): number {
    return this.#frames.missingBytes;
  }
  get heldBytes(): number {
    return this.#heldBytes;
  }
  /** Nothing is under way. */
  get isQuiet(): boolean {
    return this.#calls.length === 0 && this.#waiting.length === 0;
  }

  /** Closes after one line that says who and why. What other connections do goes on. */
  refuse(reason: string, details: object = {}): void {
    if (this.isClosed) return;
    const { clientHost, clientSoftware } = this.session;
    this.#around.logger.warn({ clientHost, clientSoftware, ...details }, `Connection closed: ${reason}`);
    this.close();
  }

  close(): void {
    this.#socket.destroy();
    this.#onClose();
  }

  /** Reads no more, answers what has begun, then closes. */
  end(): void {
    if (this.isClosed) return;
    this.#isEnding = true;
    this.#waiting.length = 0;
    this.#socket.pause();
    this.#endWhenQuiet();
  }

  /** Reads and begins nothing for a time: the client is over its quota, and has been told so (KIP-219). */
  mute(ms: number): void {
    const until = performance.now() + ms;
    if (this.isClosed || until <= this.#mutedUntilMs) return;
    this.#mutedUntilMs = until;
    if (this.#mute !== null) clearTimeout(this.#mute);
    this.#pause(pausedForQuota);
    this.#mute = setTimeout(() => {
      this.#mute = null;
      this.#resume(pausedForQuota);
      this.#advance();
    }, ms);
  }

  pauseForMemory(): void {
    this.#pause(pausedForMemory);
  }
  resumeForMemory(): void {
    this.#resume(pausedForMemory);
  }
  closeForMemory(): void {
    this.refuse(
      `it has not finished a large request (${this.missingBytes} bytes are missing) while memory for requests is short ` +
        '(queued.max.request.bytes)',
    );
  }

  /** Sends the answers that are due: those with no unanswered request before them. */
  onAnswered(): void {
    while (this.#calls.length > 0 && this.#calls[0]!.chunks !== null) this.#send(this.#calls.shift()!);
    this.#advance();
    if (this.#isEnding) this.#endWhenQuiet();
  }

  #onData(chunk: Buffer): void {
    if (this.#isEnding) return;
    this.#heldBytes += chunk.length;
    this.#around.memory.take(chunk.length);
    try {
      this.#frames.push(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.refuse(error.message);
    }
    if (!this.isClosed) this.#around.memory.taken(this);
  }

  #onFrame(frame: Frame): void {
    this.#around.memory.completed(this);
    if (this.isClosed) return;
    this.#waiting.push(frame);
    this.#advance();
    if (this.#waiting.length + this.#calls.length >= requestsWaitingMax) this.#pause(pausedForRequests);
  }

  /** Begins what may begin. An answer given at once comes back here through `onAnswered`; the flag keeps the stack flat. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#waiting.length > 0 && !this.isClosed && (this.#paused & holdsRequests) === 0) {
      const frame = this.#waiting[0]!;
      const isPipelined = this.#around.dispatch.isPipelined(frame.bytes);
      const last = this.#calls.at(-1);
      if (last !== undefined && !(isPipelined && last.isPipelined)) break;
      this.#waiting.shift();
      const call = new PendingCall(this, frame, isPipelined);
      this.#calls.push(call);
      this.#around.dispatch.begin(call);
    }
    this.#isAdvancing = false;
    if (this.#waiting.length + this.#calls.length < requestsWaitingMax) this.#resume(pausedForRequests);
  }

  #onDrain(): void {
    this.#resume(pausedForAnswers);
    this.#advance();
  }

  #onLogin(principal: Principal): void {
    this.session.principal = principal;
    this.#frames.maxBytes = this.#around.requestMaxBytes;
    if (this.#loginDeadline !== null) clearTimeout(this.#loginDeadline);
  }

  #send(call: PendingCall): void {
    const chunks = call.chunks!;
    this.#give(call.frame.length + 4);
    // Answered in time and in order: nothing looks at the request any more. Of other APIs something may.
    if (call.isPipelined && call.pooled !== null) this.#around.buffers.give(call.pooled);
    if (chunks.length === 0) {
      call.finish();
      return;
    }
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    const last = chunks.length - 1;
    for (let i = 0; i < last; i++) this.#socket.write(chunks[i]!);
    if (call.onSent === null) this.#socket.write(chunks[last]!);
    else this.#socket.write(chunks[last]!, () => call.finish());
    if (this.#socket.writableLength > unsentBytesMax) this.#pause(pausedForAnswers);
  }

  #give(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#around.memory.give(this, bytes);
  }

  #pause(reason: number): void {
    if (this.#paused === 0 && !this.isClosed) this.#socket.pause();
    this.#paused |= reason;
  }

  #resume(reason: number): void {
    if ((this.#paused & reason) === 0) return;
    this.#paused &= ~reason;
    if (this.#paused === 0 && !this.isClosed && !this.#isEnding) this.#socket.resume();
  }

  /** A client that waits for us is not idle; nor is one we do not read. */
  #onIdle(): void {
    if (this.isQuiet && this.#paused === 0) this.close();
  }

  /** A call that may be abandoned only waits for something to happen; nobody loses anything when it does not. */
  #endWhenQuiet(): void {
    if (this.#calls.every((call) => call.chunks === null && call.onAbandoned !== null))
      this.#socket.end(() => this.close());
  }

  #onClose(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.#mute !== null) clearTimeout(this.#mute);
    if (this.#loginDeadline !== null) clearTimeout(this.#loginDeadline);
    const held = this.#heldBytes;
    this.#heldBytes = 0;
    this.#around.memory.forget(this);
    this.#around.memory.give(this, held);
    this.#frames.end();
    for (const { pooled } of this.#waiting) if (pooled !== null) this.#around.buffers.give(pooled);
    for (const call of this.#calls) {
      const onAbandoned = call.onAbandoned;
      call.onAbandoned = null;
      if (call.chunks === null) onAbandoned?.();
      else call.finish();
    }
    this.#calls = [];
    this.#waiting = [];
    for (const onClosed of this.session.onClosed) onClosed(this.session);
    this.#around.onClosed(this);
  }
}
