/**
 * The sockets that kafkajs reads from, handing over whole responses only. kafkajs keeps half a response of a broker that died and
 * takes what the next connection brings for its rest: from then on nothing is answered, or the process ends (kafkajs 2.2.4,
 * `network/connection.js`). Here that half dies with its socket.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

/** As kafkajs's own sockets have it. */
const KEEP_ALIVE_MS = 60_000;
/** Before each response: how long it is. */
const LENGTH_BYTES = 4;

export const wholeResponses: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket: Socket = ssl
    ? connectTls({ host, port, ...name, ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const on = socket.on.bind(socket) as (event: string, listener: (given: Buffer) => void) => Socket;
  const onWhole = (event: string, listener: (given: Buffer) => void) =>
    on(event, event === 'data' ? whole(listener) : listener);
  socket.on = onWhole as typeof socket.on;
  return socket;
};

/** The sockets of one client of kafkajs, which end together whatever it still waits for; it gets no others then. */
export class KafkaSockets {
  readonly #open = new Set<Socket>();
  #isCut = false;

  readonly factory: ISocketFactory = (given) => {
    if (this.#isCut) throw new Error('The client was closed.');
    const socket = wholeResponses(given);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** kafkajs hears of an error, because it settles its requests for nothing less. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy(new Error('The client was closed.'));
  }
}

/** Gathers chunks until they hold whole responses, and hands those over in one piece. */
function whole(take: (responses: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let needed = LENGTH_BYTES;
  return (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < needed) return;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    let end = 0;
    needed = LENGTH_BYTES;
    while (all.length - end >= LENGTH_BYTES) {
      const next = LENGTH_BYTES + Math.max(0, all.readInt32BE(end));
      if (all.length - end < next) {
        needed = next;
        break;
      }
      end += next;
    }
    const rest = all.subarray(end);
    chunks = rest.length === 0 ? [] : [rest];
    bytes = rest.length;
    if (end > 0) take(all.subarray(0, end));
  };
}
