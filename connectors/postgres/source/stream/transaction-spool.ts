/**
 * Keeps the changes of transactions that are not committed yet: a little in memory, the rest in a file per transaction.
 * Knows bytes and positions, no protocol; committed-stream.ts decides what goes in and when it comes out.
 *
 * ```
 * per message: length of the message u32 | position in the WAL u64 | the message
 * ```
 * A file has no name any more as soon as it is open, so nothing is left behind however the process ends: after a restart the server
 * sends every such transaction again. Nothing here is durable, and nothing has to be.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RetriableError } from '../../../api/index.ts';

/** What all transactions together keep in memory before the largest are written out. */
const RESIDENT_BYTES_MAX = 8 * 1024 * 1024;
/** They are written out until that part of it is left. */
const RESIDENT_SHARE_LOW = 1 / 4;
/** Memory is taken in pieces that double: most transactions are small, a few are not. */
const CHUNK_BYTES_MIN = 16 * 1024;
const CHUNK_BYTES_MAX = 256 * 1024;
/** Read back at once. */
const READ_BYTES = 1024 * 1024;
const HEADER_BYTES = 12;
/** What statfs says of a file system in memory (Linux, magic.h). */
const TMPFS_MAGIC = 0x0102_1994;
/** Where temporary files are on a disk (Filesystem Hierarchy Standard 3.0, section 5.15). */
const DISK_FOLDER = '/var/tmp';

export interface SpoolOptions {
  readonly directory: string;
  /** Of all files together. */
  readonly bytesMax: number;
  /** In memory; another bound is for tests. */
  readonly residentBytesMax?: number;
  /** Told how many bytes were written. */
  readonly onWritten: (bytes: number) => void;
}

interface Chunk {
  readonly buffer: Buffer;
  used: number;
}

/** The directory for temporary files, unless that is in memory and another is not: what is spooled is to leave the memory. */
export async function spoolDirectory(configured: string | null): Promise<string> {
  if (configured !== null) return configured;
  const isInMemory = async (path: string) => (await statfs(path).catch(() => null))?.type === TMPFS_MAGIC;
  const isOnDisk = async (path: string) => (await statfs(path).catch(() => null)) !== null && !(await isInMemory(path));
  const usual = tmpdir();
  return (await isInMemory(usual)) && (await isOnDisk(DISK_FOLDER)) ? DISK_FOLDER : usual;
}

/** The spools of one stream. */
export class Spools {
  readonly options: SpoolOptions;
  residentBytes = 0;
  fileBytes = 0;
  readonly #residentBytesMax: number;
  readonly #spools = new Set<Spool>();

  constructor(options: SpoolOptions) {
    this.options = options;
    this.#residentBytesMax = options.residentBytesMax ?? RESIDENT_BYTES_MAX;
  }

  open(): Spool {
    const spool = new Spool(this);
    this.#spools.add(spool);
    return spool;
  }

  forget(spool: Spool): void {
    this.#spools.delete(spool);
  }

  /** More is in memory than may be: {@link writeOut} comes before the next append. */
  get isOverfull(): boolean {
    return this.residentBytes > this.#residentBytesMax;
  }

