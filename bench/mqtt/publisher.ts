/**
 * Fills a session of an MQTT 3.1.1 broker as fast as the broker takes messages: packets encoded once and written by the
 * thousand, over one connection or many. Its own few packets, because a client library would be the slowest part.
 */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  readonly clients: number;
  readonly messages: number;
  readonly qos: 0 | 1;
  /** Client c publishes on `PREFIX/c`. */
  readonly prefix: string;
  readonly payload: Buffer;
}

/** Packets in one write, and unacknowledged at most. */
const BATCH = 500;
/** Connections that are open at the same time: the broker's file descriptors are not what is measured. */
const AT_ONCE = 100;
const PUBACK_BYTES = 4;
const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP_BYTES = 2;
const SILENCE_MAX_MS = 30_000;

/** Resolves when the broker has taken every message. */
export async function fill(load: Load): Promise<void> {
  const each = load.messages / load.clients;
  for (let from = 0; from < load.clients; from += AT_ONCE) {
    const clients = Array.from({ length: Math.min(AT_ONCE, load.clients - from) }, (_, index) => from + index);
    await Promise.all(clients.map((client) => fillAs(load, client, each)));
  }
}

async function fillAs({ port, qos, prefix, payload }: Load, client: number, messages: number): Promise<void> {
  const link = await Link.open(port, `filler-${prefix.replaceAll('/', '-')}-${client}`);
  const topic = `${prefix}/${client}`;
  const packets = Buffer.concat(Array.from({ length: BATCH }, (_, index) => publish(topic, payload, qos, index + 1)));
  const packetBytes = packets.length / BATCH;
  for (let left = messages; left > 0; left -= BATCH) {
    const count = Math.min(BATCH, left);
    const batch = packets.subarray(0, count * packetBytes);
    // Without acknowledgements a ping says that the broker has read what was before it.
    if (qos === 1) await link.exchange(batch, count * PUBACK_BYTES);
    else await link.exchange(Buffer.concat([batch, PINGREQ]), PINGRESP_BYTES);
  }
  link.close();
}

/** A session that is subscribed and away, so that the broker queues for it. */
export async function awaySession(port: number, clientId: string, filter: string, qos: 0 | 1): Promise<void> {
  const link = await Link.open(port, clientId);
  const body = Buffer.concat([Buffer.from([0, 1]), text(filter), Buffer.from([qos])]);
  await link.exchange(packet(0x82, body), 5);
  link.close();
}

class Link {
  readonly #socket: Socket;
  #wanted = 0;
  #arrived: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#wanted -= bytes.length;
      if (this.#wanted <= 0) this.#arrived?.();
    });
  }

  static async open(port: number, clientId: string): Promise<Link> {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const link = new Link(socket);
    const noCleanSessionKeepaliveMinute = Buffer.from([0x04, 0x00, 0x00, 0x3c]);
    await link.exchange(packet(0x10, Buffer.concat([text('MQTT'), noCleanSessionKeepaliveMinute, text(clientId)])), 4);
    return link;
  }

  /** Writes, and waits for so many bytes of answer. */
  async exchange(bytes: Buffer, answerBytes: number): Promise<void> {
    this.#wanted += answerBytes;
    const answered = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the MQTT broker does not answer')), SILENCE_MAX_MS);
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#socket.write(bytes);
    await answered;
  }

  close(): void {
    this.#socket.end(Buffer.from([0xe0, 0]));
  }
}

function publish(topic: string, payload: Buffer, qos: 0 | 1, id: number): Buffer {
  const packetId = qos === 0 ? Buffer.alloc(0) : Buffer.from([id >>> 8, id & 0xff]);
  return packet(0x30 | (qos << 1), Buffer.concat([text(topic), packetId, payload]));
}

function packet(type: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >>> 8, bytes.length & 0xff]), bytes]);
}
