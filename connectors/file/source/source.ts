/**
 * The file source: reads files of a format, one, a folder's or those of a glob, and goes on as they grow or puts them away
 * when they are read. A task is bound by what one core cuts (over a million lines a second); several share the files.
 * Step 1 of the record's journey.
 */
import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type Header,
  type PreviewRequest,
  type RecordValue,
  type Schema,
  Schemas,
  type SourceConnector,
  type SourceOffset,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
  sampleTask,
} from '../../api/index.ts';
import { badPiece, messageOf } from '../errors.ts';
import type { Chunk } from '../formats/chunk.ts';
import type { CutSink } from '../formats/cutter.ts';
import { type FileSourceSettings, fileSourceSettings } from '../source-config.ts';
import { type Found, findFiles } from './discovery.ts';
import type { Tail } from './identity.ts';
import {
  type FileOffset,
  type FileState,
  parseOffset,
  parseStreamPosition,
  partitionOf,
  streamPartitionOf,
} from './offset.ts';
import { deleteFile, moveAway } from './put-away.ts';
import { FileReader, type Next, type Reading } from './reader.ts';
import { type Place, startOfFile, type TrackedFile } from './tracked-file.ts';

/** A poll without input comes back this often, so that the worker can look around; open files are looked at oftener. */
const pollWaitMs = 250;
/** How often open files are looked at for growth. */
const growthIntervalMs = 50;
/** A scan that takes long (many thousand files) comes less often, so that it costs a twentieth of the time at most. */
const scanShare = 19;
/** Bytes of a bad piece that are kept for the dead letter. */
const badBytesMax = 1024 * 1024;

/** What a configuration means; another set of keys has another one. */
type SettingsOf = (config: Config) => FileSourceSettings;

export class FileSource implements SourceConnector {
  readonly #settingsOf: SettingsOf;
  #settings: FileSourceSettings | null = null;

  constructor(settingsOf: SettingsOf = fileSourceSettings) {
    this.#settingsOf = settingsOf;
  }

