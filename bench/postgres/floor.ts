/**
 * What a snapshot's events cost whoever only puts them on disk: their bytes copied once, checksummed and written in batches of
 * a mebibyte, with an fdatasync under way all the time. No row is read and no event is made.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32c } from '../../broker/protocol/crc32c.ts';

const BATCH_BYTES = 1 << 20;
/** Rows as dear as these are measured by a part of them: what a disk does for a gigabyte it does for more. */
const BYTES_MAX = 2 ** 31;

/** Milliseconds and seconds of CPU for so many bytes. */
export async function writeBytes(bytes: number): Promise<{ readonly ms: number; readonly cpuSeconds: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'floor-'));
  const file = openSync(join(folder, 'events'), 'w');
  const events = Buffer.alloc(BATCH_BYTES, 'an event');
  const batch = Buffer.alloc(BATCH_BYTES);
  const part = Math.min(bytes, BYTES_MAX);
  const cpu = process.cpuUsage();
  const began = performance.now();
  try {
    let syncing: Promise<void> | null = null;
    let sum = 0;
    for (let written = 0; written < part; written += BATCH_BYTES) {
      events.copy(batch);
      sum ^= crc32c(batch);
      batch.writeUInt32LE(sum >>> 0);
      writeSync(file, batch);
      syncing ??= promisify(fdatasync)(file).finally(() => {
        syncing = null;
      });
      // A turn, so that the end of the last sync is seen.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await syncing;
    await promisify(fdatasync)(file);
    const { user, system } = process.cpuUsage(cpu);
    const whole = bytes / part;
    return { ms: (performance.now() - began) * whole, cpuSeconds: ((user + system) / 1e6) * whole };
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
