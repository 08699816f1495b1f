/** A new sink: appends lines to a file. Small enough to be replaced, whole enough to pass the examination. */

export function sinkFiles(name: string, className: string): Record<string, string> {
  return {
    'index.ts': index(className),
    'index.test.ts': test(className),
    [`connectors/${name}.json`]: `${JSON.stringify(
      { 'connector.class': className, file: 'output.txt', topics: name },
      null,
      2,
    )}\n`,
  };
}

const index = (className: string) => `// ${className}: a sink that appends each value to a file, one line each.
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type Config,
  type ConfigDef,
  type ConfigProblem,
  plainValue,
  type Plugin,
  type SinkConnector,
  type SinkRecord,
  type SinkTask,
  type SinkTaskContext,
} from 'millrace';

// One declaration: type, default, bounds, documentation, README table, JSON Schema.
const config = {
  file: { type: 'string', doc: 'The file to append to.', importance: 'high' },
} as const satisfies ConfigDef;

function lineOf(record: SinkRecord): string {
  const value = plainValue(record.value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

class ${className}Task implements SinkTask {
  #file: FileHandle | null = null;

  async start(_context: SinkTaskContext, given: Config): Promise<void> {
    this.#file = await open(given.string('file'), 'a');
  }

  // All or nothing, or safe to do again: after a failure the worker puts the same records once more.
  async put(records: readonly SinkRecord[]): Promise<void> {
    if (records.length > 0) await this.#file!.appendFile(records.map((record) => lineOf(record) + '\\n').join(''));
  }

  // Offsets are committed only after this: what was put must be durable now.
  async flush(): Promise<undefined> {
    await this.#file!.datasync();
  }

  async stop(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }
}

class ${className} implements SinkConnector {
  start(): void {}
  // One file has one writer.
  taskConfigs() {
    return [{}];
  }
  createTask(): SinkTask {
    return new ${className}Task();
  }
  stop(): void {}

  // What would not work, each with its fix; nothing is changed.
  async check(given: Config): Promise<ConfigProblem[]> {
    const file = given.string('file');
    const folder = await open(dirname(file)).catch(() => null);
    await folder?.close();
    if (folder !== null) return [];
    return [{ key: 'file', value: file, message: 'The folder of "' + file + '" is not there. Create it.' }];
  }

  // For millrace preview: what put would do, in text.
  async explain(given: Config, records: readonly SinkRecord[]): Promise<string[]> {
    return records.map((record) => 'append to ' + given.string('file') + ': ' + lineOf(record));
  }
}

export const plugins: Plugin[] = [
  { type: 'sink', class: '${className}', version: '0.1.0', config, create: () => new ${className}() },
];
`;

const test = (
  className: string,
) => `// The examination every sink passes: crashes around flush, the same records again, big ones, tombstones, time limits.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SinkConnectorPlugin } from 'millrace';
import { examineReadme, examineSink } from 'millrace/testing';
import { plugins } from './index.ts';

const [plugin] = plugins as [SinkConnectorPlugin];

examineSink({
  plugin,
  lacks: { bad: 'any text is a line' },
  // True once nothing is there twice after a crash.
  exactlyOnce: false,
  prepare: async (t) => {
    const folder = await mkdtemp(join(tmpdir(), '${className}-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'output.txt');
    return {
      config: { file },
      record: (text) => ({ value: text, schema: null }),
      read: async () => (await readFile(file, 'utf8').catch(() => '')).split('\\n').filter((line) => line !== ''),
      snapshot: () => readdir(folder),
    };
  },
});

// MILLRACE_WRITE=1 millrace plugin test renews the table.
examineReadme(new URL('./README.md', import.meta.url), plugins);
`;
