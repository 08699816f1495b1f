/**
 * One connection to Postgres in the simple query protocol, with what drivers leave out: COPY and replication streams.
 *
 * Not a general driver: no parameters, no pipelining, values as text. The source reads everything through it; the sink
 * uses pg. PostgreSQL manual, chapters "Frontend/Backend Protocol" and "Streaming Replication Protocol".
 */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { ConnectError } from '../../api/index.ts';
import { ConnectionLost, ServerError } from '../errors.ts';
import { FrameReader } from './frame-reader.ts';
import { scram } from './scram.ts';
import { openSocket, type SocketOptions } from './socket.ts';

export interface WireOptions extends SocketOptions {
  readonly user: string;
  /** Asked at the moment of use. */
  readonly password: () => string;
  readonly database: string;
  /** Settings for the session, sent with the startup message. */
  readonly settings: Readonly<Record<string, string>>;
  /** True opens a walsender: replication commands work beside plain SQL. */
  readonly replication: boolean;
  /** How long a query may take. */
  readonly queryTimeoutMs: number;
  /** Bytes that may wait unread before the socket is paused. */
  readonly queuedBytesMax: number;
}

export type Row = Readonly<Record<string, string | null>>;

/** Frame types, as the server writes them. */
export const FrameType = {
  authentication: 0x52, // R
  backendKey: 0x4b, // K
  commandComplete: 0x43, // C
  copyBoth: 0x57, // W
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyOut: 0x48, // H
  dataRow: 0x44, // D
  emptyQuery: 0x49, // I
  error: 0x45, // E
  notice: 0x4e, // N
  parameter: 0x53, // S
  ready: 0x5a, // Z
  rowDescription: 0x54, // T
} as const;

const PROTOCOL_3 = 196_608;

/** Authentication requests, by number. */
const Method = { ok: 0, clearText: 3, md5: 5, sasl: 10, challenge: 11, verdict: 12 } as const;

export class WireConnection {
  readonly frames: FrameReader;
  /** What the server says about itself: `server_version`, `TimeZone`, … */
  readonly parameters = new Map<string, string>();
  processId = 0;
  readonly #socket: Socket;
  readonly #options: WireOptions;

  private constructor(socket: Socket, options: WireOptions) {
    this.#socket = socket;
    this.#options = options;
    this.frames = new FrameReader(socket, options.queuedBytesMax);
  }

