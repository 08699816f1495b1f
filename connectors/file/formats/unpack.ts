/**
 * Unpacks gzip and zstd as a stream, all members and frames of it.
 *
 * Node's zstd decoder ends with the first frame of what it is given in one piece and drops the rest of that piece (Node
 * 24.21), so that its input is cut where frames end (RFC 8878, section 3.1). Gzip needs no such help.
 */
import { Readable, type Readable as Stream } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

export type Archive = 'gzip' | 'zstd';

/** Errors of the packed stream come out of the unpacked one. */
export function unpack(packed: Stream, archive: Archive): Stream {
  if (archive === 'gzip') {
    const plain = createGunzip();
    packed.on('error', (error) => plain.destroy(error));
    return packed.pipe(plain);
  }
  const plain = createZstdDecompress();
  const frames = Readable.from(piecesOf(packed), { objectMode: false });
  frames.on('error', (error) => plain.destroy(error));
  plain.on('close', () => packed.destroy());
  return frames.pipe(plain);
}

async function* piecesOf(packed: Stream): AsyncGenerator<Buffer> {
  const cutter = new FrameCutter();
  for await (const bytes of packed) yield* cutter.cut(bytes as Buffer);
}

type Part = 'magic' | 'skippable size' | 'descriptor' | 'block';

const frameMagic = 0xfd2fb528;
/** Its last four bits are free. */
const skippableMagic = 0x184d2a50;
const partBytes: Readonly<Record<Part, number>> = { magic: 4, 'skippable size': 4, descriptor: 1, block: 3 };
const contentSizeBytes = [0, 2, 4, 8] as const;
const dictionaryBytes = [0, 1, 2, 4] as const;
const checksumBytes = 4;

/**
 * ```
 * frame: magic 4 · descriptor 1 · window 0-1 · dictionary 0-4 · content size 0-8 · blocks · checksum 0 or 4
 * block: 3 bytes (last 1 bit, type 2 bits, size 21 bits) · content
 * ```
 */
class FrameCutter {
  #part: Part = 'magic';
  /** Bytes of the part so far, little endian. */
  #value = 0;
  #have = 0;
  /** Content to pass over. */
  #skip = 0;
  #hasChecksum = false;
  #endsAfterSkip = false;
  /** Something else stands behind the frames: the decoder shall say so. */
  #isLost = false;

  /** The bytes in pieces, none of which goes on behind the end of a frame. */
  *cut(bytes: Buffer): Generator<Buffer> {
    let from = 0;
    for (let at = 0; at < bytes.length && !this.#isLost; ) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.length - at);
        this.#skip -= taken;
        at += taken;
      } else {
        this.#value += bytes[at++]! * 2 ** (8 * this.#have++);
        if (this.#have === partBytes[this.#part]) this.#next();
      }
      if (this.#skip > 0 || !this.#endsAfterSkip) continue;
      this.#endsAfterSkip = false;
      this.#part = 'magic';
      yield bytes.subarray(from, at);
      from = at;
    }
    if (from < bytes.length) yield bytes.subarray(from);
  }

  #next(): void {
    const value = this.#value;
    const part = this.#part;
    this.#value = 0;
    this.#have = 0;
    switch (part) {
      case 'magic':
        if (value === frameMagic) this.#part = 'descriptor';
        else if ((value & 0xfffffff0) >>> 0 === skippableMagic) this.#part = 'skippable size';
        else this.#isLost = true;
        return;
      case 'skippable size':
        this.#skip = value;
        this.#endsAfterSkip = true;
        return;
      case 'descriptor': {
        const isSingle = (value >> 5) & 1;
        const size = contentSizeBytes[(value >> 6) as 0] || isSingle;
        this.#hasChecksum = ((value >> 2) & 1) === 1;
        this.#skip = 1 - isSingle + dictionaryBytes[(value & 3) as 0] + size;
        this.#part = 'block';
        return;
      }
      case 'block': {
        const isRunLength = ((value >> 1) & 3) === 1;
        this.#endsAfterSkip = (value & 1) === 1;
        this.#skip = (isRunLength ? 1 : value >> 3) + (this.#endsAfterSkip && this.#hasChecksum ? checksumBytes : 0);
      }
    }
  }
}
