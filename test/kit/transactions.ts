/**
 * What tests of transactions share: a log as a read_committed consumer sees it, and a disk that dies at a chosen write.
 */
import type { FileHandle, FileSystem } from '../../broker/fs/file-system.ts';
import type { PartitionLog } from '../../broker/log/partition-log.ts';
import { readMarker } from '../../broker/protocol/control-record.ts';
import { batchStarts, isControl, isTransactional, lastOffset, producerId } from '../../broker/protocol/record-batch.ts';
import { readRecords } from '../../broker/protocol/records.ts';

const maxBytes = 1024 * 1024;

/**
 * The values up to the last stable offset, without those of aborted transactions: what Kafka's consumer makes of an
 * answer, step by step (a producer's records are skipped from the first offset the list names to its next abort marker).
 */
export function readCommitted(log: PartitionLog): string[] {
  const values: string[] = [];
  for (let position = log.logStartOffset; position < log.lastStableOffset; ) {
    const read = log.read(position, maxBytes, { isolation: 'read_committed', minOneBatch: true });
    const { records } = read;
    const listed = [...(read.abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
    const skipped = new Set<number>();
    for (const start of batchStarts(records)) {
      const id = producerId(records, start);
      while (listed.length > 0 && listed[0]!.firstOffset <= lastOffset(records, start)) {
        skipped.add(listed.shift()!.producerId);
      }
      if (isControl(records, start)) {
        if (readMarker(records, start)?.type === 'abort') skipped.delete(id);
      } else if (!(isTransactional(records, start) && skipped.has(id))) {
        for (const { value } of readRecords(records, start)) values.push(String(value));
      }
      position = lastOffset(records, start) + 1;
    }
    read.release();
  }
  return values;
}

export interface MortalDisk {
  readonly fs: FileSystem;
  /** Writes that reached the files. */
  readonly writes: number;
  readonly isDead: boolean;
  /** Nothing this process still has in mind reaches the files. */
  kill(): void;
}

/** The disk as one process sees it that is killed just before its write number `lastWrite + 1`. */
export function mortalDisk(disk: FileSystem, lastWrite = Number.POSITIVE_INFINITY): MortalDisk {
  let writes = 0;
  let isDead = false;
  const killed = Object.assign(new Error('This process was killed.'), { code: 'EIO' });
  const alive = (): void => {
    if (isDead) throw killed;
  };
  const mortalHandle = (handle: FileHandle): FileHandle => ({
    size: () => handle.size(),
    read: (target, position) => {
      alive();
      return handle.read(target, position);
    },
    write: (chunks, position) => {
      if (writes >= lastWrite) isDead = true;
      alive();
      writes++;
      handle.write(chunks, position);
    },
    truncate: (size) => {
      alive();
      handle.truncate(size);
    },
    sync: () => {
      alive();
      handle.sync();
    },
    syncLater: (done) => handle.syncLater((error) => done(isDead ? killed : error)),
    close: () => handle.close(),
  });
  const fs = new Proxy(disk, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        alive();
        const result: unknown = value.apply(target, args);
        return name === 'open' ? mortalHandle(result as FileHandle) : result;
      };
    },
  });
  return {
    fs,
    get writes() {
      return writes;
    },
    get isDead() {
      return isDead;
    },
    kill: () => {
      isDead = true;
    },
  };
}
