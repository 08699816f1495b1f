/**
 * The judge of a folder the rolling sink wrote: reads every commit and every file, and says whether each partition's
 * offsets follow one another without a gap or an overlap and each file is what its commit says. Changes nothing.
 *
 * May be run while the sink writes: files are listed before commits are read, so that none seems to lack its own.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { isMissing, messageOf } from '../errors.ts';
import { unpack } from '../formats/unpack.ts';
import {
  type CommittedFile,
  commitFolder,
  type Manifest,
  nameOf,
  parseManifest,
  parseName,
  rangeName,
} from './manifest.ts';

/** What was found of one partition. */
export interface PartitionVerdict {
  readonly topic: string;
  readonly partition: number;
  /** First and last offset that is committed. */
  readonly from: number;
  readonly to: number;
  readonly commits: number;
  readonly files: number;
  readonly records: number;
  /** Offsets between them that have no record: markers of transactions, what was compacted, dropped or dead-lettered. */
  readonly skipped: number;
  readonly bytes: number;
}

export interface FolderVerdict {
  readonly partitions: readonly PartitionVerdict[];
  /** A sentence each. */
  readonly faults: readonly string[];
  /** What is no fault but worth a word: files that are being written, files that were taken away where that is allowed. */
  readonly notices: readonly string[];
}

export interface VerifyOptions {
  /** Finished files may have been taken away by others; what is still there must be right. */
  readonly allowsMissing: boolean;
}

/** Rejects with the file system's error where the folder or its commits cannot be listed. */
export async function verifyFolder(folder: string, { allowsMissing }: VerifyOptions): Promise<FolderVerdict> {
  const verdict = new Verdict(folder, allowsMissing);
  const paths = await readdir(folder, { recursive: true });
  const names = await readdir(join(folder, commitFolder));
  const manifests = await verdict.readCommits(names.sort());
  for (const manifest of manifests) await verdict.checkFiles(manifest);
  const partitions = verdict.checkRanges(manifests);
  verdict.checkStrays(paths, manifests, await verdict.prepared(names));
  return { partitions, faults: verdict.faults, notices: verdict.notices };
}

class Verdict {
  readonly faults: string[] = [];
  readonly notices: string[] = [];
  readonly #folder: string;
  readonly #allowsMissing: boolean;

  constructor(folder: string, allowsMissing: boolean) {
    this.#folder = folder;
    this.#allowsMissing = allowsMissing;
  }

