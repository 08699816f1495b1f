/**
 * The replication stream as if every transaction came whole, behind its commit: what the server sends of a large one while it still
 * runs (protocol version 2, `streaming 'on'`) waits in a spool, and comes out at its commit as Begin, changes, Commit, in the bytes
 * of protocol version 1. Stands between replication-client.ts and stream-reader.ts, which knows nothing of it.
 *
 * PostgreSQL manual, "Logical Streaming Replication Protocol" and "Logical Replication Message Formats":
 * ```
 * S Stream Start   xid i32 | first segment u8
 * E Stream Stop
 * c Stream Commit  xid i32 | flags u8 | commit position i64 | end position i64 | commit time i64
 * A Stream Abort   xid i32 | subtransaction's xid i32
 * ```
 * Between Start and Stop each message has behind its type the xid of the (sub)transaction that it belongs to. Other transactions come
 * between one Stop and the next Start, whole. What is confirmed is unchanged: a position behind changes of a running transaction
 * is none behind its commit, and the server sends it again from its beginning until that is confirmed.
 */
import { RetriableError } from '../../../api/index.ts';
import type { ReplicationClient } from '../server/replication-client.ts';
import { Subtransactions } from './subtransactions.ts';
import type { Spool, Spools } from './transaction-spool.ts';

const Message = {
  abort: 0x41, // A
  begin: 0x42, // B
  commit: 0x43, // C
  origin: 0x4f, // O
  start: 0x53, // S
  stop: 0x45, // E
  streamCommit: 0x63, // c
  type: 0x59, // Y
} as const;

/**
 * From this version on a transaction that changed nothing published is not sent at all, and Begin stands where its first change does
 * (pgoutput, Postgres 15); before, where the transaction's first record of any kind does, which the stream of a running one does not tell.
 */
export const BEGINS_WITH_CHANGE_VERSION = 15;

/** A transaction that runs. */
interface Running {
  readonly xid: number;
  readonly spool: Spool;
  readonly subtransactions: Subtransactions;
  /** Where its first block stands. */
  readonly lsn: number;
  /** Where its first change stands, and where that is in the spool; descriptions of tables before it stand nowhere. */
  firstLsn: number;
  firstPosition: number;
}

/** A transaction that was committed and comes out now. */
interface Replay {
  readonly spool: Spool;
  readonly begin: Buffer;
  readonly beginLsn: number;
  readonly commit: Buffer;
  readonly commitLsn: number;
  isBegun: boolean;
  /** The spool's message at hand was not shown yet. */
  holds: boolean;
}

export class CommittedStream {
  /** The message at hand is `buffer[start, …)`. */
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  lsn = 0;
  isKeepalive = false;
  /** Of the keepalive at hand; 0 where it says nothing about what is done. */
  walEnd = 0;
  isReplyRequested = false;
  readonly #client: ReplicationClient;
  readonly #spools: Spools;
  readonly #skipsEmpty: boolean;
  readonly #running = new Map<number, Running>();
  /** The transaction whose block is at hand. */
  #block: Running | null = null;
  #replay: Replay | null = null;

  /** `version` is the server's major version. */
  constructor(client: ReplicationClient, spools: Spools, version: number) {
    this.#client = client;
    this.#spools = spools;
    this.#skipsEmpty = version >= BEGINS_WITH_CHANGE_VERSION;
  }

