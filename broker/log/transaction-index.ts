/**
 * `.txnindex`: the transactions aborted by a marker in this segment, so that read_committed consumers can skip their
 * records. Kafka's layout (AbortedTxn), in the order of the markers.
 *
 *     34 bytes an entry, big-endian
 *      0  int16  version, 0
 *      2  int64  producer id
 *     10  int64  first offset of the transaction
 *     18  int64  offset of its abort marker
 *     26  int64  last stable offset once this transaction was done
 *
 * There is no file as long as nothing was aborted.
 */
import type { FileSystem } from '../fs/file-system.ts';
import { readInt64, writeInt64 } from '../protocol/int64.ts';
import { IndexFile, lastWhere } from './index-file.ts';
import type { AbortedTransaction } from './types.ts';

export const transactionEntryBytes = 34;

export interface AbortedTransactionEntry {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly lastStableOffset: number;
}

export class TransactionIndex {
  readonly file: IndexFile;

  constructor(fs: FileSystem, path: string, isNew = false) {
    this.file = new IndexFile(fs, path, transactionEntryBytes, isNew);
  }

  /** Adds an entry, unless recovery replays a marker that is in the file already. */
  append(aborted: AbortedTransactionEntry): void {
    const last = this.file.count - 1;
    if (last >= 0 && this.file.int64(last, 18) >= aborted.lastOffset) return;
    const { buffer, at } = this.file.appendSlot();
    buffer.writeInt16BE(0, at);
    writeInt64(buffer, at + 2, aborted.producerId);
    writeInt64(buffer, at + 10, aborted.firstOffset);
    writeInt64(buffer, at + 18, aborted.lastOffset);
    writeInt64(buffer, at + 26, aborted.lastStableOffset);
  }

  /** All entries, read at once; for the log cleaner. */
  entries(): AbortedTransactionEntry[] {
    const found: AbortedTransactionEntry[] = [];
    if (this.file.count === 0) return found;
    const bytes = this.file.readAll();
    for (let at = 0; at < bytes.length; at += transactionEntryBytes) {
      found.push({
        producerId: readInt64(bytes, at + 2),
        firstOffset: readInt64(bytes, at + 10),
        lastOffset: readInt64(bytes, at + 18),
        lastStableOffset: readInt64(bytes, at + 26),
      });
    }
    return found;
  }

  /**
   * Adds to `found` what overlaps [fromOffset, toOffset). Returns true once no later segment can hold more: everything
   * up to `toOffset` was stable by then.
   */
  collect(fromOffset: number, toOffset: number, found: AbortedTransaction[]): boolean {
    for (let entry = 0; entry < this.file.count; entry++) {
      const firstOffset = this.file.int64(entry, 10);
      if (this.file.int64(entry, 18) >= fromOffset && firstOffset < toOffset) {
        found.push({ producerId: this.file.int64(entry, 2), firstOffset });
      }
      if (this.file.int64(entry, 26) >= toOffset) return true;
    }
    return false;
  }

  truncateToOffset(offset: number): void {
    this.file.truncate(1 + lastWhere(this.file.count, (entry) => this.file.int64(entry, 18) < offset));
  }

  /** Writes what was gathered; an index that never held an entry gets no file. */
  write(): void {
    if (this.file.count > 0) this.file.write();
  }
}
