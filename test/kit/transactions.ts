/**
 * What tests of transactions share: a log as a read_committed consumer sees it, a disk that dies at a chosen write, and
 * a coordinator without time or disk.
 */
import type { FileHandle, FileSystem } from '../../broker/fs/file-system.ts';
import type { PartitionLog } from '../../broker/log/partition-log.ts';
import { readMarker } from '../../broker/protocol/control-record.ts';
import type { ErrorName } from '../../broker/protocol/error-codes.ts';
import { batchStarts, isControl, isTransactional, lastOffset, producerId } from '../../broker/protocol/record-batch.ts';
import { readRecords } from '../../broker/protocol/records.ts';
import { TransactionCoordinator } from '../../broker/transactions/coordinator.ts';
import type { MarkerWriter, TransactionLog } from '../../broker/transactions/ports.ts';
import { decodeTransaction, type TransactionRecord, unsyncedOf } from '../../broker/transactions/records.ts';
import type {
  InitRequest,
  Marker,
  ProducerAnswer,
  TopicPartition,
  TransactionVersion,
} from '../../broker/transactions/types.ts';
import { SimulatedTimers } from './groups.ts';

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
    syncLater: (done) => {
      // A stop after the death brings nothing more to the device.
      if (isDead) setImmediate(done, killed);
      else handle.syncLater((error) => done(isDead ? killed : error));
    },
    close: () => handle.close(),
  });
  const fs = new Proxy(disk, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        // Like the disk's own, it never throws: whoever shares a sync would wait for ever.
        if (isDead && name === 'syncDirectoryLater') return setImmediate(args[1] as (error: Error) => void, killed);
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

/** Records in a list, durable at once, later or never. */
export class SimulatedTransactionLog implements TransactionLog {
  readonly records: TransactionRecord[] = [];
  /** What the next appends end with. */
  error: ErrorName | null = null;
  /** While true, appends wait for `settle`. */
  isHeld = false;
  #held: (() => void)[] = [];

  open(): Promise<void> {
    return Promise.resolve();
  }

  append(
    _transactionalId: string,
    record: TransactionRecord,
    _until: 'durable' | 'written',
    done: (error: ErrorName | null) => void,
  ): void {
    const { error } = this;
    const finish = (): void => {
      if (error === null) this.records.push(record);
      done(error);
    };
    if (this.isHeld) this.#held.push(finish);
    else finish();
  }

  settle(): void {
    this.isHeld = false;
    for (const finish of this.#held.splice(0)) finish();
  }
}

/** Keeps what it was asked to write; the test says when that is done, or what fails. */
export class SimulatedMarkers implements MarkerWriter {
  readonly written: { readonly marker: Marker; readonly partitions: readonly TopicPartition[] }[] = [];
  failing: readonly TopicPartition[] = [];
  isHeld = false;
  #held: (() => void)[] = [];

  write(
    marker: Marker,
    partitions: readonly TopicPartition[],
    _until: 'durable' | 'written',
    done: (failed: readonly TopicPartition[]) => void,
  ): void {
    this.written.push({ marker, partitions });
    const finish = (): void => done(this.failing);
    if (this.isHeld) this.#held.push(finish);
    else finish();
  }

  async sync(): Promise<boolean> {
    return true;
  }

  settle(): void {
    this.isHeld = false;
    for (const finish of this.#held.splice(0)) finish();
  }
}

export interface TransactionFixture {
  readonly coordinator: TransactionCoordinator;
  readonly timers: SimulatedTimers;
  readonly log: SimulatedTransactionLog;
  readonly markers: SimulatedMarkers;
  /** InitProducerId for `id`, unless the request says otherwise. */
  init(request?: Partial<InitRequest>): Promise<ProducerAnswer>;
  add(who: ProducerAnswer, partition?: number, version?: TransactionVersion): Promise<ErrorName>;
  end(who: ProducerAnswer, isCommit: boolean, version?: TransactionVersion): Promise<ProducerAnswer>;
  /** Of `id`. */
  readonly state: string | undefined;
  /** A coordinator that replays what this one has written. */
  restarted(): TransactionFixture;
}

const dayMs = 24 * 60 * 60 * 1000;

/** A coordinator without time or disk. Producer ids are 100, 101, … */
export function transactionFixture(before: readonly TransactionRecord[] = []): TransactionFixture {
  const timers = new SimulatedTimers();
  const log = new SimulatedTransactionLog();
  const markers = new SimulatedMarkers();
  log.records.push(...before);
  let lastId = 99 + before.length;
  const noop = (): void => {};
  const config = {
    timeoutMsMax: 900_000,
    idExpirationMs: 7 * dayMs,
    abortIntervalMs: 10_000,
    expiryIntervalMs: 3_600_000,
  };
  const coordinator = new TransactionCoordinator(config, {
    log,
    markers,
    records: { holds: () => true, isOpenBefore: () => true },
    producerIds: { next: async () => ++lastId },
    timers,
    logger: { info: noop, warn: noop, error: noop },
    coordinatorEpoch: 7,
  });
  for (const { key, value, headers } of before) {
    const { transactionalId, transaction } = decodeTransaction(key, value)!;
    coordinator.replay(transactionalId, transaction, unsyncedOf(headers));
  }
  const identity = ({ producerId, producerEpoch }: ProducerAnswer) => ({
    transactionalId: 'id',
    producerId,
    producerEpoch,
  });
  return {
    coordinator,
    timers,
    log,
    markers,
    init: (request = {}) =>
      new Promise((resolve) => {
        const whole = { transactionalId: 'id', timeoutMs: 60_000, expected: null, ...request };
        coordinator.initProducerId(whole, resolve);
      }),
    add: (who, partition = 0, version = 2) =>
      new Promise((resolve) => {
        coordinator.addPartitions(identity(who), [{ topic: 't', partition }], version, resolve);
      }),
    end: (who, isCommit, version = 2) =>
      new Promise((resolve) => coordinator.endTransaction(identity(who), isCommit, version, resolve)),
    get state() {
      return coordinator.transaction('id')?.state;
    },
    restarted: () => transactionFixture(log.records),
  };
}
