/**
 * The replication side of a connection: slot, stream, keepalives, confirmed position. Knows no tables and no records.
 *
 * PostgreSQL manual, "Streaming Replication Protocol". Each CopyData frame holds one of
 * ```
 * w XLogData   start i64 | end i64 | server time i64 | a pgoutput message
 * k Keepalive  WAL end i64 | server time i64 | reply requested u8
 * ```
 * and we answer `r` with the position up to which everything is durable.
 */

import { FrameType, quoteIdentifier, quoteLiteral, WireConnection, type WireOptions } from '../../wire/connection.ts';
import type { FrameReader } from '../../wire/frame-reader.ts';
import { formatLsn, POSTGRES_EPOCH_MICROS, parseLsn, readLsn } from '../tables/pgoutput.ts';
import { nowMicros } from '../tables/table-encoder.ts';
import type { ServerIdentity } from './server-proof.ts';

const XLOG_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const XLOG_HEADER_BYTES = 25;

/** A slot just made, with the snapshot that fits it exactly. */
export interface CreatedSlot {
  readonly consistentLsn: number;
  /** Valid until this client does anything else. */
  readonly snapshot: string;
}

export interface StreamStart {
  readonly slot: string;
  readonly publication: string;
  readonly lsn: number;
  /** How often the confirmed position is sent even if nothing happens. */
  readonly statusIntervalMs: number;
  readonly confirmedLsn: () => number;
  /** The plugin's parameter, where one is given. */
  readonly origin: string | null;
  /** Whether large transactions are sent before their commit (protocol version 2). */
  readonly isStreaming: boolean;
}

export class ReplicationClient {
  readonly frames: FrameReader;
  /** Behind XLogData's own header. */
  readonly messageOffset = XLOG_HEADER_BYTES;
  isKeepalive = false;
  /** Of the message at hand. */
  lsn = 0;
  /** Of the keepalive at hand. */
  walEnd = 0;
  isReplyRequested = false;
  readonly #connection: WireConnection;
  #timer: NodeJS.Timeout | undefined;
  #confirmed: (() => number) | null = null;

  private constructor(connection: WireConnection) {
    this.#connection = connection;
    this.frames = connection.frames;
  }

  /** The server's major version. */
  get serverVersion(): number {
    return this.#connection.serverVersion;
  }

  /** The server's process at the other end. */
  get processId(): number {
    return this.#connection.processId;
  }

  static async open(options: WireOptions): Promise<ReplicationClient> {
    return new ReplicationClient(await WireConnection.open({ ...options, replication: true }));
  }

  /** Creates the slot and exports the snapshot of the very moment from which the slot keeps changes. */
  async createSlot(name: string, failover: boolean): Promise<CreatedSlot> {
    // The old syntax is understood by every version; failover exists only in the new one (17).
    const options = failover ? "(SNAPSHOT 'export', FAILOVER true)" : 'EXPORT_SNAPSHOT';
    const [row] = await this.#connection.query(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(name)} LOGICAL pgoutput ${options}`,
    );
    return { consistentLsn: parseLsn(row!.consistent_point!), snapshot: row!.snapshot_name! };
  }

  /** Which server this is and how far its WAL reaches. */
  async identify(): Promise<ServerIdentity> {
    const [row] = await this.#connection.query('IDENTIFY_SYSTEM');
    return { systemId: row!.systemid!, timeline: Number(row!.timeline), walEnd: parseLsn(row!.xlogpos!) };
  }

  /**
   * Where timeline `ancestor` ended for a server that is on `timeline` now; null where it is none of its ancestors. A history
   * file has a line per ancestor: number, position, reason.
   */
  async timelineEnd(timeline: number, ancestor: number): Promise<number | null> {
    const [row] = await this.#connection.query(`TIMELINE_HISTORY ${timeline}`);
    for (const line of (row?.content ?? '').split('\n')) {
      const [number, position] = line.trim().split(/\s+/);
      if (Number(number) === ancestor && position !== undefined) return parseLsn(position);
    }
    return null;
  }

  async dropSlot(name: string): Promise<void> {
    await this.#connection.query(`DROP_REPLICATION_SLOT ${quoteIdentifier(name)}`);
  }

  /** Begins the stream at a position (or where the slot stands, if that is later). */
  async startStream(start: StreamStart): Promise<void> {
    const { slot, publication, lsn, statusIntervalMs, confirmedLsn } = start;
    const origin = start.origin === null ? '' : `, origin ${quoteLiteral(start.origin)}`;
    const version = start.isStreaming ? "proto_version '2', streaming 'on'" : "proto_version '1'";
    const options = `${version}, messages 'true', publication_names ${quoteLiteral(quoteIdentifier(publication))}${origin}`;
    await this.#connection.startStream(
      `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${formatLsn(lsn)} (${options})`,
    );
    this.#confirmed = confirmedLsn;
    this.#timer = setInterval(() => this.sendStatus(confirmedLsn()), statusIntervalMs);
    this.#timer.unref();
  }

  /**
   * Moves to the next message of the stream; false when none is here yet. Sets `isKeepalive` and, in `frames`, the
   * place of the message. Throws what the server reports.
   */
  nextMessage(): boolean {
    const { frames } = this;
    while (frames.next()) {
      if (frames.type === FrameType.error) throw this.#connection.currentError();
      if (frames.type === FrameType.copyDone) throw new Error('The server ended the replication stream.');
      if (frames.type !== FrameType.copyData) continue;
      const { buffer, start } = frames;
      const kind = buffer[start];
      if (kind !== XLOG_DATA && kind !== KEEPALIVE) throw new Error(`The stream brought a message of type ${kind}.`);
      this.isKeepalive = kind === KEEPALIVE;
      if (this.isKeepalive) {
        this.walEnd = readLsn(buffer, start + 1);
        this.isReplyRequested = buffer[start + 17] === 1;
      } else this.lsn = readLsn(buffer, start + 1);
      return true;
    }
    return false;
  }

  /**
   * Confirms a position: written, flushed and applied are the same to us.
   * ```
   * r | written i64 | flushed i64 | applied i64 | client time i64 | reply requested u8
   * ```
   */
  sendStatus(lsn: number, isReplyWanted = false): void {
    const body = Buffer.alloc(34);
    body[33] = isReplyWanted ? 1 : 0;
    body[0] = 0x72;
    for (const at of [1, 9, 17]) writeInt64(body, at, lsn);
    writeInt64(body, 25, nowMicros() - POSTGRES_EPOCH_MICROS);
    this.#connection.send('d', body);
  }

  /** Confirms once more and says goodbye. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#confirmed !== null) this.sendStatus(this.#confirmed());
    await this.#connection.close();
  }

  /** Ends it at once; whoever reads is told why. */
  destroy(because?: string): void {
    clearInterval(this.#timer);
    this.#connection.destroy(because);
  }
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
  buffer.writeUInt32BE(value % 0x1_0000_0000, at + 4);
}
