/**
 * The task's end of the snapshot's thread: starts it, orders ranges, holds the chunks that came until the reader has used them.
 *
 * A thread that dies is a connection that broke: the next poll reads on from what was handed over.
 */
import { Worker } from 'node:worker_threads';
import { ConnectionLost } from '../../errors.ts';
import {
  type FromThread,
  fromPlainError,
  type RangeOrder,
  type SnapshotChunk,
  type SnapshotThreadData,
  type ToThread,
} from './snapshot-messages.ts';

/** Code is loaded and connections are opened, which have deadlines of their own, on a machine that may be busy. */
const START_DEADLINE_MS = 120_000;

/** Built, this file and the thread's end in .js. */
const threadFile = new URL(
  `./snapshot-thread${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`,
  import.meta.url,
);

/** Chunks of one range at a time, in their order. */
export class ThreadLane {
  readonly #number: number;
  readonly #worker: Worker;
  #chunks: SnapshotChunk[] = [];
  #failure: Error | null = null;
  #settle: ((isThere: boolean) => void) | null = null;

  constructor(number: number, worker: Worker) {
    this.#number = number;
    this.#worker = worker;
  }

  /** Orders a range; the one before has ended. */
  read(order: RangeOrder): void {
    this.#worker.postMessage({ lane: this.#number, order } satisfies ToThread);
  }

  /** The oldest chunk that is not used up, or null where nothing is here. Throws what ended the lane, once all before is used up. */
  get chunk(): SnapshotChunk | null {
    const chunk = this.#chunks[0];
    if (chunk !== undefined) return chunk;
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** The oldest chunk is used up. */
  used(): void {
    const { bytes } = this.#chunks.shift()!;
    this.#worker.postMessage({ lane: this.#number, used: bytes.length } satisfies ToThread);
  }

  /** Nobody needs this memory any more; the thread writes into it again. */
  giveBack(spare: ArrayBuffer): void {
    this.#worker.postMessage({ spare } satisfies ToThread, [spare]);
  }

  /** Resolves true once {@link chunk} has something to say, false when the time is up or `interrupt` is called. One at a time. */
  wait(timeoutMs: number): Promise<boolean> {
    if (this.#chunks.length > 0 || this.#failure !== null) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle?.(false), timeoutMs);
      this.#settle = (isThere) => {
        clearTimeout(timer);
        this.#settle = null;
        resolve(isThere);
      };
    });
  }

  interrupt(): void {
    this.#settle?.(false);
  }

  take(chunk: SnapshotChunk): void {
    this.#chunks.push(chunk);
    this.#settle?.(true);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#settle?.(true);
  }
}

export class SnapshotThread {
  readonly lanes: readonly ThreadLane[];
  readonly #worker: Worker;

  private constructor(data: SnapshotThreadData) {
    this.#worker = new Worker(threadFile, { workerData: data, name: 'postgres-snapshot' });
    this.#worker.unref();
    this.lanes = Array.from({ length: data.lanes }, (_, number) => new ThreadLane(number, this.#worker));
  }

  /** Resolves when its connections see the snapshot. Rejects with what opening one was refused with. */
  static async start(data: SnapshotThreadData): Promise<SnapshotThread> {
    const thread = new SnapshotThread(data);
    try {
      await thread.#opened();
      return thread;
    } catch (error) {
      thread.close();
      throw error;
    }
  }

  /** Ends it at once, with its connections. */
  close(): void {
    this.#worker.removeAllListeners('exit');
    void this.#worker.terminate();
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = () =>
        reject(new ConnectionLost(`The snapshot's thread did not start within ${START_DEADLINE_MS} ms.`));
      const late = setTimeout(refuse, START_DEADLINE_MS);
      const fail = (error: Error) => {
        clearTimeout(late);
        reject(error);
        for (const lane of this.lanes) lane.fail(error);
      };
      const died = (why: string) => fail(new ConnectionLost(`The thread that reads the snapshot ended: ${why}.`));
      this.#worker.on('error', (error: Error) => died(error.message));
      this.#worker.on('exit', (code) => died(`exit code ${code}`));
      this.#worker.on('message', (message: FromThread) => {
        if ('chunk' in message) this.lanes[message.lane]!.take(message.chunk);
        else if ('opened' in message) {
          clearTimeout(late);
          resolve();
        } else if (message.lane === null) fail(fromPlainError(message.failure));
        else this.lanes[message.lane]!.fail(fromPlainError(message.failure));
      });
    });
  }
}
