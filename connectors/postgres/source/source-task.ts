/**
 * The source's task: decides between snapshot and stream, keeps the connections, and tells the server what is durable.
 *
 * It connects in `poll`, not in `start`, so that a server that is away is a reason to wait and not to fail. After a
 * lost connection the next `poll` goes on behind the last record handed over.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Config,
  ConfigError,
  ConnectError,
  DataError,
  isKept,
  isOffsetOnly,
  type RecordMetadata,
  type Signal,
  type SourceOffset,
  type SourcePartition,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
  type StoredOffset,
} from '../../api/index.ts';
import { toConnectError } from '../errors.ts';
import { quoteLiteral, type WireConnection } from '../wire/connection.ts';
import { placeOf, type SourceSettings, sourceSettings } from './config/source-config.ts';
import { RetryLimit } from './retry-limit.ts';
import { preflight } from './server/preflight.ts';
import { capturedTables, checkCount, ensurePublication, setIdentities } from './server/publication.ts';
import { ReplicationClient } from './server/replication-client.ts';
import { checkProof, checkSlot, proofOf, type ServerIdentity } from './server/server-proof.ts';
import { openSession, wireOptions } from './server/sessions.ts';
import { dropSlot, readSlot, type SlotState, slotLost } from './server/slot.ts';
import { TableDiscovery } from './server/table-discovery.ts';
import { WalGuard } from './server/wal-guard.ts';
import { SignalInbox } from './signals/signal-inbox.ts';
import { obey, signalOfRow } from './signals/signals.ts';
import { BlockingSnapshots } from './snapshot/blocking-snapshot.ts';
import { IncrementalSnapshot } from './snapshot/incremental-snapshot.ts';
import type { SnapshotReader } from './snapshot/snapshot-reader.ts';
import { openSnapshot, type SnapshotBeside, type SnapshotSession } from './snapshot/snapshot-session.ts';
import { nameGauges } from './source-figures.ts';
import { Acknowledgements } from './stream/acknowledgements.ts';
import { LargeTransactions } from './stream/large-transactions.ts';
import { StreamReader } from './stream/stream-reader.ts';
import { nameOf } from './tables/catalog.ts';
import { KeptValues } from './tables/kept-values.ts';
import { Notifications } from './tables/notifications.ts';
import type { Tuple } from './tables/pgoutput.ts';
import {
  parseOffset,
  placeOffset,
  type SnapshotPosition,
  type SourcePosition,
  type StreamPosition,
  streamFrom,
} from './tables/position.ts';
import { RecordBatch } from './tables/record-batch.ts';
import { SchemaGate } from './tables/schema-policy.ts';
import { nowMicros } from './tables/table-encoder.ts';
import { Tables } from './tables/tables.ts';

/** A poll looks up at least this often. */
const POLL_WAIT_MS = 1000;
/** While a chunk is being read, the next is asked for soon after. */
const BUSY_WAIT_MS = 20;

