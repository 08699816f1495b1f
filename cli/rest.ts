/**
 * Requests to the worker's and the registry's REST APIs, with their refusals turned into the CLI's errors.
 *
 * Used by the `connector` and `schema` commands, which are clients over the network like any other program.
 */
import { STATUS_CODES } from 'node:http';
import type { Command } from 'commander';
import { CliError, isUnreachable } from './errors.ts';

const CONNECT_DEFAULT = 'http://127.0.0.1:8083';
const REGISTRY_DEFAULT = 'http://127.0.0.1:8081';

/** How long any one request may take. Kafka Connect itself gives up on a request after 90 s. */
const REQUEST_TIMEOUT_MS = 95_000;

/** Declares `--connect`: where the worker's REST API is. */
export function withConnect(command: Command): Command {
  return command.option(
    '--connect <url>',
    "the worker's REST address ($MILLRACE_CONNECT)",
    process.env.MILLRACE_CONNECT ?? CONNECT_DEFAULT,
  );
}

/** Declares `--registry`: where the registry's REST API is. */
export function withRegistry(command: Command): Command {
  return command.option(
    '--registry <url>',
    "the registry's address ($MILLRACE_REGISTRY)",
    process.env.MILLRACE_REGISTRY ?? REGISTRY_DEFAULT,
  );
}

/** One request: `body` is sent as JSON; the answer is its parsed JSON, or null where there is none. */
export async function request(base: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const url = new URL(path, base.endsWith('/') ? base : `${base}/`);
  const response = await send(url, method, body);
  const text = await response.text();
  const answer = parsed(text);
  if (response.ok) return answer;
  throw refusal(url, response.status, answer);
}

async function send(url: URL, method: string, body: unknown): Promise<Response> {
  try {
    return await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new CliError('TIMEOUT', `${url.origin} did not answer within ${REQUEST_TIMEOUT_MS / 1000} s.`, {
        cause: error,
      });
    }
    if (isUnreachable(error) || error instanceof TypeError) {
      throw new CliError('UNREACHABLE', `Nothing answers at ${url.origin}.`, {
        next: 'Start it with: millrace up — or name another address.',
        cause: (error as Error).cause ?? error,
      });
    }
    throw error;
  }
}

/** The body of an answer; where it is no JSON, a message that quotes its beginning. */
export function parsed(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 500) };
  }
}

/** The CLI's error for a refusal over HTTP. */
export function refusal(url: URL, status: number, answer: unknown): CliError {
  const said = (answer as { message?: unknown } | null)?.message;
  const message = typeof said === 'string' ? said : `${url.origin} answered ${status} ${STATUS_CODES[status] ?? ''}.`;
  if (status === 404) return new CliError('NOT_FOUND', message, { next: 'List what there is with the ls command.' });
  if (status === 409) return new CliError('CONFLICT', message);
  if (status === 401 || status === 403) return new CliError('REFUSED', message, { next: 'Check your credentials.' });
  if (status === 400 || status === 422) return new CliError('BAD_CONFIGURATION', message);
  return new CliError('FAILED', message);
}
