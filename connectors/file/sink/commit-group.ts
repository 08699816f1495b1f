/**
 * The files of one commit: everything a partition's records from one offset to another went to, one file for each folder
 * and layout. They are finished together, so that a commit says of a range of offsets where all of it is.
 */
import type { SinkRecord, TopicPartition } from '../../api/index.ts';
import type { FileFormat } from '../formats/encoder.ts';
import { type Manifest, rangeName, temporaryName } from './manifest.ts';
import { type Packing, RolledFile } from './rolled-file.ts';

export interface GroupOptions {
  readonly root: string;
  readonly partition: TopicPartition;
  readonly format: FileFormat;
  readonly packing: Packing;
  readonly extension: string;
}

export class CommitGroup {
  readonly from: number;
  /** Milliseconds since the epoch: of the first record and of the last. */
  readonly since: number;
  lastAt: number;
  to: number;
  records = 0;
  /** Set once a rule says that it is to be finished. */
  isDue = false;
  readonly #skipped: [number, number][] = [];
  readonly #options: GroupOptions;
  readonly #files = new Map<string, RolledFile>();

  constructor(from: number, now: number, options: GroupOptions) {
    this.from = from;
    this.to = from - 1;
    this.since = now;
    this.lastAt = now;
    this.#options = options;
  }

  get files(): Iterable<RolledFile> {
    return this.#files.values();
  }
  get fileCount(): number {
    return this.#files.size;
  }

  recordsFor(target: string): number {
    return this.#files.get(target)?.records ?? 0;
  }
  has(target: string): boolean {
    return this.#files.has(target);
  }

  /** Takes records for their targets, all or none: a DataError leaves no trace. */
  add(parts: ReadonlyMap<string, Part>): void {
    const taken = [...parts].map(([target, { folder, records }]) => {
      const known = this.#files.get(target);
      const encoder = known?.encoder ?? this.#options.format.begin(records[0]!);
      return { target, folder, known, encoder, records, encoded: encoder.encode(records) };
    });
    for (const { target, folder, known, encoder, records, encoded } of taken) {
      const file = known ?? this.#begin(target, folder, encoder);
      encoder.accept(encoded);
      file.records += records.length;
      this.records += records.length;
    }
  }

  /** Says that the group reaches up to these offsets; what lies between them and was not there is noted. */
  cover(records: readonly SinkRecord[]): void {
    for (const { offset } of records) {
      if (offset > this.to + 1) this.#skipped.push([this.to + 1, offset - 1]);
      this.to = offset;
    }
  }

  /** The commit, as it will stand in its file. Call when all files are sealed. */
  manifest(): Manifest {
    const { topic, partition } = this.#options.partition;
    const { from, to, records } = this;
    const files = this.#named().map(([file, path]) => file.committed(path));
    return { topic, partition, from, to, records, skipped: this.#skipped, files };
  }

  /** Gives every file its name; answers the folders that have new ones, from the sink's folder. */
  async nameFiles(): Promise<Set<string>> {
    const folders = new Set<string>();
    for (const [file, path] of this.#named()) {
      await file.name(path);
      folders.add(file.folder);
    }
    return folders;
  }

  /** Files of one folder are told apart by a number. */
  #named(): [RolledFile, string][] {
    const name = rangeName(this.#options.partition, this);
    const inFolder = new Map<string, number>();
    return [...this.#files.values()].map((file) => {
      const serial = (inFolder.get(file.folder) ?? 0) + 1;
      inFolder.set(file.folder, serial);
      const suffix = serial === 1 ? '' : `+${serial}`;
      const path = `${file.folder === '' ? '' : `${file.folder}/`}${name}${suffix}.${this.#options.extension}`;
      return [file, path];
    });
  }

  #begin(target: string, folder: string, encoder: RolledFile['encoder']): RolledFile {
    const { root, partition, packing } = this.#options;
    const temporary = temporaryName(partition, this.from, this.#files.size + 1);
    const file = new RolledFile({ root, temporary, folder, encoder, packing });
    this.#files.set(target, file);
    return file;
  }
}

/** Records that go to one file. */
export interface Part {
  readonly folder: string;
  readonly records: SinkRecord[];
}
