/**
 * Kafka's checkpoint files: a version, the number of lines, and one line of words each. Read whole, replaced whole.
 *
 *     0
 *     2
 *     orders 0 1234
 *     orders 1 987
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readFile, replaceFile, replaceFileLater } from './files.ts';

const version = 0;

/** The lines as words, or null when the file is absent or damaged (which a reader treats alike: nothing is known). */
export function readCheckpoint(fs: FileSystem, path: string, wordsPerLine: number): string[][] | null {
  const text = readFile(fs, path)?.toString('utf8');
  if (text === undefined) return null;
  const [versionLine, countLine, ...rest] = text.split('\n');
  const lines = rest.filter((line) => line !== '').map((line) => line.trim().split(/\s+/));
  const isWhole =
    Number(versionLine) === version &&
    Number(countLine) === lines.length &&
    lines.every((words) => words.length === wordsPerLine);
  return isWhole ? lines : null;
}

export function writeCheckpoint(
  fs: FileSystem,
  folder: string,
  name: string,
  lines: readonly (readonly (string | number)[])[],
): void {
  replaceFile(fs, folder, name, encodeCheckpoint(lines));
}

/** The same beside the event loop. */
export function writeCheckpointLater(
  fs: FileSystem,
  folder: string,
  name: string,
  lines: readonly (readonly (string | number)[])[],
): Promise<void> {
  return replaceFileLater(fs, folder, name, encodeCheckpoint(lines));
}

function encodeCheckpoint(lines: readonly (readonly (string | number)[])[]): Buffer {
  return Buffer.from([version, lines.length, ...lines.map((words) => words.join(' ')), ''].join('\n'));
}

/** A non-negative safe integer, or null. */
export function parseOffset(word: string | undefined): number | null {
  if (word === undefined || !/^\d{1,16}$/.test(word)) return null;
  const offset = Number(word);
  return Number.isSafeInteger(offset) ? offset : null;
}

/** Offsets by `topic-partition`, as in the two checkpoints of a data directory. */
export function readPartitionOffsets(fs: FileSystem, path: string): Map<string, number> | null {
  const lines = readCheckpoint(fs, path, 3);
  if (lines === null) return null;
  const offsets = new Map<string, number>();
  for (const [topic, partition, word] of lines) {
    const offset = parseOffset(word);
    if (offset !== null) offsets.set(`${topic}-${partition}`, offset);
  }
  return offsets;
}
