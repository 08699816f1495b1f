/**
 * Names in a data directory (Kafka's) and small files that are replaced as a whole.
 */
import type { FileSystem } from '../fs/file-system.ts';

/** What a segment's files end in. */
export const suffixes = {
  log: '.log',
  index: '.index',
  timeIndex: '.timeindex',
  transactionIndex: '.txnindex',
  snapshot: '.snapshot',
  /** Renamed away, to be removed after file.delete.delay.ms. */
  deleted: '.deleted',
  /** A compacted segment while it is written: worthless. */
  cleaned: '.cleaned',
  /** A compacted segment that is complete and takes its originals' place. */
  swap: '.swap',
} as const;

export const names = {
  lock: '.lock',
  cleanShutdown: '.kafka_cleanshutdown',
  metaProperties: 'meta.properties',
  recoveryPoints: 'recovery-point-offset-checkpoint',
  logStarts: 'log-start-offset-checkpoint',
  /** Partitions a cleaner has been through, whose offsets therefore have gaps. */
  cleanerOffsets: 'cleaner-offset-checkpoint',
  /** Ours alone: the leader epoch of the last start. Kafka ignores files it does not know. */
  leaderEpoch: 'millrace-leader-epoch',
  /** In each partition's folder. */
  leaderEpochs: 'leader-epoch-checkpoint',
  partitionMetadata: 'partition.metadata',
} as const;

const offsetDigits = 20;

export function segmentFile(baseOffset: number, suffix: string): string {
  return String(baseOffset).padStart(offsetDigits, '0') + suffix;
}

/** The offset in a segment file's name, or null when it is no such name. */
export function offsetOfFile(name: string, suffix: string): number | null {
  if (name.length !== offsetDigits + suffix.length || !name.endsWith(suffix)) return null;
  const digits = name.slice(0, offsetDigits);
  const offset = Number(digits);
  return /^\d+$/.test(digits) && Number.isSafeInteger(offset) ? offset : null;
}

export function partitionFolder(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** Topic and partition of a folder's name, or null; topics may hold dashes, so the last one counts. */
export function parsePartitionFolder(name: string): { topic: string; partition: number } | null {
  const match = /^([a-zA-Z0-9._-]+)-(\d{1,10})$/.exec(name);
  return match === null ? null : { topic: match[1]!, partition: Number(match[2]) };
}

/** Bytes of records in a partition's folder, of the segments that begin at `from` or later. Opens nothing. */
export function recordBytes(fs: FileSystem, folder: string, from = 0): number {
  let bytes = 0;
  for (const name of fs.list(folder)) {
    const base = offsetOfFile(name, suffixes.log);
    if (base !== null && base >= from) bytes += fs.size(`${folder}/${name}`) ?? 0;
  }
  return bytes;
}

/** The whole file, or null when there is none. */
export function readFile(fs: FileSystem, path: string): Buffer | null {
  const size = fs.size(path);
  if (size === null) return null;
  const file = fs.open(path, 'must-exist');
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Writes a file whole, without waiting for the device. */
export function writeFile(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const file = fs.open(path, 'create');
  try {
    file.truncate(0);
    file.write([bytes], 0);
  } finally {
    file.close();
  }
}

/** Replaces a file so that after a crash it holds the old bytes or the new ones, never a mixture. */
export function replaceFile(fs: FileSystem, folder: string, name: string, bytes: Uint8Array): void {
  const path = `${folder}/${name}`;
  const file = fs.open(`${path}.tmp`, 'create');
  try {
    file.truncate(0);
    file.write([bytes], 0);
    file.sync();
  } finally {
    file.close();
  }
  fs.rename(`${path}.tmp`, path);
  fs.syncDirectory(folder);
}

/** The same beside the event loop, for many at a time. No two at once for one file. */
export async function replaceFileLater(fs: FileSystem, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${folder}/${name}`;
  const file = fs.open(`${path}.tmp`, 'create');
  try {
    file.truncate(0);
    file.write([bytes], 0);
    await untilSynced((done) => file.syncLater(done));
  } finally {
    file.close();
  }
  fs.rename(`${path}.tmp`, path);
  await untilSynced((done) => fs.syncDirectoryLater(folder, done));
}

/** A sync beside the event loop as a promise. */
export function untilSynced(sync: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => sync((error) => (error === null ? resolve() : reject(error))));
}