  /** Moves to the next message; false when there is none, or {@link work} comes first. */
  nextMessage(): boolean {
    if (this.#replay !== null) return this.#nextOfReplay(this.#replay);
    const client = this.#client;
    while (!this.#spools.isOverfull && client.nextMessage()) {
      this.isKeepalive = client.isKeepalive;
      if (client.isKeepalive) {
        this.walEnd = this.#block === null ? client.walEnd : 0;
        this.isReplyRequested = client.isReplyRequested;
        return true;
      }
      const { buffer, start, end } = client.frames;
      const at = start + client.messageOffset;
      if (!this.#takes(buffer, at, end)) return this.#show(buffer, at, client.lsn);
      if (this.#replay !== null) return this.#nextOfReplay(this.#replay);
    }
    return false;
  }

  /** Something is to be written to a file or read from one before the next message. */
  get hasWork(): boolean {
    return this.#replay !== null || this.#spools.isOverfull;
  }

  /** Does that. Rejects with a RetriableError where the disk does not take it. */
  work(): Promise<void> {
    return this.#replay === null ? this.#spools.writeOut() : this.#replay.spool.load();
  }

  /** Lets go of what is spooled; the server has it all. */
  close(): void {
    this.#spools.close();
  }

  #show(buffer: Buffer, start: number, lsn: number): true {
    this.buffer = buffer;
    this.start = start;
    this.lsn = lsn;
    return true;
  }

  /** Keeps a message that is part of a running transaction, or about one; false where it is neither. */
  #takes(buffer: Buffer, at: number, end: number): boolean {
    const type = buffer[at]!;
    if (this.#block !== null) {
      if (type === Message.stop) this.#block = null;
      else this.#keep(this.#block, type, buffer, at + 1, end);
      return true;
    }
    if (type === Message.start) this.#enter(buffer, at + 1);
    else if (type === Message.streamCommit) this.#commit(buffer, at + 1, end);
    else if (type === Message.abort) this.#abort(buffer, at + 1);
    else return false;
    return true;
  }

  #enter(buffer: Buffer, at: number): void {
    const xid = buffer.readUInt32BE(at);
    let running = this.#running.get(xid);
    const isFirst = buffer[at + 4] === 1;
    if (!isFirst && running === undefined)
      throw new Error(`The server goes on with transaction ${xid}, whose beginning it did not send.`);
    if (isFirst || running === undefined) {
      running?.spool.close();
      const [spool, subtransactions] = [this.#spools.open(), new Subtransactions(xid)];
      running = { xid, spool, subtransactions, lsn: this.#client.lsn, firstLsn: 0, firstPosition: 0 };
      this.#running.set(xid, running);
    }
    this.#block = running;
  }

  #keep(running: Running, type: number, buffer: Buffer, at: number, end: number): void {
    if (type === Message.origin) throw fromElsewhere();
    if (type === Message.type) return;
    const { spool, subtransactions } = running;
    const { lsn } = this.#client;
    if (running.firstLsn === 0) {
      running.firstLsn = lsn;
      running.firstPosition = spool.size;
    }
    subtransactions.note(buffer.readUInt32BE(at), spool.size);
    spool.append(lsn, type, buffer, at + 4, end);
  }

  #commit(buffer: Buffer, at: number, end: number): void {
    const running = this.#take(buffer.readUInt32BE(at));
    if (running === null) throw new Error('The server commits a transaction that it did not send.');
    const { xid, spool, lsn, firstLsn } = running;
    if (spool.size === 0 && this.#skipsEmpty) {
      spool.close();
      return;
    }
    const rest = at + 4;
    const commit = Buffer.allocUnsafe(1 + end - rest);
    commit[0] = Message.commit;
    buffer.copy(commit, 1, rest, end);
    // Commit position, commit time, xid.
    const begin = Buffer.allocUnsafe(21);
    begin[0] = Message.begin;
    buffer.copy(begin, 1, rest + 1, rest + 9);
    buffer.copy(begin, 9, rest + 17, rest + 25);
    begin.writeUInt32BE(xid, 17);
    const beginLsn = this.#skipsEmpty ? firstLsn : lsn;
    const commitLsn = this.#client.lsn;
    this.#replay = { spool, begin, beginLsn, commit, commitLsn, isBegun: false, holds: false };
  }

  /** One that is not known brought nothing. */
  #abort(buffer: Buffer, at: number): void {
    const [xid, subtransaction] = [buffer.readUInt32BE(at), buffer.readUInt32BE(at + 4)];
    if (xid === subtransaction) {
      this.#take(xid)?.spool.close();
      return;
    }
    const running = this.#running.get(xid);
    const position = running?.subtransactions.rollBack(subtransaction) ?? null;
    if (running === undefined || position === null) return;
    running.spool.truncate(position);
    if (position <= running.firstPosition) running.firstLsn = 0;
  }

  #take(xid: number): Running | null {
    const running = this.#running.get(xid) ?? null;
    this.#running.delete(xid);
    return running;
  }

  #nextOfReplay(replay: Replay): boolean {
    const { spool } = replay;
    this.isKeepalive = false;
    if (replay.holds) replay.holds = false;
    else if (!spool.next()) return spool.isDone && this.#edgeOfReplay(replay);
    if (replay.isBegun) return this.#show(spool.buffer, spool.start, spool.lsn);
    replay.holds = true;
    return this.#edgeOfReplay(replay);
  }

  /** Begin, or Commit. */
  #edgeOfReplay(replay: Replay): true {
    const { spool, begin, beginLsn, commit, commitLsn } = replay;
    if (!replay.isBegun) {
      replay.isBegun = true;
      return this.#show(begin, 0, beginLsn);
    }
    this.#replay = null;
    spool.close();
    return this.#show(commit, 0, commitLsn);
  }
}

/**
 * Where a replicated transaction was committed is told before its changes by protocol version 1, and not at all while it is streamed:
 * records would lack `source.origin_lsn`.
 */
function fromElsewhere(): RetriableError {
  const message =
    'A large transaction was replicated from elsewhere, and where it was committed is told only behind its commit. From now on, until this task is started again, the server keeps large transactions on its own disk until then.';
  return new RetriableError(message, { code: 'PG_STREAMING' });
}
