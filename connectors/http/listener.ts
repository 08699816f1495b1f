/**
 * The HTTP server behind webhooks: one per address and port, shared by the connectors that name it, each with its own
 * path. Opened with the first, closed with the last.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { badHttpConfig, portTaken } from './errors.ts';

/** Called for every request to its path. Must answer it. */
export type Handler = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void;

export interface Listening {
  readonly port: number;
  /** Takes the path away; answers that are still owed may be given until then. */
  close(): Promise<void>;
}

/** A sender that begins a request and does not finish it by then is cut off. */
const REQUEST_TIMEOUT_MS = 60_000;

interface Listener {
  readonly server: Server;
  readonly handlers: Map<string, Handler>;
  /** Answers that the kernel does not have yet: closing before that would take them back. */
  readonly owed: Set<ServerResponse>;
}

/** How long the end waits for answers to leave, and for senders in the middle of a body. */
const CLOSE_MS = 500;

const listeners = new Map<string, Promise<Listener>>();

/** Serves `path` on the address. Throws ConnectError when the port is taken, ConfigError when the path is. */
export async function listen(host: string, port: number, path: string, handler: Handler): Promise<Listening> {
  // Port 0 is another one each time, so nobody can mean to share it.
  const address = port === 0 ? `${host}:0/${crypto.randomUUID()}` : `${host}:${port}`;
  let opening = listeners.get(address);
  if (opening === undefined) {
    opening = open(host, port);
    listeners.set(address, opening);
  }
  const listener = await opening.catch((error: unknown) => {
    listeners.delete(address);
    throw portTaken(`${host}:${port}`, error);
  });
  if (listener.handlers.has(path)) {
    const message = `The path "${path}" on ${host}:${port} belongs to another connector. Choose another "http.path".`;
    throw badHttpConfig('http.path', path, message);
  }
  listener.handlers.set(path, handler);
  return {
    port: (listener.server.address() as AddressInfo).port,
    close: async () => {
      listener.handlers.delete(path);
      if (listener.handlers.size > 0) return;
      listeners.delete(address);
      await shut(listener);
    },
  };
}

async function open(host: string, port: number): Promise<Listener> {
  const handlers = new Map<string, Handler>();
  const owed = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    owed.add(response);
    response.once('finish', () => owed.delete(response));
    response.once('close', () => owed.delete(response));
    const url = new URL(request.url ?? '/', 'http://webhook');
    const handler = handlers.get(url.pathname);
    if (handler === undefined) answer(response, 404, { error: `Nothing is served at ${url.pathname}.` });
    else handler(request, response, url.searchParams);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { server, handlers, owed };
}

async function shut({ server, owed }: Listener): Promise<void> {
  for (let waited = 0; owed.size > 0 && waited < CLOSE_MS; waited += 10) await sleep(10);
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(timer);
}

/** Sends a JSON answer, unless one was sent already. */
export function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
