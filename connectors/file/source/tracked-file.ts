/**
 * One file that is being read: knows its place, reads the next chunk of whole lines, and notices when the file under it
 * was truncated, rewritten or renamed.
 *
 * Every read begins 64 bytes before the place, so that each chunk brings its own proof that the place is still the
 * same one. Holds no records; what is cut but not durable is the worker's.
 */
import { open, stat } from 'node:fs/promises';
import { ConnectError, type SourcePartition } from '../../api/index.ts';
import { fileUnreadable, isMissing, messageOf } from '../errors.ts';
import { Chunk } from '../formats/chunk.ts';
import {
  behindFirstLine,
  behindLastLine,
  declaredEncoding,
  markBytes,
  type TextEncoding,
  unitBytes,
} from '../formats/encoding.ts';
import { type Content, contentOf } from './content.ts';
import {
  type Head,
  hashOf,
  headBytes,
  headMatches,
  identityKey,
  readHead,
  type Tail,
  tailBytes,
  tailMatches,
} from './identity.ts';
import { type FileState, partitionOf } from './offset.ts';

/** Read at once: large enough that a read costs little, small enough to stay in the cache. */
const chunkBytes = 1024 * 1024;
/** The byte order mark, decoded to UTF-8. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Where a file is to be read from. */
export interface Place {
  readonly position: number;
  readonly record: number;
  readonly generation: number;
  readonly head: Head;
  /** Null when nothing vouches for the position (it came from Kafka's FileStreamSource). */
  readonly tail: Tail | null;
}

export const startOfFile: Place = { position: 0, record: 0, generation: 0, head: { length: 0, hash: '' }, tail: null };

/** What a look for more input found. */
export type Look =
  | { readonly found: 'chunk'; readonly chunk: Chunk }
  /** Nothing, or no whole line, beyond the place. */
  | { readonly found: 'end' }
  /** Look again: there is more, but not in one piece yet. */
  | { readonly found: 'more' }
  /** Not a text we can read; `problem` says why and what to do. */
  | { readonly found: 'unreadable'; readonly problem: string }
  /** A line longer than the bound; the place is behind it now. */
  | { readonly found: 'giant'; readonly from: number; readonly to: number }
  /** The file was written anew; the place is its start now, and `before` is where we were. */
  | { readonly found: 'new generation'; readonly before: Place; readonly path: string };

export interface ReadOptions {
  readonly encoding: TextEncoding;
  /** Whether cutters need UTF-8, because JSON goes on as the text it is. */
  readonly needsUtf8: boolean;
  /** False for formats whose records need not end where lines do. */
  readonly hasLines: boolean;
  /** Files are complete: the last line needs no line end. */
  readonly isOnce: boolean;
  /** Whether archives are read unpacked. */
  readonly unpacks: boolean;
  readonly maxRecordBytes: number;
  /** False when values are text, so that one buffer can serve all reads. */
  readonly keepsBuffers: boolean;
}

export class TrackedFile {
  readonly key: string;
  readonly partition: SourcePartition;
  path: string;
  /** False from the moment a look found nothing until somebody has a reason to look again. */
  mayHaveMore = true;
  /** When the path was last seen to belong to another file or to none; null while it is ours. */
  goneSince: number | null = null;
  /** When the last look found nothing to read; null while there is more. */
  endSince: number | null = null;
  /** Set when the file can not be cut (no header we understand): it is left alone. */
  isRefused = false;
  record: number;
  #position: number;
  #generation: number;
  #head: Head;
  #tail: Tail | null;
  #state: FileState | null = null;
  #content: Content | null = null;
  /** What the first bytes declare, else what the configuration says; null until there are enough of them. */
  #encoding: TextEncoding | null = null;
  /** Size and time on disk when the last look found nothing more; null while there may be. */
  endsAt: { readonly size: number; readonly mtimeMs: number } | null = null;
  /** Position behind the last record that was handed out in this life; null for none. */
  lastRecordEnd: number | null = null;
  /** Whether head and tail still have to be proved against the file. */
  #isProved = false;
  /** Position up to which a giant line has been looked through, or null. */
  #giantTo: number | null = null;
  /** The last chunk ended inside a record that is longer than a chunk. */
  #wanted = chunkBytes;
  readonly #options: ReadOptions;

  constructor(key: string, path: string, place: Place, options: ReadOptions) {
    this.key = key;
    this.partition = partitionOf(key);
    this.path = path;
    this.#position = place.position;
    this.record = place.record;
    this.#generation = place.generation;
    this.#head = place.head;
    this.#tail = place.tail;
    this.#options = options;
  }