export class PostgresSourceTask implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SourceSettings;
  #tables!: Tables;
  #partition!: SourcePartition;
  #acknowledgements!: Acknowledgements;
  #position: SourcePosition | null = null;
  /** An `always` snapshot is taken once per start, not after each lost connection. */
  #isSnapshotWanted = false;
  #catalog: WireConnection | null = null;
  #client: ReplicationClient | null = null;
  #snapshot: SnapshotSession | null = null;
  #stream: StreamReader | null = null;
  #large!: LargeTransactions;
  #incremental: IncrementalSnapshot | null = null;
  #blocking: BlockingSnapshots | null = null;
  #notifications!: Notifications;
  #walGuard: WalGuard | null = null;
  /** The captured tables, as signals name them. */
  #names: string[] = [];
  #discovery!: TableDiscovery;
  #inbox!: SignalInbox;
  /** Of the server that is read, or the stored one until it is known. */
  #proof: SourceOffset | null = null;
  /** What the last offset says about a snapshot beside the stream. */
  #stored: SourceOffset | null = null;
  #retries!: RetryLimit;
  #isFinished = false;
  #isBehindSnapshot = false;
  #kept: KeptValues | null = null;
  readonly #isCompatible: boolean;
  readonly #count = (figure: string, more: number) => this.#context.count?.(figure, more);

  constructor(isCompatible: boolean) {
    this.#isCompatible = isCompatible;
  }

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sourceSettings(config, this.#isCompatible);
    this.#acknowledgements = new Acknowledgements(this.#settings.slot.isConfirmed);
    this.#partition = { server: this.#settings.prefix };
    const [offset] = await context.offsets([this.#partition]);
    this.#position = parseOffset(offset ?? null);
    this.#proof = offset ?? null;
    this.#stored = offset ?? null;
    const { schemaPolicy } = this.#settings;
    this.#tables = new Tables(
      this.#settings,
      new SchemaGate(schemaPolicy, context.logger, context.declareSchemas, this.#stored),
    );
    this.#discovery = new TableDiscovery(this.#settings, this.#tables);
    this.#kept = this.#keptValues();
    this.#retries = new RetryLimit(this.#settings.retriesMax);
    this.#inbox = new SignalInbox(this.#settings, context);
    this.#large = new LargeTransactions(this.#settings, this.#count);
    this.#notifications = new Notifications(this.#settings, context.logger);
    nameGauges(context, () => {
      const snapshot = this.#snapshot ?? this.#blocking?.session ?? null;
      return { snapshot, incremental: this.#incremental, guard: this.#walGuard, stream: this.#stream };
    });
    const { snapshotMode } = this.#settings;
    this.#isFinished = snapshotMode === 'initial_only' && this.#position?.kind === 'stream';
    const isNew = this.#position === null && snapshotMode !== 'no_data';
    this.#isSnapshotWanted = isNew || snapshotMode === 'always' || this.#position?.kind === 'snapshot';
    if (!this.#isSnapshotWanted) this.#notifications.tell({ aggregate: 'Initial Snapshot', type: 'SKIPPED' });
  }

  #keptValues(): KeptValues | null {
    const { memory, logger, signal } = this.#context;
    const { unsentLookup, coverage } = this.#settings;
    if (memory === undefined || unsentLookup !== 'log') return null;
    return new KeptValues({ memory, partition: this.#partition, logger, signal }, coverage, this.#stored);
  }

  async poll(): Promise<SourceRecord[]> {
    const { signal } = this.#context;
    if (signal.aborted) return [];
    if (this.#isFinished) return this.#idle();
    try {
      if (this.#snapshot === null && this.#stream === null) await this.#connect();
      return this.#retries.passed(await this.#read());
    } catch (error) {
      this.#disconnect();
      if (signal.aborted) return [];
      throw this.#retries.judge(
        toConnectError(this.#large.failed(error), `reading changes of ${placeOf(this.#settings)}`),
      );
    }
  }

  /** Before the stream is read a signal waits for it. */
  signal(signal: Signal): void {
    if (this.#stream === null) this.#inbox.add(signal);
    else this.#obey(signal);
  }

  commitRecord(record: SourceRecord, metadata: RecordMetadata | null): void {
    if (isKept(record)) this.#kept?.written(record, metadata);
    // The server may be waiting for it, and an interval of a minute is long for somebody who shuts down.
    if (isOffsetOnly(record)) this.#context.requestCommit?.();
  }

  async commit(offsets: readonly StoredOffset[]): Promise<void> {
    for (const { offset } of offsets) this.#acknowledgements.stored(offset);
    if (this.#stream !== null) this.#client?.sendStatus(this.#acknowledgements.confirmedLsn);
    await this.#inbox.stored();
  }

  async stop(): Promise<void> {
    this.#walGuard?.stop();
    const client = this.#stream === null ? null : this.#client;
    if (client !== null) {
      this.#client = null;
      await client.close();
    }
    await this.#inbox?.close();
    if (this.#settings?.slot.dropOnStop) await dropSlot(this.#settings);
    this.#disconnect();
  }

  async #read(): Promise<SourceRecord[]> {
    // Not waited for: what needs to know waits itself, and says what went wrong.
    this.#kept?.load().catch(() => {});
    await this.#guard();
    if (this.#snapshot !== null) {
      const { reader } = this.#snapshot;
      const records = await reader.next(POLL_WAIT_MS);
      if (reader.isDone) await this.#leaveSnapshot(reader);
      return records;
    }
    await this.#takeSignals();
    if (!this.#notifications.isEmpty) return this.#notify();
    if (this.#blocking!.isUnderway) return this.#readStopped();
    await this.#discover();
    const released = this.#tables.released();
    if (released.length > 0) this.#incremental!.execute('released-tables', released, {});
    this.#incremental!.step();
    return this.#stream!.next(this.#incremental!.isBusy ? BUSY_WAIT_MS : POLL_WAIT_MS);
  }

  /** The next records of a snapshot that the stream stands still for; the server hears that we are there. */
  #readStopped(): Promise<SourceRecord[]> {
    this.#client!.sendStatus(this.#acknowledgements.confirmedLsn);
    return this.#blocking!.next(POLL_WAIT_MS, { position: this.#stream!.position, offset: this.#here() });
  }

  /** The offset of the place where the stream is. */
  #here(): SourceOffset {
    return { ...placeOffset(this.#stream!.position, nowMicros(), this.#proof!), ...this.#incremental!.offset };
  }

  /** What is to be told does not wait for the next change. */
  #notify(): SourceRecord[] {
    const batch = new RecordBatch(this.#partition, this.#settings.batchRecordsMax);
    this.#notifications.flush(batch, this.#here());
    return batch.records;
  }

  async #connect(): Promise<void> {
    const settings = this.#settings;
    const { connector, logger } = this.#context;
    this.#catalog = await openSession(settings, `${connector} catalog`);
    await setIdentities(this.#catalog, settings);
    const problems = await preflight(this.#catalog, settings);
    if (problems.length > 0) throw new ConfigError(problems, { code: 'PG_SETUP' });
    await ensurePublication(this.#catalog, settings);
    this.#client = await ReplicationClient.open(wireOptions(settings, connector));
    const server = await this.#client.identify();
    const slot = await readSlot(this.#catalog, settings);
    const isLost = await this.#isWithoutHistory(server, slot);
    this.#proof = { ...proofOf(server), ...this.#kept?.offset };
    this.#walGuard ??= new WalGuard(settings, logger, `${connector} guard`);
    this.#walGuard.start();
    if (isLost && slot !== null)
      await this.#catalog.query(`SELECT pg_drop_replication_slot(${quoteLiteral(settings.slot.name)})`);

    if (slot === null || isLost) await this.#createSlot(server);
    else if (this.#isSnapshotWanted) await this.#snapshotBehindSlot(slot.confirmedLsn);
    else await this.#startStream(this.#streamPosition() ?? streamFrom(slot.confirmedLsn), server);
  }

  /** True where all rows are to be read again, because server or slot are not those we read from. */
  async #isWithoutHistory(server: ServerIdentity, slot: SlotState | null): Promise<boolean> {
    const position = this.#position;
    if (position === null) return false;
    const done = position.kind === 'stream' ? position.lastCommitLsn : position.lsn;
    // Of a transaction that was read in part the server must have more than where its last change begins.
    const read = position.kind === 'stream' && position.partial !== null ? position.partial.lsn + 1 : 0;
    try {
      await checkProof(this.#client!, server, this.#proof, Math.max(done, read));
      if (slot !== null && !this.#isAdvanced(slot.confirmedLsn, done))
        checkSlot(this.#settings.slot.name, slot.confirmedLsn, this.#proof, done);
      return false;
    } catch (error) {
      if (!this.#settings.rereads || !(error instanceof ConnectError)) throw error;
      this.#context.logger.warn({ err: error }, `All rows are read again. ${error.message}`);
      this.#position = null;
      this.#isSnapshotWanted = true;
      return true;
    }
  }

  /** True where the slot stands beyond what was read and is trusted all the same: reading goes on there. */
  #isAdvanced(confirmedLsn: number, done: number): boolean {
    const { slot } = this.#settings;
    if (!slot.isTrusted || confirmedLsn <= done || this.#position?.kind !== 'stream') return false;
    const message = `The replication slot "${slot.name}" was advanced beyond the stored position; the changes in between are missing, as offset.mismatch.strategy allows.`;
    this.#context.logger.warn({ slot: slot.name, from: done, to: confirmedLsn }, message);
    this.#position = streamFrom(confirmedLsn);
    return true;
  }

  /** Once, behind a snapshot that was just taken. */
  async #delayStream(): Promise<void> {
    const { streamDelayMs } = this.#settings;
    if (!this.#isBehindSnapshot || streamDelayMs === 0) return;
    this.#isBehindSnapshot = false;
    await sleep(streamDelayMs, undefined, { signal: this.#context.signal });
  }

  /** Without a slot: create it, and read the rows as they were at that very moment. */
  async #createSlot(server: ServerIdentity): Promise<void> {
    const { slot, snapshotMode, snapshot } = this.#settings;
    // An unfinished snapshot, too: what was deleted since would stay behind in the topic, and nobody would be told.
    if (this.#position !== null && snapshotMode !== 'always') {
      if (!this.#settings.rereads) throw slotLost(this.#settings);
      this.#context.logger.warn({ slot: slot.name }, 'The replication slot is gone; all rows are read again.');
      this.#isSnapshotWanted = true;
    }
    if (this.#isSnapshotWanted && snapshot.delayMs > 0)
      await sleep(snapshot.delayMs, undefined, { signal: this.#context.signal });
    // What was changed while there was no slot nobody has seen.
    this.#kept?.beginEra();
    this.#proof = { ...this.#proof, ...this.#kept?.offset };
    const created = await this.#client!.createSlot(slot.name, slot.failover);
    this.#context.logger.info({ slot: slot.name, lsn: created.consistentLsn }, 'Created the replication slot.');
    if (!this.#isSnapshotWanted) return this.#startStream(streamFrom(created.consistentLsn), server);
    const position: SnapshotPosition = { kind: 'snapshot', lsn: created.consistentLsn, tablesDone: [], partial: [] };
    await this.#startSnapshot(position, created.snapshot);
  }

  /**
   * With a slot that stands before now: rows as they are now, then every change since the slot's position. Changes in
   * between arrive twice; what was deleted in between arrives as a delete, so nothing stale stays behind.
   */
  async #snapshotBehindSlot(slotLsn: number): Promise<void> {
    const before = this.#position;
    if (before?.kind === 'snapshot') return this.#startSnapshot(before, null);
    const lsn = before?.kind === 'stream' ? before.lastCommitLsn : slotLsn;
    await this.#startSnapshot({ kind: 'snapshot', lsn, tablesDone: [], partial: [] }, null);
  }

  async #startSnapshot(position: SnapshotPosition, exported: string | null): Promise<void> {
    this.#snapshot = await openSnapshot({
      context: this.#context,
      settings: this.#settings,
      tables: this.#tables,
      notifications: this.#notifications,
      proof: this.#proof!,
      kept: this.#kept,
      position,
      exported,
    });
    this.#position = position;
    // The snapshot lives in its own transactions now, and a walsender that waits for hours helps nobody.
    this.#client?.destroy();
    this.#client = null;
  }

  async #leaveSnapshot(reader: SnapshotReader): Promise<void> {
    const { lsn } = reader.position;
    this.#isSnapshotWanted = false;
    this.#isBehindSnapshot = true;
    const { progress } = this.#snapshot!;
    this.#position = streamFrom(lsn);
    this.#disconnect();
    this.#context.logger.info({ lsn, ...progress.state }, 'The snapshot is done.');
    if (this.#settings.snapshotMode === 'initial_only') this.#isFinished = true;
  }

  async #startStream(position: StreamPosition, { walEnd }: ServerIdentity): Promise<void> {
    const settings = this.#settings;
    const { slot, publication, statusIntervalMs, heartbeat } = settings;
    const acknowledgements = this.#acknowledgements;
    const { signal, logger, connector } = this.#context;
    const client = this.#client!;
    const catalog = this.#catalog!;
    const captured = (connection: WireConnection) => capturedTables(connection, settings);
    await this.#delayStream();
    const names = (await captured(catalog)).map(nameOf);
    checkCount(names.length, settings.tablesMax, logger);
    this.#names = names;
    this.#discovery.putOff();
    await client.startStream({
      slot: slot.name,
      publication: publication.name,
      lsn: position.lastCommitLsn,
      statusIntervalMs,
      confirmedLsn: () => acknowledgements.confirmedLsn,
      origin: slot.origin,
      isStreaming: await this.#large.decide(catalog, walEnd - position.lastCommitLsn),
    });
    const stream = await this.#large.open(client);
    this.#position = position;
    const open = () => openSession(settings, `${connector} incremental`);
    const blocking = this.#blockingSnapshots();
    this.#blocking = blocking;
    const [partition, notifications, tables] = [this.#partition, this.#notifications, this.#tables];
    this.#incremental = new IncrementalSnapshot(
      { settings, tables, notifications, logger, open, captured, kept: this.#kept, blocking },
      this.#stored,
    );
    const incremental = this.#incremental;
    const onSignal = (row: Tuple) => this.#tryObey(() => signalOfRow(row));
    const onHeartbeat = async () => {
      if (heartbeat.query !== null) await catalog.query(heartbeat.query);
    };
    const context = { settings, partition, tables, acknowledgements, client, stream, catalog, signal };
    const more = { proof: this.#proof!, kept: this.#kept, count: this.#count, onHeartbeat, onSignal };
    this.#stream = new StreamReader({ ...context, ...more, listener: incremental }, position);
    logger.info({ lsn: position.lastCommitLsn }, 'Reading the stream of changes.');
  }

  /** They see tables as of later than the stream, so they have encoders of their own. */
  #blockingSnapshots(): BlockingSnapshots {
    const [context, settings, kept, proof] = [this.#context, this.#settings, this.#kept, this.#proof!];
    const { logger, signal } = context;
    const [partition, notifications] = [this.#partition, this.#notifications];
    const open = (position: SnapshotPosition, beside: SnapshotBeside) => {
      const tables = this.#tables.fork();
      const around = { context, settings, tables, notifications, proof, kept };
      return openSnapshot({ ...around, position, exported: null, beside });
    };
    return new BlockingSnapshots({ partition, logger, notifications, signal, open }, this.#stored);
  }

  #obey(signal: Signal): void {
    const { logger } = this.#context;
    obey(signal, { incremental: this.#incremental!, blocking: this.#blocking!, tables: this.#names, logger });
    this.#stream!.tellOffset();
  }

  /** Nobody waits for an answer: what cannot be obeyed is said in the log. */
  #tryObey(read: () => Signal): void {
    try {
      this.#obey(read());
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      this.#context.logger.warn({ err: error }, error.message);
    }
  }

  async #takeSignals(): Promise<void> {
    for (const read of await this.#inbox.take()) this.#tryObey(read);
  }

  /** Tables that appeared since are read beside the stream. */
  async #discover(): Promise<void> {
    const added = await this.#discovery.look(this.#catalog!);
    if (added.length === 0) return;
    this.#context.logger.info({ tables: added }, 'Captures tables that appeared since.');
    this.#names.push(...added);
    if (this.#settings.snapshotMode !== 'no_data') this.#incremental!.execute('new-tables', added, {});
  }

  /** Looks after the WAL now and then; gives the slot up where it is told to. */
  async #guard(): Promise<void> {
    if (!this.#walGuard!.takeVerdict()) return;
    const { name } = this.#settings.slot;
    this.#context.logger.error(
      { slot: name },
      'The replication slot is given up, so that its WAL does not fill the disk.',
    );
    this.#disconnect();
    await dropSlot(this.#settings);
    throw slotLost(this.#settings);
  }

  #streamPosition(): StreamPosition | null {
    return this.#position?.kind === 'stream' ? this.#position : null;
  }

  /** Lets go of every connection, keeping the place. */
  #disconnect(): void {
    this.#blocking?.close();
    if (this.#stream !== null) {
      this.#position = this.#stream.position;
      this.#stored = this.#incremental!.offset;
    } else if (this.#snapshot !== null && this.#isSnapshotWanted) this.#position = this.#snapshot.reader.position;
    this.#stream?.close();
    this.#stream = null;
    this.#incremental?.close();
    this.#incremental = null;
    this.#blocking = null;
    this.#walGuard?.close();
    this.#snapshot?.close();
    this.#snapshot = null;
    this.#client?.destroy();
    this.#client = null;
    this.#catalog?.destroy();
    this.#catalog = null;
  }

  async #idle(): Promise<SourceRecord[]> {
    await sleep(POLL_WAIT_MS, undefined, { signal: this.#context.signal }).catch(() => {});
    return [];
  }
}
