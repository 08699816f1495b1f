/** A new source: reads the lines of a file that grows. Small enough to be replaced, whole enough to pass the examination. */

export function sourceFiles(name: string, className: string): Record<string, string> {
  return {
    'index.ts': index(className),
    'index.test.ts': test(className),
    [`connectors/${name}.json`]: `${JSON.stringify(
      { 'connector.class': className, file: 'input.txt', topic: name },
      null,
      2,
    )}\n`,
  };
}

const index = (className: string) => `// ${className}: a source that reads the lines of a file as they are added.
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Config,
  type ConfigDef,
  type ConfigProblem,
  type Plugin,
  type PreviewRequest,
  Schemas,
  type SourceConnector,
  type SourceRecord,
  type SourceTask,
  type SourceTaskContext,
  sampleTask,
} from 'millrace';

// One declaration: type, default, bounds, documentation, README table, JSON Schema.
const config = {
  file: { type: 'string', doc: 'The file to read.', importance: 'high' },
  topic: { type: 'string', doc: 'The topic to write to.', importance: 'high' },
  'batch.bytes': { type: 'int', default: 65_536, min: 1, doc: 'Bytes one poll reads at most, unless a line is longer.' },
} as const satisfies ConfigDef;

class ${className}Task implements SourceTask {
  #context!: SourceTaskContext;
  #config!: Config;
  #position = 0;

  async start(context: SourceTaskContext, given: Config): Promise<void> {
    this.#context = context;
    this.#config = given;
    // Where the last durable record ended; null the first time.
    const [offset] = await context.offsets([this.#partition()]);
    this.#position = Number(offset?.position ?? 0);
  }

  // Waits a little when there is nothing, and comes back soon when it is to end.
  async poll(): Promise<SourceRecord[]> {
    const lines = await this.#read();
    if (lines.length === 0) await sleep(200, undefined, { signal: this.#context.signal }).catch(() => undefined);
    return lines;
  }

  stop(): void {}

  #partition() {
    return { file: this.#config.string('file') };
  }

  async #read(): Promise<SourceRecord[]> {
    const file = await open(this.#config.string('file')).catch(() => null);
    if (file === null) return [];
    try {
      for (let size = this.#config.number('batch.bytes'); ; size *= 2) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, this.#position);
        const end = buffer.subarray(0, bytesRead).lastIndexOf('\\n') + 1;
        if (end > 0) return this.#records(buffer.subarray(0, end));
        if (bytesRead < size) return [];
      }
    } finally {
      await file.close();
    }
  }

  #records(bytes: Buffer): SourceRecord[] {
    const records: SourceRecord[] = [];
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf('\\n', from);
      this.#position += end + 1 - from;
      records.push({
        sourcePartition: this.#partition(),
        // Where to go on once this record is durable.
        sourceOffset: { position: this.#position },
        topic: this.#config.string('topic'),
        partition: null,
        keySchema: null,
        key: null,
        valueSchema: Schemas.string,
        value: bytes.toString('utf8', from, end),
        headers: [],
        timestamp: null,
      });
      from = end + 1;
    }
    return records;
  }
}

class ${className} implements SourceConnector {
  start(): void {}
  taskConfigs() {
    return [{}];
  }
  createTask(): SourceTask {
    return new ${className}Task();
  }
  stop(): void {}

  // What would not work, each with its fix; nothing is changed. A file that is not there may still come.
  async check(given: Config): Promise<ConfigProblem[]> {
    if (given.string('topic') !== '') return [];
    return [{ key: 'topic', value: '', message: '"topic" is empty: name the topic to write to.' }];
  }

  // For millrace preview: real records, with nothing changed on the other side.
  sample(given: Config, max: number, request: PreviewRequest) {
    return sampleTask(this.createTask(), given, max, request);
  }
}

export const plugins: Plugin[] = [
  { type: 'source', class: '${className}', version: '0.1.0', config, create: () => new ${className}() },
];
`;

const test = (
  className: string,
) => `// The examination every source passes: kills, back-pressure, time limits, big records, no side effects.
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceConnectorPlugin } from 'millrace';
import { examineReadme, examineSource } from 'millrace/testing';
import { plugins } from './index.ts';

const [plugin] = plugins as [SourceConnectorPlugin];

examineSource({
  plugin,
  lacks: { badInput: 'a line is any text', tombstones: 'a line is a value' },
  prepare: async (t) => {
    const folder = await mkdtemp(join(tmpdir(), '${className}-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'input.txt');
    return {
      config: { file, topic: 'examined' },
      write: (values) => appendFile(file, values.map((value) => value + '\\n').join('')),
      read: (record) => String(record.value),
      snapshot: () => readFile(file, 'utf8').catch(() => null),
    };
  },
});

// MILLRACE_WRITE=1 millrace plugin test renews the table.
examineReadme(new URL('./README.md', import.meta.url), plugins);
`;
