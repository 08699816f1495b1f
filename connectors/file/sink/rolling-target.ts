/**
 * Writes finished files, each exactly once: `TOPIC+PARTITION+FROM-TO.jsonl`, with a commit beside them.
 *
 * A file is written under a temporary name, synced, renamed, its folder synced; then a small file in `_commits` with the
 * same name says so. That commit is the point of no return: at start, the partition continues behind its last commit,
 * and files without one are removed. Data files may be taken away at any time; the commits are what is remembered.
 *
 * | name | what it is |
 * |---|---|
 * | `.orders+0+0000000120.tmp` | being written, from offset 120 |
 * | `orders+0+0000000120-0000000179.jsonl` | finished: offsets 120 to 179 |
 * | `_commits/orders+0+0000000120-0000000179.json` | the proof: records, bytes, sha256 |
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OffsetAndMetadata, SinkRecord, TopicPartition } from '../../api/index.ts';
import { fileNotDurable, fileUnwritable } from '../errors.ts';
import { LineBuffer } from '../formats/line-buffer.ts';
import { replaceFile, syncFolder, writeFully } from './durable.ts';

const commitFolder = '_commits';
/** Digits of an offset in a name, so that names sort as offsets do (as Confluent's storage sinks do it). */
const offsetDigits = 10;

/** When to finish a file. */
export interface RollRules {
  readonly records: number;
  readonly bytes: number;
  readonly intervalMs: number;
}

/** A file that is being written. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly from: number;
  readonly since: number;
  readonly hash: Hash;
  to: number;
  records: number;
  bytes: number;
}

/** One partition: its open file, if any, and the offset behind the last commit. */
interface PartitionState {
  readonly partition: TopicPartition;
  file: OpenFile | null;
  /** Null when nothing was ever committed here. */
  committed: number | null;
  next: number;
}

export class RollingTarget {
  readonly #folder: string;
  readonly #rules: RollRules;
  readonly #extension: string;
  readonly #format: (record: SinkRecord) => string | Uint8Array;
  readonly #partitions = new Map<string, PartitionState>();
  readonly #lines = new LineBuffer();

  constructor(
    folder: string,
    rules: RollRules,
    extension: string,
    format: (record: SinkRecord) => string | Uint8Array,
  ) {
    this.#folder = folder;
    this.#rules = rules;
    this.#extension = extension;
    this.#format = format;
  }

