/**
 * Reads the replication stream: frames to changes to records, position kept, keepalives answered. Step 1 of the
 * record's journey, once the snapshot is done.
 *
 * Decoding happens in `next`, so what a slow worker leaves unread stays in the socket, and the server waits.
 */
import type { SourcePartition, SourceRecord } from '../api/index.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import { type ChangePlace, ChangeWriter } from './change-writer.ts';
import { heartbeatKeySchema, heartbeatValueSchema } from './envelope-schema.ts';
import {
  type MessageReader,
  type OldTuple,
  type RelationMessage,
  readLsn,
  readMessage,
  type Tuple,
} from './pgoutput.ts';
import { idleOffset, type StreamPosition, streamOffset } from './position.ts';
import { RecordBatch } from './record-batch.ts';
import type { ReplicationClient } from './replication-client.ts';
import type { SourceSettings } from './source-config.ts';
import { nowMicros, type TableEncoder, type TransactionInfo } from './table-encoder.ts';
import type { Tables } from './tables.ts';
import type { WireConnection } from './wire/connection.ts';

export interface StreamContext {
  readonly settings: SourceSettings;
  readonly partition: SourcePartition;
  readonly tables: Tables;
  readonly acknowledgements: Acknowledgements;
  readonly client: ReplicationClient;
  /** A connection for questions to the catalogue. */
  readonly catalog: WireConnection;
  readonly signal: AbortSignal;
}

const NO_TRANSACTION: TransactionInfo = { serial: 0, xid: 0, commitMicros: 0, lastCommitLsn: null };
let transactionSerial = 0;

export class StreamReader implements MessageReader {
  readonly #context: StreamContext;
  readonly #writer: ChangeWriter;
  #batch: RecordBatch;
  #relation: RelationMessage | null = null;
  #failure: unknown = null;
  #heartbeatDue: number;

  /** The end of the last transaction that went by whole. */
  #lastCommitLsn: number;
  #transaction: TransactionInfo = NO_TRANSACTION;
  #isInTransaction = false;
  /** The transaction was done whole before. */
  #isOld = false;
  /** The place within the transaction up to which it was done before. */
  #resume: StreamPosition['partial'];
  #lsn = 0;
  #eventLsn = 0;
  #events = 0;
  readonly #place: ChangePlace;

  constructor(context: StreamContext, position: StreamPosition) {
    this.#context = context;
    this.#writer = new ChangeWriter(context.settings);
    this.#batch = this.#newBatch();
    this.#lastCommitLsn = position.lastCommitLsn;
    this.#resume = position.partial;
    this.#heartbeatDue = Date.now() + context.settings.heartbeat.intervalMs;
    const offset = idleOffset(position.lastCommitLsn, 0);
    this.#place = { transaction: NO_TRANSACTION, lsn: '', offset, offsetBefore: offset };
  }

