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
import { operationProblems, preflight } from './server/preflight.ts';
import { ensurePublication, setIdentities, type Unfit } from './server/publication.ts';
import { ReplicationClient } from './server/replication-client.ts';
import {
  checkProof,
  checkSlot,
  checkSlotAge,
  proofOf,
  proofOfSlot,
  type ServerIdentity,
} from './server/server-proof.ts';
import { openSession, wireOptions } from './server/sessions.ts';
import { signalTableProblems } from './server/signal-table.ts';
import { dropSlot, readSlot, rereadNotice, type SlotState, slotLost, tellWhatStays } from './server/slot.ts';
import { createSlot } from './server/slot-creation.ts';
import { tellOfStandby } from './server/standby.ts';
import { unreadableTables } from './server/start-obstacles.ts';
import { WalGuard } from './server/wal-guard.ts';
import { SignalInbox } from './signals/signal-inbox.ts';
import type { SnapshotReader } from './snapshot/snapshot-reader.ts';
import { openSnapshot, type SnapshotSession } from './snapshot/snapshot-session.ts';
import { nameGauges } from './source-figures.ts';
import { Acknowledgements } from './stream/acknowledgements.ts';
import { LargeTransactions } from './stream/large-transactions.ts';
import { Streaming } from './streaming.ts';
import { KeptValues } from './tables/kept-values.ts';
import { Notifications } from './tables/notifications.ts';
import {
  parseOffset,
  type SnapshotPosition,
  type SourcePosition,
  type StreamPosition,
  streamFrom,
} from './tables/position.ts';
import { SchemaGate } from './tables/schema-policy.ts';
import { Tables } from './tables/tables.ts';
import { Unasked } from './unasked.ts';

