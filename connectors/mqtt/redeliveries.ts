/**
 * What the broker may send us again: every QoS 1 message whose acknowledgement it has perhaps not seen. After a broken
 * connection, and after a restart of ours, a message that comes with the DUP flag, a packet id known here and the same
 * content is that message again, and makes no second record.
 *
 * DUP alone proves nothing, and a packet id means nothing outside its session, so the three count only together and only
 * while the session lives (MQTT 5, 3.3.1.1 and 4.4). Every source offset carries the list as it was at its record, so that
 * record and list become durable in one transaction. No I/O.
 */
import { crc32 } from 'node:zlib';
import type { SourceOffset } from '../api/index.ts';
import { type Delivery, Fifo, type Owed } from './ack-line.ts';

/** What is compared with a message that may come again. */
interface Known extends Owed {
  readonly serial: number;
  readonly isBad: boolean;
  fingerprint: number;
}

/** Packet id (2 bytes), fingerprint (4). */
const ENTRY_BYTES = 6;
/** A broker resends what it owes as soon as we are back (MQTT 5, 4.4); what it has not by then was acknowledged after all. */
const PAST_KEPT_MS = 60_000;
/**
 * Acknowledged messages are kept until the broker's answer to a ping confirms them, at most this many: mosquitto puts that answer
 * behind all it has to send, which in a flood is everything. One that lags this far behind with reading acknowledgements, and
 * then breaks down, sends messages again that we do not recognise: twice, never lost. 128 KiB in a source offset.
 */
const KEPT_MAX = 16_384;
/** Topics whose part of the fingerprint is remembered; forgotten all at once when exceeded. */
const TOPICS_MAX = 65_536;

export class Redeliveries {
  #serial = 0;
  /** Received on this connection and not confirmed, in that order. */
  readonly #live = new Fifo<Known>();
  /** Of earlier connections and runs, by packet id. */
  readonly #past = new Map<number, Known>();
  readonly #topics = new Map<string, number>();
  #connectedAt = 0;

  /** A message came that is no redelivery; its packet id is free of whatever had it before. */
  received(delivery: Delivery): void {
    if (this.#past.size > 0) this.#past.delete(delivery.packetId);
    delivery.serial = ++this.#serial;
    this.#live.push(delivery);
    while (this.#live.length > KEPT_MAX && this.#live.peek()!.isDone) this.#live.shift();
  }

  /** The earlier message that this one is again, or null. */
  match(packetId: number, topic: string, payload: Buffer, isDup: boolean): Owed | null {
    if (!isDup || this.#past.size === 0) return null;
    const known = this.#past.get(packetId);
    if (known === undefined || this.#isStale()) return null;
    if (this.#fingerprintOf(known) !== this.#fingerprint(topic, payload)) return null;
    this.#past.delete(packetId);
    this.#live.push(known);
    return known;
  }

  /** The broker has seen these acknowledgements, so it will not send those messages again. */
  confirmed(acknowledged: readonly Owed[]): void {
    for (const message of acknowledged) message.isConfirmed = true;
    while (this.#live.peek()?.isConfirmed === true) this.#live.shift();
  }

  /** A connection begins; `isSessionPresent` false: the broker knows of nothing it could send again. */
  connected(isSessionPresent: boolean): void {
    for (let known = this.#live.shift(); known !== undefined; known = this.#live.shift()) {
      if (!known.isConfirmed) this.#past.set(known.packetId, known);
    }
    if (!isSessionPresent) this.#past.clear();
    this.#connectedAt = Date.now();
  }

  /** For the source offset of the message with this serial: what is in the log by then and may come again, base64. */
  upTo(serial: number): string {
    if (this.#isStale()) this.#past.clear();
    const list = Buffer.allocUnsafe((this.#past.size + this.#live.length) * ENTRY_BYTES);
    let end = 0;
    for (const known of this.#past.values()) end = this.#write(list, end, known, serial);
    for (let index = 0; index < this.#live.length; index++) end = this.#write(list, end, this.#live.at(index)!, serial);
    return list.toString('base64', 0, end);
  }

  /** Answers where the next entry goes. By single bytes: this runs for thousands of entries per transaction. */
  #write(list: Buffer, end: number, known: Known, serial: number): number {
    if (!isLogged(known, serial)) return end;
    const { packetId } = known;
    const fingerprint = this.#fingerprintOf(known);
    list[end] = packetId >>> 8;
    list[end + 1] = packetId & 0xff;
    list[end + 2] = fingerprint >>> 24;
    list[end + 3] = (fingerprint >>> 16) & 0xff;
    list[end + 4] = (fingerprint >>> 8) & 0xff;
    list[end + 5] = fingerprint & 0xff;
    return end + ENTRY_BYTES;
  }

  /** What an earlier run has left with {@link upTo}. It is in the log; only its acknowledgement is owed. */
  restore(text: string): void {
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const fingerprint = bytes.readUInt32BE(at + 2);
      const packetId = bytes.readUInt16BE(at);
      const known = { packetId, serial: 0, isDone: true, isBad: false, isConfirmed: false, fingerprint };
      this.#past.set(packetId, known);
    }
  }

  #isStale(): boolean {
    return this.#past.size > 0 && this.#connectedAt !== 0 && Date.now() - this.#connectedAt > PAST_KEPT_MS;
  }

  #fingerprintOf(known: Known): number {
    if (known.fingerprint < 0) {
      const { topic, payload } = known as Delivery;
      known.fingerprint = this.#fingerprint(topic, payload);
    }
    return known.fingerprint;
  }

  /** CRC-32 of topic and payload: beside the packet id and the flag, one chance in four thousand million. */
  #fingerprint(topic: string, payload: Buffer): number {
    let seed = this.#topics.get(topic);
    if (seed === undefined) {
      if (this.#topics.size >= TOPICS_MAX) this.#topics.clear();
      seed = crc32(topic);
      this.#topics.set(topic, seed);
    }
    return crc32(payload, seed);
  }
}

/** In the log when the record with this serial is: received before it, and not a dead letter that is still on its way. */
function isLogged({ serial, isBad, isDone }: Known, upTo: number): boolean {
  return serial <= upTo && (!isBad || isDone);
}

/**
 * A session's source offset at one message. What may come again is listed when the offset is written, which most are not:
 * only the last of a transaction.
 */
export class SessionOffset implements SourceOffset {
  readonly [member: string]: unknown;
  readonly #base: SourceOffset;
  readonly #redeliveries: Redeliveries;
  readonly #serial: number;

  constructor(base: SourceOffset, redeliveries: Redeliveries, serial: number) {
    this.#base = base;
    this.#redeliveries = redeliveries;
    this.#serial = serial;
  }

  toJSON(): SourceOffset {
    return { ...this.#base, unacked: this.#redeliveries.upTo(this.#serial) };
  }
}
