/**
 * Where the reading of the stream is, within a transaction and between two, and what of it was handed over before a restart. Numbers
 * only; stream-reader.ts moves it on, message by message, and puts what it says into offsets.
 */
import type { SourceOffset } from '../../../api/index.ts';
import { placeOffset, type StreamPosition, streamOffset } from '../tables/position.ts';

export class StreamPlace {
  isInTransaction = false;
  /** The transaction at hand was done whole before. */
  isOld = false;
  /** The WAL position of the message at hand. */
  lsn = 0;
  #xid = 0;
  #commitMicros = 0;
  /** The end of the last transaction that went by whole. */
  #lastCommitLsn: number;
  /** What offsets name as done: that end, or WAL behind it that held nothing for us. */
  #floorLsn: number;
  /** How far the server's stream has come outside of transactions. */
  #passedLsn: number;
  /** What the last offset without a record said. */
  #toldLsn: number;
  /** No commit was seen yet: the place where the stream began is none. */
  #isFirst: boolean;
  /** The place within the transaction up to which it was done before. */
  #resume: StreamPosition['partial'];
  /** The change at hand: its WAL position, and how many stood at that one with it. */
  #eventLsn = 0;
  #events = 0;

  constructor({ lastCommitLsn, partial, isFirst }: StreamPosition) {
    this.#lastCommitLsn = lastCommitLsn;
    this.#floorLsn = lastCommitLsn;
    this.#passedLsn = lastCommitLsn;
    this.#toldLsn = lastCommitLsn;
    this.#resume = partial;
    this.#isFirst = isFirst === true;
  }

  /** Right behind the last record handed over. `counted`: the records of the transaction so far, where they are counted. */
  position(counted: Readonly<Record<string, number>> | null): StreamPosition {
    const within = this.isInTransaction && !this.isOld && !this.isBehindResume;
    const here = {
      xid: this.#xid,
      lsn: this.#eventLsn,
      events: this.#events,
      ...(counted === null ? {} : { counted }),
    };
    return {
      kind: 'stream',
      lastCommitLsn: this.#floorLsn,
      partial: within ? here : this.#resume,
      isFirst: this.#isFirst,
    };
  }

  /** The end of the last transaction, or null before the first. */
  get lastCommitLsn(): number | null {
    return this.#isFirst ? null : this.#lastCommitLsn;
  }

  /** How many records the transaction at hand had before the restart: null where it begins anew. */
  get countedBefore(): Readonly<Record<string, number>> | null {
    return this.#resume === null ? null : (this.#resume.counted ?? {});
  }

  begin(commitLsn: number, commitMicros: number, xid: number): void {
    this.isInTransaction = true;
    this.isOld = commitLsn < this.#floorLsn;
    if (!this.isOld && this.#resume !== null && this.#resume.xid !== xid) this.#resume = null;
    this.#xid = xid;
    this.#commitMicros = commitMicros;
    this.#eventLsn = 0;
    this.#events = 0;
  }

  commit(endLsn: number): void {
    this.isInTransaction = false;
    if (!this.isOld) {
      this.#resume = null;
      this.#isFirst = false;
      this.#lastCommitLsn = endLsn;
      this.#floorLsn = Math.max(this.#floorLsn, endLsn);
    }
    this.#passedLsn = Math.max(this.#passedLsn, endLsn);
  }

  /** A message outside of transactions was handed over. */
  stoodAlone(): void {
    this.#isFirst = false;
  }

  /** The server has nothing for us before this. */
  passed(walEnd: number): void {
    if (!this.isInTransaction) this.#passedLsn = Math.max(this.#passedLsn, walEnd);
  }

  /** The end of all that went by between transactions. */
  get passedLsn(): number {
    return this.#passedLsn;
  }

  /** Bytes of WAL that went by and that no offset has told. */
  get untoldBytes(): number {
    return this.#passedLsn - this.#toldLsn;
  }

  /** From now on all that went by is told. */
  tell(): void {
    this.#floorLsn = Math.max(this.#floorLsn, this.#passedLsn);
    this.#toldLsn = this.#passedLsn;
  }

  /** Counts the change at hand; true where it was handed over before the restart. */
  stepOver(): boolean {
    if (this.lsn === this.#eventLsn) this.#events++;
    else {
      this.#eventLsn = this.lsn;
      this.#events = 1;
    }
    return this.isBehindResume;
  }

  /** Whether the change at hand was handed over before; it is not counted yet. */
  get isDone(): boolean {
    const resume = this.#resume;
    if (this.isOld || resume === null) return this.isOld;
    const events = this.lsn === this.#eventLsn ? this.#events + 1 : 1;
    return this.lsn < resume.lsn || (this.lsn === resume.lsn && events <= resume.events);
  }

  /** Whether the change that was counted last was handed over before the restart. */
  get isBehindResume(): boolean {
    const resume = this.#resume;
    if (resume === null) return false;
    return this.#eventLsn < resume.lsn || (this.#eventLsn === resume.lsn && this.#events <= resume.events);
  }

  /** The offset of a place between transactions, or before one that was handed over in part and comes again. */
  between(micros: number, proof: SourceOffset): SourceOffset {
    return placeOffset({ kind: 'stream', lastCommitLsn: this.#floorLsn, partial: this.#resume }, micros, proof);
  }

  /** The offset behind the change that was counted last. */
  behindChange(proof: SourceOffset): SourceOffset {
    return streamOffset(this.#floorLsn, this.#xid, this.lsn, this.#events, this.#commitMicros, proof);
  }
}
