/**
 * The source while it reads the stream: what stands beside the reader of changes, which is the back-fills, signals from everywhere,
 * and tables that appear. Begun by source-task.ts once the server is known and the rows are read, and over with its connection.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  DataError,
  type Signal,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
  type SourceTaskContext,
} from '../../api/index.ts';
import type { WireConnection } from '../wire/connection.ts';
import type { SourceSettings } from './config/source-config.ts';
import { capturedTables, checkCount, type Unfit } from './server/publication.ts';
import type { ReplicationClient } from './server/replication-client.ts';
import { openSession } from './server/sessions.ts';
import { SilenceWatch } from './server/silence.ts';
import { TableDiscovery } from './server/table-discovery.ts';
import type { SignalInbox } from './signals/signal-inbox.ts';
import { obey, signalOfRow } from './signals/signals.ts';
import { BlockingSnapshots } from './snapshot/blocking-snapshot.ts';
import { IncrementalSnapshot } from './snapshot/incremental-snapshot.ts';
import { openSnapshot, type SnapshotBeside, type SnapshotSession } from './snapshot/snapshot-session.ts';
import type { Acknowledgements } from './stream/acknowledgements.ts';
import type { CommittedStream } from './stream/committed-stream.ts';
import type { LargeTransactions } from './stream/large-transactions.ts';
import { StreamReader } from './stream/stream-reader.ts';
import { CapturedTables } from './tables/captured-tables.ts';
import { nameOf, type TableName } from './tables/catalog.ts';
import type { KeptValues } from './tables/kept-values.ts';
import type { Notifications } from './tables/notifications.ts';
import type { Tuple } from './tables/pgoutput.ts';
import { placeOffset, type SnapshotPosition, type StreamPosition } from './tables/position.ts';
import { RecordBatch } from './tables/record-batch.ts';
import { nowMicros } from './tables/table-encoder.ts';
import type { Tables } from './tables/tables.ts';

/** While a chunk is being read, the next is asked for soon after. */
const BUSY_WAIT_MS = 20;

/** What the task hands over: its own things, and the two connections, which stay the task's to close. */
export interface StreamingParts {
  readonly context: SourceTaskContext;
  readonly settings: SourceSettings;
  readonly partition: SourcePartition;
  readonly tables: Tables;
  readonly acknowledgements: Acknowledgements;
  readonly notifications: Notifications;
  readonly kept: KeptValues | null;
  readonly inbox: SignalInbox;
  /** Of the server that is read. */
  readonly proof: SourceOffset;
  readonly client: ReplicationClient;
  readonly catalog: WireConnection;
  /** Tables that the filters want and that cannot be captured. */
  readonly unfit: Unfit;
}

/** Where it begins. */
export interface StreamingStart {
  readonly position: StreamPosition;
  /** What the last offset says about a snapshot beside the stream. */
  readonly stored: SourceOffset | null;
  /** The end of the server's WAL. */
  readonly walEnd: number;
  /** To wait first. */
  readonly delayMs: number;
}

export class Streaming {
  readonly #parts: StreamingParts;
  readonly #discovery: TableDiscovery;
  readonly #blocking: BlockingSnapshots;
  readonly incremental: IncrementalSnapshot;
  readonly reader: StreamReader;
  /** What every offset says; changed in place, because whoever makes offsets holds it. */
  readonly #proof: Record<string, unknown>;
  readonly #captured: CapturedTables;
  /** The captured tables, as signals name them. */
  #names: readonly string[] = [];
  /** Of what cannot be captured only what was not said yet is said. */
  readonly #said = new Set<string>();
  readonly #silence: SilenceWatch;

  /** Asks the server for the stream. Throws ConfigError where more tables are captured than is allowed. */
  static async begin(parts: StreamingParts, large: LargeTransactions, start: StreamingStart): Promise<Streaming> {
    const { settings, context, acknowledgements, client, catalog } = parts;
    const { slot, publication, statusIntervalMs } = settings;
    const lsn = start.position.lastCommitLsn;
    if (start.delayMs > 0) await sleep(start.delayMs, undefined, { signal: context.signal });
    const captured = await capturedTables(catalog, settings);
    checkCount(captured.length, settings.tablesMax, context.logger);
    await client.startStream({
      slot: slot.name,
      publication: publication.name,
      lsn,
      statusIntervalMs,
      confirmedLsn: () => acknowledgements.confirmedLsn,
      origin: slot.origin,
      isStreaming: await large.decide(catalog, start.walEnd - lsn),
    });
    const streaming = new Streaming(parts, start, await large.open(client));
    context.logger.info({ lsn }, 'Reading the stream of changes.');
    streaming.#take(captured, parts.unfit);
    return streaming;
  }

  private constructor(parts: StreamingParts, start: StreamingStart, stream: CommittedStream) {
    this.#parts = parts;
    this.#proof = { ...parts.proof };
    this.#captured = new CapturedTables(start.stored);
    this.#discovery = new TableDiscovery(parts.settings, parts.tables);
    this.#blocking = this.#blockingSnapshots(start.stored);
    this.incremental = this.#incrementalSnapshot(start.stored);
    this.reader = this.#streamReader(stream, start.position);
    const { client, catalog, settings, acknowledgements, context } = parts;
    const confirmedLsn = () => acknowledgements.confirmedLsn;
    const [{ logger }, name] = [context, `${context.connector} silence`];
    this.#silence = new SilenceWatch({ client, catalog, settings, logger, name, confirmedLsn });
    this.#silence.start();
  }

  /** The snapshot that the stream stands still for, if there is one. */
  get snapshot(): SnapshotSession | null {
    return this.#blocking.session;
  }

