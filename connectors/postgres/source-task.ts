/**
 * The source's task: decides between snapshot and stream, keeps the connections, and tells the server what is durable.
 *
 * It connects in `poll`, not in `start`, so that a server that is away is a reason to wait and not to fail. After a
 * lost connection the next `poll` goes on behind the last record handed over.
 */
import type { Config, SourcePartition, SourceRecord, SourceTask, SourceTaskContext } from '../api/index.ts';
import { ConfigError } from '../api/index.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { toConnectError } from './errors.ts';
import { parseOffset, type SnapshotPosition, type SourcePosition, type StreamPosition } from './position.ts';
import { preflight } from './preflight.ts';
import { ReplicationClient } from './replication-client.ts';
import { ensurePublication, readSlot, slotLost, snapshotTables, wireOptions } from './server-setup.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { type SourceSettings, sourceSettings } from './source-config.ts';
import { StreamReader } from './stream-reader.ts';
import { Tables } from './tables.ts';
import { quoteLiteral, WireConnection } from './wire/connection.ts';

/** A poll looks up at least this often. */
const POLL_WAIT_MS = 1000;

export class PostgresSourceTask implements SourceTask {
  #context!: SourceTaskContext;
  #settings!: SourceSettings;
  #tables!: Tables;
  #partition!: SourcePartition;
  readonly #acknowledgements = new Acknowledgements();
  #position: SourcePosition | null = null;
  /** An `always` snapshot is taken once per start, not after each lost connection. */
  #isSnapshotWanted = false;
  #catalog: WireConnection | null = null;
  #client: ReplicationClient | null = null;
  #snapshot: { readonly reader: SnapshotReader; readonly connection: WireConnection } | null = null;
  #stream: StreamReader | null = null;
  #isFinished = false;

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    this.#settings = sourceSettings(config);
    this.#tables = new Tables(this.#settings);
    this.#partition = { server: this.#settings.prefix };
    const [offset] = await context.offsets([this.#partition]);
    this.#position = parseOffset(offset ?? null);
    const { snapshotMode } = this.#settings;
    const isNew = this.#position === null && snapshotMode !== 'no_data';
    this.#isSnapshotWanted = isNew || snapshotMode === 'always' || this.#position?.kind === 'snapshot';
  }

  async poll(): Promise<SourceRecord[]> {
    const { signal } = this.#context;
    if (signal.aborted) return [];
    if (this.#isFinished) return this.#idle();
    try {
      if (this.#snapshot === null && this.#stream === null) await this.#connect();
      return await this.#read();
    } catch (error) {
      this.#disconnect();
      if (signal.aborted) return [];
      throw toConnectError(error, `reading changes of ${this.#place()}`);
    }
  }

  commitRecord(): void {
    this.#acknowledgements.done();
  }

  commit(): void {
    if (this.#stream !== null) this.#client?.sendStatus(this.#acknowledgements.confirmedLsn);
  }

  async stop(): Promise<void> {
    const client = this.#stream === null ? null : this.#client;
    if (client !== null) {
      this.#client = null;
      await client.close();
    }
    if (this.#settings?.slot.dropOnStop) await this.#dropSlot();
    this.#disconnect();
  }

  async #read(): Promise<SourceRecord[]> {
    if (this.#snapshot !== null) {
      const { reader } = this.#snapshot;
      const records = await reader.next(POLL_WAIT_MS);
      this.#acknowledgements.emitted(records.length);
      if (reader.isDone) await this.#leaveSnapshot(reader);
      return records;
    }
    return this.#stream!.next(POLL_WAIT_MS);
  }

  async #connect(): Promise<void> {
    const settings = this.#settings;
    this.#catalog = await WireConnection.open(wireOptions(settings, `${this.#context.connector} catalog`));
    const problems = await preflight(this.#catalog, settings);
    if (problems.length > 0) throw new ConfigError(problems, { code: 'PG_SETUP' });
    await ensurePublication(this.#catalog, settings);
    this.#client = await ReplicationClient.open(wireOptions(settings, this.#context.connector));
    const slot = await readSlot(this.#catalog, settings);

    if (slot === null) await this.#createSlot();
    else if (this.#isSnapshotWanted) await this.#snapshotBehindSlot(slot.confirmedLsn);
    else await this.#startStream(this.#streamPosition() ?? streamFrom(slot.confirmedLsn));
  }

  /** Without a slot: create it, and read the rows as they were at that very moment. */
  async #createSlot(): Promise<void> {
    const { slot, snapshotMode } = this.#settings;
    if (this.#streamPosition() !== null && snapshotMode !== 'always') {
      if (snapshotMode !== 'when_needed') throw slotLost(this.#settings);
      this.#context.logger.warn({ slot: slot.name }, 'The replication slot is gone; all rows are read again.');
      this.#isSnapshotWanted = true;
    }
    if (this.#position?.kind === 'snapshot') {
      const message =
        'The replication slot of an unfinished snapshot is gone; rows deleted since then may stay behind.';
      this.#context.logger.warn({ slot: slot.name }, message);
    }
    const created = await this.#client!.createSlot(slot.name, slot.failover);
    this.#context.logger.info({ slot: slot.name, lsn: created.consistentLsn }, 'Created the replication slot.');
    if (!this.#isSnapshotWanted) return this.#startStream(streamFrom(created.consistentLsn));
    const position: SnapshotPosition = { kind: 'snapshot', lsn: created.consistentLsn, tablesDone: [] };
    await this.#startSnapshot(position, created.snapshot);
  }

  /**
   * With a slot that stands before now: rows as they are now, then every change since the slot's position. Changes in
   * between arrive twice; what was deleted in between arrives as a delete, so nothing stale stays behind.
   */
  async #snapshotBehindSlot(slotLsn: number): Promise<void> {
    const before = this.#position;
    const tablesDone = before?.kind === 'snapshot' ? before.tablesDone : [];
    const lsn = before?.kind === 'stream' ? before.lastCommitLsn : slotLsn;
    await this.#startSnapshot({ kind: 'snapshot', lsn, tablesDone }, null);
  }

  async #startSnapshot(position: SnapshotPosition, exported: string | null): Promise<void> {
    const settings = this.#settings;
    const connection = await WireConnection.open(wireOptions(settings, `${this.#context.connector} snapshot`));
    try {
      await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      if (exported !== null) await connection.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(exported)}`);
      const [row] = await connection.query('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid');
      const tables = await snapshotTables(connection, settings);
      const { logger, signal } = this.#context;
      const reader = new SnapshotReader(
        {
          settings,
          partition: this.#partition,
          tables: this.#tables,
          connection,
          signal,
          onTable: (table) => logger.info({ table }, 'Reading the rows of a table.'),
        },
        tables,
        position,
        Number(BigInt(row!.xid!) & 0xffff_ffffn),
      );
      this.#snapshot = { reader, connection };
      this.#position = position;
      // The snapshot lives in its own transaction now, and a walsender that waits for hours helps nobody.
      this.#client?.destroy();
      this.#client = null;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async #leaveSnapshot(reader: SnapshotReader): Promise<void> {
    const { lsn } = reader.position;
    this.#isSnapshotWanted = false;
    this.#position = streamFrom(lsn);
    this.#disconnect();
    this.#context.logger.info({ lsn }, 'The snapshot is done.');
    if (this.#settings.snapshotMode === 'initial_only') this.#isFinished = true;
  }

  async #startStream(position: StreamPosition): Promise<void> {
    const { slot, publication, statusIntervalMs } = this.#settings;
    const acknowledgements = this.#acknowledgements;
    const client = this.#client!;
    await client.startStream({
      slot: slot.name,
      publication: publication.name,
      lsn: position.lastCommitLsn,
      statusIntervalMs,
      confirmedLsn: () => acknowledgements.confirmedLsn,
    });
    this.#position = position;
    this.#stream = new StreamReader(
      {
        settings: this.#settings,
        partition: this.#partition,
        tables: this.#tables,
        acknowledgements,
        client,
        catalog: this.#catalog!,
        signal: this.#context.signal,
      },
      position,
    );
    this.#context.logger.info({ lsn: position.lastCommitLsn }, 'Reading the stream of changes.');
  }

  #streamPosition(): StreamPosition | null {
    return this.#position?.kind === 'stream' ? this.#position : null;
  }

  /** Lets go of every connection, keeping the place. */
  #disconnect(): void {
    if (this.#stream !== null) this.#position = this.#stream.position;
    else if (this.#snapshot !== null && this.#isSnapshotWanted) this.#position = this.#snapshot.reader.position;
    this.#stream = null;
    this.#snapshot?.connection.destroy();
    this.#snapshot = null;
    this.#client?.destroy();
    this.#client = null;
    this.#catalog?.destroy();
    this.#catalog = null;
  }

  async #dropSlot(): Promise<void> {
    const client = await ReplicationClient.open(wireOptions(this.#settings, 'drop slot'));
    await client.dropSlot(this.#settings.slot.name);
    await client.close();
  }

  #place(): string {
    const { database } = this.#settings;
    return `database "${database.database}" at ${database.host}:${database.port}`;
  }

  #idle(): Promise<SourceRecord[]> {
    const { signal } = this.#context;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve([]);
      };
      const timer = setTimeout(end, POLL_WAIT_MS);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

function streamFrom(lsn: number): StreamPosition {
  return { kind: 'stream', lastCommitLsn: lsn, partial: null };
}