  /** Connects, authenticates, and resolves when the server is ready for a query. */
  static async open(options: WireOptions): Promise<WireConnection> {
    const connection = new WireConnection(await openSocket(options), options);
    try {
      connection.#startup();
      await connection.#authenticate();
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** The server's major version. */
  get serverVersion(): number {
    return Number.parseInt(this.parameters.get('server_version') ?? '', 10);
  }

  /** The rows of the last statement in `sql`. Rejects with {@link ServerError} or {@link ConnectionLost}. */
  async query(sql: string): Promise<Row[]> {
    this.send('Q', Buffer.from(`${sql}\0`));
    let names: string[] = [];
    let rows: Row[] = [];
    let failure: ServerError | null = null;
    for (;;) {
      await this.#nextFrame();
      const { type, buffer, start, end } = this.frames;
      if (type === FrameType.rowDescription) {
        names = columnNames(buffer, start);
        rows = [];
      } else if (type === FrameType.dataRow) rows.push(readRow(names, buffer, start));
      else if (type === FrameType.error) failure = new ServerError(errorFields(buffer, start, end));
      else if (type === FrameType.ready) break;
    }
    if (failure !== null) throw failure;
    return rows;
  }

  /**
   * Starts a statement that answers with a stream (COPY … TO STDOUT, START_REPLICATION). Resolves when the stream
   * begins; from then on the caller reads `frames` itself. A refused COPY leaves the connection usable.
   */
  async startStream(sql: string): Promise<void> {
    this.send('Q', Buffer.from(`${sql}\0`));
    let failure: ServerError | null = null;
    for (;;) {
      await this.#nextFrame();
      const { type, buffer, start, end } = this.frames;
      if (type === FrameType.copyOut || type === FrameType.copyBoth) return;
      if (type === FrameType.error) failure = new ServerError(errorFields(buffer, start, end));
      if (type === FrameType.ready) {
        throw failure ?? new Error(`The server answered no stream to: ${sql}`);
      }
    }
  }

  /** Hands over every line of a COPY that was started, then reads on until the server is ready. Throws what it reports. */
  async readCopy(onLine: (buffer: Buffer, start: number, end: number) => void): Promise<void> {
    for (;;) {
      await this.#nextFrame();
      const { type, buffer, start, end } = this.frames;
      if (type === FrameType.copyData) onLine(buffer, start, end);
      else if (type === FrameType.error) throw this.currentError();
      else if (type === FrameType.ready) return;
    }
  }

  /** Reads on after a COPY's last row until the server is ready again. */
  async finishStream(): Promise<void> {
    do await this.#nextFrame();
    while (this.frames.type !== FrameType.ready);
  }

  /** The error in the current frame. */
  currentError(): ServerError {
    const { buffer, start, end } = this.frames;
    return new ServerError(errorFields(buffer, start, end));
  }

  /** Writes one message. Small and rare ones only: what is written waits in memory until the server reads. */
  send(type: string, body: Uint8Array): void {
    const header = Buffer.alloc(type === '' ? 4 : 5);
    if (type !== '') header.write(type, 'latin1');
    header.writeInt32BE(body.length + 4, header.length - 4);
    this.#socket.write(Buffer.concat([header, body]));
  }

  /** Says goodbye and resolves when everything written before has left. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const gone = new Promise((resolve) => this.#socket.once('close', resolve));
    this.send('X', Buffer.alloc(0));
    this.#socket.end();
    this.#socket.resume();
    const late = setTimeout(() => this.#socket.destroy(), 1000);
    await gone;
    clearTimeout(late);
  }

  /** Ends it at once; who reads gets {@link ConnectionLost}, with this message where there is one. */
  destroy(because?: string): void {
    this.#socket.destroy(because === undefined ? undefined : new Error(because));
  }

  #startup(): void {
    const { user, database, settings, replication } = this.#options;
    const pairs = {
      user,
      database,
      client_encoding: 'UTF8',
      ...settings,
      ...(replication ? { replication: 'database' } : {}),
    };
    const text = Object.entries(pairs).map(([key, value]) => `${key}\0${value}\0`);
    const body = Buffer.from(`\0\0\0\0${text.join('')}\0`);
    body.writeInt32BE(PROTOCOL_3, 0);
    this.send('', body);
  }

  async #authenticate(): Promise<void> {
    const exchange = scram(this.#options.password());
    for (;;) {
      await this.#nextFrame(this.#options.timeoutMs);
      const { type, buffer, start, end } = this.frames;
      if (type === FrameType.error) throw this.currentError();
      if (type === FrameType.ready) return;
      if (type === FrameType.backendKey) this.processId = buffer.readInt32BE(start);
      if (type === FrameType.parameter) {
        const [name, value] = buffer.toString('utf8', start, end - 1).split('\0');
        this.parameters.set(name!, value ?? '');
      }
      if (type !== FrameType.authentication) continue;
      const method = buffer.readInt32BE(start);
      const data = Buffer.from(buffer.subarray(start + 4, end));
      await this.#answer(method, data, exchange);
    }
  }

  /** The authentication methods of the protocol that need no library: none, clear text, MD5, SCRAM. */
  async #answer(method: number, data: Buffer, exchange: ReturnType<typeof scram>): Promise<void> {
    if (method === Method.ok) return;
    if (method === Method.verdict) return exchange.verify(data.toString());
    if (method === Method.sasl && data.toString('latin1').split('\0').includes('SCRAM-SHA-256')) {
      const length = Buffer.alloc(4);
      length.writeInt32BE(Buffer.byteLength(exchange.first));
      this.send('p', Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), length, Buffer.from(exchange.first)]));
    } else if (method === Method.challenge) this.send('p', Buffer.from(await exchange.answer(data.toString())));
    else if (method === Method.clearText) this.send('p', Buffer.from(`${this.#options.password()}\0`));
    else if (method === Method.md5) this.send('p', Buffer.from(`${this.#md5(data)}\0`));
    else {
      const known = 'this client knows password, md5 and scram-sha-256';
      throw new ConnectError(`The server asks for authentication method ${method}; ${known}. Change pg_hba.conf.`, {
        code: 'PG_AUTHENTICATION',
      });
    }
  }

  #md5(salt: Buffer): string {
    const { user, password } = this.#options;
    const inner = createHash('md5')
      .update(password() + user)
      .digest('hex');
    return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`;
  }

  async #nextFrame(timeoutMs = this.#options.queryTimeoutMs): Promise<void> {
    while (!this.frames.next()) {
      if (!(await this.frames.wait(timeoutMs))) {
        this.destroy();
        throw new ConnectionLost(`Postgres did not answer within ${timeoutMs} ms.`);
      }
    }
  }
}

/** `'it''s'`, for text that goes into a statement. */
export function quoteLiteral(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** `"a ""name"""`. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function columnNames(buffer: Buffer, start: number): string[] {
  const names: string[] = [];
  let position = start + 2;
  for (let left = buffer.readInt16BE(start); left > 0; left--) {
    const end = buffer.indexOf(0, position);
    names.push(buffer.toString('utf8', position, end));
    position = end + 19; // Zero, table, column, type, size, modifier, format.
  }
  return names;
}

function readRow(names: readonly string[], buffer: Buffer, start: number): Row {
  const row: Record<string, string | null> = {};
  let position = start + 2;
  for (const name of names) {
    const length = buffer.readInt32BE(position);
    position += 4;
    row[name] = length < 0 ? null : buffer.toString('utf8', position, position + length);
    position += Math.max(length, 0);
  }
  return row;
}

function errorFields(buffer: Buffer, start: number, end: number): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of buffer.toString('utf8', start, end).split('\0')) {
    if (field !== '') fields.set(field[0]!, field.slice(1));
  }
  return fields;
}
