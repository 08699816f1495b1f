/**
 * One file that is being read: knows its place, reads the next chunk of whole lines, and notices when the file under it
 * was truncated, rewritten or renamed.
 *
 * Every read begins 64 bytes before the place, so that each chunk brings its own proof that the place is still the
 * same one. Holds no records; what is cut but not durable is the worker's.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { ConnectError, type SourcePartition } from '../../api/index.ts';
import { fileUnreadable, isMissing } from '../errors.ts';
import { Chunk } from '../formats/chunk.ts';
import {
  type Head,
  hashOf,
  headBytes,
  headMatches,
  identityKey,
  readHead,
  readInto,
  type Tail,
  tailBytes,
  tailMatches,
} from './identity.ts';
import { type FileState, partitionOf } from './offset.ts';

/** Read at once: large enough that a read costs little, small enough to stay in the cache. */
const chunkBytes = 1024 * 1024;
/** The byte order mark of UTF-8, skipped at the start of a file. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
/** Those of UTF-16, which is refused. */
const utf16Marks = [0xfffe, 0xfeff];
const utf16Problem = 'are UTF-16; convert the file to UTF-8 (iconv -f UTF-16 -t UTF-8)';

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
  readonly isLatin1: boolean;
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
  #handle: FileHandle | null = null;
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
    return this.#handle !== null;
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

  /** The chunk holds no whole record: the next one must be larger. */
  widen(): void {
    this.#wanted = Math.min(this.#wanted * 4, this.#options.maxRecordBytes + chunkBytes);
  }

  /** Reads on from the place. Throws ConnectError when the file cannot be read. */
  async look(buffer: ReusableBuffer): Promise<Look> {
    const handle = await this.#open();
    if (handle === null) return this.#atEnd();
    try {
      const { size } = await handle.stat();
      if (!(await this.#isSameFile(handle, size))) return this.#renew();
      if (size <= this.#position) return this.#atEnd();
      return await this.#read(handle, size, buffer);
    } catch (error) {
      throw error instanceof ConnectError ? error : fileUnreadable(this.path, error);
    }
  }

  /** The first bytes, for a header; with the byte order mark behind the cursor. */
  async head(bytes: number): Promise<Chunk | null> {
    const handle = await this.#open();
    if (handle === null) return null;
    const buffer = Buffer.allocUnsafeSlow(Math.min(bytes, this.#options.maxRecordBytes));
    const chunk = new Chunk(buffer.subarray(0, await readInto(handle, buffer, 0)), 0, 0, this.#options.isLatin1);
    if (isUtf16(chunk.bytes)) throw new Error(utf16Problem);
    chunk.cursor = markLength(chunk.bytes);
    return chunk;
  }

  /** Frees the handle; the next look opens the file again and proves that it is the same. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    this.#isProved = false;
    await handle?.close();
  }

  async #open(): Promise<FileHandle | null> {
    if (this.#handle !== null) return this.#handle;
    try {
      const handle = await open(this.path, 'r');
      const stat = await handle.stat({ bigint: true });
      if (identityKey(stat) !== this.key) {
        await handle.close();
        return null;
      }
      this.#handle = handle;
      return handle;
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileUnreadable(this.path, error);
    }
  }

  #atEnd(): Look {
    this.endSince ??= Date.now();
    this.mayHaveMore = false;
    return { found: 'end' };
  }

  /** Cheap while a file is read on; looks at head and tail after a pause, when somebody may have rewritten it. */
  async #isSameFile(handle: FileHandle, size: number): Promise<boolean> {
    if (size < this.#position || size < this.#head.length) return false;
    const hasPaused = this.endSince !== null && size > this.#position;
    if (!this.#isProved || hasPaused) {
      if (!(await headMatches(handle, this.#head))) return false;
      if (this.#tail !== null && !(await tailMatches(handle, this.#tail))) return false;
      this.#isProved = true;
    }
    if (this.#head.length < headBytes && size > this.#head.length) this.#head = await readHead(handle);
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
    this.endSince = null;
    return { found: 'new generation', before, path: this.path };
  }

  async #read(handle: FileHandle, size: number, buffer: ReusableBuffer): Promise<Look> {
    const from = this.#giantTo ?? this.#position;
    const lead = this.#giantTo === null ? Math.min(tailBytes, from) : 0;
    const length = lead + Math.min(this.#wanted, size - from);
    const bytes = this.#options.keepsBuffers ? Buffer.allocUnsafeSlow(length) : buffer.take(length);
    const filled = await readInto(handle, bytes, from - lead);
    if (filled <= lead) return this.#atEnd();
    if (!this.#isTailRight(bytes, lead)) return this.#renew();
    this.endSince = null;
    return this.#cutAtLine(bytes.subarray(0, filled), lead, from, size);
  }

  #isTailRight(bytes: Buffer, lead: number): boolean {
    // Kafka's FileStreamSource keeps no tail; its position is believed if the file is long enough.
    if (this.#tail === null || this.#tail.at !== this.#position || lead === 0) return true;
    return hashOf(bytes.subarray(0, lead)) === this.#tail.hash;
  }

  #cutAtLine(bytes: Buffer, lead: number, from: number, size: number): Look {
    if (this.#giantTo !== null) return this.#skipGiant(bytes, from);
    const end = bytes.lastIndexOf(10) + 1;
    const reachesEnd = from + bytes.length - lead >= size;
    if (end > lead) {
      const chunk = new Chunk(bytes.subarray(0, end), lead, from, this.#options.isLatin1, reachesEnd);
      if (from === 0 && isUtf16(bytes)) return { found: 'unreadable', problem: utf16Problem };
      if (from === 0) chunk.cursor = markLength(bytes);
      return { found: 'chunk', chunk };
    }
    const length = bytes.length - lead;
    if (length > this.#options.maxRecordBytes) this.#giantTo = from + length;
    else if (reachesEnd) return this.#atEnd();
    else this.widen();
    return { found: 'more' };
  }

  /** Looks for the end of a line that is too long to be kept. */
  #skipGiant(bytes: Buffer, from: number): Look {
    const at = bytes.indexOf(10);
    if (at < 0) {
      this.#giantTo = from + bytes.length;
      return { found: 'more' };
    }
    const look: Look = { found: 'giant', from: this.#position, to: from + at + 1 };
    this.#position = look.to;
    this.record++;
    this.#giantTo = null;
    this.#wanted = chunkBytes;
    // Nothing vouches for this place until the next batch is cut.
    this.#tail = null;
    return look;
  }
}

/** Length of the UTF-8 mark at the start. */
function markLength(bytes: Buffer): number {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? byteOrderMark.length : 0;
}

function isUtf16(bytes: Buffer): boolean {
  return bytes.length >= 2 && utf16Marks.includes(bytes.readUInt16BE(0));
}

/** One buffer for all reads whose bytes nobody keeps. */
export class ReusableBuffer {
  #buffer = Buffer.allocUnsafeSlow(chunkBytes + tailBytes);

  take(length: number): Buffer {
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(length);
    return this.#buffer.subarray(0, length);
  }
}