  start(_context: ConnectorContext, config: Config): void {
    this.#settings = this.#settingsOf(config);
  }
  /** One task where there is one file; else each takes the files whose identity falls to it. */
  async taskConfigs(maxTasks: number): Promise<readonly Record<string, string>[]> {
    const count = (await isOneFile(this.#settings!.file)) ? 1 : maxTasks;
    if (count === 1) return [{}];
    return Array.from({ length: count }, (_, index) => ({ 'task.index': String(index), 'task.count': String(count) }));
  }
  createTask(): FileSourceTask {
    return new FileSourceTask(this.#settingsOf);
  }
  stop(): void {}

  /** As a task would read, files that still change too, and none is put away; the place reached is the worker's to keep. */
  sample(config: Config, max: number, request: PreviewRequest): Promise<readonly SourceRecord[]> {
    const task = this.createTask();
    task.leavesFiles = true;
    return sampleTask(task, config, max, request);
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    let settings: FileSourceSettings;
    try {
      settings = this.#settingsOf(config);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return checkFiles(settings);
  }
}

async function isOneFile(file: string): Promise<boolean> {
  if (isGlob(file)) return false;
  const found = await stat(file).catch(() => null);
  return found?.isDirectory() !== true;
}

function isGlob(file: string): boolean {
  return /[*?[{]/.test(file);
}

/** A file may appear later, its folder may not: that is a misspelled path. */
async function checkFiles(settings: FileSourceSettings): Promise<ConfigProblem[]> {
  const problem = (message: string): ConfigProblem[] => [{ key: 'file', value: settings.file, message }];
  try {
    const found = await findFiles(settings.file, settings.pattern);
    for (const { path } of found) await access(path, 4);
    if (found.length === 0 && !isGlob(settings.file)) await access(dirname(settings.file));
    return [];
  } catch (error) {
    return problem(`"${settings.file}" cannot be read: ${messageOf(error)}. Correct "file" or its permissions.`);
  }
}

export class FileSourceTask implements SourceTask {
  /** For previews: nothing is moved or deleted, and nothing waited for. Set before `start`. */
  leavesFiles = false;
  readonly #settingsOf: SettingsOf;
  #context!: SourceTaskContext;
  #settings!: FileSourceSettings;
  #reader!: FileReader;
  /** What is being cut. */
  #work: (Next & { readonly kind: 'chunk' }) | null = null;
  /** Rows, and the next of them. */
  #rows: RowsWork | null = null;
  #nextScan = 0;
  readonly #noHeaders: readonly Header[] = [];
  readonly #headers = new Map<string, readonly Header[]>();

  constructor(settingsOf: SettingsOf = fileSourceSettings) {
    this.#settingsOf = settingsOf;
  }

  async start(context: SourceTaskContext, config: Config): Promise<void> {
    this.#context = context;
    const settings = this.#settingsOf(config);
    this.#settings = this.leavesFiles ? { ...settings, afterRead: 'keep', moveBadTo: null, stableMs: 0 } : settings;
    this.#reader = new FileReader(this.#settings, context.logger, (files) => this.#findPlaces(files));
    await this.#scan();
  }

  async poll(): Promise<readonly SourceRecord[]> {
    const deadline = Date.now() + pollWaitMs;
    for (;;) {
      if (Date.now() >= this.#nextScan) await this.#scan();
      const isIdle = this.#work === null && this.#rows === null;
      const next = isIdle ? await this.#reader.next() : null;
      const records = await this.#take(next);
      if (records.length > 0) return records;
      if (Date.now() >= deadline || this.#context.signal.aborted) return [];
      if (next === null && this.#work === null) await this.#rest(deadline);
    }
  }

  async #take(next: Next | null): Promise<readonly SourceRecord[]> {
    if (next?.kind === 'bad') await this.#reportGiant(next);
    if (next?.kind === 'chunk') this.#work = next;
    if (next?.kind === 'rows') this.#rows = { next, at: 0 };
    if (this.#rows !== null) return this.#takeRows(this.#rows);
    return this.#work === null ? [] : this.#cut(this.#work.reading, this.#work.chunk);
  }

  async stop(): Promise<void> {
    await this.#reader?.close();
  }

  async #scan(): Promise<void> {
    const began = Date.now();
    await this.#reader.scan();
    await this.#putAway();
    const now = Date.now();
    this.#nextScan = now + Math.max(this.#settings.scanIntervalMs, (now - began) * scanShare);
  }

  /** Files that are done, once the offset behind their last record is durable; and those that cannot be read. */
  async #putAway(): Promise<void> {
    const { afterRead, moveTo, moveBadTo, movesByDate } = this.#settings;
    if (moveBadTo !== null) {
      for (const file of await this.#committed(this.#reader.refused())) await this.#move(file, moveBadTo, false);
    }
    if (afterRead === 'keep') return;
    for (const file of await this.#committed(this.#reader.finished())) {
      if (afterRead === 'move') await this.#move(file, moveTo!, movesByDate);
      else {
        await deleteFile(file.path);
        await this.#forget(file);
      }
    }
  }

  /** Those of which nothing would be lost if we ended now and they were gone. */
  async #committed(files: readonly TrackedFile[]): Promise<TrackedFile[]> {
    if (files.length === 0) return [];
    const kept = await this.#context.offsets(files.map((file) => file.partition));
    return files.filter((file, index) => isCommitted(file, parseOffset(kept[index])));
  }

  async #move(file: TrackedFile, folder: string, isByDate: boolean): Promise<void> {
    const target = isByDate ? join(folder, new Date().toISOString().slice(0, 'yyyy-mm-dd'.length)) : folder;
    await moveAway(file.path, this.#settings.keepsFolders ? this.#settings.file : dirname(file.path), target);
    await this.#forget(file);
  }

  async #forget(file: TrackedFile): Promise<void> {
    const { doneMarker } = this.#settings;
    if (doneMarker !== null) await deleteFile(file.path + doneMarker);
    await this.#reader.forget(file);
  }

  async #rest(deadline: number): Promise<void> {
    const now = Date.now();
    const ms = Math.max(1, Math.min(growthIntervalMs, deadline - now, this.#nextScan - now));
    await sleep(ms, undefined, { signal: this.#context.signal }).catch(() => undefined);
    this.#reader.lookForGrowth();
  }

  async #findPlaces(files: readonly Found[]): Promise<(Place | null)[]> {
    const kept = await this.#context.offsets(files.map((file) => partitionOf(file.key)));
    const stream = await this.#context.offsets(files.map((file) => streamPartitionOf(file.path)));
    return files.map((_file, index) => {
      const offset = parseOffset(kept[index]);
      if (offset !== null) {
        const { position, record, tail, file } = offset;
        return { position, record, tail: { ...tail }, generation: file.generation, head: file.head };
      }
      const position = parseStreamPosition(stream[index]);
      return position === null ? null : { ...startOfFile, position };
    });
  }

  #takeRows(work: RowsWork): SourceRecord[] {
    const { reading, schema, rows } = work.next;
    const { file } = reading;
    const tail: Tail = { at: 0, hash: '' };
    const state = file.state(null);
    const headers = this.#headersOf(file);
    const end = Math.min(rows.length, work.at + this.#settings.batchSize);
    const records: SourceRecord[] = [];
    for (; work.at < end; work.at++) {
      file.advanceRows(1, tail);
      file.record++;
      const sourceOffset = { position: file.position, record: file.record, tail, file: state };
      records.push(recordOf(this.#settings.topic, file, sourceOffset, headers, schema, rows[work.at]!, null));
    }
    file.lastRecordEnd = file.position;
    if (work.at >= rows.length) this.#rows = null;
    return records;
  }

  /** Takes a batch from the chunk. Bad pieces are safe in their dead letters before the records after them go on. */
  async #cut(reading: Reading, chunk: Chunk): Promise<SourceRecord[]> {
    const { file, cutter } = reading;
    const batch = new Batch(this.#settings, reading, chunk, this.#headersOf(file));
    const from = chunk.cursor;
    cutter.cut(chunk, this.#settings.batchSize, batch);
    if (chunk.cursor === from && this.#reader.stuck(reading, chunk) === 'give up') cutter.giveUp?.(chunk, batch);
    if (chunk.cursor > from) file.advance(chunk, batch.tail);
    if (chunk.isSpent || chunk.cursor === from) this.#work = null;
    for (const bad of batch.badPieces) await this.#reportBad(file, bad);
    return batch.records;
  }

  async #reportBad(file: TrackedFile, bad: BadPiece): Promise<void> {
    await this.#context.reportBadInput({
      error: badPiece(file.path, bad.from, bad.to, bad.problem, bad.cause),
      source: { ...file.partition, path: file.path, from: bad.from, to: bad.to },
      bytes: bad.bytes,
    });
  }

  async #reportGiant(next: Next & { kind: 'bad' }): Promise<void> {
    const { from, to, problem } = next;
    await this.#reportBad(next.reading.file, { from, to, problem, cause: undefined, bytes: null });
  }

  #headersOf(file: TrackedFile): readonly Header[] {
    if (!this.#settings.hasHeaders) return this.#noHeaders;
    let headers = this.#headers.get(file.path);
    if (headers === undefined) {
      headers = [{ key: 'file.path', value: file.path, schema: Schemas.string }];
      this.#headers.set(file.path, headers);
    }
    return headers;
  }
}

/** Rows that were read, and the next of them to hand out. */
interface RowsWork {
  readonly next: Next & { readonly kind: 'rows' };
  at: number;
}

interface BadPiece {
  readonly from: number;
  readonly to: number;
  readonly problem: string;
  readonly cause: unknown;
  readonly bytes: Uint8Array | null;
}

/** Makes source records of what a cutter finds in one chunk. */
class Batch implements CutSink {
  readonly records: SourceRecord[] = [];
  readonly badPieces: BadPiece[] = [];
  /** Shared by the offsets of the batch; filled in once the batch is cut. */
  readonly tail: Tail = { at: 0, hash: '' };
  readonly #topic: string;
  readonly #file: TrackedFile;
  readonly #chunk: Chunk;
  readonly #state: FileState;
  readonly #headers: readonly Header[];

  constructor(settings: FileSourceSettings, reading: Reading, chunk: Chunk, headers: readonly Header[]) {
    this.#topic = settings.topic;
    this.#file = reading.file;
    this.#chunk = chunk;
    this.#state = reading.file.state(reading.cutter.headerHash ?? null);
    this.#headers = headers;
  }

  record(schema: Schema | null, value: RecordValue, key: string | null, end: number): void {
    const file = this.#file;
    file.record++;
    const position = this.#chunk.positionAt(end);
    file.lastRecordEnd = position;
    const sourceOffset = { position, record: file.record, tail: this.tail, file: this.#state };
    this.records.push(recordOf(this.#topic, file, sourceOffset, this.#headers, schema, value, key));
  }

  bad(from: number, end: number, problem: string, cause?: unknown): void {
    const chunk = this.#chunk;
    this.#file.record++;
    const [start, stop] = [chunk.positionAt(from), chunk.positionAt(end)];
    // Copied, because the chunk's buffer is used again while the dead letter is on its way.
    const kept = Buffer.from(chunk.original(start, Math.min(stop, start + badBytesMax)));
    this.badPieces.push({ from: start, to: stop, problem, cause, bytes: kept });
  }
}

function recordOf(
  topic: string,
  file: TrackedFile,
  sourceOffset: SourceOffset,
  headers: readonly Header[],
  valueSchema: Schema | null,
  value: RecordValue,
  key: string | null,
): SourceRecord {
  return {
    sourcePartition: file.partition,
    sourceOffset,
    topic,
    partition: null,
    keySchema: key === null ? null : Schemas.string,
    key,
    valueSchema,
    value,
    headers,
    timestamp: null,
  };
}

/** Whether the offset behind the last record that was handed out is durable; so is one that was there at the start. */
function isCommitted(file: TrackedFile, kept: FileOffset | null): boolean {
  if (file.lastRecordEnd === null) return true;
  return kept !== null && kept.file.generation === file.generation && kept.position >= file.lastRecordEnd;
}
