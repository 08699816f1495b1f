/**
 * The file-system port: everything the log asks of a disk, and nothing it does not.
 *
 * Two keepers: `disk.ts` (the real one) and `memory.ts` (tests: fails on demand, forgets what was not synced). One case
 * file (`file-system.cases.ts`) runs against both. Step 6 of the record's journey ends here.
 *
 * Calls are synchronous, because a write or read that stays in the page cache costs microseconds, less than a trip to
 * the thread pool; only the wait for the device (`syncLater`) is asynchronous. Errors are Node's, with `code` set
 * (ENOENT, ENOSPC, EIO, …). Nothing here retries.
 */

export interface FileSystem {
  /** Opens for reading and writing. `must-exist` throws ENOENT, `must-be-new` EEXIST; `create` takes it as it comes. */
  open(path: string, how: OpenHow): FileHandle;
  /** Bytes in the file, or null when there is none. */
  size(path: string): number | null;
  /** Names in the folder, in no order; empty when there is no such folder. */
  list(path: string): string[];
  /** Makes the folder and its parents; one that exists is left alone. */
  makeDirectory(path: string): void;
  /** Moves a file or folder over whatever has the new name. Survives power loss only after `syncDirectory`. */
  rename(from: string, to: string): void;
  /** Removes a file, or a folder with all in it. Absent is fine. */
  remove(path: string): void;
  /** Makes creations, renames and removals inside the folder survive power loss. */
  syncDirectory(path: string): void;
  /** The same beside the event loop. */
  syncDirectoryLater(path: string, done: (error: Error | null) => void): void;
  /** Room on the device, as an unprivileged writer sees it. */
  space(path: string): DeviceSpace;
}

export type OpenHow = 'must-exist' | 'create' | 'must-be-new';

export interface DeviceSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** An open file. One holder; calls are sequential except that `syncLater` may be pending while anything else runs. */
export interface FileHandle {
  size(): number;
  /** Fills `target` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(target: Uint8Array, position: number): number;
  /** Writes all chunks one after the other. A throw may leave a prefix written; the caller truncates. */
  write(chunks: readonly Uint8Array[], position: number): void;
  truncate(size: number): void;
  /** fdatasync, waiting for the device. */
  sync(): void;
  /** fdatasync beside the event loop. After an error the pages may be gone: never call it again on this file. */
  syncLater(done: (error: Error | null) => void): void;
  close(): void;
}
