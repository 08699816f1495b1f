/**
 * One listening socket: accepts, does the TLS handshake where its listener wants one, and hands over clients whose
 * certificate, if any, is believed. Knows nothing of what is said, nor of the limits (`admits` does).
 */
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Logger } from '../broker.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import type { AuthenticationSurroundings } from '../security/authentication.ts';
import { type Address, currentListener, type Listener } from '../security/listeners.ts';
import { anonymous, type Principal } from '../security/principal.ts';
import { PrincipalMapping } from '../security/principal-mapping.ts';
import { principalOf, tlsOptions } from '../security/tls.ts';

/** A listener and how its clients log in (null: they need not). */
export interface GuardedListener {
  readonly listener: Listener;
  readonly authentication: AuthenticationSurroundings | null;
}

export interface AcceptorOptions extends GuardedListener {
  /**
   * May this connection be? Asked once, before the first byte; null destroys it, else it is heard after so many
   * milliseconds.
   */
  readonly admits: (socket: Socket) => number | null;
  readonly onClient: (socket: Socket, principal: Principal, guarded: GuardedListener) => void;
  readonly logger: Logger;
}

/** The kernel's queue of connections not accepted yet; Kafka's `socket.listen.backlog.size` is 50, too few for a rush. */
const backlog = 1024;

/** A reset before a connection is anybody's is no news. */
const ignore = (): void => {};

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #server: NetServer;
  readonly #tls: TlsServer | null;
  readonly #mapping: PrincipalMapping;

  /** Throws BrokerConfigError for certificates that cannot be used. */
  constructor(options: AcceptorOptions) {
    const { listener } = options;
    this.#options = options;
    this.#mapping = new PrincipalMapping(listener.config.text('ssl.principal.mapping.rules'));
    this.#tls = listener.usesTls ? this.#tlsServer() : null;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Rejects with Node's error when the address cannot be had. */
  listen(): Promise<Address> {
    const { host, port } = this.#options.listener;
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

  /** Handshakes from now on use these keys and certificates, which have been checked; connections that are there stay. */
  renewTls(config: BrokerConfig): void {
    this.#tls?.setSecureContext(tlsOptions(currentListener(this.#options.listener, config)));
  }

  /** Accepts no more; what was handed over stays. */
  close(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const delayMs = this.#options.admits(socket);
    if (delayMs === null) socket.destroy();
    else if (delayMs === 0) this.#begin(socket);
    else this.#beginLater(socket, delayMs);
  }

  #beginLater(socket: Socket, delayMs: number): void {
    const timer = setTimeout(() => {
      socket.off('error', ignore);
      if (!socket.destroyed) this.#begin(socket);
    }, delayMs);
    socket.on('error', ignore).once('close', () => clearTimeout(timer));
  }

  #begin(socket: Socket): void {
    if (this.#tls === null) this.#options.onClient(socket, anonymous, this.#options);
    else {
      socket.on('error', ignore);
      this.#tls.emit('connection', socket);
    }
  }

  #tlsServer(): TlsServer {
    const { listener, logger, onClient } = this.#options;
    const server = createTlsServer(tlsOptions(listener));
    const isRequired = listener.config.text('ssl.client.auth') === 'required';
    server.on('secureConnection', (socket: TLSSocket) => {
      const principal = principalOf(socket, this.#mapping, isRequired);
      if (principal !== null) onClient(socket, principal, this.#options);
      else {
        this.#logHandshake(socket, `its certificate is not believed (${socket.authorizationError})`);
        socket.destroy();
      }
    });
    server.on('tlsClientError', (error, socket) => this.#logHandshake(socket, error.message));
    server.on('error', (err) => logger.error({ err, listener: listener.name }, 'TLS failed.'));
    return server;
  }

  #logHandshake(socket: Socket, reason: string): void {
    const { listener, logger } = this.#options;
    const clientHost = socket.remoteAddress ?? '';
    logger.warn({ clientHost, listener: listener.name }, `Connection closed: the TLS handshake failed. ${reason}`);
  }
}