  async readCommits(names: readonly string[]): Promise<Manifest[]> {
    const manifests: Manifest[] = [];
    for (const name of names.filter((each) => !each.startsWith('.'))) {
      try {
        const manifest = parseManifest(await readFile(join(this.#folder, commitFolder, name), 'utf8'));
        if (`${rangeName(manifest, manifest)}.json` !== name) throw new Error('is about other offsets than its name');
        manifests.push(manifest);
      } catch (error) {
        this.faults.push(`The commit ${name} ${messageOf(error)}.`);
      }
    }
    return manifests;
  }

  /** Files of commits that were being made; the sink removes them at its next start, or finishes them. */
  async prepared(names: readonly string[]): Promise<Set<string>> {
    const paths = new Set<string>();
    for (const name of names.filter((each) => each.startsWith('.') && !each.endsWith('.owner'))) {
      const text = await readFile(join(this.#folder, commitFolder, name), 'utf8').catch(() => '');
      try {
        for (const { path } of parseManifest(text).files) paths.add(path);
      } catch {
        // Torn or gone: then none of its files has its name.
      }
    }
    return paths;
  }

  async checkFiles(manifest: Manifest): Promise<void> {
    const { from, to, skipped, files, records } = manifest;
    const name = rangeName(manifest, manifest);
    const left = to - from + 1 - skippedOf(skipped);
    if (left !== records) {
      this.faults.push(`The commit ${name} has ${records} records, but its offsets make ${left}.`);
    }
    const inFiles = files.reduce((sum, file) => sum + file.records, 0);
    if (inFiles !== records) this.faults.push(`The commit ${name} has ${records} records, its files ${inFiles}.`);
    for (const file of files) await this.#checkFile(name, file);
  }

  async #checkFile(commit: string, file: CommittedFile): Promise<void> {
    const path = join(this.#folder, file.path);
    try {
      const { size } = await stat(path);
      if (size !== file.bytes) {
        this.faults.push(`The file ${file.path} has ${size} bytes, its commit says ${file.bytes}.`);
        return;
      }
      const sha256 = await hashOf(path);
      if (sha256 !== file.sha256) {
        this.faults.push(`The file ${file.path} is not what was written: its SHA-256 is ${sha256}.`);
        return;
      }
      const records = await countRecords(path);
      if (records !== null && records !== file.records) {
        this.faults.push(`The file ${file.path} has ${records} records, its commit says ${file.records}.`);
      }
    } catch (error) {
      if (!isMissing(error)) this.faults.push(`The file ${file.path} cannot be read: ${messageOf(error)}.`);
      else if (this.#allowsMissing) this.notices.push(`The file ${file.path} was taken away.`);
      else this.faults.push(`The file ${file.path} of the commit ${commit} is missing.`);
    }
  }

  checkRanges(manifests: readonly Manifest[]): PartitionVerdict[] {
    const byPartition = Map.groupBy(manifests, nameOf);
    return [...byPartition].map(([name, commits]) => {
      const sorted = commits.toSorted((a, b) => a.from - b.from || a.to - b.to);
      let next = sorted[0]!.from;
      for (const { from, to } of sorted) {
        if (from > next) this.faults.push(`The offsets ${next} to ${from - 1} of ${name} are in no commit.`);
        if (from < next) {
          this.faults.push(`The offsets ${from} to ${Math.min(to, next - 1)} of ${name} are in two commits.`);
        }
        next = Math.max(next, to + 1);
      }
      return summary(sorted, next - 1);
    });
  }

  checkStrays(paths: readonly string[], manifests: readonly Manifest[], prepared: ReadonlySet<string>): void {
    const listed = new Set(manifests.flatMap(({ files }) => files.map(({ path }) => path)));
    for (const path of paths.toSorted()) {
      if (path.startsWith(`${commitFolder}/`) || listed.has(path)) continue;
      const name = basename(path);
      if (name.startsWith('.') && name.endsWith('.tmp')) this.notices.push(`The file ${path} is being written.`);
      else if (prepared.has(path)) this.notices.push(`The file ${path} is not committed yet; do not read it.`);
      else if (parseName(name) !== null) this.faults.push(`The file ${path} is in no commit.`);
    }
  }
}

function skippedOf(skipped: Manifest['skipped']): number {
  return skipped.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

function summary(commits: readonly Manifest[], to: number): PartitionVerdict {
  const { topic, partition, from } = commits[0]!;
  const sum = (of: (commit: Manifest) => number): number => commits.reduce((total, commit) => total + of(commit), 0);
  return {
    topic,
    partition,
    from,
    to,
    commits: commits.length,
    files: sum(({ files }) => files.length),
    records: sum(({ records }) => records),
    skipped: sum(({ skipped }) => skippedOf(skipped)),
    bytes: sum(({ files }) => files.reduce((total, { bytes }) => total + bytes, 0)),
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** Records in a file that can be counted without knowing how it was configured; null for the others. */
async function countRecords(path: string): Promise<number | null> {
  if (path.endsWith('.parquet')) return countRows(path);
  if (!/\.jsonl(\.gz|\.zst)?$/.test(path)) return null;
  let lines = 0;
  for await (const piece of unpacked(path)) {
    const bytes = piece as Buffer;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

function unpacked(path: string): Readable {
  const file = createReadStream(path);
  if (path.endsWith('.gz')) return unpack(file, 'gzip');
  return path.endsWith('.zst') ? unpack(file, 'zstd') : file;
}

async function countRows(path: string): Promise<number> {
  const { asyncBufferFromFile, parquetMetadataAsync } = await import('hyparquet');
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
  return Number(metadata.num_rows);
}
