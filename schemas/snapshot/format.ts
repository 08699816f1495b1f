/**
 * The snapshot file: what the registry's log says up to an offset, laid out so that starting from it decodes nothing but names.
 *
 *     0   magic "MRSCHEMA"        8 bytes
 *     8   format version          uint32
 *     12  CRC-32 of all behind    uint32
 *     16  where the columns begin float64
 *     24  rows                    float64
 *     32  texts                   one per row: JSON of what a version says beside its numbers
 *         columns                 per row: id, version, timestamp, end of text (float64), order (int32), GUID (16 bytes), flags
 *         facts                   JSON: of which log, up to which offset, subjects with their rows, configs, modes, keys
 *
 * Pure: bytes in, bytes out. Numbers are in the machine's order; a file from one of the other order has another format version.
 */
import { crc32 } from 'node:zlib';
import type { Mode, SchemaVersion, SubjectConfig } from '../model.ts';

/** Changes whenever an older file would be read otherwise than it was meant. */
export const FORMAT = 1;
const MAGIC = 'MRSCHEMA';
const HEADER_BYTES = 32;
const COLUMNS_AT = 16;
const DELETED = 1;
const REFERS = 2;
const GUID_BYTES = 16;
/** Bytes of a row in all columns together. */
const ROW_BYTES = 4 * 8 + 4 + GUID_BYTES + 1;

/** Everything beside the versions; small. */
export interface SnapshotFacts {
  /** Which log it was: cluster and topic. */
  readonly log: string;
  /** Every record before it is in the snapshot, none from it on. */
  readonly offset: number;
  /** What the record before the offset looks like: timestamp, bytes of key and value. */
  readonly last: readonly [timestamp: number, keyBytes: number, valueBytes: number];
  readonly unreadable: number;
  /** The largest id each context ever had. */
  readonly contexts: readonly (readonly [name: string, maxId: number])[];
  readonly configs: readonly (readonly [subject: string | null, config: SubjectConfig])[];
  readonly modes: readonly (readonly [subject: string | null, mode: Mode])[];
  /** How keys are spelled, by meaning, as latin-1: those of versions only where it is not the usual way. */
  readonly keys: readonly (readonly [meaning: string, ...spelled: string[]])[];
  /** In the order of the rows. */
  readonly subjects: readonly (readonly [name: string, rows: number])[];
}

/** One version on its way into a file. */
export interface SnapshotRow {
  readonly id: number;
  readonly version: number;
  readonly timestamp: number;
  readonly guid: string;
  readonly deleted: boolean;
  readonly hasReferences: boolean;
  /** In which order versions were written, where one id has several. */
  readonly order: number;
  /** The version itself, or its text in an earlier file. */
  readonly text: SchemaVersion | Buffer;
}

export interface SnapshotContent {
  readonly facts: SnapshotFacts;
  readonly rows: readonly SnapshotRow[];
}

/** The columns of a file; typed, so that nothing is made per row. */
export interface Columns {
  readonly ids: Float64Array;
  readonly versions: Float64Array;
  readonly timestamps: Float64Array;
  readonly textEnds: Float64Array;
  readonly orders: Int32Array;
  readonly guids: Buffer;
  readonly flags: Uint8Array;
}

export interface Snapshot {
  readonly facts: SnapshotFacts;
  readonly columns: Columns;
  /** All texts one after the other. */
  readonly texts: Buffer;
}

/** What a version says beside its numbers, as its text in the file holds it. */
export type RowText = Pick<SchemaVersion, 'schemaType' | 'schema' | 'references' | 'metadata' | 'ruleSet'>;

export function isDeleted(flags: number): boolean {
  return (flags & DELETED) !== 0;
}

export function hasReferences(flags: number): boolean {
  return (flags & REFERS) !== 0;
}

/**
 * The file from behind its header on, piece by piece with `rowsPerPiece` rows each; what the generator returns at its end
 * is the header, which makes the file whole.
 */
