/**
 * One TCP connection to a Kafka broker, as the CLI needs it: requests answered in order, each with a deadline.
 *
 * The CLI speaks the protocol through our own codecs rather than a client library, because a record must come out of
 * `consume` exactly as it is stored (header order, null against empty) and go into `produce` the same way.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ErrorCode } from '../../broker/protocol/error-codes.ts';
import { beginRequest } from '../../broker/protocol/frame.ts';
import { encodeApiVersionsRequest } from '../../broker/protocol/messages/generated/api-versions-request.ts';
import { decodeApiVersionsResponse } from '../../broker/protocol/messages/generated/api-versions-response.ts';
import { apis } from '../../broker/protocol/messages/generated/apis.ts';
import { Reader } from '../../broker/protocol/reader.ts';
import type { Outgoing, Writer } from '../../broker/protocol/writer.ts';
import { CliError } from '../errors.ts';
import * as calls from './calls.ts';
import type { ClientSecurity } from './client-properties.ts';
import { loginSteps } from './sasl.ts';

export type ApiName = keyof typeof apis;

/** One API's codecs, and the newest version this client was written for. */
export interface Call<Request, Response> {
  readonly api: ApiName;
  readonly maxVersion: number;
  readonly encode: (writer: Writer, message: Outgoing<Request>, version: number) => void;
  readonly decode: (reader: Reader, version: number) => Response;
}

/** In the clear, without a login. */
const openly: ClientSecurity = { tls: null, login: null };

const CONNECT_TIMEOUT_MS = 5_000;
/** A broker answers within the wait it was asked for (at most a few seconds here); this is for one that hangs. */
const RESPONSE_TIMEOUT_MS = 30_000;
/** Far above `fetch.max.bytes`: a longer frame means that no Kafka broker is talking. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;
const CLIENT_ID = 'millrace-cli';

interface Waiting {
  readonly resolve: (frame: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** An open connection. `request` may be called concurrently; answers come in the order asked. */
