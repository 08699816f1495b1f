/**
 * What is in a file, byte for byte: as it stands, or unpacked. Positions and sizes are those of the unpacked bytes, so
 * that nothing above knows the difference.
 *
 * An archive can only be read from its start; a place in it is found again by reading up to it.
 */
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Archive as Kind, unpack } from '../formats/unpack.ts';
import { readAt, readInto, tailBytes } from './identity.ts';

/** Readable content of a file; `FileHandle` below it is the caller's. */
export interface Content {
  /** Bytes there are, as far as that is known: of an archive that was not read to its end, more than can be. */
  size(): Promise<number>;
  /** Fills the buffer from `position`; answers how many bytes there were. Throws when an archive is damaged. */
  read(buffer: Buffer, position: number): Promise<number>;
  /** Whether the bytes must be read in order, and cannot grow. */
  readonly isArchive: boolean;
  close(): Promise<void>;
}

/** Read at once of an archive. */
const packedPieceBytes = 64 * 1024;

const magics: readonly (readonly [Kind, number])[] = [
  ['gzip', 0x1f8b0800],
  ['zstd', 0x28b52ffd],
];

/** Opens what the handle stands for; with `unpacks`, the content of an archive. */
export async function contentOf(handle: FileHandle, unpacks: boolean): Promise<Content> {
  const head = unpacks ? await readAt(handle, 0, 4) : Buffer.alloc(0);
  if (head.length === 4) {
    const magic = head.readUInt32BE();
    // The fourth byte of gzip is flags.
    const found = magics.find(([kind, value]) =>
      kind === 'gzip' ? (magic & 0xffffff00) >>> 0 === value : magic === value,
    );
    if (found !== undefined) return new Archive(handle, found[0]);
  }
  return {
    isArchive: false,
    size: async () => (await handle.stat()).size,
    read: (buffer, position) => readInto(handle, buffer, position),
    close: () => handle.close(),
  };
}

/** The packed bytes; the handle stays its owner's. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const piece = await readAt(handle, position, packedPieceBytes);
    if (piece.length === 0) return;
    position += piece.length;
    yield piece;
  }
}

class Archive implements Content {
  readonly isArchive = true;
  readonly #handle: FileHandle;
  readonly #kind: Kind;
  #stream: Readable | null = null;
  #pieces: AsyncIterator<Buffer> | null = null;
  /** Unpacked bytes from `#start` on. */
  #window: Buffer[] = [];
  #start = 0;
  #length = 0;
  #hasEnded = false;
  /** Why the archive could not be unpacked any further. */
  #failure: unknown = null;
  #hasTold = false;

  constructor(handle: FileHandle, kind: Kind) {
    this.#handle = handle;
    this.#kind = kind;
  }

  async size(): Promise<number> {
    return this.#hasEnded ? this.#start + this.#length : Number.MAX_SAFE_INTEGER;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    if (this.#pieces === null || position < this.#start) await this.#restart();
    const isShort = () => this.#start + this.#length < position + buffer.length;
    while (!this.#hasEnded && this.#failure === null && isShort()) await this.#pull(position);
    // What stands before the damage is handed out first, once.
    if (this.#failure !== null && isShort()) {
      if (this.#hasTold) throw this.#failure;
      this.#hasTold = true;
    }
    const from = position - this.#start;
    const filled = Math.max(0, Math.min(buffer.length, this.#length - from));
    if (filled > 0) {
      const window = this.#window.length === 1 ? this.#window[0]! : Buffer.concat(this.#window);
      this.#window = [window];
      window.copy(buffer, 0, from, from + filled);
    }
    return filled;
  }

  async close(): Promise<void> {
    this.#stream?.destroy();
    await this.#handle.close();
  }

  async #restart(): Promise<void> {
    this.#stream?.destroy();
    this.#stream = unpack(Readable.from(piecesOf(this.#handle), { objectMode: false }), this.#kind);
    this.#pieces = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#window = [];
    this.#start = 0;
    this.#length = 0;
    this.#hasEnded = false;
    this.#failure = null;
    this.#hasTold = false;
  }

  /** One more piece; what stands well before the place wanted is forgotten. */
  async #pull(position: number): Promise<void> {
    const { value, done } = await this.#pieces!.next().catch((error: unknown) => {
      this.#failure = error;
      return { value: Buffer.alloc(0), done: false };
    });
    if (done === true) {
      this.#hasEnded = true;
      return;
    }
    this.#window.push(value);
    this.#length += value.length;
    while (this.#window.length > 1 && this.#start + this.#window[0]!.length < position - tailBytes) {
      const gone = this.#window.shift()!;
      this.#start += gone.length;
      this.#length -= gone.length;
    }
  }
}
