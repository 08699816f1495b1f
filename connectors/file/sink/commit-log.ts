/**
 * The commits of a sink's folder, and who may make them: the one place where a range of offsets becomes final.
 *
 * A commit is written in two steps. First under a hidden name, with the list of its files; then those get their names;
 * then the commit gets its own, which is the point of no return. Whoever opens a partition says so in the owner's file
 * first, then takes hidden commits away (so that nobody can finish them any more), and only then reads how far it is: a
 * task that was cut off but is still alive cannot commit beside the new one.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TopicPartition } from '../../api/index.ts';
import { replaceFile, syncFolder } from '../durable.ts';
import { fileUnwritable, isMissing, partitionTaken } from '../errors.ts';
import { commitFolder, type Manifest, nameOf, ownerName, parseManifest, parseName, rangeName } from './manifest.ts';

/** A hidden commit that its finder took away, to remove its files and then itself. */
const abandoned = '.abandoned';

export class CommitLog {
  readonly #root: string;
  readonly #folder: string;
  /** Ours in the owner's files: another life of the same task is another owner. */
  readonly #owner = randomUUID();

  constructor(root: string) {
    this.#root = root;
    this.#folder = join(root, commitFolder);
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await syncFolder(this.#root);
  }

  /** Takes a partition, removes what was not committed of it, and answers the offset to go on from, or null. */
  async open(partition: TopicPartition): Promise<number | null> {
    await replaceFile(join(this.#folder, ownerName(partition)), `${this.#owner}\n`);
    await this.#takeAway(partition);
    const prefix = `${nameOf(partition)}+`;
    const commits = (await readdir(this.#folder)).filter((name) => name.startsWith(prefix) && name.endsWith('.json'));
    const ranges = commits.flatMap((name) => parseName(name) ?? []);
    await this.#removeUncommitted(partition, new Set(commits.map((name) => name.slice(0, -'.json'.length))));
    return ranges.length === 0 ? null : Math.max(...ranges.map(({ to }) => to)) + 1;
  }

  /** First step. Throws when the partition is somebody else's by now. */
  async prepare(manifest: Manifest): Promise<void> {
    const path = this.#hidden(manifest);
    try {
      const handle = await open(path, 'w');
      try {
        await handle.writeFile(`${JSON.stringify(manifest)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await syncFolder(this.#folder);
    } catch (error) {
      throw fileUnwritable(path, error);
    }
    await this.#checkOwner(manifest);
  }

  /** Last step, when the files have their names and those are durable. */
  async commit(manifest: Manifest): Promise<void> {
    try {
      await rename(this.#hidden(manifest), join(this.#folder, `${rangeName(manifest, manifest)}.json`));
      await syncFolder(this.#folder);
    } catch (error) {
      throw this.refused(manifest, error);
    }
  }

  /** What is gone from under our hands was taken by the partition's new owner. */
  refused(partition: TopicPartition, error: unknown): Error {
    if (isMissing(error)) return partitionTaken(nameOf(partition), this.#root);
    return fileUnwritable(this.#root, error);
  }

  async #checkOwner(partition: TopicPartition): Promise<void> {
    const owner = await readFile(join(this.#folder, ownerName(partition)), 'utf8').catch((error: unknown) => {
      throw this.refused(partition, error);
    });
    if (owner.trim() !== this.#owner) throw partitionTaken(nameOf(partition), this.#root);
  }

  #hidden(manifest: Manifest): string {
    return join(this.#folder, `.${rangeName(manifest, manifest)}.json.tmp`);
  }

  /** Hidden commits of the partition: taken by renaming, which only one can do; then their files are removed. */
  async #takeAway(partition: TopicPartition): Promise<void> {
    const prefix = `.${nameOf(partition)}+`;
    for (const name of await readdir(this.#folder)) {
      if (!name.startsWith(prefix)) continue;
      const taken = name.endsWith(abandoned) ? name : `${name}${abandoned}`;
      try {
        await rename(join(this.#folder, name), join(this.#folder, taken));
      } catch (error) {
        if (isMissing(error)) continue;
        throw error;
      }
      await this.#removeFilesOf(join(this.#folder, taken));
      await unlink(join(this.#folder, taken));
    }
  }

  async #removeFilesOf(path: string): Promise<void> {
    let manifest: Manifest;
    try {
      manifest = parseManifest(await readFile(path, 'utf8'));
    } catch {
      // Torn: then it was not durable yet, and no file had got its name.
      return;
    }
    for (const file of manifest.files) await rm(join(this.#root, file.path), { force: true });
  }

  /** Files that were being written, and named ones of the folder itself whose commit is gone. */
  async #removeUncommitted(partition: TopicPartition, committed: ReadonlySet<string>): Promise<void> {
    const { topic, partition: number } = partition;
    for (const name of await readdir(this.#root)) {
      const isTemporary = name.startsWith(`.${nameOf(partition)}+`) && name.endsWith('.tmp');
      const range = parseName(name);
      const isOurs = range !== null && range.topic === topic && range.partition === number;
      const isUncommitted = isOurs && !committed.has(rangeName(partition, range));
      if (isTemporary || isUncommitted) await rm(join(this.#root, name), { force: true });
    }
  }
}
