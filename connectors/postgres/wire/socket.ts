/**
 * Opens the socket to a Postgres server, with TLS as `sslmode` asks (libpq's meanings).
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { ConfigError, ConnectError } from '../../api/index.ts';
import { ConnectionLost, NotConnected } from '../errors.ts';

export const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** Files hold PEM. */
export interface TlsOptions {
  readonly mode: SslMode;
  readonly rootCertFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly keyPassword?: string;
}

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsOptions;
  readonly keepAlive: boolean;
  readonly timeoutMs: number;
}

/** Length 8, code 1234.5679. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = 'S'.charCodeAt(0);
/** Probes of an idle connection begin then; the system's own default is two hours. */
const KEEP_ALIVE_MS = 30_000;

/** A connected socket, encrypted where mode and server say so. Rejects with {@link ConnectionLost} or a setup error. */
export async function openSocket(options: SocketOptions): Promise<Socket> {
  const { host, port, keepAlive } = options;
  const socket = connect({ host, port, noDelay: true, keepAlive, keepAliveInitialDelay: KEEP_ALIVE_MS });
  const place = `${options.host}:${options.port}`;
  const late = setTimeout(() => {
    socket.destroy(new Error(`${place} did not answer within ${options.timeoutMs} ms`));
  }, options.timeoutMs);
  try {
    await once(socket, 'connect');
    const { mode } = options.tls;
    return mode === 'disable' || mode === 'allow' ? socket : await encrypt(socket, options);
  } catch (cause) {
    socket.destroy();
    if (cause instanceof ConnectError || cause instanceof ConnectionLost) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NotConnected(`No connection to Postgres at ${place}: ${reason}.`, { cause });
  } finally {
    clearTimeout(late);
  }
}

async function encrypt(socket: Socket, { host, port, tls }: SocketOptions): Promise<Socket> {
  socket.write(SSL_REQUEST);
  const [answer] = (await arrivalOf(socket, 'data')) as [Buffer];
  if (answer[0] !== YES) {
    if (tls.mode === 'prefer') return socket;
    const message = `Postgres at ${host}:${port} does not offer TLS, but sslmode is ${tls.mode}. Set ssl=on on the server, or sslmode to prefer.`;
    throw problemOf('database.sslmode', tls.mode, message);
  }
  // Bytes sent along with the answer would be read as if they had come encrypted (CVE-2021-23222).
  if (answer.length > 1) throw new ConnectionLost('The server sent data before the TLS handshake.');
  const secured: TLSSocket = connectTls({ socket, ...(await tlsOptions(host, tls)) });
  await arrivalOf(secured, 'secureConnect');
  return secured;
}

/** An event's arguments. Rejects when the connection closes first: a server that hangs up politely is no error event. */
async function arrivalOf(socket: Socket, event: string): Promise<unknown[]> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  socket.once('close', onClose);
  try {
    return await once(socket, event, { signal: gone.signal });
  } catch (cause) {
    if (gone.signal.aborted)
      throw new ConnectionLost('The server closed the connection before it answered.', { cause });
    throw cause;
  } finally {
    socket.off('close', onClose);
  }
}

const KEYS = {
  rootCertFile: 'database.sslrootcert',
  certFile: 'database.sslcert',
  keyFile: 'database.sslkey',
} as const;

async function pem(of: keyof typeof KEYS, file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  return readFile(file).catch((cause: Error) => {
    throw problemOf(KEYS[of], file, `The file of ${KEYS[of]} cannot be read: ${cause.message}.`);
  });
}

/** Trying again does not help: something is to be changed. */
function problemOf(key: string, value: string, message: string): ConfigError {
  return new ConfigError([{ key, value, message }], { code: 'PG_SETUP' });
}

async function tlsOptions(host: string, tls: TlsOptions): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all(
    (['rootCertFile', 'certFile', 'keyFile'] as const).map((of) => pem(of, tls[of])),
  );
  const verifies = tls.mode === 'verify-ca' || tls.mode === 'verify-full';
  return {
    rejectUnauthorized: verifies,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.keyPassword === undefined ? {} : { passphrase: tls.keyPassword }),
  };
}
