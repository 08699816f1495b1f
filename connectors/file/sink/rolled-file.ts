/**
 * One file of a commit that is being written: takes records, writes what its encoder makes of them under a temporary
 * name, and in the end is synced and given its own name. Every step can be taken again after a full disk.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { syncFolder, writeFully } from '../durable.ts';
import { fileNotDurable, fileUnwritable } from '../errors.ts';
import type { FileEncoder } from '../formats/encoder.ts';
import type { CommittedFile } from './manifest.ts';

/** How the bytes of a file are packed: members of gzip or frames of zstd, one behind the other. */
export type Packing = 'none' | 'gzip' | 'zstd';

const pack = {
  gzip: promisify(gzip),
  zstd: promisify(zstdCompress),
};

/** Smaller pieces are gathered before they are packed, because each has a head and a dictionary of its own. */
const packedPieceBytes = 256 * 1024;

export interface RolledFileOptions {
  /** The sink's folder. */
  readonly root: string;
  /** From there: folder and name, without the offsets' end, which is not known yet. */
  readonly temporary: string;
  readonly folder: string;
  readonly encoder: FileEncoder;
  readonly packing: Packing;
}

export class RolledFile {
  readonly folder: string;
  readonly encoder: FileEncoder;
  readonly #root: string;
  readonly #temporary: string;
  readonly #packing: Packing;
  readonly #hash = createHash('sha256');
  records = 0;
  #handle: FileHandle | null = null;
  /** Encoded, not written yet. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** What is being written: kept until it is in the file, because a full disk asks for it again. */
  #piece: Buffer | null = null;
  #bytes = 0;
  #isReleased = false;
  #isSynced = false;
  #sha256: string | null = null;
  #finalPath: string | null = null;

  constructor({ root, temporary, folder, encoder, packing }: RolledFileOptions) {
    this.#root = root;
    this.#temporary = join(root, temporary);
    this.folder = folder;
    this.encoder = encoder;
    this.#packing = packing;
  }

  /** Bytes in the file, and those that are about to be. */
  get bytes(): number {
    return this.#bytes + this.#pendingBytes;
  }

  /** Takes what the encoder has ready. */
  #gather(): void {
    for (const bytes of this.encoder.take()) {
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.length;
    }
  }

  /** Writes what is ready. RetriableError: call again. */
  async write(isLast = false): Promise<void> {
    this.#gather();
    try {
      for (;;) {
        this.#piece ??= await this.#nextPiece(isLast);
        if (this.#piece === null) return;
        this.#handle ??= await open(this.#temporary, 'w');
        await writeFully(this.#handle, this.#piece, this.#bytes);
        this.#hash.update(this.#piece);
        this.#bytes += this.#piece.length;
        this.#piece = null;
      }
    } catch (error) {
      throw fileUnwritable(this.#temporary, error);
    }
  }

  /** Writes all there is and makes it durable. */
  async seal(): Promise<void> {
    if (this.#isSynced) return;
    if (!this.#isReleased) this.encoder.release(true);
    this.#isReleased = true;
    await this.write(true);
    try {
      await this.#handle!.sync();
    } catch (error) {
      throw fileNotDurable(this.#temporary, error);
    }
    await this.#handle!.close();
    this.#isSynced = true;
  }

  /** What the commit says about it, under the name it is going to have. */
  committed(path: string): CommittedFile {
    this.#sha256 ??= this.#hash.digest('hex');
    return { path, records: this.records, bytes: this.#bytes, sha256: this.#sha256 };
  }

  /** Gives the file its name, once. */
  async name(path: string): Promise<void> {
    if (this.#finalPath !== null) return;
    const final = join(this.#root, path);
    const made = await mkdir(dirname(final), { recursive: true });
    // A folder that was just made must survive as well.
    if (made !== undefined) await syncFolder(dirname(made));
    await rename(this.#temporary, final);
    this.#finalPath = final;
  }

  /** Removes whatever there is of it. */
  async discard(): Promise<void> {
    if (!this.#isSynced) await this.#handle?.close();
    await rm(this.#finalPath ?? this.#temporary, { force: true });
  }

  /** Frees the handle and leaves the rest to whoever opens the partition next. */
  async leave(): Promise<void> {
    if (!this.#isSynced) await this.#handle?.close().catch(() => undefined);
  }

  async #nextPiece(isLast: boolean): Promise<Buffer | null> {
    if (this.#pending.length === 0) return null;
    if (this.#packing !== 'none' && !isLast && this.#pendingBytes < packedPieceBytes) return null;
    const plain = this.#pending.length === 1 ? asBuffer(this.#pending[0]!) : Buffer.concat(this.#pending);
    const packed = this.#packing === 'none' ? plain : await pack[this.#packing](plain);
    this.#pending = [];
    this.#pendingBytes = 0;
    return packed;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
