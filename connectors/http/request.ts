/**
 * Records as requests: which go together, what URL, headers and body they have. Pure; step 10 of the record's journey.
 */
import {
  type ConnectValue,
  JsonText,
  jsonValue,
  plainValue,
  type RecordTemplate,
  type SinkRecord,
  stringifyJson,
  wholeRecord,
} from '../api/index.ts';
import type { HttpRequest } from './client.ts';
import type { SinkSettings } from './config.ts';
import { badHttpRecord } from './errors.ts';

/** A request and the records it carries, in order, all of one partition. */
export interface Shipment {
  readonly records: readonly SinkRecord[];
  readonly request: HttpRequest;
}

/** What becomes of a record that cannot be sent. */
export interface Unfit {
  readonly record: SinkRecord;
  readonly error: Error;
}

/** The shipments of one partition's records, in order; records that fit none are told apart, tombstones may vanish. */
export function shipmentsOf(
  settings: SinkSettings,
  records: readonly SinkRecord[],
): { readonly shipments: readonly Shipment[]; readonly unfit: readonly Unfit[] } {
  const shipments: Shipment[] = [];
  const unfit: Unfit[] = [];
  let batch: { record: SinkRecord; body: Buffer }[] = [];
  let bytes = 0;
  const ship = (): void => {
    if (batch.length > 0) shipments.push(shipment(settings, batch));
    batch = [];
    bytes = 0;
  };
  for (const record of records) {
    try {
      if (record.value === null && settings.onTombstone === 'ignore') continue;
      if (record.value === null) {
        ship();
        shipments.push(deletion(settings, record));
        continue;
      }
      const body = bodyOf(settings, record);
      if (batch.length >= settings.batchRecords || (batch.length > 0 && bytes + body.length > settings.batchBytes))
        ship();
      if (settings.batchRecords === 1) shipments.push(shipment(settings, [{ record, body }]));
      else batch.push({ record, body });
      bytes += body.length;
    } catch (error) {
      unfit.push({ record, error: error as Error });
    }
  }
  ship();
  return { shipments, unfit };
}

function shipment(settings: SinkSettings, batch: readonly { record: SinkRecord; body: Buffer }[]): Shipment {
  const records = batch.map(({ record }) => record);
  const body =
    settings.batchRecords === 1
      ? batch[0]!.body
      : joined(
          settings,
          batch.map(({ body }) => body),
        );
  return { records, request: requestOf(settings, records, settings.method, body) };
}

function deletion(settings: SinkSettings, record: SinkRecord): Shipment {
  if (settings.onTombstone === 'fail') throw badHttpRecord(placeOf(record), 'it is a tombstone');
  return { records: [record], request: requestOf(settings, [record], 'DELETE', null) };
}

function requestOf(
  settings: SinkSettings,
  records: readonly SinkRecord[],
  method: string,
  body: Buffer | null,
): HttpRequest {
  const first = records[0]!;
  const headers: Record<string, string> = {};
  for (const { name, value } of settings.headers) headers[name] = headerText(value.render(first), name, first);
  if (body !== null) headers['content-type'] ??= settings.contentType ?? contentType(settings, first);
  const authorization = settings.authorization();
  if (authorization !== null) headers.authorization = authorization;
  if (settings.idempotencyHeader !== null) headers[settings.idempotencyHeader] = nameOf(records);
  return { url: urlOf(settings.url, first), method, headers, body };
}

/** Node refuses a header with a line end; said here, the record is named. */
function headerText(text: string, name: string, record: SinkRecord): string {
  if ([...text].some(isControl)) {
    throw badHttpRecord(placeOf(record), `its header "${name}" would hold a control character`);
  }
  return Buffer.from(text).toString('latin1');
}

function isControl(letter: string): boolean {
  return (letter < ' ' && letter !== '\t') || letter === '\u007f';
}

function nameOf(records: readonly SinkRecord[]): string {
  const { originalTopic, originalPartition, offset } = records[0]!;
  const last = records.at(-1)!.offset;
  return `${originalTopic}-${originalPartition}-${offset}${last === offset ? '' : `-${last}`}`;
}

/** The URL; what placeholders put in is one segment or value, so that a slash in a key leads nowhere else. */
function urlOf(template: RecordTemplate, record: SinkRecord): string {
  if (template.constant !== null) return template.constant;
  return template.render(record, encodeURIComponent);
}

function contentType(settings: SinkSettings, record: SinkRecord): string {
  if (settings.batchRecords > 1) return settings.batchFormat === 'array' ? 'application/json' : 'application/x-ndjson';
  if (settings.bodyIsRecord) return 'application/json';
  if (typeof record.value === 'string') return 'text/plain; charset=utf-8';
  return record.value instanceof Uint8Array ? 'application/octet-stream' : 'application/json';
}

/** One record as a body, or as a member of one. In a batch everything is JSON. */
function bodyOf(settings: SinkSettings, record: SinkRecord): Buffer {
  const { value } = record;
  const mustBeJson = settings.bodyIsRecord || settings.batchRecords > 1;
  if (!mustBeJson) {
    if (typeof value === 'string') return Buffer.from(value);
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (!settings.bodyIsRecord && value instanceof JsonText) {
    const { bytes } = value;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  const plain = plainOf(record);
  return Buffer.from(stringifyJson(jsonValue(settings.bodyIsRecord ? wholeRecord(record, plain) : plain)));
}

function plainOf(record: SinkRecord): ConnectValue {
  try {
    return plainValue(record.value);
  } catch {
    throw badHttpRecord(placeOf(record), 'its value is no JSON');
  }
}

const [open, comma, close, lineEnd] = ['[', ',', ']', '\n'].map((text) => Buffer.from(text)) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];

function joined({ batchFormat }: SinkSettings, bodies: readonly Buffer[]): Buffer {
  if (batchFormat === 'ndjson') return Buffer.concat(bodies.flatMap((body) => [body, lineEnd]));
  return Buffer.concat([open, ...bodies.flatMap((body, index) => (index === 0 ? [body] : [comma, body])), close]);
}

function placeOf({ originalTopic, originalPartition, offset }: SinkRecord): string {
  return `${originalTopic}-${originalPartition} offset ${offset}`;
}