  /** Where a new stream has to go on after this one broke: right behind the last record handed over. */
  get position(): StreamPosition {
    const within = this.#isInTransaction && !this.#isOld;
    const here = { xid: this.#transaction.xid, lsn: this.#eventLsn, events: this.#events };
    const partial = within && !this.#isBehindResume() ? here : this.#resume;
    return { kind: 'stream', lastCommitLsn: this.#lastCommitLsn, partial };
  }

  /** The next records; none after `waitMs` without a change. */
  async next(waitMs: number): Promise<SourceRecord[]> {
    if (this.#failure !== null) throw this.#failure;
    const { client, tables, catalog, signal } = this.#context;
    this.#batch = this.#newBatch();
    for (;;) {
      this.#drain();
      // Records first: what follows may fail, and they must not be lost with it.
      if (this.#batch.records.length > 0) return this.#handOver();
      if (this.#failure !== null) throw this.#failure;
      if (this.#relation !== null) {
        await tables.take(this.#relation, catalog);
        this.#relation = null;
      } else if (this.#heartbeat()) return this.#handOver();
      else if (!(await client.frames.wait(Math.min(waitMs, this.#untilHeartbeat()), signal))) {
        return this.#heartbeat() ? this.#handOver() : [];
      }
    }
  }

  #newBatch(): RecordBatch {
    return new RecordBatch(this.#context.partition, this.#context.settings.batchRecordsMax);
  }

  #untilHeartbeat(): number {
    const { intervalMs } = this.#context.settings.heartbeat;
    return intervalMs === 0 ? Number.MAX_SAFE_INTEGER : Math.max(1, this.#heartbeatDue - Date.now());
  }

  #handOver(): SourceRecord[] {
    return this.#batch.records;
  }

  /** Reads frames until there are no more, the batch is full, or a table must be looked up. */
  #drain(): void {
    const { client } = this.#context;
    try {
      while (this.#relation === null && !this.#batch.isFull && client.nextMessage()) {
        const { buffer, start } = client.frames;
        if (client.isKeepalive) this.#keepalive(client.walEnd, client.isReplyRequested);
        else {
          this.#lsn = readLsn(buffer, start + 1);
          const before = this.#batch.records.length;
          readMessage(buffer, start + client.messageOffset, this);
          const added = this.#batch.records.length - before;
          if (added > 0) this.#context.acknowledgements.emitted(added);
        }
      }
    } catch (error) {
      this.#failure = error;
    }
  }

  #keepalive(walEnd: number, isReplyRequested: boolean): void {
    const { acknowledgements, client } = this.#context;
    if (!this.#isInTransaction) {
      const before = acknowledgements.confirmedLsn;
      acknowledgements.passed(walEnd);
      // An idle table must not pin WAL until the next interval comes round.
      if (!isReplyRequested && acknowledgements.confirmedLsn > before) client.sendStatus(acknowledgements.confirmedLsn);
    }
    if (isReplyRequested) client.sendStatus(acknowledgements.confirmedLsn);
  }

  begin(commitLsn: number, commitMicros: number, xid: number): void {
    this.#isInTransaction = true;
    this.#isOld = commitLsn < this.#lastCommitLsn;
    if (!this.#isOld && this.#resume !== null && this.#resume.xid !== xid) this.#resume = null;
    this.#eventLsn = 0;
    this.#events = 0;
    const lastCommitLsn = this.#lastCommitLsn === 0 ? null : this.#lastCommitLsn;
    this.#transaction = { serial: ++transactionSerial, xid, commitMicros, lastCommitLsn };
    this.#place.transaction = this.#transaction;
    this.#place.offset = idleOffset(this.#lastCommitLsn, commitMicros);
  }

  commit(_commitLsn: number, endLsn: number): void {
    this.#isInTransaction = false;
    if (!this.#isOld) {
      this.#resume = null;
      this.#lastCommitLsn = endLsn;
    }
    this.#context.acknowledgements.passed(endLsn);
  }

  relation(relation: RelationMessage): void {
    this.#relation = relation;
  }

  insert(relation: number, row: Tuple): void {
    const table = this.#step(relation);
    if (table !== null) this.#writer.insert(this.#batch, table, row, this.#place);
  }

  update(relation: number, old: OldTuple, before: Tuple, after: Tuple): void {
    const table = this.#step(relation);
    if (table !== null) this.#writer.update(this.#batch, table, old, before, after, this.#place);
  }

  delete(relation: number, old: OldTuple, before: Tuple): void {
    const table = this.#step(relation);
    if (table !== null) this.#writer.delete(this.#batch, table, old, before, this.#place);
  }

  truncate(relations: readonly number[]): void {
    for (const relation of relations) {
      const table = this.#step(relation);
      if (table !== null) this.#writer.truncate(this.#batch, table, this.#place);
    }
  }

  /** Counts a change, and answers its table where it is new and wanted. */
  #step(relation: number): TableEncoder | null {
    if (this.#lsn === this.#eventLsn) this.#events++;
    else {
      this.#eventLsn = this.#lsn;
      this.#events = 1;
      this.#place.lsn = String(this.#lsn);
    }
    if (this.#isOld || this.#isBehindResume()) return null;
    const table = this.#context.tables.get(relation);
    if (table === undefined)
      throw new Error(`The stream brought a row of relation ${relation} before its description.`);
    const { xid, commitMicros } = this.#transaction;
    this.#place.offsetBefore = this.#place.offset;
    this.#place.offset = streamOffset(this.#lastCommitLsn, xid, this.#lsn, this.#events, commitMicros);
    return table;
  }

  /** Whether the current change was handed over before the restart. */
  #isBehindResume(): boolean {
    const resume = this.#resume;
    if (resume === null) return false;
    return this.#eventLsn < resume.lsn || (this.#eventLsn === resume.lsn && this.#events <= resume.events);
  }

  /** Adds a heartbeat where one is due; only between transactions, where the offset is a plain position. */
  #heartbeat(): boolean {
    const { heartbeat, prefix } = this.#context.settings;
    const now = Date.now();
    if (heartbeat.intervalMs === 0 || now < this.#heartbeatDue || this.#isInTransaction) return false;
    this.#heartbeatDue = now + heartbeat.intervalMs;
    const key = Buffer.from(JSON.stringify({ serverName: prefix }));
    const value = Buffer.from(JSON.stringify({ ts_ms: now }));
    const offset = idleOffset(this.#lastCommitLsn, nowMicros());
    this.#batch.add(heartbeat.topic, heartbeatKeySchema, key, heartbeatValueSchema, value, offset);
    this.#context.acknowledgements.emitted(1);
    return true;
  }
}
