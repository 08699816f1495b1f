/**
 * What we hold of the broker's messages: deliveries that are not durable yet, and the acknowledgements owed for them.
 *
 * A Delivery is one message and lives across connections. An AckLine is the queue of PUBACKs owed on one connection, in
 * the order the messages came (MQTT-4.6.0-2); it dies with the connection, because packet ids mean nothing beyond it
 * unless the session goes on. The Window counts what is held, against the bounds. No I/O.
 */

/** Where the acknowledgement of a message goes, once it may. */
export interface AckSender {
  scheduleAcks(): void;
}

/** A message whose PUBACK is owed or sent. */
export interface Owed {
  readonly packetId: number;
  readonly isDone: boolean;
  /** True once the broker has seen the PUBACK for certain. */
  isConfirmed: boolean;
}

/** One message on its way to the log. */
export class Delivery implements Owed {
  readonly topic: string;
  readonly payload: Buffer;
  /** Its session's word for it; 0 with QoS 0. */
  readonly packetId: number;
  isConfirmed = false;
  /** True once it is durable (or dead-lettered, or dropped by a transform) and may be acknowledged. */
  isDone = false;
  /** It became no record but a dead letter, which may be durable later than its neighbours. */
  isBad = false;
  /** Records made of it that are not durable yet. */
  recordsLeft = 1;
  /** The connection it last came on; null where nothing is owed. */
  sender: AckSender | null;
  /** Its place in the order of receipt, given where it may come again (`redeliveries.ts`), else 0. */
  serial = 0;
  /** Tells its content from another's; -1 until somebody asks. */
  fingerprint = -1;

  constructor(topic: string, payload: Buffer, packetId = 0, sender: AckSender | null = null) {
    this.topic = topic;
    this.payload = payload;
    this.packetId = packetId;
    this.sender = sender;
  }
}

/** Queue with cheap removal at the head. */
export class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  push(item: Item): void {
    this.#items.push(item);
  }
  peek(): Item | undefined {
    return this.#items[this.#head];
  }
  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    // Compact rarely, so that a shift costs O(1) on average and memory stays within twice the bound.
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
  /** The item at this place behind the head. */
  at(index: number): Item | undefined {
    return this.#items[this.#head + index];
  }
}

/** The PUBACKs owed on one connection. */
export class AckLine {
  readonly #owed = new Fifo<Owed>();

  get length(): number {
    return this.#owed.length;
  }

  /** This message arrived. */
  owe(message: Owed): void {
    this.#owed.push(message);
  }

  /** Takes what may be acknowledged now: the done ones before the first that is not. */
  settle(): Owed[] {
    const due: Owed[] = [];
    while (this.#owed.peek()?.isDone === true) due.push(this.#owed.shift()!);
    return due;
  }
}

/** The PUBACKs of these packets as bytes: type 4, length 2, packet id; the same in MQTT 3.1.1 and 5 (reason 0 is left out). */
export function encodePubacks(due: readonly Pick<Owed, 'packetId'>[]): Buffer {
  const bytes = Buffer.allocUnsafe(due.length * 4);
  let at = 0;
  for (const { packetId } of due) {
    bytes[at] = 0x40;
    bytes[at + 1] = 0x02;
    bytes[at + 2] = packetId >>> 8;
    bytes[at + 3] = packetId & 0xff;
    at += 4;
  }
  return bytes;
}

/** Counts what is held. Full at either bound; drained at half of both. */
export class Window {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  count = 0;
  bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.count >= this.#maxCount || this.bytes >= this.#maxBytes;
  }
  get isDrained(): boolean {
    return this.count * 2 <= this.#maxCount && this.bytes * 2 <= this.#maxBytes;
  }
  take(delivery: Delivery): void {
    this.count++;
    this.bytes += delivery.payload.length;
  }
  give(delivery: Delivery): void {
    this.count--;
    this.bytes -= delivery.payload.length;
  }
}
