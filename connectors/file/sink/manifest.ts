/**
 * What the rolling sink remembers, and how its files are called. Names and JSON only; nothing here touches a disk.
 *
 * | name | what it is |
 * |---|---|
 * | `.orders+0+0000000120.tmp` | being written, from offset 120 |
 * | `country=DE/orders+0+0000000120-0000000179.jsonl` | finished, of the commit of offsets 120 to 179 |
 * | `…+2.parquet` | a second file of the same folder and commit (other columns) |
 * | `_commits/.orders+0+0000000120-0000000179.json.tmp` | the commit before it counts: its files are being named |
 * | `_commits/orders+0+0000000120-0000000179.json` | the commit: from here on they count |
 * | `_commits/.orders+0.owner` | whose partition it is |
 */
import type { TopicPartition } from '../../api/index.ts';

export const commitFolder = '_commits';
/** Digits of an offset in a name, so that names sort as offsets do (as Confluent's storage sinks do it). */
const offsetDigits = 10;

/** Offsets from `from` to `to`, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface CommittedFile {
  /** From the sink's folder. */
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** A commit: a range of a partition's offsets and the files that hold it. Written as JSON under the range's name. */
export interface Manifest extends TopicPartition, Range {
  readonly records: number;
  /** Offsets of the range without a record in the files: markers of transactions, what was compacted, dropped or dead-lettered. */
  readonly skipped: readonly (readonly [from: number, to: number])[];
  readonly files: readonly CommittedFile[];
}

export function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}+${partition}`;
}

function padded(offset: number): string {
  return String(offset).padStart(offsetDigits, '0');
}

export function rangeName(partition: TopicPartition, { from, to }: Range): string {
  return `${nameOf(partition)}+${padded(from)}-${padded(to)}`;
}

/** Of a file that is being written; `serial` counts the files of one commit. */
export function temporaryName(partition: TopicPartition, from: number, serial: number): string {
  return `.${nameOf(partition)}+${padded(from)}${serial === 1 ? '' : `+${serial}`}.tmp`;
}

export function ownerName(partition: TopicPartition): string {
  return `.${nameOf(partition)}.owner`;
}

/** The partition and offsets in the name of a finished file or of a commit; null for any other name. */
export function parseName(name: string): (TopicPartition & Range) | null {
  const match = /^([^+/]+)\+(\d+)\+(\d+)-(\d+)(?:\+\d+)?\.[\w.]+$/.exec(name);
  if (match === null) return null;
  const [, topic, partition, from, to] = match;
  return { topic: topic!, partition: Number(partition), from: Number(from), to: Number(to) };
}

/** Reads a commit back. Throws a plain Error with the rest of the sentence "The commit …". */
export function parseManifest(text: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch (error) {
    throw new Error(`is no JSON: ${(error as Error).message}`);
  }
  const { topic, partition, from, to, records, files, skipped } = manifest;
  const isWhole =
    typeof topic === 'string' &&
    [partition, from, to, records].every(Number.isSafeInteger) &&
    Array.isArray(files) &&
    Array.isArray(skipped);
  if (!isWhole) throw new Error('lacks fields that every commit has');
  return manifest;
}
