/**
 * Reads the replication stream: frames to changes to records, position kept, keepalives answered. Step 1 of the
 * record's journey, once the snapshot is done.
 *
 * Decoding happens in `next`, so what a slow worker leaves unread stays in the socket, and the server waits. Transactions come
 * whole, behind their commits: committed-stream.ts sees to that.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Header, offsetOnly, type SourceOffset, type SourceRecord } from '../../../api/index.ts';
import { quoteLiteral } from '../../wire/connection.ts';
import { heartbeatKeySchema, heartbeatValueSchema } from '../tables/envelope-schema.ts';
import type { Fill } from '../tables/kept-row.ts';
import {
  type MessageReader,
  type OldTuple,
  type RelationMessage,
  readMessage,
  type Tuple,
} from '../tables/pgoutput.ts';
import { idleOffset, type StreamPosition } from '../tables/position.ts';
import { contextHeaders, RecordBatch } from '../tables/record-batch.ts';
import { nowMicros, type TableEncoder, type TransactionInfo } from '../tables/table-encoder.ts';
import { TransactionMetadata } from '../tables/transaction-metadata.ts';
import { type ChangePlace, ChangeWriter } from './change-writer.ts';
import { MessageWriter } from './message-writer.ts';
import { MARK_PREFIX, type StreamContext } from './stream-context.ts';
import { StreamFigures } from './stream-figures.ts';
import { StreamPlace } from './stream-place.ts';
import { type UnsentRow, UnsentValues, unsentOf } from './unsent-values.ts';
import { hides, parseView } from './visibility.ts';

type StreamTransaction = TransactionInfo & { readonly xid: number };

const NO_TRANSACTION: StreamTransaction = { serial: 0, xid: 0, commitMicros: 0, lastCommitLsn: null };
let transactionSerial = 0;
/** A commit is seen by others microseconds after it is in the WAL, unless it waits for a standby. */
const UNSEEN_RETRY_MS = 5;
/** A segment: a busy database may pass max_slot_wal_keep_size within one status.update.interval.ms. */
const UNTOLD_BYTES_MAX = 16 * 1024 * 1024;
/** Then what went by is told this often at most: each time an offset is stored. */
const UNTOLD_MS = 1000;

export class StreamReader implements MessageReader {
  readonly figures: StreamFigures;
  readonly #context: StreamContext;
  readonly #writer: ChangeWriter;
  readonly #messages: MessageWriter;
  readonly #metadata: TransactionMetadata | null;
  #batch: RecordBatch;
  readonly #headers: readonly Header[];
  #relation: RelationMessage | null = null;
  readonly #unsent: UnsentValues;
  readonly #isFilling: boolean;
  /** A row whose large values were not sent, and are looked up. */
  #wanted: UnsentRow | null = null;
  /** The table of the message at hand was described again for its sake. */
  #isDescribedAgain = false;
  #xmin: number | null = null;
  #horizonDue = 0;
  /** Those values, while its message is read again. */
  #fill: Fill | null = null;
  /** The last transaction that other sessions were known to see. */
  #seen = 0;
  #failure: unknown = null;
  #heartbeatDue: number;
  #idleDue: number;
  #idleToldAt = 0;
  #isTellWanted = false;
  #transaction: StreamTransaction = NO_TRANSACTION;
  readonly #where: StreamPlace;
  /** The WAL position that stands in the place below. */
  #placeLsn = 0;
  /** Where the change at hand is, as its record tells it. */
  readonly #place: ChangePlace;

