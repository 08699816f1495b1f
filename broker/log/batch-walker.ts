/**
 * Steps from batch header to batch header through a segment's file. Reads a window at a time: a small one to find an
 * offset near an index entry, a large one to replay or verify a segment.
 */
import { batchBytes, batchHeaderBytes } from '../protocol/record-batch.ts';

/** Enough for the stretch between two index entries. */
export const lookupWindowBytes = 4096;
/** Large enough that system calls do not count when a whole segment is walked. */
export const scanWindowBytes = 1024 * 1024;

export interface WalkedFile {
  readAt(target: Buffer, position: number): number;
}

export class BatchWalker {
  readonly #file: WalkedFile;
  readonly #end: number;
  #window: Buffer;
  #windowStart = 0;
  #windowBytes = 0;
  /** Where the current batch begins in the file. */
  position: number;
  /** The current batch's size. */
  bytes = 0;

  constructor(file: WalkedFile, from: number, end: number, windowBytes: number) {
    this.#file = file;
    this.position = from;
    this.#end = end;
    this.#window = Buffer.allocUnsafeSlow(windowBytes);
  }

  /** The buffer that holds the current batch's header, and after `load` all of it, from `at`. */
  get buffer(): Buffer {
    return this.#window;
  }

  get at(): number {
    return this.position - this.#windowStart;
  }

  /** Reads the header at `position`. False at the end, and where no whole batch can begin. */
  read(): boolean {
    if (this.position + batchHeaderBytes > this.#end || !this.#hold(batchHeaderBytes)) return false;
    this.bytes = batchBytes(this.#window, this.at);
    return this.bytes >= batchHeaderBytes && this.position + this.bytes <= this.#end;
  }

  advance(): void {
    this.position += this.bytes;
  }

  /** The whole current batch; valid until the walker moves. */
  load(): Buffer {
    this.#hold(this.bytes);
    return this.#window.subarray(this.at, this.at + this.bytes);
  }

  /** Makes the window hold `bytes` from `position`. */
  #hold(bytes: number): boolean {
    const at = this.at;
    if (at >= 0 && at + bytes <= this.#windowBytes) return true;
    if (bytes > this.#window.length) this.#window = Buffer.allocUnsafeSlow(bytes);
    this.#windowStart = this.position;
    this.#windowBytes = this.#file.readAt(this.#window, this.position);
    return this.#windowBytes >= bytes;
  }
}
