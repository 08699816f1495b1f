/**
 * What can go wrong between us and an HTTP peer, one stable code each. The worker reads only the class.
 */
import { ConfigError, ConnectError, DataError, RetriableError } from '../api/index.ts';

/** The endpoint does not answer, or says "later". The same records are sent again. */
export function httpUnavailable(url: string, problem: string, cause?: unknown): RetriableError {
  return new RetriableError(
    `${url} ${problem}. The same records are sent again; look at the endpoint if this goes on.`,
    {
      code: 'HTTP_UNAVAILABLE',
      cause,
    },
  );
}

/** The endpoint refused one request for what is in it. */
export function httpRefused(url: string, status: number, body: string): DataError {
  const said = body === '' ? '' : `: ${body}`;
  return new DataError(`${url} refused the record with status ${status}${said}. Correct the record or its template.`, {
    code: 'HTTP_REFUSED',
  });
}

/** The endpoint refuses us, whatever we send: credentials, permissions. */
export function httpForbidden(url: string, status: number): ConnectError {
  return new ConnectError(
    `${url} answered ${status}. Check the credentials ("http.bearer.token", "http.username", "http.password"), then restart the task.`,
    { code: 'HTTP_FORBIDDEN' },
  );
}

/** A record that can become no request. */
export function badHttpRecord(place: string, problem: string): DataError {
  return new DataError(`The record at ${place} can become no request: ${problem}.`, { code: 'HTTP_BAD_RECORD' });
}

/** The webhook's port cannot be opened. */
export function portTaken(address: string, cause: unknown): ConnectError {
  return new ConnectError(
    `The webhook cannot listen on ${address}: ${messageOf(cause)}. Choose another "http.port", or end what holds it.`,
    { code: 'HTTP_PORT_TAKEN', cause },
  );
}

/** A key of the configuration that cannot work; names the key. */
export function badHttpConfig(key: string, value: unknown, message: string): ConfigError {
  return new ConfigError([{ key, value, message }], { code: 'HTTP_BAD_CONFIG' });
}

/** The sentence inside whatever was thrown, without its final stop. */
export function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return messageOf(cause.errors[0]);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  return text.replace(/\.$/, '');
}