  async start(): Promise<void> {
    try {
      await mkdir(join(this.#folder, commitFolder), { recursive: true });
      await syncFolder(this.#folder);
    } catch (error) {
      throw fileUnwritable(this.#folder, error);
    }
  }

  /** Takes a partition: removes what was not committed, answers where to continue or null. */
  async open(partition: TopicPartition): Promise<number | null> {
    try {
      const commits = await readdir(join(this.#folder, commitFolder));
      const committed = commits.reduce<number | null>((last, name) => {
        const range = rangeOf(name, partition);
        return range === null || (last !== null && range.to < last) ? last : range.to + 1;
      }, null);
      await this.#removeUncommitted(partition, new Set(commits.map(withoutExtension)));
      this.#partitions.set(nameOf(partition), { partition, file: null, committed, next: committed ?? 0 });
      return committed;
    } catch (error) {
      throw fileUnwritable(this.#folder, error);
    }
  }

  /**
   * Writes the records to the open files, and finishes those that are due. After a failed write nothing of the failed
   * piece counts, what was written before it is skipped when the batch comes again.
   */
  async put(records: readonly SinkRecord[]): Promise<void> {
    for (const [state, run] of this.#runs(records)) await this.#append(state, run);
    await this.#rollDue();
  }

  /** Finishes files that are due, or all; answers what is committed. */
  async flush(all: boolean): Promise<OffsetAndMetadata[]> {
    if (all) for (const state of this.#partitions.values()) await this.#roll(state);
    else await this.#rollDue();
    return [...this.#partitions.values()]
      .filter((state) => state.committed !== null)
      .map((state) => ({ ...state.partition, offset: state.committed! }));
  }

  /** Gives up a partition with what is not finished: its next owner reads that again. */
  async close(partition: TopicPartition): Promise<void> {
    const state = this.#partitions.get(nameOf(partition));
    this.#partitions.delete(nameOf(partition));
    if (state !== undefined) await this.#abandon(state);
  }

  async stop(): Promise<void> {
    for (const { file } of this.#partitions.values()) await file?.handle.close().catch(() => undefined);
    this.#partitions.clear();
  }

  /** The batch split into runs of one partition, without records we have. */
  *#runs(records: readonly SinkRecord[]): Generator<[PartitionState, SinkRecord[]]> {
    let run: SinkRecord[] = [];
    let state: PartitionState | undefined;
    for (const record of records) {
      const { originalTopic: topic, originalPartition: partition } = record;
      if (state?.partition.topic !== topic || state.partition.partition !== partition) {
        if (state !== undefined && run.length > 0) yield [state, run];
        run = [];
        state = this.#stateOf({ topic, partition });
      }
      if (record.offset >= state.next) run.push(record);
    }
    if (state !== undefined && run.length > 0) yield [state, run];
  }

  #stateOf(partition: TopicPartition): PartitionState {
    const state = this.#partitions.get(nameOf(partition));
    if (state === undefined) throw new Error(`Partition ${nameOf(partition)} was put before it was opened.`);
    return state;
  }

  async #append(state: PartitionState, records: readonly SinkRecord[]): Promise<void> {
    let rest = records;
    while (rest.length > 0) {
      const file = state.file ?? (await this.#begin(state, rest[0]!.offset));
      const part = rest.slice(0, this.#rules.records - file.records);
      const bytes = this.#encode(part);
      await writeFully(file.handle, bytes, file.bytes).catch((error: Error) => {
        throw fileUnwritable(file.path, error);
      });
      file.hash.update(bytes);
      file.bytes += bytes.length;
      file.records += part.length;
      file.to = part.at(-1)!.offset;
      state.next = file.to + 1;
      if (file.records >= this.#rules.records || file.bytes >= this.#rules.bytes) await this.#roll(state);
      rest = rest.slice(part.length);
    }
  }

  /** The lines of all records, or a throw that leaves no trace. */
  #encode(records: readonly SinkRecord[]): Buffer {
    try {
      for (const record of records) this.#lines.add(this.#format(record));
    } catch (error) {
      this.#lines.take();
      throw error;
    }
    return this.#lines.take();
  }

  async #begin(state: PartitionState, from: number): Promise<OpenFile> {
    const path = join(this.#folder, `.${nameOf(state.partition)}+${padded(from)}.tmp`);
    const handle = await open(path, 'w').catch((error: Error) => {
      throw fileUnwritable(path, error);
    });
    state.file = { handle, path, from, since: Date.now(), hash: createHash('sha256'), to: from, records: 0, bytes: 0 };
    return state.file;
  }

  async #rollDue(): Promise<void> {
    const before = Date.now() - this.#rules.intervalMs;
    for (const state of this.#partitions.values()) {
      if (state.file !== null && state.file.since <= before) await this.#roll(state);
    }
  }

  /** Finishes the open file. A failure in here ends the task: what the disk holds is then unknown, and `open` looks. */
  async #roll(state: PartitionState): Promise<void> {
    const file = state.file;
    // An empty one is left from a write that failed.
    if (file === null || file.records === 0) return;
    try {
      await this.#finish(state.partition, file);
    } catch (error) {
      throw fileNotDurable(file.path, error);
    }
    state.file = null;
    state.committed = file.to + 1;
  }

  /** Synced, named, committed, in this order. */
  async #finish({ topic, partition }: TopicPartition, file: OpenFile): Promise<void> {
    const { from, to, records, bytes } = file;
    const name = `${nameOf({ topic, partition })}+${padded(from)}-${padded(to)}`;
    await file.handle.sync();
    await file.handle.close();
    await rename(file.path, join(this.#folder, `${name}.${this.#extension}`));
    await syncFolder(this.#folder);
    const sha256 = file.hash.digest('hex');
    const commit = { file: `${name}.${this.#extension}`, topic, partition, from, to, records, bytes, sha256 };
    await replaceFile(join(this.#folder, commitFolder, `${name}.json`), `${JSON.stringify(commit)}\n`);
  }

  async #abandon(state: PartitionState): Promise<void> {
    const file = state.file;
    state.file = null;
    if (file === null) return;
    await file.handle.close();
    await rm(file.path, { force: true });
  }

  async #removeUncommitted(partition: TopicPartition, committed: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const isTemporary = name.startsWith(`.${nameOf(partition)}+`) && name.endsWith('.tmp');
      const isData = name.endsWith(`.${this.#extension}`) && rangeOf(name, partition) !== null;
      if (isTemporary || (isData && !committed.has(withoutExtension(name)))) await rm(join(this.#folder, name));
    }
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}+${partition}`;
}

function padded(offset: number): string {
  return String(offset).padStart(offsetDigits, '0');
}

function withoutExtension(name: string): string {
  return name.slice(0, name.lastIndexOf('.'));
}

/** The offsets in a name of this partition, or null for any other name. */
function rangeOf(name: string, partition: TopicPartition): { from: number; to: number } | null {
  const prefix = `${nameOf(partition)}+`;
  if (!name.startsWith(prefix)) return null;
  const range = /^(\d+)-(\d+)\.\w+$/.exec(name.slice(prefix.length));
  return range === null ? null : { from: Number(range[1]), to: Number(range[2]) };
}
