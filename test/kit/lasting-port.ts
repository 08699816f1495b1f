/**
 * A port that a test may close and open again: outside the range from which the system gives ports to whoever asks for any
 * (Linux: 32768 and up), where somebody else, or a connection of the test's own, would take it meanwhile.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

const RANGE = { from: 20_000, to: 32_000 };
const TRIES_MAX = 100;
/** Several may be asked for before the first is opened. */
const given = new Set<number>();

/** On 127.0.0.1, free at this moment, given once per process. */
export async function lastingPort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`No free port from ${RANGE.from} to ${RANGE.to} after ${TRIES_MAX} tries.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
