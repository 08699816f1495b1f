/**
 * The file sink: records become lines, appended to one file or written as finished files. Both ways every line is there
 * exactly once, because the place in the log is kept with the lines. Step 10 of the record's journey.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type ConnectorContext,
  JsonText,
  type OffsetAndMetadata,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
  type TopicPartition,
} from '../../api/index.ts';
import { messageOf } from '../errors.ts';
import { jsonLine } from '../formats/json-line.ts';
import { type FileSinkSettings, fileSinkSettings } from '../sink-config.ts';
import { AppendTarget } from './append-target.ts';
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
    const { target, isJson } = fileSinkSettings(config);
    return records.map((record) => {
      const line = (isJson ? asJson : asText)(record);
      const place = target.mode === 'append' ? target.path : `a file of ${record.topic} in ${target.path}`;
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
    const format = settings.isJson ? asJson : asText;
    const { mode, path } = settings.target;
    if (mode === 'append') {
      this.#append = new AppendTarget(path, context.logger, format);
      await this.#append.start();
      return;
    }
    const rules = { records: settings.rollRecords, bytes: settings.rollBytes, intervalMs: settings.rollIntervalMs };
    this.#rolling = new RollingTarget(path, rules, settings.isJson ? 'jsonl' : 'txt', format);
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

function asJson(record: SinkRecord): string | Uint8Array {
  return jsonLine(record.value);
}

/** As Kafka's FileStreamSink: the value's own text. What has none is JSON; a missing value is the word null. */
function asText(record: SinkRecord): string | Uint8Array {
  const { value } = record;
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  return (value instanceof JsonText ? stringOf(value) : null) ?? jsonLine(value);
}

/** The text that a JSON string stands for, null for any other JSON (and for what is none: jsonLine says so). */
function stringOf(json: JsonText): string | null {
  if (json.bytes[0] !== QUOTE) return null;
  try {
    return json.parse() as string;
  } catch {
    return null;
  }
}

/** What JSON text of a string begins with. */
const QUOTE = 0x22;
