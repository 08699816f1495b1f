/**
 * Request and response headers: what stands between the four length bytes of a frame and the message.
 *
 * Request header 1 (not flexible) or 2 (flexible); the client id keeps its old encoding in both. Response header 0 or 1,
 * except that ApiVersions always answers with 0, so that a client of any age can read it (KIP-511).
 */
import type { Reader } from './reader.ts';
import { Writer } from './writer.ts';

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

const apiVersionsKey = 18;

/** The part every header begins with; `isFlexible` is asked once key and version are known. */
export function decodeRequestHeader(
  reader: Reader,
  isFlexible: (apiKey: number, apiVersion: number) => boolean,
): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  const clientId = reader.nullableString(false);
  if (isFlexible(apiKey, apiVersion)) reader.skipTags();
  return { apiKey, apiVersion, correlationId, clientId };
}

/** Begins a request frame: length (filled in by `finishFrame`), header. For our own client and for tests. */
export function beginRequest(header: RequestHeader, isFlexible: boolean): Writer {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(header.apiKey);
  writer.int16(header.apiVersion);
  writer.int32(header.correlationId);
  writer.string(header.clientId, false);
  if (isFlexible) writer.uvarint(0);
  return writer;
}

/** Begins a response frame: length (filled in by `finishFrame`), header. */
export function beginResponse(apiKey: number, correlationId: number, isFlexible: boolean): Writer {
  const writer = new Writer();
  writer.int32(0);
  writer.int32(correlationId);
  if (isFlexible && apiKey !== apiVersionsKey) writer.uvarint(0);
  return writer;
}