  constructor(context: StreamContext, position: StreamPosition) {
    const { settings } = context;
    this.#context = context;
    this.#writer = new ChangeWriter(settings);
    this.#messages = new MessageWriter(settings);
    this.#unsent = new UnsentValues(context.kept, context.count);
    this.figures = new StreamFigures(context.count);
    this.#isFilling = settings.unsentLookup !== 'none';
    this.#metadata = settings.transactionTopic === null ? null : new TransactionMetadata(settings.transactionTopic);
    this.#headers = contextHeaders(settings);
    this.#batch = this.#newBatch();
    this.#where = new StreamPlace(position);
    this.#idleDue = Date.now() + settings.statusIntervalMs;
    this.#heartbeatDue = Date.now() + settings.heartbeat.intervalMs;
    const offset = idleOffset(position.lastCommitLsn, 0);
    const metadata = this.#metadata;
    this.#place = { transaction: NO_TRANSACTION, lsn: '', offset, offsetBefore: offset, metadata };
  }

  /** Where a new stream has to go on after this one broke: right behind the last record handed over. */
  get position(): StreamPosition {
    return this.#where.position(this.#metadata?.counted ?? null);
  }

  /** Lets go of what the stream keeps; the connections are the task's. */
  close(): void {
    this.#context.stream.close();
  }

  /** What the offsets say has changed without a record: it is to be kept soon. */
  tellOffset(): void {
    this.#isTellWanted = true;
  }

