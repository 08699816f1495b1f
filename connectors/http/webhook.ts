/**
 * One request as a record: its body within bounds, whether its sender may, and what becomes key, value and headers.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type ConnectRecord, type Header, JsonText, type RecordValue, Schemas } from '../api/index.ts';
import { type HmacRule, keyIn, type SourceSettings } from './config.ts';

/** A request that is not taken: the status and the sentence of its answer. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The whole body. Throws a Refusal (413) as soon as it is too long, without reading the rest. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLong = new Refusal(413, `The body is longer than ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLong;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLong;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Whether the request carries what the settings ask for: signature, token, both or neither. */
export function isAllowed({ hmac, bearer }: SourceSettings, request: IncomingMessage, body: Buffer): boolean {
  if (bearer !== null && !isSame(request.headers.authorization ?? '', `Bearer ${bearer.reveal()}`)) return false;
  return hmac === null || isSigned(hmac, String(request.headers[hmac.header] ?? ''), body);
}

function isSigned({ secret, algorithm, encoding }: HmacRule, given: string, body: Buffer): boolean {
  const right = createHmac(algorithm, secret.reveal()).update(body).digest(encoding);
  const prefix = `${algorithm}=`;
  const bare = given.startsWith(prefix) ? given.slice(prefix.length) : given;
  return isSame(encoding === 'hex' ? bare.toLowerCase() : bare, right);
}

/** Takes as long for a wrong text as for a right one. */
function isSame(given: string, right: string): boolean {
  const [a, b] = [given, right].map((text) => createHmac('sha256', 'compare').update(text).digest()) as [
    Buffer,
    Buffer,
  ];
  return timingSafeEqual(a, b);
}

/** The record of a request, without its place. Throws a Refusal (400) for a body that is not what it should be. */
export function toRecord(
  settings: SourceSettings,
  request: IncomingMessage,
  query: URLSearchParams,
  body: Buffer,
): ConnectRecord {
  const { format } = settings;
  const value: RecordValue = format === 'json' ? jsonOf(body) : format === 'string' ? body.toString() : body;
  const key = keyOf(settings, request, query, value);
  return {
    topic: settings.topic,
    partition: null,
    keySchema: key === null ? null : Schemas.string,
    key,
    valueSchema: format === 'json' ? null : format === 'string' ? Schemas.string : Schemas.bytes,
    value,
    headers: headersOf(settings.headers, request),
    timestamp: Date.now(),
  };
}

function jsonOf(body: Buffer): JsonText {
  const text = new JsonText(body);
  try {
    text.parse();
  } catch (error) {
    throw new Refusal(400, `The body is no JSON: ${(error as Error).message}.`);
  }
  return text;
}

function keyOf(
  { key }: SourceSettings,
  request: IncomingMessage,
  query: URLSearchParams,
  value: RecordValue,
): string | null {
  switch (key.kind) {
    case 'none':
      return null;
    case 'header':
      return request.headers[key.name] === undefined ? null : String(request.headers[key.name]);
    case 'query':
      return query.get(key.name);
    case 'pointer': {
      const found = keyIn((value as JsonText).parse(), key.steps);
      if (found === null) throw new Refusal(400, `The body has no text or number at ${key.pointer}.`);
      return found;
    }
  }
}

function headersOf(names: readonly string[], request: IncomingMessage): Header[] {
  return names.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined ? [] : [{ key: name, value: String(value), schema: Schemas.string }];
  });
}
