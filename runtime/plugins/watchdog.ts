/**
 * The house's side of the watchdog: its heartbeat, and the reports of the thread that listens to it.
 */
import { Worker } from 'node:worker_threads';
import type { Blocked } from './watchdog-thread.ts';

export type { Blocked };

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** Starts to watch for blocks longer than `blockedMs`; answers what ends it. */
export function watchEventLoop(blockedMs: number, onBlocked: (blocked: Blocked) => void): () => Promise<void> {
  const heart = new SharedArrayBuffer(4);
  const beats = new Int32Array(heart);
  // Often enough that a pause of the length asked for is seen as one.
  const beating = setInterval(() => Atomics.add(beats, 0, 1), Math.max(5, blockedMs / 10)).unref();
  const thread = new Worker(new URL(`./watchdog-thread.${extension}`, import.meta.url), {
    workerData: { heart, blockedMs },
  });
  thread.unref();
  thread.on('message', onBlocked);
  // A watchdog that dies must not take the house along: its plugins are then merely unwatched.
  thread.on('error', () => clearInterval(beating));
  return async () => {
    clearInterval(beating);
    await thread.terminate();
  };
}
