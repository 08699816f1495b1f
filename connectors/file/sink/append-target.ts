/**
 * Appends to one file, as Kafka's FileStreamSink does, and yet neither loses nor doubles a line when it is killed.
 *
 * Beside the file stands a note (`.NAME.millrace`): how long the file is up to which offsets. It is written after the
 * file was synced, in one atomic step. At start, what the file holds beyond the note is cut off and the partitions
 * continue at the offsets of the note, whatever the group has committed.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConnectError, type Logger, type SinkRecord, type TopicPartition } from '../../api/index.ts';
import { replaceFile, syncFolder, writeFully } from '../durable.ts';
import { fileNotDurable, fileStateBroken, fileUnwritable, isMissing } from '../errors.ts';
import { LineBuffer } from '../formats/line-buffer.ts';

/** The note beside the file. */
interface Note {
  readonly bytes: number;
  /** The next offset per `topic-partition`. */
  readonly offsets: Readonly<Record<string, number>>;
}

export class AppendTarget {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #format: (record: SinkRecord) => string | Uint8Array;
  readonly #lines: LineBuffer;
  /** The next offset per partition, as far as lines are in the file or the buffer. */
  readonly #next = new Map<string, number>();
  #handle: FileHandle | null = null;
  #bytes = 0;
  /** What the note on disk says. */
  #noted: Note | null = null;

  constructor(
    path: string,
    logger: Logger,
    format: (record: SinkRecord) => string | Uint8Array,
    lineEnd: 'line feed' | 'none' = 'line feed',
  ) {
    this.#lines = new LineBuffer(lineEnd);
    this.#path = path;
    this.#logger = logger;
    this.#format = format;
  }

  /** Opens the file and makes it what the note says. */
  async start(): Promise<void> {
    this.#noted = await this.#readNote();
    try {
      this.#handle = await open(this.#path, 'a+');
      // Positions are ours to choose, which append mode does not allow.
      await this.#handle.close();
      this.#handle = await open(this.#path, 'r+');
      await syncFolder(dirname(this.#path));
      const { size } = await this.#handle.stat();
      this.#bytes = await this.#recover(this.#handle, size);
      // From the first line on there must be a note to go back to; what is in the file already stays.
      if (this.#noted === null) await this.#writeNote({ bytes: this.#bytes, offsets: {} });
    } catch (error) {
      throw error instanceof ConnectError ? error : fileUnwritable(this.#path, error);
    }
  }

  /** Where to continue a partition, or null when nothing is known about it here. */
  open(partition: TopicPartition): number | null {
    const name = nameOf(partition);
    // A partition that was lost and comes back has its lines in the file already, beyond the note.
    const offset = this.#next.get(name) ?? this.#noted?.offsets[name] ?? null;
    if (offset !== null) this.#next.set(name, offset);
    return offset;
  }

  /** Writes the records' lines, all or none; those we have already (an offset before our own) are left out. */
  async put(records: readonly SinkRecord[]): Promise<void> {
    const before = new Map(this.#next);
    try {
      this.#gather(records);
      await this.#write();
    } catch (error) {
      // The batch comes again, whole or in parts: forget it, and overwrite what part of it is in the file.
      this.#lines.take();
      this.#next.clear();
      for (const [name, offset] of before) this.#next.set(name, offset);
      throw error;
    }
  }

  /** Makes everything put durable, then the note. */
  async flush(): Promise<void> {
    const offsets = { ...this.#noted?.offsets, ...Object.fromEntries(this.#next) };
    if (this.#noted !== null && this.#noted.bytes === this.#bytes && sameOffsets(this.#noted.offsets, offsets)) return;
    await this.#handle!.datasync().catch((error: Error) => {
      throw fileNotDurable(this.#path, error);
    });
    await this.#writeNote({ bytes: this.#bytes, offsets });
  }

  async stop(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
  }

  #gather(records: readonly SinkRecord[]): void {
    let topic = '';
    let partition = -1;
    let name = '';
    let next = 0;
    for (const record of records) {
      if (record.originalPartition !== partition || record.originalTopic !== topic) {
        if (name !== '') this.#next.set(name, next);
        topic = record.originalTopic;
        partition = record.originalPartition;
        name = nameOf({ topic, partition });
        next = this.#next.get(name) ?? 0;
      }
      if (record.offset < next) continue;
      this.#lines.add(this.#format(record));
      next = record.offset + 1;
    }
    if (name !== '') this.#next.set(name, next);
  }

  async #write(): Promise<void> {
    const bytes = this.#lines.take();
    try {
      await writeFully(this.#handle!, bytes, this.#bytes);
      this.#bytes += bytes.length;
    } catch (error) {
      throw fileUnwritable(this.#path, error);
    }
  }

  async #writeNote(note: Note): Promise<void> {
    const path = notePath(this.#path);
    try {
      await replaceFile(path, `${JSON.stringify(note)}\n`);
      this.#noted = note;
    } catch (error) {
      throw fileUnwritable(path, error);
    }
  }

  async #readNote(): Promise<Note | null> {
    const path = notePath(this.#path);
    try {
      const note = JSON.parse(await readFile(path, 'utf8')) as Note;
      if (typeof note.bytes !== 'number' || typeof note.offsets !== 'object') throw new Error('it is no note of ours');
      return note;
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileStateBroken(
        path,
        `does not say how far "${this.#path}" is written: ${(error as Error).message}`,
        error,
      );
    }
  }

  /** Cuts what was written after the last note. Answers the length to append at. */
  async #recover(handle: FileHandle, size: number): Promise<number> {
    const noted = this.#noted;
    if (noted === null || size === noted.bytes) return size;
    if (size > noted.bytes) {
      this.#logger.info(
        { file: this.#path, from: noted.bytes, to: size },
        'Cutting off lines that were written but not committed; they are written again.',
      );
      await handle.truncate(noted.bytes);
      return noted.bytes;
    }
    this.#logger.warn(
      { file: this.#path, size, expected: noted.bytes },
      `"${this.#path}" is shorter than we left it; somebody else truncated or replaced it. Going on at its end.`,
    );
    return size;
  }
}

/** The note's place: beside the file, hidden. */
export function notePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.millrace`);
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function sameOffsets(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(b);
  return names.length === Object.keys(a).length && names.every((name) => a[name] === b[name]);
}
