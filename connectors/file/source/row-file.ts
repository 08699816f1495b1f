/**
 * A Parquet file that is being read: its rows from the place of its tracked file on, a row group at a time.
 */
import { open } from 'node:fs/promises';
import { ConnectError, type ConnectValue, type Schema } from '../../api/index.ts';
import { fileUnreadable, isMissing, messageOf } from '../errors.ts';
import type { ParquetRows } from '../formats/parquet-reader.ts';
import { identityKey, readHead, readInto } from './identity.ts';
import type { TrackedFile } from './tracked-file.ts';

export type RowLook =
  | { readonly found: 'rows'; readonly schema: Schema; readonly rows: readonly ConnectValue[] }
  | { readonly found: 'end' }
  | { readonly found: 'unreadable'; readonly problem: string };

export class RowFile {
  readonly #file: TrackedFile;
  #rows: ParquetRows | null = null;
  #close: (() => Promise<void>) | null = null;

  constructor(file: TrackedFile) {
    this.#file = file;
  }

  /** The next rows, up to the end of their row group. Throws ConnectError when the file cannot be read. */
  async look(): Promise<RowLook> {
    const file = this.#file;
    try {
      if (this.#rows === null && !(await this.#open())) return await this.#end();
      const rows = await this.#rows!.read(file.position);
      return rows.length === 0 ? await this.#end() : { found: 'rows', schema: this.#rows!.schema, rows };
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      if ((error as NodeJS.ErrnoException).syscall !== undefined) throw fileUnreadable(file.path, error);
      return { found: 'unreadable', problem: `are no Parquet file that can be read: ${messageOf(error)}` };
    }
  }

  async close(): Promise<void> {
    const close = this.#close;
    this.#rows = null;
    this.#close = null;
    await close?.();
  }

  async #end(): Promise<RowLook> {
    await this.#file.reachEnd();
    await this.close();
    return { found: 'end' };
  }

  async #open(): Promise<boolean> {
    const file = this.#file;
    const handle = await open(file.path, 'r').catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw fileUnreadable(file.path, error);
    });
    if (handle === null) return false;
    this.#close = () => handle.close();
    if (identityKey(await handle.stat({ bigint: true })) !== file.key) return false;
    const content = { read: (buffer: Buffer, position: number) => readInto(handle, buffer, position) };
    const { head, isGrown } = await readHead(content, file.place.head);
    file.rowsBegin(head, isGrown);
    const { ParquetRows } = await import('../formats/parquet-reader.ts');
    this.#rows = await ParquetRows.open(handle);
    return true;
  }
}
