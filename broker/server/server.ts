/**
 * The listening socket and its connections: accepts within limits, closes when told. Knows nothing of what is said.
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { BrokerAddress, Logger } from '../broker.ts';
import { Connection, type Dispatch } from './connection.ts';
import { RequestMemory } from './request-memory.ts';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** `socket.request.max.bytes`. */
  readonly requestMaxBytes: number;
  /** `queued.max.request.bytes`: memory for requests of all connections together. */
  readonly requestMemoryBytes: number;
  /** `connections.max.idle.ms`. */
  readonly idleMs: number;
  /** `max.connections`. */
  readonly connectionsMax: number;
  readonly dispatch: Dispatch;
  readonly logger: Logger;
}

/** After a stop is asked for, connections get this long to finish what they began. */
const drainMs = 2000;
/** One line an hour is enough for a limit that is being hit all the time. */
const limitLogIntervalMs = 60 * 60 * 1000;
/** The kernel's queue of connections not accepted yet; Kafka's `socket.listen.backlog.size` is 50, too few for a rush. */
const backlog = 1024;

export class Server {
  readonly memory: RequestMemory;
  readonly #options: ServerOptions;
  readonly #server: NetServer;
  readonly #connections = new Set<Connection>();
  #nextId = 1;
  #limitLoggedAt = 0;
  #onQuiet: (() => void) | null = null;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.memory = new RequestMemory(options.requestMemoryBytes);
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Rejects with Node's error when the address cannot be had. */
  listen(): Promise<BrokerAddress> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (err) => this.#options.logger.error({ err }, 'The listening socket failed.'));
        const bound = this.#server.address();
        resolve({ host, port: typeof bound === 'object' && bound !== null ? bound.port : port });
      });
    });
  }

  /** Accepts no more, lets what has begun be answered, then closes every connection. */
  async stop(): Promise<void> {
    this.#server.close();
    for (const connection of [...this.#connections]) connection.end();
    if (this.#connections.size > 0) await this.#untilQuiet();
    for (const connection of [...this.#connections]) connection.close();
  }

  #untilQuiet(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      this.#onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #accept(socket: Socket): void {
    const { connectionsMax, dispatch, idleMs, logger, requestMaxBytes } = this.#options;
    if (this.#connections.size >= connectionsMax) {
      this.#logLimit();
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.#nextId++, {
      dispatch,
      memory: this.memory,
      requestMaxBytes,
      idleMs,
      logger,
      onClosed: (closed) => {
        this.#connections.delete(closed);
        if (this.#connections.size === 0) this.#onQuiet?.();
      },
    });
    this.#connections.add(connection);
  }

  #logLimit(): void {
    const now = performance.now();
    if (this.#limitLoggedAt !== 0 && now - this.#limitLoggedAt < limitLogIntervalMs) return;
    this.#limitLoggedAt = now;
    const { connectionsMax, logger } = this.#options;
    logger.warn({ connectionsMax }, 'Connections are refused: as many as max.connections are open already.');
  }
}
