/**
 * Broker and worker in one process with a source that writes to `lines`, for a parent that wants it dead in one exact place:
 * `node source-process.ts DIR CONFIG WINDOW NTH SUPPORT` kills itself with SIGKILL when the window is reached the n-th time.
 *
 * Windows are places between two steps of a record's journey; they are reached through the ports, by wrapping the log
 * client and the source's plugin, so that what is between them is the product as it ships.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../broker/broker.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import type { Plugin, SourceTask } from '../../connectors/api/index.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import type { LogClient, LogProducer, TransactionalProducer } from '../../runtime/log/client.ts';
import { startWorker } from '../../runtime/worker-server.ts';
import { errorsOnly, replaced, Window } from './windows.ts';

const [dataDir, config, window, nth, support] = process.argv.slice(2);
const OUT = 'lines';
/** Slower than a commit and than the offsets' interval, so that each window is reached several times. */
const POLL_PAUSE_MS = 30;

const kill = new Window(window!, Number(nth));
const at = (place: string): void => kill.at(place);

const hasLines = (records: readonly { topic: string }[]) => records.some(({ topic }) => topic === OUT);

function watched(producer: LogProducer): LogProducer {
  return {
    send: async (records) => {
      if (!hasLines(records)) {
        if (records.some(({ topic }) => topic === 'connect-offsets')) at('between records and offsets');
        return producer.send(records);
      }
      const sent = producer.send(records);
      at('while appending');
      const metadata = await sent;
      at('after append');
      return metadata;
    },
    close: () => producer.close(),
  };
}

function watchedTransactions(producer: TransactionalProducer): TransactionalProducer {
  return {
    // Records and offsets in two appends, so that there is a place between them.
    send: async (records) => {
      const lines = records.filter(({ topic }) => topic === OUT);
      const rest = records.filter(({ topic }) => topic !== OUT);
      const first = lines.length === 0 ? [] : await watched(producer).send(lines);
      if (rest.length > 0) at('between records and offsets');
      return [...first, ...(rest.length === 0 ? [] : await producer.send(rest))];
    },
    commit: async () => {
      at('before commit');
      const committed = producer.commit();
      at('while committing');
      await committed;
      at('after commit');
    },
    abort: () => producer.abort(),
    close: () => producer.close(),
  };
}

function watchedLog(log: LogClient): LogClient {
  return replaced(log, {
    producer: (options) => watched(log.producer(options)),
    transactionalProducer: async (options) => watchedTransactions(await log.transactionalProducer(options)),
  });
}

function watchedTask(task: SourceTask): SourceTask {
  const poll = task.poll.bind(task);
  task.poll = async () => {
    await sleep(POLL_PAUSE_MS);
    const records = await poll();
    if (records !== null && records.length > 0) at('after poll');
    return records;
  };
  const commit = task.commit?.bind(task);
  task.commit = async (offsets) => {
    at('before the source is told');
    await commit?.(offsets);
  };
  return task;
}

function watchedPlugin(plugin: Plugin): Plugin {
  if (plugin.type !== 'source') return plugin;
  return {
    ...plugin,
    create: async () => {
      const connector = await plugin.create();
      const createTask = connector.createTask.bind(connector);
      connector.createTask = () => watchedTask(createTask());
      return connector;
    },
  };
}

const broker = await startBroker({ dataDir: dataDir!, port: 0, logger: errorsOnly });
const worker = await startWorker({
  log: watchedLog(inProcessLog(broker)),
  plugins: catalogue.map(watchedPlugin),
  host: '127.0.0.1',
  port: 0,
  logger: errorsOnly,
  config: {
    'exactly.once.source.support': support!,
    'value.converter': 'StringConverter',
    'offset.flush.interval.ms': '20',
  },
});
await worker.worker.put('source', { 'restart.backoff.ms': '10', ...JSON.parse(config!) });
process.stdout.write(`${broker.address.port}\n`);
// The parent is gone: nobody will kill this one any more.
process.stdin.on('end', () => process.exit(0)).resume();
