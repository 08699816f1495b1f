/**
 * Reads a partition's folder, or a data directory around them, and lists every fault in it: what `millrace log verify`
 * prints, and what the tests ask of every log they opened. Changes nothing. The partition must not be open.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readCheckpoint, readPartitionOffsets } from './checkpoint-file.ts';
import { names, offsetOfFile, parsePartitionFolder, readFile, suffixes } from './files.ts';
import { replayedAtOnceBytes } from './log-writer.ts';
import { readTopicId, zeroTopicId } from './meta-properties.ts';
import { decodeSnapshot } from './producer-snapshot.ts';
import { Segment } from './segment.ts';
import { verifySegment } from './verify-segment.ts';

export interface Verified {
  readonly segments: number;
  readonly batches: number;
  readonly bytes: number;
  readonly logEndOffset: number;
  /** Sentences, each naming file and place. */
  readonly faults: readonly string[];
}

/** What the data directory around a folder says about it. */
interface Around {
  /** A cleaner has been here; true as well where there is no data directory to ask. */
  readonly hasGaps: boolean;
  /** Nobody writes, and whoever wrote last stopped in good order: nothing may be missing. */
  readonly isClean: boolean;
}

const segmentSuffixes = [suffixes.index, suffixes.timeIndex, suffixes.transactionIndex] as const;

export function verifyFolder(fs: FileSystem, folder: string): Verified {
  const faults: string[] = [];
  const around = lookAround(fs, folder);
  const found = fs.list(folder).sort();
  const bases = basesOf(found, suffixes.log);
  let batches = 0;
  let bytes = 0;
  let next = bases[0] ?? 0;
  const before = { hasGaps: around.hasGaps, open: new Set<number>() };
  for (const [index, base] of bases.entries()) {
    if (base < next) faults.push(`${folder}: the segment at ${base} begins below ${next}, where the one before ends.`);
    else if (base > next && !around.hasGaps) {
      faults.push(`${folder}: the segment at ${base} begins after ${next}, where the one before ends.`);
    }
    const segment = new Segment(fs, folder, base, 0);
    const contents = verifySegment(segment, before, faults);
    const isLast = index === bases.length - 1;
    if (!isLast || around.isClean) noteMissingIndexes(fs, segment, isLast, faults);
    segment.close();
    batches += contents.positions.size;
    bytes += segment.writtenBytes;
    next = Math.max(contents.nextOffset, base);
  }
  verifyNames(folder, found, bases, faults);
  verifySnapshots(fs, folder, found, { end: next, isWanted: around.isClean && bytes > replayedAtOnceBytes }, faults);
  verifyMetadata(fs, folder, faults);
  return { segments: bases.length, batches, bytes, logEndOffset: next, faults };
}

/** The files of a data directory beside its partitions. */
export function verifyDirectoryFiles(fs: FileSystem, path: string): string[] {
  const faults: string[] = [];
  if (fs.size(`${path}/${names.metaProperties}`) === null) return faults;
  const properties = readFile(fs, `${path}/${names.metaProperties}`)?.toString('utf8') ?? '';
  for (const key of ['version', 'cluster.id', 'node.id']) {
    if (!new RegExp(`^${key}=.+$`, 'm').test(properties))
      faults.push(`${path}/${names.metaProperties}: ${key} is missing.`);
  }
  for (const name of [names.recoveryPoints, names.logStarts, names.cleanerOffsets]) {
    if (fs.size(`${path}/${name}`) === null || readPartitionOffsets(fs, `${path}/${name}`) !== null) continue;
    faults.push(`${path}/${name}: it is no whole checkpoint, and will be ignored.`);
  }
  return faults;
}

function lookAround(fs: FileSystem, folder: string): Around {
  const parent = folder.slice(0, folder.lastIndexOf('/'));
  const name = folder.slice(folder.lastIndexOf('/') + 1);
  if (fs.size(`${parent}/${names.metaProperties}`) === null) return { hasGaps: true, isClean: false };
  const cleaned = readPartitionOffsets(fs, `${parent}/${names.cleanerOffsets}`);
  return { hasGaps: cleaned?.has(name) === true, isClean: fs.size(`${parent}/${names.cleanShutdown}`) !== null };
}

function basesOf(found: readonly string[], suffix: string): number[] {
  const bases = found.map((name) => offsetOfFile(name, suffix)).filter((base) => base !== null);
  return bases.sort((a, b) => a - b);
}

/** A start makes them anew, and reads the whole segment for it. */
function noteMissingIndexes(fs: FileSystem, segment: Segment, isLast: boolean, faults: string[]): void {
  if (segment.writtenBytes === 0 || (isLast && segment.writtenBytes <= replayedAtOnceBytes)) return;
  for (const suffix of [suffixes.index, suffixes.timeIndex]) {
    if (fs.size(segment.pathOf(suffix)) === null) faults.push(`${segment.pathOf(suffix)}: it is missing.`);
  }
}

/** Files that nothing reads: of no segment that is here, or of no name that a log gives. */
function verifyNames(folder: string, found: readonly string[], bases: readonly number[], faults: string[]): void {
  const known = new Set<string>([names.leaderEpochs, names.partitionMetadata]);
  // What a crash leaves, and the next start finishes or removes.
  const passing = /\.(deleted|cleaned|swap|tmp)$/;
  for (const name of found) {
    if (known.has(name) || passing.test(name)) continue;
    if (offsetOfFile(name, suffixes.log) !== null || offsetOfFile(name, suffixes.snapshot) !== null) continue;
    const base = segmentSuffixes.map((suffix) => offsetOfFile(name, suffix)).find((offset) => offset !== null);
    if (base === undefined) faults.push(`${folder}/${name}: no file of a log has such a name; nothing reads it.`);
    else if (!bases.includes(base!))
      faults.push(`${folder}/${name}: there is no segment at ${base}; nothing reads it.`);
  }
}

function verifySnapshots(
  fs: FileSystem,
  folder: string,
  found: readonly string[],
  log: { readonly end: number; readonly isWanted: boolean },
  faults: string[],
): void {
  const offsets = basesOf(found, suffixes.snapshot);
  for (const name of found) {
    const offset = offsetOfFile(name, suffixes.snapshot);
    if (offset === null) continue;
    const bytes = readFile(fs, `${folder}/${name}`) ?? Buffer.alloc(0);
    if (decodeSnapshot(bytes, 0) === null) faults.push(`${folder}/${name}: the producer snapshot is damaged.`);
    if (offset > log.end) faults.push(`${folder}/${name}: the producer snapshot is of a later end than ${log.end}.`);
  }
  if (log.isWanted && !offsets.includes(log.end)) {
    faults.push(`${folder}: the producer snapshot at ${log.end}, where the log ends, is missing.`);
  }
}

function verifyMetadata(fs: FileSystem, folder: string, faults: string[]): void {
  if (parsePartitionFolder(folder.slice(folder.lastIndexOf('/') + 1)) === null) return;
  const metadata = `${folder}/${names.partitionMetadata}`;
  if (fs.size(metadata) === null) faults.push(`${metadata}: it is missing, so the topic's id is not known.`);
  else if (readTopicId(fs, folder) === zeroTopicId) faults.push(`${metadata}: it holds no topic id.`);
  const epochs = `${folder}/${names.leaderEpochs}`;
  if (fs.size(epochs) !== null && readCheckpoint(fs, epochs, 2) === null) {
    faults.push(`${epochs}: it is no whole checkpoint, and will be ignored.`);
  }
}
