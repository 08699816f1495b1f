/**
 * A client that costs next to nothing: requests encoded once, answers counted by their length and thrown away. It keeps
 * a number of requests in flight per connection, as producers do.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly requests: number;
  /** The frame of a connection's next request. */
  readonly frame: (connection: number) => Buffer;
  /** Looks at an answer; only asked for where it is given, because it makes the client slower. */
  readonly onAnswer?: (connection: number, answer: Buffer) => void;
}

export interface LoadResult {
  readonly ms: number;
  readonly bytesReceived: number;
  /** Sorted, in milliseconds. */
  readonly latencies: readonly number[];
}

export async function runLoad(load: Load): Promise<LoadResult> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load.port)));
  const latencies: number[] = [];
  const share = Math.ceil(load.requests / load.connections);
  let bytesReceived = 0;
  const started = performance.now();
  await Promise.all(
    sockets.map((socket, index) =>
      drive(socket, index, share, load, (bytes, latency) => {
        bytesReceived += bytes;
        latencies.push(latency);
      }),
    ),
  );
  const ms = performance.now() - started;
  for (const socket of sockets) socket.destroy();
  return { ms, bytesReceived, latencies: latencies.sort((a, b) => a - b) };
}

async function open(port: number): Promise<Socket> {
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    // A large buffer of our own: the client must not be what is measured.
    onread: {
      buffer: Buffer.allocUnsafeSlow(1024 * 1024),
      callback: (bytes, buffer) => socket.emit('bytes', bytes, buffer),
    },
  });
  await once(socket, 'connect');
  return socket;
}

function drive(
  socket: Socket,
  index: number,
  requests: number,
  load: Load,
  onAnswered: (bytes: number, latencyMs: number) => void,
): Promise<void> {
  const sentAt: number[] = [];
  let sent = 0;
  let answered = 0;
  const send = () => {
    if (sent === requests) return;
    sent++;
    sentAt.push(performance.now());
    socket.write(load.frame(index));
  };
  return new Promise((resolve, reject) => {
    const answers = new AnswerCounter(load.onAnswer !== undefined, (bytes, answer) => {
      onAnswered(bytes, performance.now() - sentAt.shift()!);
      if (answer !== null) load.onAnswer?.(index, answer);
      if (++answered === requests) resolve();
      else send();
    });
    socket.on('bytes', (bytes: number, buffer: Buffer) => {
      socket.cork();
      answers.push(buffer.subarray(0, bytes));
      socket.uncork();
    });
    socket.on('close', () =>
      answered === requests ? resolve() : reject(new Error('The server closed the connection.')),
    );
    for (let i = 0; i < load.inFlight; i++) send();
  });
}

/** Finds the ends of answers in a stream; keeps their bytes only when somebody wants to see them. */
class AnswerCounter {
  readonly #keepsBytes: boolean;
  readonly #onAnswer: (bytes: number, answer: Buffer | null) => void;
  #head: Buffer = Buffer.alloc(0);
  #missing = 0;
  #length = 0;
  #kept: Buffer[] = [];

  constructor(keepsBytes: boolean, onAnswer: (bytes: number, answer: Buffer | null) => void) {
    this.#keepsBytes = keepsBytes;
    this.#onAnswer = onAnswer;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#missing === 0) {
        const head = this.#head.length > 0 ? Buffer.concat([this.#head, rest]) : rest;
        if (head.length < 4) {
          this.#head = Buffer.from(head);
          return;
        }
        rest = head.subarray(4);
        this.#head = Buffer.alloc(0);
        this.#length = head.readInt32BE(0);
        this.#missing = this.#length;
      }
      const part = rest.subarray(0, this.#missing);
      if (this.#keepsBytes) this.#kept.push(Buffer.from(part));
      this.#missing -= part.length;
      rest = rest.subarray(part.length);
      if (this.#missing > 0) return;
      const answer = this.#keepsBytes ? Buffer.concat(this.#kept) : null;
      this.#kept = [];
      this.#onAnswer(4 + this.#length, answer);
    }
  }
}
