/**
 * The snapshot's file: read whole, written beside and renamed, so that whoever dies in between leaves the old one or the new one.
 *
 * Knows the disk and nothing of the content.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BODY_AT, encodeSnapshot, type SnapshotContent } from './format.ts';

/** Rows written between two turns of the event loop: about a millisecond. */
const ROWS_PER_TURN = 250;

/** The bytes of the file; null where there is none. */
export async function readSnapshotFile(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Replaces the file; when this resolves the new one is on the disk. A file that a crash left half written is overwritten. */
export async function writeSnapshotFile(path: string, content: SnapshotContent): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    const pieces = encodeSnapshot(content, ROWS_PER_TURN);
    let at = BODY_AT;
    let step = pieces.next();
    for (; step.done !== true; step = pieces.next()) {
      await file.write(step.value, 0, step.value.length, at);
      at += step.value.length;
    }
    await file.write(step.value, 0, step.value.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