  get position(): number {
    return this.#position;
  }
  get isOpen(): boolean {
    return this.#content !== null;
  }
  get generation(): number {
    return this.#generation;
  }
  get place(): Place {
    const { record } = this;
    return { position: this.#position, record, generation: this.#generation, head: this.#head, tail: this.#tail };
  }

  /** The shared part of the offsets of all records cut from here on. */
  state(header: string | null): FileState {
    const known = this.#state;
    if (known !== null && known.head === this.#head && known.header === header && known.path === this.path)
      return known;
    this.#state = { path: this.path, generation: this.#generation, head: this.#head, header };
    return this.#state;
  }

  /** The place behind what was cut from the chunk becomes ours; `tail` is filled in for the offsets that share it. */
  advance(chunk: Chunk, tail: Tail): void {
    this.#position = chunk.position;
    tail.at = chunk.position;
    tail.hash = hashOf(chunk.before(tailBytes));
    this.#tail = tail;
    this.#wanted = chunkBytes;
  }

  /** Leaves out what stands before `position` (a header). */
  startAt(position: number): void {
    if (this.#position >= position) return;
    this.#position = position;
    this.#tail = null;
  }

  /** For files of rows: the head as it is now; a file that is another one begins again. */
  rowsBegin(head: Head, isSame: boolean): void {
    if (!isSame) this.#renew();
    this.#head = head;
  }

  /** For files of rows, whose position is a row: so many are taken. */
  advanceRows(count: number, tail: Tail): void {
    this.#position += count;
    this.#tail = tail;
  }

  /** Nothing more is to be read from the file as it is. */
  async reachEnd(): Promise<void> {
    await this.#atEnd();
  }

  /** The chunk holds no whole record: the next one must be larger. */
  widen(): void {
    this.#wanted = Math.min(this.#wanted * 4, this.#options.maxRecordBytes + chunkBytes);
  }

  /** Reads on from the place. Throws ConnectError when the file cannot be read. */
  async look(buffer: ReusableBuffer): Promise<Look> {
    const content = await this.#open();
    if (content === null) return this.#atEnd();
    try {
      const size = await content.size();
      if (!(await this.#isSameFile(content, size))) return this.#renew();
      if (size <= this.#position) return this.#atEnd();
      return await this.#read(content, size, buffer);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      // What the file system says has a system call; the rest is what the unpacking says.
      if (content.isArchive && (error as NodeJS.ErrnoException).syscall === undefined)
        return { found: 'unreadable', problem: `are where the archive is damaged: ${messageOf(error)}` };
      throw fileUnreadable(this.path, error);
    }
  }

  /** The first bytes, for a header; with the byte order mark behind the cursor. */
  async head(bytes: number): Promise<Chunk | null> {
    const content = await this.#open();
    if (content === null) return null;
    const buffer = Buffer.allocUnsafeSlow(Math.min(bytes, this.#options.maxRecordBytes));
    const filled = buffer.subarray(0, await content.read(buffer, 0));
    const encoding = await this.#encodingOf(content);
    const whole = filled.subarray(0, filled.length - (filled.length % unitBytes(encoding)));
    const isLast = this.#options.isOnce && filled.length < buffer.length;
    const { needsUtf8 } = this.#options;
    const chunk = new Chunk({ buffer: whole, lead: 0, base: 0, encoding, needsUtf8, isLast });
    chunk.cursor = markLength(chunk.bytes);
    return chunk;
  }

  /** Frees the handle; the next look opens the file again and proves that it is the same. */
  async close(): Promise<void> {
    const content = this.#content;
    this.#content = null;
    this.#isProved = false;
    await content?.close();
  }

  async #open(): Promise<Content | null> {
    if (this.#content !== null) return this.#content;
    try {
      const handle = await open(this.path, 'r');
      const stat = await handle.stat({ bigint: true });
      if (identityKey(stat) !== this.key) {
        await handle.close();
        return null;
      }
      this.#content = await contentOf(handle, this.#options.unpacks);
      return this.#content;
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileUnreadable(this.path, error);
    }
  }

  async #atEnd(): Promise<Look> {
    this.endSince ??= Date.now();
    this.mayHaveMore = false;
    const found = await stat(this.path).catch(() => null);
    this.endsAt = found === null ? null : { size: found.size, mtimeMs: Math.floor(found.mtimeMs) };
    // An archive is not read on; only another one in its place is.
    if (this.#content?.isArchive === true) await this.close();
    return { found: 'end' };
  }

  async #encodingOf(content: Content): Promise<TextEncoding> {
    if (this.#encoding !== null) return this.#encoding;
    const head = Buffer.alloc(markBytes);
    const length = await content.read(head, 0);
    const encoding = declaredEncoding(head.subarray(0, length)) ?? this.#options.encoding;
    if (length === markBytes) this.#encoding = encoding;
    return encoding;
  }

  /** Cheap while a file is read on; looks at head and tail after a pause, when somebody may have rewritten it. */
  async #isSameFile(content: Content, size: number): Promise<boolean> {
    if (size < this.#position || size < this.#head.length) return false;
    // After a pause also where it is as long as it was: it was touched, or nobody would look, and may hold another content.
    if (!this.#isProved || this.endSince !== null) {
      if (!(await headMatches(content, this.#head))) return false;
      if (this.#tail !== null && !(await tailMatches(content, this.#tail))) return false;
      this.#isProved = true;
    }
    if (this.#head.length < headBytes && size > this.#head.length) {
      // Never the head of another content: by it a copy of what was here is found.
      const { head, isGrown } = await readHead(content, this.#head);
      if (!isGrown) return false;
      this.#head = head;
    }
    return true;
  }

  #renew(): Look {
    const before = this.place;
    this.#position = 0;
    this.record = 0;
    this.#generation++;
    this.#head = startOfFile.head;
    this.#tail = null;
    this.#giantTo = null;
    this.#isProved = false;
    this.#encoding = null;
    this.lastRecordEnd = null;
    this.endSince = null;
    return { found: 'new generation', before, path: this.path };
  }

  async #read(content: Content, size: number, buffer: ReusableBuffer): Promise<Look> {
    const from = this.#giantTo ?? this.#position;
    const lead = this.#giantTo === null ? Math.min(tailBytes, from) : 0;
    const length = lead + Math.min(this.#wanted, size - from);
    const bytes = this.#options.keepsBuffers ? Buffer.allocUnsafeSlow(length) : buffer.take(length);
    const filled = await content.read(bytes, from - lead);
    if (filled <= lead) return this.#atEnd();
    if (!this.#isTailRight(bytes, lead)) return this.#renew();
    this.endSince = null;
    this.endsAt = null;
    const encoding = await this.#encodingOf(content);
    const reachesEnd = from + filled - lead >= (content.isArchive ? await content.size() : size);
    return this.#cutAtLine({ buffer: bytes.subarray(0, filled), lead, base: from, encoding, reachesEnd });
  }

  #isTailRight(bytes: Buffer, lead: number): boolean {
    // Kafka's FileStreamSource keeps no tail; its position is believed if the file is long enough.
    if (this.#tail === null || this.#tail.at !== this.#position || lead === 0) return true;
    return hashOf(bytes.subarray(0, lead)) === this.#tail.hash;
  }

  #cutAtLine(piece: Piece): Look | Promise<Look> {
    if (this.#giantTo !== null) return this.#skipGiant(piece);
    const { buffer, lead, encoding, reachesEnd } = piece;
    const length = buffer.length - lead;
    const isWhole = reachesEnd && this.#options.isOnce;
    const end = this.#options.hasLines ? behindLastLine(buffer, lead, encoding) : -1;
    if (end > lead) return this.#chunk(piece, end, isWhole && end === buffer.length);
    if (!this.#options.hasLines || isWhole) {
      const unit = unitBytes(encoding);
      return this.#chunk(piece, isWhole ? buffer.length : buffer.length - (length % unit), isWhole);
    }
    if (length > this.#options.maxRecordBytes) this.#giantTo = piece.base + length - (length % unitBytes(encoding));
    else if (reachesEnd) return this.#atEnd();
    else this.widen();
    return { found: 'more' };
  }

  #chunk({ buffer, lead, base, encoding, reachesEnd }: Piece, end: number, isLast: boolean): Look {
    const { needsUtf8 } = this.#options;
    const chunk = new Chunk({ buffer: buffer.subarray(0, end), lead, base, encoding, needsUtf8, reachesEnd, isLast });
    if (base === 0) chunk.cursor = markLength(chunk.bytes);
    return { found: 'chunk', chunk };
  }

  /** Looks for the end of a line that is too long to be kept. */
  #skipGiant({ buffer, base: from, encoding, reachesEnd }: Piece): Look {
    let end = behindFirstLine(buffer, 0, encoding);
    if (end < 0) {
      this.#giantTo = from + buffer.length - (buffer.length % unitBytes(encoding));
      if (!reachesEnd || !this.#options.isOnce) return { found: 'more' };
      end = buffer.length;
    }
    const look: Look = { found: 'giant', from: this.#position, to: from + end };
    this.#position = look.to;
    this.record++;
    this.#giantTo = null;
    this.#wanted = chunkBytes;
    // Nothing vouches for this place until the next batch is cut.
    this.#tail = null;
    return look;
  }
}

/** Length of the mark at the start. */
function markLength(bytes: Buffer): number {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
}

/** What was read in one go. */
interface Piece {
  readonly buffer: Buffer;
  readonly lead: number;
  readonly base: number;
  readonly encoding: TextEncoding;
  readonly reachesEnd: boolean;
}

/** One buffer for all reads whose bytes nobody keeps. */
export class ReusableBuffer {
  #buffer = Buffer.allocUnsafeSlow(chunkBytes + tailBytes);

  take(length: number): Buffer {
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(length);
    return this.#buffer.subarray(0, length);
  }
}