export function* encodeSnapshot({ facts, rows }: SnapshotContent, rowsPerPiece: number): Generator<Buffer, Buffer> {
  const block = new ArrayBuffer(rows.length * ROW_BYTES);
  const columns = columnsOf(block, rows.length);
  let [at, crc] = [0, 0];
  for (let from = 0; from < rows.length; from += rowsPerPiece) {
    const texts: Buffer[] = [];
    for (let row = from; row < Math.min(rows.length, from + rowsPerPiece); row++) {
      const text = textOf(rows[row]!.text);
      at += text.length;
      texts.push(text);
      fill(columns, row, rows[row]!, at);
    }
    const piece = Buffer.concat(texts);
    crc = crc32(piece, crc);
    yield piece;
  }
  for (const piece of [Buffer.from(block), Buffer.from(JSON.stringify(facts))]) {
    crc = crc32(piece, crc);
    yield piece;
  }
  return headerOf(HEADER_BYTES + at, rows.length, crc);
}

/** Where the first piece of {@link encodeSnapshot} goes. */
export const BODY_AT = HEADER_BYTES;

/** The snapshot, or why these bytes are none. */
export function decodeSnapshot(bytes: Buffer): Snapshot | string {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return 'it is no snapshot of a registry';
  const [format, crc] = new Uint32Array(aligned(bytes, 8, 16));
  if (format !== FORMAT) return `its format is version ${format}, not ${FORMAT}`;
  if (crc32(bytes.subarray(COLUMNS_AT, HEADER_BYTES), crc32(bytes.subarray(HEADER_BYTES))) !== crc) {
    return 'its checksum does not fit: it was not written to its end, or changed since';
  }
  const [columnsAt = 0, rows = 0] = new Float64Array(aligned(bytes, COLUMNS_AT, HEADER_BYTES));
  const factsAt = columnsAt + rows * ROW_BYTES;
  return {
    facts: JSON.parse(bytes.toString('utf8', factsAt)) as SnapshotFacts,
    columns: columnsOf(aligned(bytes, columnsAt, factsAt), rows),
    texts: bytes.subarray(HEADER_BYTES, columnsAt),
  };
}

/** The GUID of a row as it is written. */
export function guidAt({ guids }: Columns, row: number): string {
  const hex = guids.toString('hex', row * GUID_BYTES, (row + 1) * GUID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The text of a row. */
export function textAt({ columns, texts }: Snapshot, row: number): Buffer {
  return texts.subarray(row === 0 ? 0 : columns.textEnds[row - 1], columns.textEnds[row]);
}

/** A hash of a row's GUID: its first four bytes. */
export function guidHash({ guids }: Columns, row: number): number {
  return guids.readInt32BE(row * GUID_BYTES);
}

function headerOf(columnsAt: number, rows: number, crcOfBody: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, 'latin1');
  const places = Buffer.from(new Float64Array([columnsAt, rows]).buffer);
  header.set(places, COLUMNS_AT);
  header.set(Buffer.from(new Uint32Array([FORMAT, crc32(places, crcOfBody)]).buffer), MAGIC.length);
  return header;
}

function columnsOf(block: ArrayBuffer, rows: number): Columns {
  const doubles = (index: number): Float64Array => new Float64Array(block, index * rows * 8, rows);
  const ordersAt = 4 * rows * 8;
  const guidsAt = ordersAt + rows * 4;
  return {
    ids: doubles(0),
    versions: doubles(1),
    timestamps: doubles(2),
    textEnds: doubles(3),
    orders: new Int32Array(block, ordersAt, rows),
    guids: Buffer.from(block, guidsAt, rows * GUID_BYTES),
    flags: new Uint8Array(block, guidsAt + rows * GUID_BYTES, rows),
  };
}

function fill(columns: Columns, row: number, version: SnapshotRow, textEnd: number): void {
  columns.ids[row] = version.id;
  columns.versions[row] = version.version;
  columns.timestamps[row] = version.timestamp;
  columns.textEnds[row] = textEnd;
  columns.orders[row] = version.order;
  columns.guids.write(version.guid.replaceAll('-', ''), row * GUID_BYTES, 'hex');
  columns.flags[row] = (version.deleted ? DELETED : 0) | (version.hasReferences ? REFERS : 0);
}

function textOf(text: SchemaVersion | Buffer): Buffer {
  if (Buffer.isBuffer(text)) return text;
  const { schemaType, schema, references, metadata, ruleSet } = text;
  return Buffer.from(JSON.stringify({ schemaType, schema, references, metadata, ruleSet } satisfies RowText));
}

/** A copy in memory of its own, where typed arrays may begin. */
function aligned(bytes: Buffer, from: number, end: number): ArrayBuffer {
  return new Uint8Array(bytes.subarray(from, end)).buffer;
}
