/**
 * The two servers that bench/broker.bench.ts compares, each in a process of its own: our broker, and the limit, which
 * does with the same bytes the least a log can do: writes what arrived in a turn with one writev and answers; sends what
 * is in a file from one pooled buffer. `node servers.ts broker|limit DIR` prints its port; a line on stdin is answered
 * with the CPU seconds used so far and the memory held.
 */
import { openSync, readSync, writevSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startBroker } from '../../broker/broker.ts';

const [role, dir] = process.argv.slice(2);
/** What the limit sends for a fetch, and what it answers to a produce. */
export const fetchAnswerBytes = 1024 * 1024;
const produceAnswerBytes = 60;
const producePrefix = 0;

async function startOurs(): Promise<number> {
  const quiet = () => {};
  const logger = { debug: quiet, info: quiet, warn: console.error, error: console.error };
  const broker = await startBroker({ dataDir: dir!, port: 0, logger });
  return broker.address.port;
}

/** Frames are `length, int16 API key, …`: key 0 is written down, key 1 is answered with a megabyte. */
function startLimit(): Promise<number> {
  const fd = openSync(join(dir!, 'limit'), 'w+');
  const server = createServer((socket) => serve(socket, fd));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

const produceAnswer = Buffer.alloc(4 + produceAnswerBytes);
produceAnswer.writeInt32BE(produceAnswerBytes);
const fetchAnswer = Buffer.allocUnsafeSlow(4 + fetchAnswerBytes);
fetchAnswer.writeInt32BE(fetchAnswerBytes);
const staged: { chunks: Buffer[]; answers: Map<Socket, number>; isScheduled: boolean } = {
  chunks: [],
  answers: new Map(),
  isScheduled: false,
};
let filePosition = 0;

function serve(socket: Socket, fd: number): void {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  let missing = 0;
  let held: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    let rest = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    held = Buffer.alloc(0);
    while (rest.length > 0) {
      if (missing === 0) {
        if (rest.length < 6) {
          held = rest;
          return;
        }
        if (rest.readInt16BE(4) !== producePrefix) {
          sendFile(socket, fd);
          rest = rest.subarray(4 + rest.readInt32BE(0));
          continue;
        }
        missing = 4 + rest.readInt32BE(0);
      }
      const part = rest.subarray(0, missing);
      staged.chunks.push(part);
      missing -= part.length;
      rest = rest.subarray(part.length);
      if (missing === 0) staged.answers.set(socket, (staged.answers.get(socket) ?? 0) + 1);
    }
    if (staged.isScheduled) return;
    staged.isScheduled = true;
    setImmediate(writeStaged, fd);
  });
}

function writeStaged(fd: number): void {
  staged.isScheduled = false;
  filePosition += writevSync(fd, staged.chunks, filePosition);
  staged.chunks = [];
  for (const [socket, count] of staged.answers) {
    socket.cork();
    for (let i = 0; i < count; i++) socket.write(produceAnswer);
    socket.uncork();
  }
  staged.answers.clear();
}

let readPosition = 0;

function sendFile(socket: Socket, fd: number): void {
  if (readPosition + fetchAnswerBytes > filePosition) readPosition = 0;
  readPosition += readSync(fd, fetchAnswer, 4, fetchAnswerBytes, readPosition);
  socket.write(fetchAnswer);
}

const port = role === 'broker' ? await startOurs() : await startLimit();
process.stdout.write(`${port}\n`);
createInterface({ input: process.stdin })
  .on('line', () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6, rss: process.memoryUsage().rss })}\n`);
  })
  .on('close', () => process.exit(0));
