/**
 * Walks over the records of a batch without taking anything out: whether they are what the header says (so many, in
 * offsets that follow each other, each as long as it says), and which timestamp is the largest. Broker and cleaner open
 * records with the cursor; this is for batches of strangers, before they get an offset.
 *
 *     varint length · int8 attributes · varlong timestamp delta · varint offset delta · varint key length, key ·
 *     varint value length, value · varint headers · each: varint key length, key, varint value length, value
 */
import { ProtocolError } from './errors.ts';

/** A 64-bit varint has ten bytes at most, a 32-bit one five. */
const varlongBytesMax = 10;
const varintBytesMax = 5;

/** The timestamps between which a batch's records lie. */
export interface TimestampSpan {
  /** Infinity where no record has a time; a record without one does not count. */
  readonly smallestTimestamp: number;
  /** -1 where no record has a time. */
  readonly largestTimestamp: number;
}

const noTimestamp = -1;
/** Where the scan is; module state instead of an object per batch, because nothing here waits. */
const nothing = Buffer.alloc(0);
let bytes: Buffer = nothing;
let at = 0;

/** Of `count` records that fill `records` from `from` to its end. Throws {@link ProtocolError}. */
export function scanRecords(records: Buffer, from: number, count: number, baseTimestamp: number): TimestampSpan {
  bytes = records;
  at = from;
  let smallestTimestamp = Number.POSITIVE_INFINITY;
  let largestTimestamp = noTimestamp;
  for (let index = 0; index < count; index++) {
    const length = varint();
    const end = at + length;
    if (length < 0 || end > records.length) throw new ProtocolError(`record ${index} is not whole`);
    at++;
    const timestamp = baseTimestamp + varint(varlongBytesMax);
    if (timestamp > largestTimestamp) largestTimestamp = timestamp;
    if (timestamp < smallestTimestamp && timestamp !== noTimestamp) smallestTimestamp = timestamp;
    const offsetDelta = varint();
    if (offsetDelta !== index) throw new ProtocolError(`record ${index} has offset delta ${offsetDelta}`);
    skipField();
    skipField();
    skipHeaders(end);
    if (at !== end) throw new ProtocolError(`record ${index} is not as long as it says`);
  }
  if (at !== records.length) throw new ProtocolError(`${records.length - at} bytes follow the ${count} records`);
  bytes = nothing;
  return { smallestTimestamp, largestTimestamp };
}

function skipField(): void {
  const length = varint();
  if (length < -1) throw new ProtocolError(`a field has ${length} bytes`);
  if (length > 0) at += length;
}

function skipHeaders(end: number): void {
  let left = varint();
  if (left < 0) throw new ProtocolError(`a record has ${left} headers`);
  for (; left > 0 && at < end; left--) {
    const keyBytes = varint();
    if (keyBytes < 0) throw new ProtocolError('a header has no key');
    at += keyBytes;
    skipField();
  }
  if (left > 0) throw new ProtocolError('a record ends before its headers do');
}

/** Zigzag; past the end of the bytes it is NaN, which no comparison lets through. */
function varint(bytesMax = varintBytesMax): number {
  let byte = bytes[at++]!;
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
  let raw = byte & 0x7f;
  byte = bytes[at++]!;
  raw |= (byte & 0x7f) << 7;
  if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
  byte = bytes[at++]!;
  raw |= (byte & 0x7f) << 14;
  return byte < 0x80 ? (raw >>> 1) ^ -(raw & 1) : longVarint(raw, bytesMax);
}

/** The rest of one with more than three bytes, in arithmetic that goes beyond 32 bits. */
function longVarint(low: number, bytesMax: number): number {
  let raw = low;
  let scale = 2 ** 21;
  for (let taken = 3; taken < bytesMax; taken++) {
    const byte = bytes[at++];
    if (byte === undefined) break;
    raw += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }
  throw new ProtocolError('a number of a record does not end');
}