export class KafkaConnection {
  readonly address: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #versions = new Map<number, { min: number; max: number }>();
  #chunks: Buffer[] = [];
  #buffered = 0;
  #correlationId = 0;
  #failure: Error | null = null;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error(`${address} closed the connection.`)));
  }

  /** Connects, asks which versions the broker serves, and logs in where it is told to. `address` is `host:port`. */
  static async open(address: string, security: ClientSecurity = openly): Promise<KafkaConnection> {
    const socket = await connected(address, security);
    const connection = new KafkaConnection(address, socket);
    try {
      await connection.#negotiate();
      if (security.login !== null) await connection.#logIn(security.login);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #negotiate(): Promise<void> {
    // Version 0 is understood by every broker there is.
    const frame = await this.#send('apiVersions', 0, (writer) => encodeApiVersionsRequest(writer, {}, 0));
    const answer = decodeApiVersionsResponse(new Reader(frame), 0);
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      this.#versions.set(apiKey, { min: minVersion, max: maxVersion });
    }
  }

  async #logIn(login: NonNullable<ClientSecurity['login']>): Promise<void> {
    const { mechanism } = login;
    const handshake = await this.request(calls.saslHandshake, { mechanism });
    if (handshake.errorCode !== ErrorCode.NONE) {
      throw new CliError('REFUSED', `${this.address} does not take logins by ${mechanism}.`, {
        next: `It takes ${handshake.mechanisms.join(', ') || 'none'}: set sasl.mechanism.`,
      });
    }
    const steps = loginSteps(login);
    for (let step = steps.next(); step.done !== true; ) {
      const answer = await this.request(calls.saslAuthenticate, { authBytes: step.value });
      if (answer.errorCode !== ErrorCode.NONE) {
        throw new CliError('REFUSED', `${this.address}: ${answer.errorMessage ?? 'the login was refused'}.`, {
          next: 'Check sasl.username, sasl.password and sasl.mechanism.',
        });
      }
      step = steps.next(answer.authBytes);
    }
  }

  /** Sends one request in the newest version that both sides know. `body` may depend on that version. */
  async request<Request, Response>(
    call: Call<Request, Response>,
    body: Outgoing<Request> | ((version: number) => Outgoing<Request>),
  ): Promise<Response> {
    const version = this.#versionOf(call.api, call.maxVersion);
    const message = typeof body === 'function' ? (body as (version: number) => Outgoing<Request>)(version) : body;
    const frame = await this.#send(call.api, version, (writer) => call.encode(writer, message, version));
    const reader = new Reader(frame);
    if (isFlexible(call.api, version)) reader.skipTags();
    return call.decode(reader, version);
  }

  #versionOf(api: ApiName, maxVersion: number): number {
    const ours = apis[api];
    const theirs = this.#versions.get(ours.key);
    const version = Math.min(maxVersion, ours.max, theirs?.max ?? -1);
    if (theirs !== undefined && version >= Math.max(ours.min, theirs.min)) return version;
    throw new CliError(
      'FAILED',
      `The broker at ${this.address} serves no version of ${ours.name} that this CLI knows.`,
      {
        next:
          theirs === undefined
            ? 'It may be too old, or not meant for clients.'
            : `It serves ${theirs.min} to ${theirs.max}.`,
      },
    );
  }

  /** Sends a request that the broker does not answer: Produce with acks=0. Resolves once the socket has taken it. */
  async send<Request, Response>(call: Call<Request, Response>, message: Outgoing<Request>): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const version = this.#versionOf(call.api, call.maxVersion);
    const writer = this.#begin(call.api, version, this.#correlationId++);
    call.encode(writer, message, version);
    await new Promise<void>((resolve, reject) => {
      this.#socket.write(Buffer.concat(writer.finishFrame()), (error) => (error ? reject(error) : resolve()));
    });
  }

  #send(api: ApiName, version: number, body: (writer: Writer) => void): Promise<Buffer> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = this.#correlationId++;
    const writer = this.#begin(api, version, id);
    body(writer);
    return new Promise((resolve, reject) => {
      const late = `${this.address} did not answer ${apis[api].name} within ${RESPONSE_TIMEOUT_MS / 1000} s.`;
      const timer = setTimeout(() => this.#fail(new CliError('TIMEOUT', late)), RESPONSE_TIMEOUT_MS);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#socket.cork();
      for (const chunk of writer.finishFrame()) this.#socket.write(chunk);
      this.#socket.uncork();
    });
  }

  #begin(api: ApiName, apiVersion: number, correlationId: number): Writer {
    const header = { apiKey: apis[api].key, apiVersion, correlationId, clientId: CLIENT_ID };
    return beginRequest(header, isFlexible(api, apiVersion));
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#buffered >= 4) {
      if (this.#chunks[0]!.length < 4) this.#chunks = [Buffer.concat(this.#chunks)];
      const length = this.#chunks[0]!.readInt32BE(0);
      if (length < 4 || length > FRAME_BYTES_MAX) {
        this.#fail(
          new CliError('FAILED', `What answers at ${this.address} is no Kafka broker.`, { next: 'Check the port.' }),
        );
        return;
      }
      if (this.#buffered < length + 4) return;
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#answer(all.subarray(4, length + 4));
      const rest = all.subarray(length + 4);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#buffered = rest.length;
    }
  }

  #answer(frame: Buffer): void {
    const id = frame.readInt32BE(0);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(frame.subarray(4));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#failure);
    }
    this.#waiting.clear();
    this.#socket.destroy();
  }

  close(): void {
    this.#failure ??= new Error('The connection was closed.');
    this.#socket.destroy();
  }
}

function isFlexible(api: ApiName, version: number): boolean {
  const { flexibleFrom } = apis[api];
  return flexibleFrom !== null && version >= flexibleFrom;
}

function connected(address: string, { tls }: ClientSecurity): Promise<Socket> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new CliError('USAGE', `"${address}" is no broker address.`, {
      next: 'Write host:port, for example 127.0.0.1:9092.',
    });
  }
  return new Promise((resolve, reject) => {
    const unreachable = (cause: Error) =>
      reject(
        new CliError('UNREACHABLE', `No broker answers at ${address}.`, {
          next: 'Start one with: millrace up — or name another with -b host:port.',
          cause,
        }),
      );
    const socket =
      tls === null
        ? connect({ host, port, noDelay: true })
        : connectTls({
            host,
            port,
            ...tls,
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...(tls.checksHost ? {} : { checkServerIdentity: () => undefined }),
          });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () =>
      socket.destroy(new Error(`No answer within ${CONNECT_TIMEOUT_MS} ms.`)),
    );
    socket.once('error', unreachable);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      socket.off('error', unreachable);
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}
