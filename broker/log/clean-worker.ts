/**
 * The cleaner's thread: takes a job, does it, says what came out. Only the disk is shared with the event loop.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { disk } from '../fs/disk.ts';
import type { CleanJob } from './clean-job.ts';
import type { CleanMessage, CleanWorkerData } from './clean-runner.ts';
import { cleanSegments, type Throttle } from './clean-segments.ts';

/** Pauses shorter than this are not worth a system call. */
const pauseMsMin = 5;

if (parentPort === null) throw new Error('clean-worker.ts runs as a worker thread only.');
const port = parentPort;
const { bytesPerSecond } = workerData as CleanWorkerData;

port.on('message', (job: CleanJob) => port.postMessage(finish(job)));

function finish(job: CleanJob): CleanMessage {
  try {
    const groups = cleanSegments(disk, job, throttleTo(bytesPerSecond));
    for (let step = groups.next(); ; step = groups.next()) {
      if (step.done === true) return { result: step.value };
      port.postMessage({ group: step.value } satisfies CleanMessage);
    }
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { error: code === undefined ? { message } : { message, code } };
  }
}

/** Sleeps whenever the bytes so far would have taken longer at the allowed rate. */
function throttleTo(rate: number): Throttle {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const begunMs = performance.now();
  let total = 0;
  return (bytes) => {
    total += bytes;
    const aheadMs = (total / rate) * 1000 - (performance.now() - begunMs);
    if (aheadMs > pauseMsMin) Atomics.wait(cell, 0, 0, aheadMs);
  };
}
