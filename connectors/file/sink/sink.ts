/**
 * The file sink: records are appended to one file, or written as finished files of a format, in folders. Both ways every
 * record is there exactly once, because the place in the log is kept with the files. Step 10 of the record's journey.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  type OffsetAndMetadata,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import { csvFormat } from '../formats/csv-encoder.ts';
import type { FileFormat } from '../formats/encoder.ts';
import { parseJsonSchema } from '../formats/json-schema.ts';
import { asJson, asRaw, asText, linesFormat, rawFormat } from '../formats/text-encoder.ts';
import { type FileSinkSettings, fileSinkSettings, type SinkFormat } from '../sink-config.ts';
import { AppendTarget } from './append-target.ts';
import { partitionPath } from './partition-path.ts';
import { RollingTarget } from './rolling-target.ts';

export class FileSink implements SinkConnector {
  #settings: FileSinkSettings | null = null;

  start(_context: ConnectorContext, config: Config): void {
    this.#settings = fileSinkSettings(config);
  }

  /** One task where all lines go to one file; any number where each partition has its own files. */
  taskConfigs(maxTasks: number): readonly Record<string, string>[] {
    const count = this.#settings?.target.mode === 'append' ? 1 : maxTasks;
    return Array.from({ length: count }, () => ({}));
  }

  createTask(): FileSinkTask {
    return new FileSinkTask();
  }

  stop(): void {}

  async explain(config: Config, records: readonly SinkRecord[]): Promise<readonly string[]> {
    const { target, format, folders } = fileSinkSettings(config);
    const pathOf = partitionPath(folders);
    return records.map((record) => {
      const line = lineOf(format)(record);
      const folder = pathOf === null ? target.path : join(target.path, pathOf(record));
      const place = target.mode === 'append' ? target.path : `a file of ${record.topic} in ${folder}`;
      return `append to ${place}: ${typeof line === 'string' ? line : Buffer.from(line).toString()}`;
    });
  }

  async check(config: Config): Promise<readonly ConfigProblem[]> {
    try {
      return await checkTarget(fileSinkSettings(config));
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }
}

/** Can it be written? A file may be new, its folder not; a folder is made if the one above it is there. */
async function checkTarget({ target }: FileSinkSettings): Promise<ConfigProblem[]> {
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  const path = (await isThere(target.path)) ? target.path : dirname(target.path);
  try {
    await access(path, constants.W_OK);
    return [];
  } catch (error) {
    const key = target.mode === 'append' ? 'file' : 'directory';
    const message = `"${target.path}" cannot be written: ${messageOf(error)}. Create its folder or correct its permissions.`;
    return [{ key, value: target.path, message }];
  }
}

export class FileSinkTask implements SinkTask {
  #context!: SinkTaskContext;
  #append: AppendTarget | null = null;
  #rolling: RollingTarget | null = null;

  async start(context: SinkTaskContext, config: Config): Promise<void> {
    this.#context = context;
    const settings = fileSinkSettings(config);
    const { mode, path } = settings.target;
    if (mode === 'append') {
      const lineEnd = settings.format === 'raw' ? 'none' : 'line feed';
      this.#append = new AppendTarget(path, context.logger, lineOf(settings.format), lineEnd);
      await this.#append.start();
      return;
    }
    this.#rolling = await rollingTarget(settings);
    await this.#rolling.start();
  }

  async open(partitions: readonly TopicPartition[]): Promise<void> {
    for (const partition of partitions) {
      const offset = this.#append !== null ? this.#append.open(partition) : await this.#rolling!.open(partition);
      if (offset !== null) this.#context.seek(partition, offset);
    }
  }

  async put(records: readonly SinkRecord[]): Promise<void> {
    await (this.#append ?? this.#rolling!).put(records);
  }

  async flush(): Promise<readonly OffsetAndMetadata[] | undefined> {
    if (this.#rolling !== null) return this.#rolling.flush(this.#context.signal.aborted);
    await this.#append!.flush();
    return undefined;
  }

  async close(partitions: readonly TopicPartition[]): Promise<void> {
    for (const partition of partitions) await this.#rolling?.close(partition);
  }

  async stop(): Promise<void> {
    await this.#append?.stop();
    await this.#rolling?.stop();
  }
}

/** What a record is in an appended file and in a preview: text without a line end. */
function lineOf(format: SinkFormat): (record: SinkRecord) => string | Uint8Array {
  if (format === 'lines') return asText;
  return format === 'raw' ? asRaw : asJson;
}

/** The Parquet library is loaded by whom needs it. */
async function formatOf(settings: FileSinkSettings): Promise<FileFormat> {
  switch (settings.format) {
    case 'lines':
      return linesFormat('txt', asText);
    case 'jsonl':
      return linesFormat('jsonl', asJson);
    case 'raw':
      return rawFormat();
    case 'csv':
      return csvFormat(settings.csv);
    case 'parquet': {
      const { parquetFormat } = await import('../formats/parquet-encoder.ts');
      const { compression, jsonSchema, rowGroupBytes } = settings;
      const schema = jsonSchema === null ? null : parseJsonSchema(jsonSchema);
      return parquetFormat({ codec: codecs[compression], schema, rowGroupBytes });
    }
  }
}

const codecs = { none: 'UNCOMPRESSED', gzip: 'GZIP', zstd: 'ZSTD', snappy: 'SNAPPY' } as const;
const suffixes = { none: '', gzip: '.gz', zstd: '.zst', snappy: '' } as const;

async function rollingTarget(settings: FileSinkSettings): Promise<RollingTarget> {
  const { target, rules, folders, compression } = settings;
  const format = await formatOf(settings);
  const isParquet = settings.format === 'parquet';
  return new RollingTarget({
    folder: target.path,
    rules,
    format,
    packing: isParquet || compression === 'snappy' ? 'none' : compression,
    extension: isParquet ? format.extension : `${format.extension}${suffixes[compression]}`,
    pathOf: partitionPath(folders),
    now: Date.now,
  });
}
