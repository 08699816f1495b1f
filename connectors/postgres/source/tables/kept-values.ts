/**
 * The large values of rows, kept in the log so that they are known when Postgres does not send them: the source's memory, with an
 * index of where each row stands in it and a cache of what was touched last. Decision 0015 says why it is true.
 *
 * Every change of a row either leaves what is kept as it is, or keeps the row anew, or forgets it; all of it in the order of the changes,
 * durable with them. What is found belongs to this era, to this very key and to a column of this type, or it is not found.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type KeptRecord,
  kept,
  type Logger,
  type RecordMetadata,
  type SourceMemory,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
} from '../../../api/index.ts';
import { decodeKeptRow, type Fill, type KeptRow } from './kept-row.ts';
import { OffsetIndex } from './offset-index.ts';
import type { Tuple } from './pgoutput.ts';
import type { RecordBatch } from './record-batch.ts';
import type { TableEncoder } from './table-encoder.ts';

/** What was touched last is answered without the log. Records on their way there count, and stay beyond it. */
const CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** Of a cached row beside its bytes. */
const CACHED_ROW_BYTES = 200;
/** Rows that are looked at for one that may leave the cache, before it is larger for a while. */
const EVICTION_LOOKS = 32;

/** A row's record as it goes to the log: a null value forgets the row. */
export interface KeptChange {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

interface Cached {
  value: Buffer | null;
  /** Read back, and not changed since this task began. */
  isOld: boolean;
  /** Records of this key that are not in the log yet. */
  underway: number;
}

export interface KeptValuesContext {
  readonly memory: SourceMemory;
  readonly partition: SourcePartition;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class KeptValues {
  readonly #context: KeptValuesContext;
  /** What of the config decides which changes are seen. */
  readonly #fingerprint: string;
  #era: string;
  #index = new OffsetIndex();
  /** Tables of which something is kept. */
  #tables = new Set<number>();
  readonly #cache = new Map<string, Cached>();
  #cacheBytes = 0;
  /** Resolves when the index knows what earlier tasks kept; null before it began. */
  #loading: Promise<void> | null = null;
  #isLoaded = false;

  /** `stored` is the offset to go on from: it names the era, where it was written with the same fingerprint. */
  constructor(context: KeptValuesContext, fingerprint: string, stored: SourceOffset | null) {
    this.#context = context;
    this.#fingerprint = fingerprint;
    const era = String(stored?.[ERA] ?? '');
    this.#era = era;
    if (!era.startsWith(`${fingerprint}.`)) this.beginEra();
  }

  /** Nothing kept before is true any more: changes were missed in between. */
  beginEra(): void {
    this.#era = `${this.#fingerprint}.${randomUUID().slice(0, 8)}`;
    this.#index = new OffsetIndex();
    this.#tables = new Set();
    this.#cache.clear();
    this.#cacheBytes = 0;
    this.#isLoaded = true;
    this.#loading = Promise.resolve();
  }

  /** Goes into every offset: whoever goes on from it has seen every change since the era began. */
  get offset(): SourceOffset {
    return { [ERA]: this.#era };
  }

  /**
   * A row came in whole; where the publication filters rows, `fill` may have values it came without. `isEarly`: it was read at a
   * later moment than the stream goes on from.
   */
  inserted(
    batch: RecordBatch,
    offset: SourceOffset,
    table: TableEncoder,
    row: Tuple,
    fill: Fill | null = null,
    isEarly = fill?.isEarly ?? false,
  ): void {
    const change = this.changeOf(table, row, fill, isEarly);
    if (change !== null) this.add(batch, offset, change);
  }

  /** What an insert of this row changes, for a record that follows later; null is nothing. */
  changeOf({ toast }: TableEncoder, row: Tuple, fill: Fill | null = null, isEarly = false): KeptChange | null {
    if (toast === null) return null;
    const isLarge = fill !== null || toast.isLarge(row);
    if (!isLarge && !this.#mayHoldOf(toast.oid)) return null;
    const key = toast.key(row, null);
    if (key === null) return null;
    const value = isLarge ? toast.encode(this.#era, row, fill, isEarly) : null;
    return value === null && !this.#mayHold(key) ? null : { key, value };
  }

  /** A row was changed; `before` is its key before, where that was sent, and `fill` has what was not sent. */
  updated(
    batch: RecordBatch,
    offset: SourceOffset,
    { toast }: TableEncoder,
    row: Tuple,
    before: Tuple | null,
    fill: Fill | null,
  ): void {
    if (toast === null) return;
    const isLarge = fill !== null || toast.isLarge(row);
    if (!isLarge && !this.#mayHoldOf(toast.oid)) return;
    const key = toast.key(row, before);
    if (key === null) return;
    const old = before === null ? null : toast.key(before, null);
    if (old !== null && !old.equals(key)) this.#forget(batch, offset, old);
    const value = isLarge ? toast.encode(this.#era, row, fill, fill?.isEarly ?? false) : null;
    if (value === null) this.#forget(batch, offset, key);
    else if (fill === null || !this.#stands(key, value)) this.add(batch, offset, { key, value });
  }

  deleted(batch: RecordBatch, offset: SourceOffset, { toast }: TableEncoder, before: Tuple): void {
    if (toast === null || !this.#mayHoldOf(toast.oid)) return;
    const key = toast.key(before, null);
    if (key !== null) this.#forget(batch, offset, key);
  }

  add(batch: RecordBatch, offset: SourceOffset, { key, value }: KeptChange): void {
    if (value !== null) this.#tables.add(key.readUInt32BE(0));
    const cached = this.#cached(key);
    cached.underway++;
    cached.isOld = false;
    this.#put(cached, value);
    batch.keep(kept(this.#context.partition, offset, key, value));
    this.#evict();
  }

  /** A record of the memory is in the log for good. */
  written({ key, value }: SourceRecord, metadata: RecordMetadata | null): void {
    const bytes = key as Buffer;
    const cached = this.#cache.get(bytes.toString('latin1'));
    if (cached !== undefined) cached.underway--;
    if (metadata !== null && metadata.offset >= 0) this.#index.note(bytes, metadata.offset, value !== null);
  }

  /** What is kept of a row: null is nothing, undefined that only {@link find} can tell. */
  recall(key: Buffer): KeptRow | null | undefined {
    const name = key.toString('latin1');
    const cached = this.#cache.get(name);
    if (cached !== undefined) {
      this.#cache.delete(name);
      this.#cache.set(name, cached);
      return cached.value === null ? null : decodeKeptRow(cached.value);
    }
    return this.#isLoaded && this.#index.find(key) === null ? null : undefined;
  }

  /** The same, asking the log. */
  async find(key: Buffer): Promise<KeptRow | null> {
    await this.load();
    const known = this.recall(key);
    if (known !== undefined) return known;
    const offset = this.#index.find(key);
    const record = offset === null ? null : await this.#context.memory.read(offset);
    if (record?.value == null || Buffer.compare(record.key, key) !== 0) return null;
    const row = decodeKeptRow(asBuffer(record.value));
    if (row.era !== this.#era) return null;
    this.#cacheOld(key, row.buffer);
    return row;
  }

  /** Reads what earlier tasks kept, once; rejects where the log is not reached, and the next call begins again. */
  load(): Promise<void> {
    this.#loading ??= this.#scan().catch((error: unknown) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  /** Whether the index is loaded by then; a large topic takes its time. */
  async isLoadedWithin(waitMs: number): Promise<boolean> {
    if (this.#isLoaded) return true;
    const timeout = new AbortController();
    const late = sleep(waitMs, undefined, { signal: timeout.signal }).catch(() => {});
    try {
      await Promise.race([this.load(), late]);
    } finally {
      timeout.abort();
    }
    return this.#isLoaded;
  }

  async #scan(): Promise<void> {
    const { memory, logger, signal } = this.#context;
    const began = performance.now();
    let records = 0;
    await memory.scan((record) => {
      records++;
      this.#loaded(record);
    }, signal);
    if (signal.aborted) return;
    this.#isLoaded = true;
    const tookMs = Math.round(performance.now() - began);
    if (records > 0) logger.info({ records, tookMs }, 'Knows again which large values it has kept in the log.');
  }

  #loaded({ offset, key, value }: KeptRecord): void {
    const isThere = value !== null && decodeKeptRow(asBuffer(value)).era === this.#era;
    this.#index.note(key, offset, isThere);
    const bytes = asBuffer(key);
    if (isThere) this.#tables.add(bytes.readUInt32BE(0));
    // What this task has changed is newer than anything that is read back.
    const name = bytes.toString('latin1');
    if (this.#cache.get(name)?.isOld === false) return;
    if (isThere) this.#cacheOld(bytes, Buffer.from(value!));
    else this.#drop(name);
  }

  #cacheOld(key: Buffer, value: Buffer): void {
    this.#put(this.#cached(key), value);
    this.#evict();
  }

  #forget(batch: RecordBatch, offset: SourceOffset, key: Buffer): void {
    if (this.#mayHold(key)) this.add(batch, offset, { key, value: null });
  }

  /** What is kept now is of this era. */
  get era(): string {
    return this.#era;
  }

  /** Whether rows of this table may be kept, so that a small one can be a change. */
  mayHoldOf({ toast }: TableEncoder): boolean {
    return toast !== null && this.#mayHoldOf(toast.oid);
  }

  /** Before the index is loaded nobody knows. */
  #mayHoldOf(table: number): boolean {
    return !this.#isLoaded || this.#tables.has(table);
  }

  #mayHold(key: Buffer): boolean {
    if (!this.#isLoaded || this.#index.hasForgotten) return true;
    const cached = this.#cache.get(key.toString('latin1'));
    if (cached !== undefined && (cached.value !== null || cached.underway > 0)) return cached.value !== null;
    return this.#index.find(key) !== null;
  }

  #stands(key: Buffer, value: Buffer): boolean {
    return this.#cache.get(key.toString('latin1'))?.value?.equals(value) === true;
  }

  #cached(key: Buffer): Cached {
    const name = key.toString('latin1');
    const before = this.#cache.get(name);
    if (before !== undefined) {
      // To the young end.
      this.#cache.delete(name);
      this.#cache.set(name, before);
      return before;
    }
    const cached = { value: null, isOld: true, underway: 0 };
    this.#cache.set(name, cached);
    this.#cacheBytes += CACHED_ROW_BYTES;
    return cached;
  }

  #put(cached: Cached, value: Buffer | null): void {
    this.#cacheBytes += (value?.length ?? 0) - (cached.value?.length ?? 0);
    cached.value = value;
  }

  /** What is under way is nowhere else. */
  #evict(): void {
    let looks = 0;
    for (const [name, cached] of this.#cache) {
      if (this.#cacheBytes <= CACHE_BYTES_MAX || ++looks > EVICTION_LOOKS) return;
      if (cached.underway === 0) this.#drop(name);
    }
  }

  #drop(name: string): void {
    const cached = this.#cache.get(name);
    if (cached === undefined) return;
    this.#put(cached, null);
    this.#cacheBytes -= CACHED_ROW_BYTES;
    this.#cache.delete(name);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The offset's member. */
const ERA = 'kept_values';
