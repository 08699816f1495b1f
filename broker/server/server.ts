/**
 * The listening sockets and their connections: accepts within limits, closes when told. Knows nothing of what is said.
 */
import type { Socket } from 'node:net';
import type { BrokerAddress, Logger } from '../broker.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import type { Principal } from '../security/principal.ts';
import { Acceptor, type GuardedListener } from './acceptor.ts';
import { Connection, type Dispatch } from './connection.ts';
import { ConnectionLimits, type ConnectionLimitValues } from './connection-limits.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { RequestMemory } from './request-memory.ts';

export interface ServerOptions {
  /** One at least; the first is the one we are known by. */
  readonly listeners: readonly GuardedListener[];
  /** `socket.request.max.bytes`. */
  readonly requestMaxBytes: number;
  /** `sasl.server.max.receive.size`: the same before a login. */
  readonly loginMaxBytes: number;
  /** `queued.max.request.bytes`: memory for requests of all connections together. */
  readonly requestMemoryBytes: number;
  /** `connections.max.idle.ms`. */
  readonly idleMs: number;
  /** How many connections there may be; these keys may change while the broker runs. */
  readonly limits: () => ConnectionLimitValues;
  readonly dispatch: Dispatch;
  readonly logger: Logger;
}

/** After a stop is asked for, connections get this long to finish what they began. */
const drainMs = 2000;

export class Server {
  readonly memory: RequestMemory;
  readonly #options: ServerOptions;
  readonly #acceptors: readonly Acceptor[];
  readonly #connections = new Set<Connection>();
  readonly #buffers = new FrameBuffers();
  #nextId = 1;
  #onQuiet: (() => void) | null = null;

  /** Throws BrokerConfigError for certificates that cannot be used. */
  constructor(options: ServerOptions) {
    const { logger } = options;
    this.#options = options;
    this.memory = new RequestMemory({
      limitBytes: options.requestMemoryBytes,
      requestMaxBytes: options.requestMaxBytes,
    });
    const limits = new ConnectionLimits({ limits: options.limits, logger });
    this.#acceptors = options.listeners.map(
      (guarded) =>
        new Acceptor({
          ...guarded,
          admits: (socket) => limits.admits(socket),
          onClient: (socket, principal, { listener, authentication }) =>
            this.#connect(socket, principal, { listener, authentication }),
          logger,
        }),
    );
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Where each listener is bound, in order. Rejects with Node's error when an address cannot be had. */
  async listen(): Promise<BrokerAddress[]> {
    const addresses: BrokerAddress[] = [];
    try {
      for (const acceptor of this.#acceptors) addresses.push(await acceptor.listen());
    } catch (error) {
      for (const acceptor of this.#acceptors) acceptor.close();
      throw error;
    }
    return addresses;
  }

  /** The keys of listeners have changed. */
  renewTls(config: BrokerConfig): void {
    for (const acceptor of this.#acceptors) acceptor.renewTls(config);
  }

  /** Accepts no more, lets what has begun be answered, then closes every connection. */
  async stop(): Promise<void> {
    for (const acceptor of this.#acceptors) acceptor.close();
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

  #connect(socket: Socket, principal: Principal, guarded: GuardedListener): void {
    const { dispatch, idleMs, logger, requestMaxBytes, loginMaxBytes } = this.#options;
    const connection = new Connection(
      socket,
      { id: this.#nextId++, principal, ...guarded },
      {
        dispatch,
        memory: this.memory,
        buffers: this.#buffers,
        requestMaxBytes,
        loginMaxBytes,
        idleMs,
        logger,
        onClosed: (closed) => {
          this.#connections.delete(closed);
          if (this.#connections.size === 0) this.#onQuiet?.();
        },
      },
    );
    this.#connections.add(connection);
  }
}
