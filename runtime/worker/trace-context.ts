/**
 * W3C trace context on records: the headers `traceparent` and `tracestate`, carried as they are from source to sink, so
 * that whoever traces sees one path through the log. No spans are made or sent here.
 * (https://www.w3.org/TR/trace-context/)
 */
import { randomBytes } from 'node:crypto';
import type { RecordHeader } from '../log/client.ts';

const TRACEPARENT = 'traceparent';
/** version 00, trace id, parent id, flags. */
const form = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** These are text by their specification, whatever the header converter would make of them. */
export function isTraceHeader(key: string): boolean {
  return key === TRACEPARENT || key === 'tracestate';
}

/** The headers with a trace of their own begun, where they are part of none yet. */
export function withTrace(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  if (headers.some(({ key }) => key === TRACEPARENT)) return headers;
  const ids = randomBytes(24).toString('hex');
  const value = Buffer.from(`00-${ids.slice(0, 32)}-${ids.slice(32)}-01`, 'latin1');
  return [...headers, { key: TRACEPARENT, value }];
}

/** The id by which logs and traces find each other; absent where the record is part of no trace. */
export function traceFields(headers: readonly RecordHeader[]): { readonly traceId?: string } {
  const header = headers.find(({ key }) => key === TRACEPARENT);
  const [, traceId] = header?.value == null ? [] : (form.exec(Buffer.from(header.value).toString('latin1')) ?? []);
  return traceId === undefined ? {} : { traceId };
}