/** A poll looks up at least this often. */
const POLL_WAIT_MS = 1000;
/** Less than pg_ctl waits for a server to shut down (60 s). */
const UNASKED_MS = 30_000;

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
  #streaming: Streaming | null = null;
  /** That whose connections were let go while nobody asks: its figures are still to be seen. */
  #resting: Streaming | null = null;
  readonly #unasked: Unasked;
  #large!: LargeTransactions;
  #notifications!: Notifications;
  #walGuard: WalGuard | null = null;
  #inbox!: SignalInbox;
  /** Of the server that is read, or the stored one until it is known. */
  #proof: SourceOffset | null = null;
  /** What the last offset says about a snapshot beside the stream. */
  #stored: SourceOffset | null = null;
  #retries!: RetryLimit;
  #isFinished = false;
  #isBehindSnapshot = false;
  #kept: KeptValues | null = null;
  /** Tables that the filters want and that cannot be captured. */
  #unfit: Unfit = [];
  readonly #isCompatible: boolean;
  readonly #count = (figure: string, more: number) => this.#context.count?.(figure, more);

  /** `unaskedMs`: how long its connections are kept while nobody asks for records. */
  constructor(isCompatible: boolean, unaskedMs = UNASKED_MS) {
    this.#isCompatible = isCompatible;
    this.#unasked = new Unasked(unaskedMs, () => this.#rest());
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
    this.#kept = this.#keptValues();
    this.#retries = new RetryLimit(this.#settings.retriesMax);
    this.#inbox = new SignalInbox(this.#settings, context);
    this.#large = new LargeTransactions(this.#settings, this.#count);
    this.#notifications = new Notifications(this.#settings, context.logger);
    nameGauges(context, () => {
      const streaming = this.#streaming ?? this.#resting;
      return { snapshot: this.#snapshot ?? streaming?.snapshot ?? null, guard: this.#walGuard, streaming };
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
    this.#unasked.asked();
    try {
      return await this.#poll();
    } finally {
      this.#unasked.answered();
    }
  }

  async #poll(): Promise<SourceRecord[]> {
    const { signal } = this.#context;
    if (signal.aborted) return [];
    if (this.#isFinished) return this.#idle();
    try {
      if (this.#snapshot === null && this.#streaming === null) await this.#connect();
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
    if (this.#streaming === null) this.#inbox.add(signal);
    else this.#streaming.obey(signal);
  }

  commitRecord(record: SourceRecord, metadata: RecordMetadata | null): void {
    if (isKept(record)) this.#kept?.written(record, metadata);
    // The server may be waiting for it, and an interval of a minute is long for somebody who shuts down.
    if (isOffsetOnly(record)) this.#context.requestCommit?.();
  }

  async commit(offsets: readonly StoredOffset[]): Promise<void> {
    for (const { offset } of offsets) this.#acknowledgements.stored(offset);
    if (this.#streaming !== null) this.#client?.sendStatus(this.#acknowledgements.confirmedLsn);
    await this.#inbox.stored();
  }

  async stop(): Promise<void> {
    this.#unasked.asked();
    this.#walGuard?.stop();
    const client = this.#streaming === null ? null : this.#client;
    if (client !== null) {
      this.#client = null;
      await client.close();
    }
    await this.#inbox?.close();
    if (this.#settings?.slot.dropOnStop) await dropSlot(this.#settings);
    else if (this.#walGuard !== null) tellWhatStays(this.#settings, this.#context.logger);
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
    return this.#streaming!.next(POLL_WAIT_MS);
  }

  async #connect(): Promise<void> {
    this.#resting = null;
    const settings = this.#settings;
    const { connector, logger } = this.#context;
    this.#catalog = await openSession(settings, `${connector} catalog`);
    await setIdentities(this.#catalog, settings);
    // What appeared since the first start and cannot be captured must not stop what can.
    const isNew = this.#position === null;
    const problems = await preflight(this.#catalog, settings, isNew);
    if (isNew && this.#isSnapshotWanted) problems.push(...(await unreadableTables(this.#catalog, settings)));
    const missing = await operationProblems(this.#catalog, settings);
    if (!this.#isCompatible) problems.push(...missing);
    if (problems.length > 0) throw new ConfigError(problems, { code: 'PG_SETUP' });
    // Debezium reads on without them.
    for (const { message } of this.#isCompatible ? missing : []) logger.warn({}, message);
    this.#unfit = await ensurePublication(this.#catalog, settings, logger);
    for (const { message } of await signalTableProblems(this.#catalog, settings)) logger.warn({}, message);
    this.#client = await ReplicationClient.open(wireOptions(settings, connector));
    const server = await this.#client.identify();
    const found = await readSlot(this.#catalog, settings);
    // Of a lost slot nothing is left but its name.
    const slot = found?.lostBecause === null ? found : null;
    const isLost = await this.#isWithoutHistory(server, slot);
    if (slot === null) this.#judgeLoss(found?.lostBecause ?? null);
    this.#proof = {
      ...proofOf(server),
      ...proofOfSlot(isLost ? null : (slot?.restartLsn ?? null)),
      ...this.#kept?.offset,
    };
    this.#walGuard ??= new WalGuard(settings, logger, `${connector} guard`);
    this.#walGuard.start();
    if (found !== null && (isLost || slot === null))
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
      if (slot !== null) checkSlotAge(server, slot, this.#proof);
      if (slot !== null && !this.#isAdvanced(slot.confirmedLsn, done))
        checkSlot(this.#settings.slot.name, slot.confirmedLsn, this.#proof, done);
      return false;
    } catch (error) {
      if (!this.#settings.rereads || !(error instanceof ConnectError)) throw error;
      this.#context.logger.warn({ slot: this.#settings.slot.name, code: error.code }, rereadNotice(error));
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

  /**
   * Without a slot what was stored leads nowhere: all rows are to be read again, or it is an error. An unfinished snapshot, too:
   * what was deleted since would stay behind in the topic, and nobody would be told.
   */
  #judgeLoss(lostBecause: string | null): void {
    const { rereads, snapshotMode, slot } = this.#settings;
    if (this.#position === null || snapshotMode === 'always') return;
    const error = slotLost(this.#settings, lostBecause);
    if (!rereads) throw error;
    this.#context.logger.warn({ slot: slot.name, code: error.code }, rereadNotice(error));
    this.#isSnapshotWanted = true;
  }

  /** Without a slot: create it, and read the rows as they were at that very moment. */
  async #createSlot(server: ServerIdentity): Promise<void> {
    const { slot, snapshot } = this.#settings;
    if (this.#isSnapshotWanted && snapshot.delayMs > 0)
      await sleep(snapshot.delayMs, undefined, { signal: this.#context.signal });
    // What was changed while there was no slot nobody has seen.
    this.#kept?.beginEra();
    this.#proof = { ...this.#proof, ...this.#kept?.offset };
    await tellOfStandby(this.#catalog!, slot.name, this.#context.logger);
    const { logger, signal } = this.#context;
    const [client, catalog, settings] = [this.#client!, this.#catalog!, this.#settings];
    const created = await createSlot({ client, catalog, settings, logger, signal });
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
    const { progress, captured } = this.#snapshot!;
    this.#stored = { ...this.#stored, ...captured };
    this.#position = streamFrom(lsn);
    this.#disconnect();
    this.#context.logger.info({ lsn, ...progress.state }, 'The snapshot is done.');
    if (this.#settings.snapshotMode === 'initial_only') this.#isFinished = true;
  }

  async #startStream(position: StreamPosition, { walEnd }: ServerIdentity): Promise<void> {
    const parts = {
      context: this.#context,
      settings: this.#settings,
      partition: this.#partition,
      tables: this.#tables,
      acknowledgements: this.#acknowledgements,
      notifications: this.#notifications,
      kept: this.#kept,
      inbox: this.#inbox,
      proof: this.#proof!,
      client: this.#client!,
      catalog: this.#catalog!,
      unfit: this.#unfit,
    };
    const delayMs = this.#isBehindSnapshot ? this.#settings.streamDelayMs : 0;
    this.#isBehindSnapshot = false;
    this.#streaming = await Streaming.begin(parts, this.#large, { position, stored: this.#stored, walEnd, delayMs });
    this.#position = position;
  }

  /** Looks after the WAL now and then; gives the slot up where it is told to. */
  async #guard(): Promise<void> {
    const guard = this.#walGuard!;
    if (guard.provenRestartLsn !== null) this.#streaming?.prove(proofOfSlot(guard.provenRestartLsn));
    if (!guard.takeVerdict()) return;
    const { name } = this.#settings.slot;
    this.#context.logger.error(
      { slot: name },
      'The replication slot is given up, so that its WAL does not fill the disk.',
    );
    this.#disconnect();
    await dropSlot(this.#settings);
    throw slotLost(this.#settings, 'it was given up, so that its WAL does not fill the disk (wal.guard.action)');
  }

  #streamPosition(): StreamPosition | null {
    return this.#position?.kind === 'stream' ? this.#position : null;
  }

  /** Nobody asks for records: the server is not to wait for somebody who does not read. */
  #rest(): void {
    if (this.#streaming === null && this.#snapshot === null) return;
    const { name } = this.#settings.slot;
    const message = `Nobody takes records (paused, or the log takes nothing), so the connections are let go until somebody does. The replication slot "${name}" stays and holds WAL back.`;
    this.#context.logger.info({ slot: name }, message);
    const streaming = this.#streaming;
    this.#disconnect();
    this.#resting = streaming;
  }

  /** Lets go of every connection, keeping the place. */
  #disconnect(): void {
    if (this.#streaming !== null) {
      this.#position = this.#streaming.reader.position;
      this.#stored = this.#streaming.stored;
    } else if (this.#snapshot !== null && this.#isSnapshotWanted) this.#position = this.#snapshot.reader.position;
    this.#streaming?.close();
    this.#streaming = null;
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
