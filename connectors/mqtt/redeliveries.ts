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
import type { Delivery } from './ack-line.ts';

/** What is compared with a message that may come again. */
interface Known {
  readonly serial: number;
  readonly isDone: boolean;
  readonly isBad: boolean;
  fingerprint: number;
}

/** Packet id (2 bytes), fingerprint (4). */
const ENTRY_BYTES = 6;
/** A broker resends what it owes as soon as we are back (MQTT 5, 4.4); what it has not by then was acknowledged after all. */
const PAST_KEPT_MS = 60_000;
/** Topics whose part of the fingerprint is remembered; forgotten all at once when exceeded. */
const TOPICS_MAX = 65_536;

export class Redeliveries {
  #serial = 0;
  /** Received on this connection, by packet id: at most 65,535, as there are ids. */
  readonly #live = new Map<number, Known>();
  /** Of earlier connections and runs, by packet id. */
  readonly #past = new Map<number, Known>();
  readonly #topics = new Map<string, number>();
  #connectedAt = 0;

  /** A message came that is no redelivery; its packet id is free of whatever had it before. */
  received(packetId: number, delivery: Delivery): void {
    if (this.#past.size > 0) this.#past.delete(packetId);
    delivery.serial = ++this.#serial;
    this.#live.set(packetId, delivery);
  }

  /** The earlier message that this one is again, or null. */
  match(packetId: number, topic: string, payload: Buffer, isDup: boolean): Pick<Delivery, 'isDone'> | null {
    if (!isDup || this.#past.size === 0) return null;
    const known = this.#past.get(packetId);
    if (known === undefined || this.#isStale()) return null;
    if (this.#fingerprintOf(known) !== this.#fingerprint(topic, payload)) return null;
    this.#past.delete(packetId);
    this.#live.set(packetId, known);
    return known;
  }

  /** The broker has seen this acknowledgement, so it will not send the message again. */
  confirmed(packetId: number, delivery: Pick<Delivery, 'isDone'>): void {
    if (this.#live.get(packetId) === delivery) this.#live.delete(packetId);
  }

  /** A connection begins; `isSessionPresent` false: the broker knows of nothing it could send again. */
  connected(isSessionPresent: boolean): void {
    for (const [packetId, known] of this.#live) this.#past.set(packetId, known);
    this.#live.clear();
    if (!isSessionPresent) this.#past.clear();
    this.#connectedAt = Date.now();
  }

  /** For the source offset of the message with this serial: what is in the log by then and may come again, base64. */
  upTo(serial: number): string {
    if (this.#isStale()) this.#past.clear();
    const bytes = Buffer.allocUnsafe((this.#past.size + this.#live.size) * ENTRY_BYTES);
    let end = 0;
    for (const from of [this.#past, this.#live]) {
      for (const [packetId, known] of from) {
        if (!isLogged(known, serial)) continue;
        const fingerprint = this.#fingerprintOf(known);
        bytes[end] = packetId >>> 8;
        bytes[end + 1] = packetId & 0xff;
        bytes[end + 2] = fingerprint >>> 24;
        bytes[end + 3] = (fingerprint >>> 16) & 0xff;
        bytes[end + 4] = (fingerprint >>> 8) & 0xff;
        bytes[end + 5] = fingerprint & 0xff;
        end += ENTRY_BYTES;
      }
    }
    return bytes.toString('base64', 0, end);
  }

  /** What an earlier run has left with {@link upTo}. It is in the log; only its acknowledgement is owed. */
  restore(text: string): void {
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const fingerprint = bytes.readUInt32BE(at + 2);
      this.#past.set(bytes.readUInt16BE(at), { serial: 0, isDone: true, isBad: false, fingerprint });
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