  /** The next records; none after `waitMs` without a change, however many keepalives come meanwhile. */
  async next(waitMs: number): Promise<SourceRecord[]> {
    const end = Date.now() + waitMs;
    if (this.#failure !== null) throw this.#failure;
    const { stream, tables, catalog } = this.#context;
    await this.#lookAtHorizon();
    this.#batch = this.#newBatch();
    this.#writePassed();
    for (;;) {
      this.#drain();
      // Records first: what follows may fail, and they must not be lost with it.
      if (this.#batch.records.length > 0) return this.#batch.records;
      if (this.#failure !== null) throw this.#failure;
      if (this.#relation !== null || this.#wanted !== null) {
        // What is asked next of the server is to be as new as what the stream told; the caller comes again.
        if (!(await this.#isSeen())) return this.#batch.records;
      }
      if (this.#relation !== null) {
        await tables.take(this.#relation, catalog);
        this.#relation = null;
        if (this.#isDescribedAgain) this.#readCurrent();
      } else if (this.#wanted !== null) {
        if (!(await this.#lookUp(this.#wanted, Math.max(1, end - Date.now())))) return this.#batch.records;
      } else if (this.#idle() || (await this.#heartbeat())) return this.#batch.records;
      else if (stream.hasWork && Date.now() < end) await stream.work();
      else if (Date.now() >= end) return this.#batch.records;
      else if (!(await this.#wait(end - Date.now()))) {
        if (!this.#idle()) await this.#heartbeat();
        return this.#batch.records;
      }
    }
  }

  /** True where something has come; false after `waitMs`, or when a heartbeat is due. */
  async #wait(waitMs: number): Promise<boolean> {
    const { client, signal } = this.#context;
    this.figures.nothingThere(false);
    const hasCome = await client.frames.wait(Math.min(waitMs, this.#untilHeartbeat()), signal);
    if (!hasCome) this.figures.nothingThere(true);
    return hasCome;
  }

  /** Asks for the slot's horizon now and then, where records are to tell it. */
  async #lookAtHorizon(): Promise<void> {
    const { catalog, settings } = this.#context;
    const { name, horizonMs } = settings.slot;
    if (horizonMs === 0 || Date.now() < this.#horizonDue) return;
    this.#horizonDue = Date.now() + horizonMs;
    const sql = `SELECT catalog_xmin FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(name)}`;
    const [slot] = await catalog.query(sql);
    this.#xmin = slot?.catalog_xmin == null ? null : Number(slot.catalog_xmin);
  }

  /** Reads the message again once its values are known; false where the index takes longer to load than the caller waits. */
  async #lookUp(wanted: UnsentRow, waitMs: number): Promise<boolean> {
    const { kept, catalog } = this.#context;
    if (kept !== null && !(await kept.isLoadedWithin(waitMs))) return false;
    this.#fill = await this.#unsent.find(wanted, catalog);
    this.#wanted = null;
    this.#readCurrent();
    this.#fill = null;
    return true;
  }

  /** The values that a row came without: null where there are none, undefined where they are to be looked up first. */
  #filled(relation: number, row: Tuple, before: Tuple | null, isNew: boolean): Fill | null | undefined {
    if (this.#fill !== null) return this.#fill;
    const table = this.#context.tables.get(relation);
    if (table == null || !table.hasUnsent(row) || this.#where.isDone) return null;
    const unsent = unsentOf(table, row, before, isNew);
    const known = this.#unsent.recall(unsent);
    if (known !== null) return known;
    this.#wanted = unsent;
    return undefined;
  }

  /** Whether other sessions see the transaction at hand. Waits a moment where they do not. */
  async #isSeen(): Promise<boolean> {
    const { catalog, signal } = this.#context;
    const { serial, xid } = this.#transaction;
    if (serial === this.#seen) return true;
    const [row] = await catalog.query('SELECT pg_current_snapshot()::text AS view');
    if (hides(parseView(row!.view!), xid)) {
      await sleep(UNSEEN_RETRY_MS, undefined, { signal }).catch(() => {});
      return false;
    }
    this.#seen = serial;
    return true;
  }

  #newBatch(): RecordBatch {
    const { partition, settings } = this.#context;
    return new RecordBatch(partition, settings.batchRecordsMax, this.#headers);
  }

  #untilHeartbeat(): number {
    const { intervalMs } = this.#context.settings.heartbeat;
    return intervalMs === 0 ? Number.MAX_SAFE_INTEGER : Math.max(1, this.#heartbeatDue - Date.now());
  }

  /** Reads frames until there are no more, the batch is full, or something must be looked up. */
  #drain(): void {
    const { stream } = this.#context;
    let hasRead = false;
    try {
      while (this.#relation === null && this.#wanted === null && !this.#batch.isFull && stream.nextMessage()) {
        hasRead = true;
        this.#isDescribedAgain = false;
        if (stream.isKeepalive) this.#keepalive(stream.walEnd, stream.isReplyRequested);
        else this.#readCurrent();
      }
    } catch (error) {
      this.#failure = error;
    }
    this.figures.drained(hasRead, this.#batch.records.length > 0, this.#transaction.commitMicros);
  }

  /** Reads the message at hand; called again for the same one once what it lacks was looked up. */
  #readCurrent(): void {
    const { buffer, start, lsn } = this.#context.stream;
    this.#where.lsn = lsn;
    readMessage(buffer, start, this);
  }

  #keepalive(walEnd: number, isReplyRequested: boolean): void {
    const { acknowledgements, client } = this.#context;
    this.#where.passed(walEnd);
    this.#writePassed();
    if (!isReplyRequested) return;
    client.sendStatus(acknowledgements.confirmedLsn);
    // A server that shuts down asks, and waits until all it has is confirmed.
    this.#idleDue = 0;
  }

  /**
   * Adds the place behind everything that went by, the end of the last transaction too (its records name the one before), so that it is stored and then confirmed: an idle table must
   * not pin WAL. Now and then, and at once where the server asks.
   */
  #idle(): boolean {
    if (this.#where.isInTransaction) return false;
    const { untoldBytes } = this.#where;
    const due = untoldBytes < UNTOLD_BYTES_MAX ? this.#idleDue : Math.min(this.#idleDue, this.#idleToldAt + UNTOLD_MS);
    const isDue = untoldBytes > 0 && Date.now() >= due;
    if (!isDue && !this.#isTellWanted) return false;
    this.#isTellWanted = false;
    const { partition, settings } = this.#context;
    this.#idleToldAt = Date.now();
    this.#idleDue = this.#idleToldAt + settings.statusIntervalMs;
    this.#where.tell();
    this.#batch.records.push(offsetOnly(partition, this.#between(nowMicros())));
    return true;
  }

  begin(commitLsn: number, commitMicros: number, xid: number): void {
    const where = this.#where;
    where.begin(commitLsn, commitMicros, xid);
    const { lastCommitLsn } = where;
    const horizon = this.#xmin === null ? {} : { xmin: this.#xmin };
    this.#transaction = { serial: ++transactionSerial, xid, commitMicros, lastCommitLsn, ...horizon };
    this.#place.transaction = this.#transaction;
    this.#place.offset = this.#between(commitMicros);
    if (!where.isOld) this.#metadata?.begin(this.#batch, xid, where.lsn, this.#place.offset, where.countedBefore);
  }

  /** Comes behind `begin`, before the first change. */
  origin(lsn: number, name: string): void {
    this.#transaction = { ...this.#transaction, origin: { name, lsn } };
    this.#place.transaction = this.#transaction;
  }

  commit(_commitLsn: number, endLsn: number): void {
    this.#where.commit(endLsn);
    if (!this.#where.isOld) {
      this.#metadata?.end(this.#batch, this.#where.lsn, this.#between(this.#transaction.commitMicros));
      this.#context.listener.committed(this.#transaction.xid);
      this.figures.transactions++;
    }
    this.#writePassed();
  }

  /** The rows of a snapshot beside the stream that waited for this place, or for one before it. */
  #writePassed(): void {
    const { isInTransaction, passedLsn } = this.#where;
    if (!isInTransaction && this.#context.listener.passed(passedLsn)) this.#writeChunk();
  }

  /** The rows of a snapshot beside the stream have their turn. */
  #writeChunk(): void {
    const before = this.#batch.records.length;
    this.#context.listener.flush(this.#batch, this.#between(nowMicros()));
    // A chunk whose rows were all changed since, or a last one without rows: how far it went is worth keeping too.
    if (this.#batch.records.length === before) this.#isTellWanted = true;
  }

  /** The offset of a place between transactions, or before one that was handed over in part and comes again. */
  #between(micros: number): SourceOffset {
    const { proof, listener } = this.#context;
    return { ...this.#where.between(micros, proof), ...listener.offset };
  }

  relation(relation: RelationMessage): void {
    this.#relation = relation;
  }

  insert(relation: number, row: Tuple): void {
    if (this.#isOutgrown(relation, row)) return;
    // Only where the publication filters rows: an update that lets a row in arrives as an insert.
    const fill = this.#isFilling ? this.#filled(relation, row, null, true) : null;
    if (fill === undefined) return;
    const table = this.#step(relation);
    if (table === null) return;
    const { listener, settings, onSignal, kept } = this.#context;
    listener.changed(relation, table, row, null);
    kept?.inserted(this.#batch, this.#place.offsetBefore, table, row, fill);
    this.#writer.insert(this.#batch, table, row, this.#place, fill);
    this.figures.creates++;
    this.#count();
    if (settings.signalTable !== `${table.schema}.${table.name}`) return;
    onSignal(row);
    // What it asks for is kept with the very row, and begins behind it.
    Object.assign(this.#place.offset, listener.offset);
    this.#batch.end();
  }

  /** An enum has grown since its table was described: that is done again, then the message at hand is read again, once. */
  #isOutgrown(relation: number, row: Tuple): boolean {
    const { tables } = this.#context;
    if (this.#isDescribedAgain || tables.get(relation)?.hasNewLabel(row) !== true) return false;
    this.#relation = tables.relation(relation);
    this.#isDescribedAgain = true;
    return true;
  }

  update(relation: number, old: OldTuple, before: Tuple, after: Tuple): void {
    if (this.#isOutgrown(relation, after)) return;
    const key = old === 'key' ? before : null;
    const fill = this.#isFilling && old !== 'full' ? this.#filled(relation, after, key, false) : null;
    if (fill === undefined) return;
    const table = this.#step(relation);
    if (table === null) return;
    const { listener, kept } = this.#context;
    listener.changed(relation, table, after, old === 'none' ? null : before);
    kept?.updated(this.#batch, this.#place.offsetBefore, table, after, key, fill);
    this.#writer.update(this.#batch, table, old, before, after, this.#place, fill);
    this.figures.updates++;
    this.#count();
  }

  delete(relation: number, old: OldTuple, before: Tuple): void {
    const table = this.#step(relation);
    if (table === null) return;
    const { listener, kept } = this.#context;
    listener.changed(relation, table, before, null);
    kept?.deleted(this.#batch, this.#place.offsetBefore, table, before);
    this.#writer.delete(this.#batch, table, old, before, this.#place);
    this.figures.deletes++;
    this.#count();
  }

  truncate(relations: readonly number[]): void {
    for (const relation of relations) {
      const table = this.#step(relation);
      if (table === null) continue;
      this.#context.listener.truncated(relation);
      this.#writer.truncate(this.#batch, table, this.#place);
      this.figures.truncates++;
      this.#count();
    }
  }

  message(isTransactional: boolean, lsn: number, prefix: string, content: Buffer): void {
    const { listener, settings } = this.#context;
    if (prefix.startsWith(MARK_PREFIX)) {
      const mark = prefix.slice(MARK_PREFIX.length);
      if (!isTransactional && listener.marked(mark)) this.#writeChunk();
      return;
    }
    // Outside of transactions a message stands alone, and comes again after a restart before the next commit.
    if (isTransactional && (this.#stepOver() || this.#where.isOld)) return;
    if (!settings.messages.wants(prefix)) return;
    const transaction = isTransactional ? this.#transaction : null;
    const lastCommitLsn = this.#where.lastCommitLsn ?? lsn;
    const offset = isTransactional ? this.#advance() : this.#between(nowMicros());
    const block = isTransactional ? (this.#metadata?.next('message', String(lsn)) ?? null) : null;
    if (!isTransactional) this.#where.stoodAlone();
    this.#messages.write(this.#batch, { prefix, content, lsn, lastCommitLsn, transaction, block, offset });
    this.#count();
  }

  /** Keeps in the offset how many records of the transaction there were. */
  #count(): void {
    if (this.#metadata === null || !this.#where.isInTransaction) return;
    Object.assign(this.#place.offset, { transaction_event_counts: this.#metadata.counted });
  }

  /** Counts a change, and answers its table where it is new and wanted. */
  #step(relation: number): TableEncoder | null {
    if (this.#stepOver() || this.#where.isOld) return null;
    const table = this.#context.tables.get(relation);
    if (table === undefined)
      throw new Error(`The stream brought a row of relation ${relation} before its description.`);
    if (table !== null) this.#advance();
    return table;
  }

  /** Counts a change; true where it was handed over before the restart. */
  #stepOver(): boolean {
    const isBefore = this.#where.stepOver();
    if (this.#where.lsn !== this.#placeLsn) {
      this.#placeLsn = this.#where.lsn;
      this.#place.lsn = String(this.#placeLsn);
    }
    return isBefore;
  }

  /** Moves the offset behind the current change. */
  #advance(): SourceOffset {
    const { proof, listener } = this.#context;
    this.#place.offsetBefore = this.#place.offset;
    this.#place.offset = this.#where.behindChange(proof);
    if (listener.offset !== null) Object.assign(this.#place.offset, listener.offset);
    return this.#place.offset;
  }

  /** Adds a heartbeat where one is due; only between transactions, where the offset is a plain position. */
  async #heartbeat(): Promise<boolean> {
    const { heartbeat, prefix } = this.#context.settings;
    const now = Date.now();
    if (heartbeat.intervalMs === 0 || now < this.#heartbeatDue || this.#where.isInTransaction) return false;
    this.#heartbeatDue = now + heartbeat.intervalMs;
    await this.#context.onHeartbeat();
    const key = Buffer.from(JSON.stringify({ serverName: prefix }));
    const value = Buffer.from(JSON.stringify({ ts_ms: now }));
    this.#batch.add(heartbeat.topic, heartbeatKeySchema, key, heartbeatValueSchema, value, this.#between(nowMicros()));
    return true;
  }
}
