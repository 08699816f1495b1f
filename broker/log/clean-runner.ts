/**
 * Where a round of cleaning runs: in a worker thread beside the event loop, or in line (tests, whose disk is in memory).
 * The thread is started for a job and ended when there is none, so that an idle broker does not pay for it.
 */
import { Worker } from 'node:worker_threads';
import type { FileSystem } from '../fs/file-system.ts';
import type { CleanedGroup, CleanJob, CleanResult } from './clean-job.ts';
import { cleanSegments } from './clean-segments.ts';

export interface CleanRunner {
  /**
   * Runs one job. `onGroup` is called for each finished group, oldest first, and answers whether to go on. Resolves with
   * null when it did not, or when `stop` came first. One job at a time.
   */
  run(job: CleanJob, onGroup: (group: CleanedGroup) => boolean): Promise<CleanResult | null>;
  /** Nothing is left to do for now. */
  rest(): Promise<void>;
  /** Ends a job under way; what it wrote is worthless. */
  stop(): Promise<void>;
}

export function inlineRunner(fs: FileSystem): CleanRunner {
  return {
    async run(job, onGroup) {
      const groups = cleanSegments(fs, job);
      for (let step = groups.next(); ; step = groups.next()) {
        if (step.done === true) return step.value;
        if (!onGroup(step.value)) return null;
      }
    },
    async rest() {},
    async stop() {},
  };
}

/** What the thread is given at its start. */
export interface CleanWorkerData {
  readonly bytesPerSecond: number;
}

/** From the thread: a group, the end, or what went wrong. */
export type CleanMessage =
  | { readonly group: CleanedGroup }
  | { readonly result: CleanResult }
  | { readonly error: { readonly message: string; readonly code?: string } };

/** Built, this file and the worker's end in .js. */
const workerFile = new URL(`./clean-worker${import.meta.url.slice(import.meta.url.lastIndexOf('.'))}`, import.meta.url);

export class ThreadRunner implements CleanRunner {
  readonly #data: CleanWorkerData;
  #worker: Worker | null = null;
  #end: ((result: CleanResult | null) => void) | null = null;

  constructor(data: CleanWorkerData) {
    this.#data = data;
  }

  run(job: CleanJob, onGroup: (group: CleanedGroup) => boolean): Promise<CleanResult | null> {
    const worker = this.#started();
    return new Promise<CleanResult | null>((resolve, reject) => {
      this.#end = resolve;
      const onMessage = (message: CleanMessage): void => {
        if ('result' in message) resolve(message.result);
        else if ('error' in message) reject(Object.assign(new Error(message.error.message), message.error));
        else this.#takeGroup(message.group, onGroup, reject);
      };
      worker.on('message', onMessage);
      worker.once('error', reject);
      worker.once('exit', () => resolve(null));
      worker.postMessage(job);
    }).finally(() => {
      this.#end = null;
      worker.removeAllListeners();
    });
  }

  async rest(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  async stop(): Promise<void> {
    this.#end?.(null);
    await this.rest();
  }

  #takeGroup(group: CleanedGroup, onGroup: (group: CleanedGroup) => boolean, reject: (error: unknown) => void): void {
    // Messages that arrive after the end of a job belong to nobody.
    if (this.#end === null) return;
    try {
      if (!onGroup(group)) void this.stop();
    } catch (error) {
      reject(error);
      void this.rest();
    }
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(workerFile, { workerData: this.#data, name: 'log-cleaner' });
    worker.unref();
    this.#worker = worker;
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }
}
