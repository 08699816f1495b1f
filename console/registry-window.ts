/**
 * The schema page's window to the registry: its REST API under the console's own address, so that the page needs no other
 * origin. Questions only: GET, and POST where it changes nothing.
 *
 * Who logs in at the registry does so here too: the browser's credentials go through, and so does the question for them. The
 * body must call itself JSON, which a page of another site cannot send without asking first, and is never let.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, json, SECURITY_HEADERS } from './http.ts';

export const REGISTRY_PATH = '/api/registry/';
/** Schemas are checked under a budget of seconds, and one after the other. */
const REGISTRY_TIMEOUT_MS = 60_000;
/** Above the largest schema that a registry keeps by default, escaped as a JSON string. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const JSON_TYPE = 'application/json';
/** Compatibility checks, and schemas tried. */
const QUESTION = /^(?:compatibility\/.+|subjects\/[^/]+\/try)$/;

/** Whether a request is a POST that changes nothing. */
export function isRegistryQuestion({ method, url = '', headers }: IncomingMessage): boolean {
  const [path = ''] = url.split('?');
  if (method !== 'POST' || !path.startsWith(REGISTRY_PATH)) return false;
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  return type.trim() === JSON_TYPE && QUESTION.test(path.slice(REGISTRY_PATH.length));
}

/** What the registry answers; null where the answer was sent here, as it asks for a login. */
export async function askRegistry(
  request: IncomingMessage,
  response: ServerResponse,
  registry: string | undefined,
): Promise<Answer | null> {
  if (registry === undefined) return json(404, { message: 'There is no schema registry in this process.' });
  const url = new URL((request.url ?? '').slice(REGISTRY_PATH.length), `${registry}/`);
  // A path may lead out of the registry (//host/…); then it is nobody's.
  if (url.origin !== new URL(registry).origin) return json(404, { message: 'The registry has no such page.' });
  const body = request.method === 'POST' ? await bodyOf(request) : undefined;
  if (body === null) return json(413, { message: `A schema of more than ${MAX_BODY_BYTES} bytes is not sent on.` });
  try {
    const answer = await fetch(url, {
      method: request.method ?? 'GET',
      headers: headersOf(request, body !== undefined),
      redirect: 'error',
      signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS),
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    const challenge = answer.headers.get('www-authenticate');
    if (answer.status !== 401 || challenge === null) return { status: answer.status, type: JSON_TYPE, body: text };
    response.writeHead(401, { ...SECURITY_HEADERS, 'content-type': JSON_TYPE, 'www-authenticate': challenge });
    response.end(text);
    return null;
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    return json(502, { message: `The registry at ${registry} does not answer: ${why}. Its own log says more.` });
  }
}

function headersOf(request: IncomingMessage, hasBody: boolean): Record<string, string> {
  const { authorization } = request.headers;
  return {
    accept: JSON_TYPE,
    'user-agent': 'millrace-console',
    'confluent-accept-unknown-properties': 'true',
    ...(hasBody ? { 'content-type': JSON_TYPE } : {}),
    ...(authorization === undefined ? {} : { authorization }),
  };
}

/** Null when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
