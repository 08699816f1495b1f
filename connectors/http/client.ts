/**
 * One HTTP request with a deadline over connections that are kept: what the sink sends with. Node's own client, because
 * its fetch takes no certificates.
 */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { SinkSettings } from './config.ts';
import { httpUnavailable, messageOf } from './errors.ts';

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface HttpAnswer {
  readonly status: number;
  /** Milliseconds to wait, where the answer says so (RFC 9110, 10.2.3). */
  readonly retryAfterMs: number | null;
  /** The beginning of the body, for messages. */
  readonly text: string;
}

export interface HttpClient {
  /** Throws RetriableError when no answer comes; any answer is one, whatever its status. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

/** How much of an answer is read for messages; the rest is thrown away. */
const TEXT_LENGTH_MAX = 500;

export async function openClient(settings: SinkSettings): Promise<HttpClient> {
  const isTls = settings.origin.startsWith('https');
  const tls = await readTlsFiles(settings);
  const pool = { keepAlive: true, maxSockets: settings.maxConnections };
  const agent = isTls ? new https.Agent({ ...pool, ...tls }) : new http.Agent(pool);
  const open = isTls ? https.request : http.request;
  return {
    send: (request, signal) => sendOn(open, agent, request, settings.timeoutMs, signal),
    close: () => agent.destroy(),
  };
}

/** What the files of `http.tls.*` hold, as Node's TLS wants it; nothing where none are named. */
export async function readTlsFiles({ tls }: SinkSettings) {
  const read = async (path: string | null) => (path === null ? undefined : await readFile(path));
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(read));
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

async function sendOn(
  open: typeof http.request,
  agent: http.Agent,
  { url, method, headers, body }: HttpRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const length = body === null ? {} : { 'content-length': String(body.length) };
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const request = open(url, { method, agent, headers: { ...headers, ...length }, signal: deadline });
    request.on('error', reject);
    request.on('response', resolve);
    request.end(body ?? undefined);
    return await answerOf(await promise);
  } catch (error) {
    const isLate = deadline.aborted && !signal.aborted;
    const problem = isLate ? `gave no answer within ${timeoutMs} ms` : `does not answer: ${messageOf(error)}`;
    throw httpUnavailable(url, problem, error);
  }
}

async function answerOf(response: http.IncomingMessage): Promise<HttpAnswer> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    if (text.length < TEXT_LENGTH_MAX) text += chunk;
  }
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: retryAfter(response.headers['retry-after']),
    text: text.slice(0, TEXT_LENGTH_MAX).trim(),
  };
}

function retryAfter(value: string | undefined): number | null {
  if (value === undefined) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
