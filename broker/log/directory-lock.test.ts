/** A start right after a kill -9: the holder of the lock may still be on its way out, or wait to be reaped. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MemoryFileSystem } from '../fs/memory.ts';
import { type LockHolder, lockDirectory, thisProcess } from './directory-lock.ts';
import { names } from './files.ts';

const anotherHolder = (pid: number): LockHolder => ({ ...thisProcess('127.0.0.1:9092', 0), pid, processStart: null });

function lockedBy(holder: LockHolder): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory('/data');
  const file = fs.open(`/data/${names.lock}`, 'create');
  file.write([Buffer.from(JSON.stringify(holder))], 0);
  file.close();
  return fs;
}

test('a start waits for a holder that is just being killed instead of refusing', () => {
  const fs = lockedBy(anotherHolder(process.pid));
  let looks = 0;
  const unlock = lockDirectory(fs, '/data', thisProcess('127.0.0.1:9093', 1), () => ++looks < 5);
  assert.ok(looks >= 5);
  unlock();
  assert.equal(fs.size(`/data/${names.lock}`), null);
});

test(
  'a killed process that nobody has reaped yet is no holder',
  { skip: process.platform === 'linux' ? false : 'only Linux shows a process between its end and its burial' },
  async () => {
    // The shell becomes `sleep` before its child ends and never asks how it ended: the child stays a zombie.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const zombie = Number(line.toString());
      for (let i = 0; i < 3000 && !readFileSync(`/proc/${zombie}/stat`, 'utf8').includes(') Z '); i++) await delay(20);
      lockDirectory(lockedBy(anotherHolder(zombie)), '/data', thisProcess('127.0.0.1:9093', 1))();
    } finally {
      parent.kill('SIGKILL');
    }
  },
);