  /** Writes the largest to their files. Rejects with a RetriableError where the disk does not take it. */
  async writeOut(): Promise<void> {
    const largest = [...this.#spools].sort((a, b) => b.residentBytes - a.residentBytes);
    for (const spool of largest) {
      if (this.residentBytes <= this.#residentBytesMax * RESIDENT_SHARE_LOW) return;
      await spool.writeOut().catch((cause: unknown) => {
        throw cause instanceof RetriableError ? cause : failed(this.options.directory, cause as Error);
      });
    }
  }

  close(): void {
    for (const spool of [...this.#spools]) spool.close();
  }
}

/** One transaction's messages: appended, cut, and read once from the beginning. */
export class Spool {
  /** The message at hand is `buffer[start, …)`; valid as long as somebody holds it. */
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  lsn = 0;
  residentBytes = 0;
  #size = 0;
  readonly #spools: Spools;
  #file: FileHandle | null = null;
  /** What of the file counts: behind it may lie what was cut off. */
  #fileBytes = 0;
  #fileLength = 0;
  /** What follows the file. */
  #chunks: Chunk[] = [];
  #isClosed = false;
  /** While it is read: what is in memory of it, and how far it was read from the file and of the chunks. */
  #window: Buffer = Buffer.alloc(0);
  #position = 0;
  #readBytes = 0;
  #readChunks = 0;

  constructor(spools: Spools) {
    this.#spools = spools;
  }

  /** Bytes that were appended and not cut off. */
  get size(): number {
    return this.#size;
  }

  /** Appends the message `type` and `source[from, to)`; copies it. */
  append(lsn: number, type: number, source: Buffer, from: number, to: number): void {
    const length = 1 + to - from;
    const { buffer, used } = this.#roomFor(HEADER_BYTES + length);
    buffer.writeUInt32BE(length, used);
    buffer.writeUInt32BE(Math.floor(lsn / 0x1_0000_0000), used + 4);
    buffer.writeUInt32BE(lsn % 0x1_0000_0000, used + 8);
    buffer[used + HEADER_BYTES] = type;
    source.copy(buffer, used + HEADER_BYTES + 1, from, to);
  }

  #roomFor(bytes: number): Chunk {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.used + bytes > chunk.buffer.length) {
      const usual = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, this.#size));
      chunk = { buffer: Buffer.allocUnsafeSlow(Math.max(usual, bytes)), used: 0 };
      this.#chunks.push(chunk);
      this.#reside(chunk.buffer.length);
    }
    const place = { buffer: chunk.buffer, used: chunk.used };
    chunk.used += bytes;
    this.#size += bytes;
    return place;
  }

  /** Cuts off what was appended behind `size`. */
  truncate(size: number): void {
    while (this.#size > size && this.#chunks.length > 0) {
      const last = this.#chunks.at(-1)!;
      const less = Math.min(last.used, this.#size - size);
      last.used -= less;
      this.#size -= less;
      if (last.used > 0) continue;
      this.#chunks.pop();
      this.#reside(-last.buffer.length);
    }
    if (this.#size <= size) return;
    this.#size = size;
    this.#fileBytes = size;
  }

  /** Moves all that is in memory to the file. */
  async writeOut(): Promise<void> {
    const { options } = this.#spools;
    const bytes = this.#size - this.#fileBytes;
    if (this.#spools.fileBytes - this.#fileLength + this.#size > options.bytesMax) throw tooLarge(options.bytesMax);
    this.#file ??= await openNameless(options.directory);
    if (this.#fileLength > this.#fileBytes) {
      await this.#file.truncate(this.#fileBytes);
      this.#grown(this.#fileBytes);
    }
    await writeAll(
      this.#file,
      this.#chunks.map(({ buffer, used }) => buffer.subarray(0, used)),
      this.#fileBytes,
    );
    this.#fileBytes = this.#size;
    this.#grown(this.#size);
    this.#chunks = [];
    this.#reside(-this.residentBytes);
    options.onWritten(bytes);
  }

  /** All was read. */
  get isDone(): boolean {
    return this.#position === this.#window.length && this.#isAllLoaded;
  }

  get #isAllLoaded(): boolean {
    return this.#readBytes === this.#fileBytes && this.#readChunks === this.#chunks.length;
  }

  /** Moves to the next message; false where all was read, or more is to be loaded first. */
  next(): boolean {
    let begin = this.#position;
    if (begin === this.#window.length && this.#readBytes === this.#fileBytes && !this.#isAllLoaded) {
      const { buffer, used } = this.#chunks[this.#readChunks++]!;
      this.#window = buffer.subarray(0, used);
      begin = 0;
    }
    const end = begin + this.#needed(begin);
    if (end > this.#window.length) return false;
    this.buffer = this.#window;
    this.lsn = this.#window.readUInt32BE(begin + 4) * 0x1_0000_0000 + this.#window.readUInt32BE(begin + 8);
    this.start = begin + HEADER_BYTES;
    this.#position = end;
    return true;
  }

  /** Bytes of the message that begins there, as far as its length is known. */
  #needed(begin: number): number {
    const isLengthThere = this.#window.length - begin >= HEADER_BYTES;
    return isLengthThere ? HEADER_BYTES + this.#window.readUInt32BE(begin) : HEADER_BYTES;
  }

  /** Reads on from the file. Rejects with a RetriableError where the disk does not give it back. */
  async load(): Promise<void> {
    const { directory } = this.#spools.options;
    await this.#load().catch((cause: unknown) => {
      throw failed(directory, cause as Error);
    });
  }

  async #load(): Promise<void> {
    const rest = this.#window.subarray(this.#position);
    const wanted = Math.max(READ_BYTES, this.#needed(this.#position) - rest.length);
    const count = Math.min(wanted, this.#fileBytes - this.#readBytes);
    const window = Buffer.allocUnsafeSlow(rest.length + count);
    rest.copy(window);
    for (let end = rest.length; end < window.length; ) {
      const { bytesRead } = await this.#file!.read(window, end, window.length - end, this.#readBytes);
      if (bytesRead === 0) throw new Error('the file ended too early');
      end += bytesRead;
      this.#readBytes += bytesRead;
    }
    this.#window = window;
    this.#position = 0;
  }

  /** Lets go of memory and disk. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#spools.forget(this);
    this.#reside(-this.residentBytes);
    this.#grown(0);
    this.#chunks = [];
    // Nobody has to wait for it, and what it could say nobody needs: the file is gone for good.
    this.#file?.close().catch(() => {});
    this.#file = null;
  }

  #reside(bytes: number): void {
    this.residentBytes += bytes;
    this.#spools.residentBytes += bytes;
  }

  #grown(length: number): void {
    this.#spools.fileBytes += length - this.#fileLength;
    this.#fileLength = length;
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `millrace-spool-${randomUUID()}`);
  // It holds rows of the database: nobody else is to read them.
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A write may stop halfway. */
async function writeAll(file: FileHandle, pieces: readonly Buffer[], position: number): Promise<void> {
  for (const piece of pieces) {
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done, piece.length - done, position + done);
      done += bytesWritten;
    }
    position += piece.length;
  }
}

const INSTEAD =
  'From now on, until this task is started again, the server keeps large transactions on its own disk until their commit';

function failed(directory: string, cause: Error): RetriableError {
  const message = `Changes of a transaction that is not committed yet could not be kept in ${directory}: ${cause.message}. ${INSTEAD}. Make room there, name another directory (streaming.spool.dir), or leave it to the server for good (slot.stream.params=streaming=off).`;
  return new RetriableError(message, { code: 'PG_STREAMING', cause });
}

function tooLarge(bytesMax: number): RetriableError {
  const message = `Transactions that are not committed yet would take more than streaming.spool.max.bytes=${bytesMax}. ${INSTEAD}. Raise the limit if the disk has room.`;
  return new RetriableError(message, { code: 'PG_STREAMING' });
}
