/**
 * Reads the messages of the pgoutput plugin in place, protocol version 1: no I/O, no state, no object per row.
 *
 * PostgreSQL manual, "Logical Replication Message Formats". A reader is handed each message in turn; tuples are views
 * that the next message overwrites. Versions 2 to 4 add message types and an xid in front of streamed ones: they get
 * cases of their own here and nothing else changes.
 */

/** How a column stands in a tuple, as pgoutput writes it. */
export const TupleKind = {
  null: 0x6e, // n
  unchanged: 0x75, // u: a TOAST value that the statement did not touch
  text: 0x74, // t
} as const;

/** The limit of columns in a table. */
const COLUMNS_MAX = 1664;

/** A row as a view: column `i` is `buffer[starts[i], ends[i])` where `kinds[i]` is text. */
export class Tuple {
  buffer: Buffer = Buffer.alloc(0);
  count = 0;
  /** Columns whose value was not sent. */
  unchanged = 0;
  /** Of all values together, and a little more. */
  bytes = 0;
  readonly kinds = new Uint8Array(COLUMNS_MAX);
  readonly starts = new Uint32Array(COLUMNS_MAX);
  readonly ends = new Uint32Array(COLUMNS_MAX);

  /**
   * Reads TupleData and answers the position behind it.
   * ```
   * columns i16 | per column: kind u8, and where kind is t: length i32, bytes
   * ```
   */
  read(buffer: Buffer, position: number): number {
    this.buffer = buffer;
    const count = (buffer[position]! << 8) | buffer[position + 1]!;
    this.count = count;
    const begin = position;
    let unchanged = 0;
    position += 2;
    for (let index = 0; index < count; index++) {
      const kind = buffer[position++]!;
      this.kinds[index] = kind;
      if (kind !== TupleKind.text) {
        if (kind === TupleKind.unchanged) unchanged++;
        else if (kind !== TupleKind.null) throw unknown('column kind', kind);
        continue;
      }
      const length =
        (buffer[position]! << 24) |
        (buffer[position + 1]! << 16) |
        (buffer[position + 2]! << 8) |
        buffer[position + 3]!;
      position += 4;
      this.starts[index] = position;
      position += length;
      this.ends[index] = position;
    }
    this.unchanged = unchanged;
    this.bytes = position - begin;
    return position;
  }
}

export interface RelationMessage {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** d default, n nothing, f full, i index. */
  readonly replicaIdentity: string;
  readonly columns: readonly RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  readonly isKey: boolean;
  readonly typeOid: number;
  readonly modifier: number;
}

/** What an old tuple holds: nothing was sent, the key's columns, or the whole row. */
export type OldTuple = 'none' | 'key' | 'full';

/** Is told each message; positions and times are 64-bit integers that fit a number for the next centuries. */
export interface MessageReader {
  begin(commitLsn: number, commitMicros: number, xid: number): void;
  /** The transaction at hand was replicated from elsewhere, where it was committed at `lsn`. */
  origin(lsn: number, name: string): void;
  commit(commitLsn: number, endLsn: number): void;
  relation(relation: RelationMessage): void;
  insert(relation: number, row: Tuple): void;
  update(relation: number, old: OldTuple, before: Tuple, after: Tuple): void;
  delete(relation: number, old: OldTuple, before: Tuple): void;
  truncate(relations: readonly number[]): void;
  /** A logical decoding message; `content` is a view that the next message overwrites. */
  message(isTransactional: boolean, lsn: number, prefix: string, content: Buffer): void;
}

const Message = {
  abort: 0x41, // A
  begin: 0x42, // B
  commit: 0x43, // C
  delete: 0x44, // D
  insert: 0x49, // I
  logical: 0x4d, // M
  origin: 0x4f, // O
  relation: 0x52, // R
  truncate: 0x54, // T
  type: 0x59, // Y
  update: 0x55, // U
} as const;

const OLD_FULL = 0x4f; // O
const OLD_KEY = 0x4b; // K
const NEW = 0x4e; // N

const before = new Tuple();
const after = new Tuple();