  /** The next records: of the stream, of a snapshot beside it, or what is to be told. Waits `waitMs` at most. */
  async next(waitMs: number): Promise<SourceRecord[]> {
    const { notifications, tables, catalog, inbox } = this.#parts;
    for (const read of await inbox.take()) this.#tryObey(read);
    if (!notifications.isEmpty) return this.#notify();
    if (this.#blocking.isUnderway) return this.#readStopped(waitMs);
    await this.#discover(catalog);
    const released = tables.released();
    if (released.length > 0) this.incremental.execute('released-tables', released, {});
    this.incremental.step();
    return this.reader.next(this.incremental.isBusy ? BUSY_WAIT_MS : waitMs);
  }

  /** Throws DataError for what cannot be obeyed. */
  obey(signal: Signal): void {
    const { logger } = this.#parts.context;
    obey(signal, { incremental: this.incremental, blocking: this.#blocking, tables: this.#names, logger });
    this.reader.tellOffset();
  }

  close(): void {
    this.#silence.stop();
    this.#blocking.close();
    this.reader.close();
    this.incremental.close();
  }

  /** The next records of a snapshot that the stream stands still for; the server hears that we are there. */
  #readStopped(waitMs: number): Promise<SourceRecord[]> {
    const { client, acknowledgements } = this.#parts;
    client.sendStatus(acknowledgements.confirmedLsn);
    return this.#blocking.next(waitMs, { position: this.reader.position, offset: this.#here() });
  }

  /** The offset of the place where the stream is. */
  #here(): SourceOffset {
    return { ...placeOffset(this.reader.position, nowMicros(), this.#proof), ...this.incremental.offset };
  }

  /** What is to be told does not wait for the next change. */
  #notify(): SourceRecord[] {
    const { partition, settings, notifications } = this.#parts;
    const batch = new RecordBatch(partition, settings.batchRecordsMax);
    notifications.flush(batch, this.#here());
    return batch.records;
  }

  /** Nobody waits for an answer: what cannot be obeyed is said in the log. */
  #tryObey(read: () => Signal): void {
    try {
      this.obey(read());
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#parts.context.logger.warn({ err: error }, error.message);
    }
  }

  /** Goes into offsets from now on. */
  prove(proof: SourceOffset): void {
    Object.assign(this.#proof, proof);
  }

  /** What the next one has to know of this one. */
  get stored(): SourceOffset {
    return { ...this.incremental.offset, ...this.#captured.offset };
  }

  async #discover(catalog: WireConnection): Promise<void> {
    const found = await this.#discovery.look(catalog);
    if (found !== null) this.#take(found.captured, found.unfit, found.whole);
  }

  /**
   * Tables that are captured since are read beside the stream, where rows are read at all and the stream does not have them all
   * (`whole`, by oid); from the next offset on they are known.
   */
  #take(captured: readonly TableName[], unfit: Unfit, whole: ReadonlySet<number> = new Set()): void {
    const { settings, context } = this.#parts;
    const { filters, signalTable, snapshotMode } = settings;
    this.#names = captured.map(nameOf);
    const added = this.#captured.update(captured);
    this.prove(this.#captured.offset);
    for (const { table, why } of unfit) {
      if (this.#said.has(table)) continue;
      this.#said.add(table);
      context.logger.warn({ table }, `Table ${table} is not captured: it ${why}`);
    }
    const unread = added
      .filter(({ oid, schema, name }) => !whole.has(oid) && filters.snapshot(schema, name))
      .map(nameOf)
      .filter((table) => table !== signalTable);
    if (unread.length === 0) return;
    context.logger.info({ tables: unread }, 'Reads tables that are captured since.');
    if (snapshotMode !== 'no_data') this.incremental.execute('new-tables', unread, {});
    this.reader.tellOffset();
  }

  /** They see tables as of later than the stream, so they have encoders of their own. */
  #blockingSnapshots(stored: SourceOffset | null): BlockingSnapshots {
    const { context, settings, kept, partition, notifications, tables } = this.#parts;
    const { logger, signal } = context;
    const proof = this.#proof;
    const open = (position: SnapshotPosition, beside: SnapshotBeside) => {
      const around = { context, settings, tables: tables.fork(), notifications, proof, kept };
      return openSnapshot({ ...around, position, exported: null, beside });
    };
    return new BlockingSnapshots({ partition, logger, notifications, signal, open }, stored);
  }

  #incrementalSnapshot(stored: SourceOffset | null): IncrementalSnapshot {
    const { context, settings, tables, notifications, kept } = this.#parts;
    const { logger, connector } = context;
    const open = () => openSession(settings, `${connector} incremental`);
    const captured = (connection: WireConnection) => capturedTables(connection, settings);
    const blocking = this.#blocking;
    return new IncrementalSnapshot({ settings, tables, notifications, logger, open, captured, kept, blocking }, stored);
  }

  #streamReader(stream: CommittedStream, position: StreamPosition): StreamReader {
    const { context, settings, partition, tables, acknowledgements, client, catalog, kept } = this.#parts;
    const { heartbeat } = settings;
    const proof = this.#proof;
    const onHeartbeat = async () => {
      if (heartbeat.query !== null) await catalog.query(heartbeat.query);
    };
    const onSignal = (row: Tuple) => this.#tryObey(() => signalOfRow(row));
    const count = (figure: string, more: number) => context.count?.(figure, more);
    const around = { settings, partition, tables, acknowledgements, client, stream, catalog, signal: context.signal };
    const more = { proof, kept, count, onHeartbeat, onSignal, listener: this.incremental };
    return new StreamReader({ ...around, ...more }, position);
  }
}
