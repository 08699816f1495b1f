/**
 * Reads one partition for a consumer: batches from the log's read, records from the batches, in bites of any size.
 * Step 8 of the record's journey, without a socket. What it is not: it knows no group and commits nothing.
 */
import type { PartitionLog } from '../log/partition-log.ts';
import type { AbortedTransaction, Isolation, LogRead } from '../log/types.ts';
import { readMarker } from '../protocol/control-record.ts';
import * as batches from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { ConsumerRecord } from './types.ts';

/**
 * A smaller read is copied, so that its pooled buffer goes back; a larger one is kept from the pool, because the records
 * handed out are views of it and nobody knows when the last one is dropped.
 */
const copyBelowBytes = 32 * 1024;
/**
 * What one read takes from the log at most, whatever a poll may hold: what is read is looked at while it lies in the
 * processor's cache, and a consumer that has read ahead holds no more than this for each partition.
 */
const readBytesMax = 512 * 1024;
const nothing = Buffer.alloc(0);

export interface Room {
  records: number;
  bytes: number;
}

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  readonly log: PartitionLog;
  /** The next offset to hand out. */
  position: number;
  /** The high watermark as of the last read, null before the first. */
  logEndOffset: number | null = null;
  readonly #isolation: Isolation;
  #bytes: Buffer = nothing;
  #at = 0;
  #cursor: RecordCursor | null = null;
  #cursorEnd = 0;
  #aborted: readonly AbortedTransaction[] = [];
  readonly #abortedProducers = new Set<number>();

  constructor(log: PartitionLog, position: number, isolation: Isolation) {
    this.topic = log.topic;
    this.partition = log.partition;
    this.log = log;
    this.position = position;
    this.#isolation = isolation;
  }

  /** Goes on from `offset`, and forgets what was read ahead. */
  seek(offset: number): void {
    this.position = offset;
    this.#bytes = nothing;
    this.#at = 0;
    this.#cursor = null;
  }

  /**
   * Moves records into `into` while there is room (which it uses up). Answers false when it reached the end of what is
   * visible. Throws the log's OFFSET_OUT_OF_RANGE where the position is gone.
   */
  read(into: ConsumerRecord[], room: Room): boolean {
    while (room.records > 0 && room.bytes > 0) {
      if (this.#cursor !== null) this.#drain(this.#cursor, into, room);
      else if (!this.#nextBatch() && !this.#fetch(room.bytes)) return false;
    }
    return true;
  }

  #drain(cursor: RecordCursor, into: ConsumerRecord[], room: Room): void {
    const { topic, partition } = this;
    while (room.records > 0 && room.bytes > 0) {
      if (!cursor.next()) {
        this.#cursor = null;
        this.position = Math.max(this.position, this.#cursorEnd);
        return;
      }
      const { offset, timestamp } = cursor;
      if (offset < this.position) continue;
      const key = cursor.key();
      const value = cursor.value();
      into.push({ topic, partition, offset, timestamp, key, value, headers: cursor.headers() });
      room.records--;
      room.bytes -= (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
      this.position = offset + 1;
    }
  }

  /** Opens the next batch that holds records for us; false when the bytes are used up. */
  #nextBatch(): boolean {
    const bytes = this.#bytes;
    while (this.#at < bytes.length) {
      const at = this.#at;
      this.#at += batches.batchBytes(bytes, at);
      const end = batches.lastOffset(bytes, at) + 1;
      if (end <= this.position) continue;
      if (batches.isControl(bytes, at) || this.#isAborted(at)) {
        this.#passControl(at);
        this.position = end;
        continue;
      }
      this.#cursor = new RecordCursor(bytes, at);
      this.#cursorEnd = end;
      return true;
    }
    return false;
  }

  /** For read_committed: the list names where each aborted transaction begins; its marker ends it. */
  #isAborted(at: number): boolean {
    if (!batches.isTransactional(this.#bytes, at)) return false;
    this.#beginAborted(at);
    return this.#abortedProducers.has(batches.producerId(this.#bytes, at));
  }

  #beginAborted(at: number): void {
    const lastOffset = batches.lastOffset(this.#bytes, at);
    for (const { producerId, firstOffset } of this.#aborted) {
      if (firstOffset <= lastOffset) this.#abortedProducers.add(producerId);
    }
    this.#aborted = this.#aborted.filter(({ firstOffset }) => firstOffset > lastOffset);
  }

  #passControl(at: number): void {
    if (!batches.isControl(this.#bytes, at)) return;
    // The cleaner may have left nothing of an aborted transaction but its marker, which ends it all the same.
    this.#beginAborted(at);
    if (readMarker(this.#bytes, at)?.type === 'abort') {
      this.#abortedProducers.delete(batches.producerId(this.#bytes, at));
    }
  }

  #fetch(maxBytes: number): boolean {
    const bytes = Math.min(maxBytes, readBytesMax);
    const read = this.log.read(this.position, bytes, { isolation: this.#isolation, minOneBatch: true });
    this.logEndOffset = read.highWatermark;
    this.#aborted = read.abortedTransactions ?? [];
    this.#abortedProducers.clear();
    this.#bytes = ownBytes(read);
    this.#at = 0;
    return this.#bytes.length > 0;
  }
}

function ownBytes(read: LogRead): Buffer {
  const { records } = read;
  if (records.length >= copyBelowBytes) return records;
  const copy = records.length === 0 ? nothing : Buffer.from(records);
  read.release();
  return copy;
}
