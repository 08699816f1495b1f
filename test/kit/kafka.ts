/**
 * A real broker in this process on a temporary directory, and a bare connection that speaks one request at a time with
 * the protocol's own codecs: what a client library would hide is visible to the test.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerOptions, type Logger, startBroker } from '../../broker/broker.ts';
import { beginRequest } from '../../broker/protocol/frame.ts';
import { apis } from '../../broker/protocol/messages/generated/apis.ts';
import { encodeCreateTopicsRequest } from '../../broker/protocol/messages/generated/create-topics-request.ts';
import { decodeCreateTopicsResponse } from '../../broker/protocol/messages/generated/create-topics-response.ts';
import { encodeFetchRequest } from '../../broker/protocol/messages/generated/fetch-request.ts';
import { decodeFetchResponse } from '../../broker/protocol/messages/generated/fetch-response.ts';
import { encodeMetadataRequest } from '../../broker/protocol/messages/generated/metadata-request.ts';
import { decodeMetadataResponse } from '../../broker/protocol/messages/generated/metadata-response.ts';
import { encodeProduceRequest } from '../../broker/protocol/messages/generated/produce-request.ts';
import { decodeProduceResponse } from '../../broker/protocol/messages/generated/produce-response.ts';
import { Reader } from '../../broker/protocol/reader.ts';
import { BatchBuilder } from '../../broker/protocol/records.ts';
import type { Writer } from '../../broker/protocol/writer.ts';

/** One request and its response, with their codecs. */
export interface Exchange<Request, Response> {
  readonly key: number;
  readonly flexibleFrom: number | null;
  encode(writer: Writer, request: Request, version: number): void;
  decode(reader: Reader, version: number): Response;
}

type Api = (typeof apis)[keyof typeof apis];

export function exchange<Request, Response>(
  api: Api,
  encode: (writer: Writer, request: Request, version: number) => void,
  decode: (reader: Reader, version: number) => Response,
): Exchange<Request, Response> {
  return { key: api.key, flexibleFrom: api.flexibleFrom, encode, decode };
}

export const exchanges = {
  produce: exchange(apis.produce, encodeProduceRequest, decodeProduceResponse),
  fetch: exchange(apis.fetch, encodeFetchRequest, decodeFetchResponse),
  metadata: exchange(apis.metadata, encodeMetadataRequest, decodeMetadataResponse),
  createTopics: exchange(apis.createTopics, encodeCreateTopicsRequest, decodeCreateTopicsResponse),
} as const;

const answerDeadlineMs = 60_000;
const clientId = 'test';

export class KafkaConnection {
  readonly socket: Socket;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<unknown>;
  #received: Buffer = Buffer.alloc(0);
  #correlationId = 0;
  #waiting: { resolve: (frame: Buffer) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('The broker closed the connection.'));
    });
  }

  static async open(broker: Pick<Broker, 'address'>): Promise<KafkaConnection> {
    const socket = connect(broker.address);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return new KafkaConnection(socket);
  }

  /** Sends and decodes; rejects when the connection is closed instead. Calls may overlap. */
  async call<Request, Response>(
    api: Exchange<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response> {
    const isFlexible = api.flexibleFrom !== null && version >= api.flexibleFrom;
    const correlationId = this.#correlationId++;
    this.send(encodeRequest(api, version, request, correlationId));
    const reader = new Reader(await this.answer());
    const answered = reader.int32();
    if (answered !== correlationId) throw new Error(`Answer ${answered} came where ${correlationId} was due.`);
    if (isFlexible && api.key !== apis.apiVersions.key) reader.skipTags();
    const response = api.decode(reader, version);
    reader.finish();
    return response;
  }

  send(...chunks: readonly Uint8Array[]): void {
    this.socket.cork();
    for (const chunk of chunks) this.socket.write(chunk);
    this.socket.uncork();
  }

  /** The next frame, without its length. */
  answer(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('No answer came in time.')), answerDeadlineMs);
      this.#waiting.push({
        resolve: (frame) => {
          clearTimeout(timer);
          resolve(frame);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      const frame = this.#received.subarray(4, end);
      this.#received = this.#received.subarray(end);
      this.#waiting.shift()?.resolve(frame);
    }
  }
}

/** A whole request frame in one buffer. */
export function encodeRequest<Request, Response>(
  api: Exchange<Request, Response>,
  version: number,
  request: Request,
  correlationId = 0,
): Buffer {
  const isFlexible = api.flexibleFrom !== null && version >= api.flexibleFrom;
  const writer = beginRequest({ apiKey: api.key, apiVersion: version, correlationId, clientId }, isFlexible);
  api.encode(writer, request, version);
  return Buffer.concat(writer.finishFrame());
}

/** A batch of records with these values, as a producer sends it. */
export function batchOf(...values: readonly string[]): Buffer {
  const builder = new BatchBuilder();
  for (const value of values) builder.append(Date.now(), null, Buffer.from(value), []);
  return builder.build();
}

export interface LogLine {
  readonly level: keyof Logger;
  readonly fields: object;
  readonly message: string;
}

/** Keeps what is logged, for tests that ask what was said. */
export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: keyof Logger) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface TestBroker {
  readonly broker: Broker;
  readonly dataDir: string;
  readonly lines: readonly LogLine[];
  connect(): Promise<KafkaConnection>;
  stop(): Promise<void>;
  /** Stops, then starts again on the same data; answers the new one. */
  restart(options?: Partial<BrokerOptions>): Promise<TestBroker>;
  /** Stops and deletes the data. */
  remove(): Promise<void>;
}

/** A broker on a free port and a temporary directory, with quick groups. */
export async function startTestBroker(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'millrace-broker-')));
  const logger = recordingLogger();
  const config = { 'group.initial.rebalance.delay.ms': '0', ...options.config };
  const broker = await startBroker({ port: 0, logger, ...options, dataDir, config });
  const connections: KafkaConnection[] = [];
  const stop = async () => {
    for (const connection of connections) connection.close();
    await broker.stop();
  };
  return {
    broker,
    dataDir,
    lines: logger.lines,
    stop,
    async connect() {
      const connection = await KafkaConnection.open(broker);
      connections.push(connection);
      return connection;
    },
    async restart(changed: Partial<BrokerOptions> = {}) {
      await stop();
      return startTestBroker({ ...options, ...changed, dataDir });
    },
    async remove() {
      await stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
