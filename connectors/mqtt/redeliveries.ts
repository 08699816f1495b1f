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
import type { Delivery } from './ack-line.ts';

interface Entry {
  readonly packetId: number;
  /** Its place in the order of receipt; 0 for those of an earlier run. */
  readonly serial: number;
  /** Null for those of an earlier run, which are in the log. */
  readonly delivery: Delivery | null;
  /** CRC-32 of topic and payload, and the payload's length modulo 65,536: computed when first asked for. */
  crc: number;
  readonly length: number;
  isHashed: boolean;
}

/** A message that is in the log already: only its acknowledgement is owed. */
const logged = { isDone: true };

/** Packet id (2 bytes), length (2), CRC-32 (4). */
const ENTRY_BYTES = 8;
/** A broker resends what it owes as soon as we are back (MQTT 5, 4.4); what it has not by then was acknowledged after all. */
const PAST_KEPT_MS = 60_000;

export class Redeliveries {
  #serial = 0;
  /** Received on this connection, by packet id: at most 65,535, as there are ids. */
  readonly #live = new Map<number, Entry>();
  /** Of earlier connections and runs, by packet id. */
  readonly #past = new Map<number, Entry>();
  #connectedAt = 0;

  /** A message came that is no redelivery; its packet id is free of whatever had it before. Answers its serial. */
  received(packetId: number, delivery: Delivery): number {
    this.#past.delete(packetId);
    // Deleted first, so that the map stays in the order of receipt.
    this.#live.delete(packetId);
    const serial = ++this.#serial;
    const { length } = delivery.payload;
    this.#live.set(packetId, { packetId, serial, delivery, crc: 0, length: length & 0xffff, isHashed: false });
    return serial;
  }

  /** The earlier message that this one is again, or null. */
  match(packetId: number, topic: string, payload: Buffer, isDup: boolean): Pick<Delivery, 'isDone'> | null {
    const entry = this.#past.get(packetId);
    if (entry === undefined || !isDup || this.#isStale()) return null;
    if (entry.length !== (payload.length & 0xffff) || crcOf(entry) !== contentCrc(topic, payload)) return null;
    this.#past.delete(packetId);
    this.#live.set(packetId, entry);
    return entry.delivery ?? logged;
  }

  /** The broker has seen this acknowledgement, so it will not send the message again. */
  confirmed(packetId: number, delivery: Pick<Delivery, 'isDone'>): void {
    const entry = this.#live.get(packetId);
    if (entry !== undefined && (entry.delivery ?? logged) === delivery) this.#live.delete(packetId);
  }

  /** A connection begins; `isSessionPresent` false: the broker knows of nothing it could send again. */
  connected(isSessionPresent: boolean): void {
    for (const [packetId, entry] of this.#live) this.#past.set(packetId, entry);
    this.#live.clear();
    if (!isSessionPresent) this.#past.clear();
    this.#connectedAt = Date.now();
  }

  /** For the source offset of the message with this serial: what is in the log by then and may come again, base64. */
  upTo(serial: number): string {
    if (this.#isStale()) this.#past.clear();
    const entries: Entry[] = [];
    for (const entry of this.#past.values()) if (isLogged(entry, serial)) entries.push(entry);
    for (const entry of this.#live.values()) if (isLogged(entry, serial)) entries.push(entry);
    const bytes = Buffer.allocUnsafe(entries.length * ENTRY_BYTES);
    for (const [index, entry] of entries.entries()) {
      bytes.writeUInt16BE(entry.packetId, index * ENTRY_BYTES);
      bytes.writeUInt16BE(entry.length, index * ENTRY_BYTES + 2);
      bytes.writeUInt32BE(crcOf(entry), index * ENTRY_BYTES + 4);
    }
    return bytes.toString('base64');
  }

  /** What an earlier run has left with {@link upTo}. */
  restore(text: string): void {
    const bytes = Buffer.from(text, 'base64');
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const packetId = bytes.readUInt16BE(at);
      const crc = bytes.readUInt32BE(at + 4);
      const length = bytes.readUInt16BE(at + 2);
      this.#past.set(packetId, { packetId, serial: 0, delivery: null, crc, length, isHashed: true });
    }
  }

  #isStale(): boolean {
    return this.#connectedAt !== 0 && Date.now() - this.#connectedAt > PAST_KEPT_MS;
  }
}

/** In the log when the record with this serial is: received before it, and not a dead letter that is still on its way. */
function isLogged({ serial, delivery }: Entry, upTo: number): boolean {
  return serial <= upTo && (delivery === null || !delivery.isBad || delivery.isDone);
}

function crcOf(entry: Entry): number {
  if (!entry.isHashed) {
    entry.crc = contentCrc(entry.delivery!.topic, entry.delivery!.payload);
    entry.isHashed = true;
  }
  return entry.crc;
}

function contentCrc(topic: string, payload: Buffer): number {
  return crc32(payload, crc32(topic));
}

/** A place in the order of receipt, written down when its source offset is. */
export class UnackedUpTo {
  readonly #redeliveries: Redeliveries;
  readonly #serial: number;

  constructor(redeliveries: Redeliveries, serial: number) {
    this.#redeliveries = redeliveries;
    this.#serial = serial;
  }

  toJSON(): string {
    return this.#redeliveries.upTo(this.#serial);
  }
}
