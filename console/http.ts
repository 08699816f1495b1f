/**
 * The little HTTP the console needs: exact paths, security headers, a check of the Host header, deadlines.
 *
 * No framework: nine GETs do not need one, and the console should answer when little else does.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';

/** What a handler answers; a stream handler answers by itself and returns null. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => Answer | null | Promise<Answer | null>;

/** Milliseconds a source may take to say how it is; then the console answers without it. */
export const SOURCE_TIMEOUT_MS = 5_000;

/** No script or style but our own files, nothing from elsewhere, in nobody's frame. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

export function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

/** Sends an answer; HEAD gets the headers alone. */
export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...SECURITY_HEADERS,
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

/** Headers of an answer that goes on. */
export function openStream(response: ServerResponse, type: string): void {
  response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': type });
}

/**
 * Whether the Host header may reach a console bound to `boundHost`. On loopback only loopback's names and those that
 * are allowed may: else a page of any web site could point its own name at 127.0.0.1 and read along (DNS rebinding).
 */
export function isAllowedHost(host: string | undefined, boundHost: string, allowed: readonly string[]): boolean {
  if (!isLoopback(boundHost) && allowed.length === 0) return true;
  if (host === undefined) return false;
  const name = hostName(host).toLowerCase();
  return isLoopback(name) || name === boundHost.toLowerCase() || allowed.some((known) => known.toLowerCase() === name);
}

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** `host:port`, `[v6]:port` or either without the port. */
function hostName(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.lastIndexOf(':');
  return colon === -1 ? host : host.slice(0, colon);
}

/** Rejects when `work` takes longer than a source may; the message names it. */
export async function withDeadline<T>(work: T | Promise<T>, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const message = `${name} did not answer within ${SOURCE_TIMEOUT_MS} ms.`;
    timer = setTimeout(() => reject(new Error(message)), SOURCE_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
