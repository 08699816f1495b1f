/**
 * Broker and worker in one process with a file source that puts its files away and two file sinks that write into folders,
 * for a parent that wants it dead in one exact place: `node file-process.ts DIR WINDOW NTH`.
 *
 * Places inside the connectors are reached through the file system's own functions, which are wrapped for everybody before
 * anything runs; what is between them is the product as it ships.
 */
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../broker/broker.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import type { Plugin, SourceTask } from '../../connectors/api/index.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import { startWorker } from '../../runtime/worker-server.ts';
import { errorsOnly, replaced, Window } from './windows.ts';

const [dir, place, nth] = process.argv.slice(2);
const TOPIC = 'reports';
/** Slow enough that commits and moves come in between. */
const POLL_PAUSE_MS = 10;
const window = new Window(place!, Number(nth));

const { open, rename } = fs;

/** What renaming to this path does, or null for what is nothing of ours to watch. */
function stepOf(path: string): string | null {
  if (/\/_commits\/[^./][^/]*\.json$/.test(path)) return 'manifest';
  if (/\/reports\+\d+\+\d+-\d+[^/]*$/.test(path)) return 'naming';
  return path.includes('/done/') ? 'moving' : null;
}

fs.rename = async (from, to) => {
  const step = stepOf(String(to));
  if (step !== null) window.at(`before ${step}`);
  await rename(from, to);
  if (step !== null) window.at(`after ${step}`);
};
fs.open = async (...args: Parameters<typeof open>): Promise<FileHandle> => {
  const handle = await open(...args);
  if (!/^\.reports\+.*\.tmp$/.test(basename(String(args[0]))) || args[1] !== 'w') return handle;
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    window.at('after temporary write');
    await sync();
  };
  return handle;
};
syncBuiltinESMExports();

function watchedTask(task: SourceTask): SourceTask {
  return replaced(task, {
    poll: async () => {
      await sleep(POLL_PAUSE_MS);
      const records = await task.poll();
      if (records !== null && records.length > 0) window.at('after read');
      return records;
    },
    commit: async (offsets: Parameters<NonNullable<SourceTask['commit']>>[0]) => {
      window.at('before the source is told');
      await task.commit?.(offsets);
    },
  });
}

function watchedPlugin(plugin: Plugin): Plugin {
  if (plugin.type !== 'source') return plugin;
  return {
    ...plugin,
    create: async () => {
      const connector = await plugin.create();
      return replaced(connector, { createTask: () => watchedTask(connector.createTask()) });
    },
  };
}

const broker = await startBroker({ dataDir: join(dir!, 'data'), port: 0, logger: errorsOnly });
const log = inProcessLog(broker);
await log.createTopics([{ topic: TOPIC, partitions: 2, replicationFactor: 1 }]);
const worker = await startWorker({
  log,
  plugins: catalogue.map(watchedPlugin),
  host: '127.0.0.1',
  port: 0,
  logger: errorsOnly,
  config: {
    'exactly.once.source.support': 'enabled',
    'value.converter': 'JsonConverter',
    'value.converter.schemas.enable': 'false',
    'offset.flush.interval.ms': '20',
  },
});
await worker.worker.put('in', {
  'connector.class': 'FileSource',
  file: join(dir!, 'in'),
  topic: TOPIC,
  format: 'jsonl',
  'read.mode': 'once',
  'stable.ms': '0',
  'scan.interval.ms': '20',
  'after.read': 'move',
  'move.to': join(dir!, 'done'),
  'batch.size': '20',
  'restart.backoff.ms': '10',
});
for (const format of ['jsonl', 'parquet']) {
  await worker.worker.put(format, {
    'connector.class': 'FileSink',
    topics: TOPIC,
    directory: join(dir!, format),
    format,
    'partition.by': 'field:id',
    'roll.records': '9',
    'roll.idle.ms': '500',
    'consumer.override.max.poll.records': '20',
    'restart.backoff.ms': '10',
  });
}
process.stdout.write('ready\n');
// The parent is gone: nobody will kill this one any more.
process.stdin.on('end', () => process.exit(0)).resume();