/** Reads the message that begins at `position`. Throws on what protocol version 1 does not have. */
export function readMessage(buffer: Buffer, position: number, reader: MessageReader): void {
  const type = buffer[position++]!;
  switch (type) {
    case Message.insert:
      after.read(buffer, position + 5); // Oid, N.
      reader.insert(buffer.readUInt32BE(position), after);
      break;
    case Message.update:
      readUpdate(buffer, position, reader);
      break;
    case Message.delete:
      before.read(buffer, position + 5);
      reader.delete(buffer.readUInt32BE(position), oldTuple(buffer[position + 4]!), before);
      break;
    case Message.begin:
      readBegin(buffer, position, reader);
      break;
    case Message.commit: // Flags first.
      reader.commit(readLsn(buffer, position + 1), readLsn(buffer, position + 9));
      break;
    case Message.relation:
      reader.relation(readRelation(buffer, position));
      break;
    case Message.truncate:
      reader.truncate(readTruncate(buffer, position));
      break;
    case Message.logical:
      readLogical(buffer, position, reader);
      break;
    case Message.origin:
      reader.origin(readLsn(buffer, position), buffer.toString('utf8', position + 8, buffer.indexOf(0, position + 8)));
      break;
    case Message.type:
      break;
    case Message.abort:
      // Not of this version, and Postgres 18 sends it all the same: of a savepoint whose large transaction it found rolled
      // back. Nothing of that transaction was sent, and nothing will be.
      break;
    default:
      throw unknown('message', type);
  }
}

function readBegin(buffer: Buffer, position: number, reader: MessageReader): void {
  const commitMicros = readPostgresMicros(buffer, position + 8);
  reader.begin(readLsn(buffer, position), commitMicros, buffer.readUInt32BE(position + 16));
}

/** Flags, position, prefix, length, content. */
function readLogical(buffer: Buffer, position: number, reader: MessageReader): void {
  const prefixEnd = buffer.indexOf(0, position + 9);
  const contentStart = prefixEnd + 5;
  const content = buffer.subarray(contentStart, contentStart + buffer.readInt32BE(prefixEnd + 1));
  const prefix = buffer.toString('utf8', position + 9, prefixEnd);
  reader.message((buffer[position]! & 1) === 1, readLsn(buffer, position + 1), prefix, content);
}

/** Count, flags, oids. */
function readTruncate(buffer: Buffer, position: number): number[] {
  const count = buffer.readUInt32BE(position);
  return Array.from({ length: count }, (_, index) => buffer.readUInt32BE(position + 5 + index * 4));
}

function readUpdate(buffer: Buffer, position: number, reader: MessageReader): void {
  const relation = buffer.readUInt32BE(position);
  position += 4;
  let old: OldTuple = 'none';
  if (buffer[position] !== NEW) {
    old = oldTuple(buffer[position]!);
    position = before.read(buffer, position + 1);
  }
  after.read(buffer, position + 1);
  reader.update(relation, old, before, after);
}

function oldTuple(mark: number): OldTuple {
  if (mark === OLD_FULL) return 'full';
  if (mark === OLD_KEY) return 'key';
  throw unknown('old tuple', mark);
}

function readRelation(buffer: Buffer, position: number): RelationMessage {
  const text = () => {
    const end = buffer.indexOf(0, position);
    const value = buffer.toString('utf8', position, end);
    position = end + 1;
    return value;
  };
  const oid = buffer.readUInt32BE(position);
  position += 4;
  const schema = text() || 'pg_catalog'; // The empty name is the protocol's short form of it.
  const name = text();
  const replicaIdentity = String.fromCharCode(buffer[position]!);
  const count = buffer.readInt16BE(position + 1);
  position += 3;
  const columns: RelationColumn[] = [];
  for (let index = 0; index < count; index++) {
    const isKey = (buffer[position++]! & 1) === 1;
    const column = text();
    const typeOid = buffer.readUInt32BE(position);
    columns.push({ name: column, isKey, typeOid, modifier: buffer.readInt32BE(position + 4) });
    position += 8;
  }
  return { oid, schema, name, replicaIdentity, columns };
}

/** A position in the WAL as a number: exact up to 8 PiB of WAL. */
export function readLsn(buffer: Buffer, position: number): number {
  return buffer.readUInt32BE(position) * 0x1_0000_0000 + buffer.readUInt32BE(position + 4);
}

/** `16/B374D848` as a number. */
export function parseLsn(text: string): number {
  const [high, low] = text.split('/');
  return Number.parseInt(high!, 16) * 0x1_0000_0000 + Number.parseInt(low!, 16);
}

/** A number as `16/B374D848`. */
export function formatLsn(lsn: number): string {
  const high = Math.floor(lsn / 0x1_0000_0000);
  return `${high.toString(16)}/${(lsn % 0x1_0000_0000).toString(16)}`.toUpperCase();
}

/** From 1970-01-01 to 2000-01-01, where Postgres begins to count. */
export const POSTGRES_EPOCH_MICROS = 946_684_800_000_000;

/** A server's time as microseconds since 1970. */
function readPostgresMicros(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * 0x1_0000_0000 + buffer.readUInt32BE(position + 4) + POSTGRES_EPOCH_MICROS;
}

function unknown(what: string, code: number): Error {
  return new Error(
    `pgoutput sent ${what} "${String.fromCharCode(code)}", which protocol version 1 does not have; the stream cannot be read on safely.`,
  );
}
