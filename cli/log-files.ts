/**
 * What the `log` commands share: they look at the files themselves, with no broker between, and so use the log room
 * directly (docs/decisions/0005).
 */
import { statSync } from 'node:fs';
import { disk } from '../broker/fs/disk.ts';
import { type FoundFolder, findPartitions, mayBeOpen } from '../broker/log/inspect.ts';
import { CliError } from './errors.ts';
import { notice } from './io.ts';

/** The partitions at a path. NOT_FOUND when there is none. */
export function partitionsAt(path: string): FoundFolder[] {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const found = isFile ? [] : findPartitions(disk, path);
  if (found.length === 0) {
    throw new CliError('NOT_FOUND', isFile ? `${path} is a file, not a log.` : `${path} holds no log.`, {
      next: 'Give a data directory (what `millrace up --data` was given, or one of log.dirs of Kafka), or one partition in it.',
    });
  }
  if (mayBeOpen(disk, path)) notice(`A broker may have ${path} open; what it writes meanwhile may look like a fault.`);
  return found;
}
