/**
 * Broker and worker in one process with a file sink, for a parent that wants it dead in one exact place:
 * `node sink-process.ts DIR OUT LINES WINDOW NTH`. The first start writes the topic.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBroker } from '../../broker/broker.ts';
import { inProcessLog } from '../../broker/in-process/log-client.ts';
import type { Plugin, SinkTask } from '../../connectors/api/index.ts';
import { catalogue } from '../../connectors/catalogue.ts';
import type { LogClient, LogConsumer } from '../../runtime/log/client.ts';
import { startWorker } from '../../runtime/worker-server.ts';
import { errorsOnly, replaced, Window } from './windows.ts';

const [dataDir, out, lines, place, nth] = process.argv.slice(2);
const TOPIC = 'lines';
/** Slow enough that commits come in between. */
const PUT_PAUSE_MS = 5;
const window = new Window(place!, Number(nth));

function watchedConsumer(consumer: LogConsumer): LogConsumer {
  return replaced(consumer, {
    poll: async (timeoutMs: number) => {
      const records = await consumer.poll(timeoutMs);
      if (records.length > 0) window.at('after poll');
      return records;
    },
    commit: async (offsets: Parameters<LogConsumer['commit']>[0]) => {
      window.at('before commit');
      const committed = consumer.commit(offsets);
      window.at('while committing');
      await committed;
      window.at('after commit');
    },
  });
}

function watchedTask(task: SinkTask): SinkTask {
  return replaced(task, {
    put: async (records: Parameters<SinkTask['put']>[0]) => {
      if (records.length > 0) await sleep(PUT_PAUSE_MS);
      if (records.length > 0) window.at('before put');
      await task.put(records);
      if (records.length > 0) window.at('after put');
    },
    flush: async (offsets: Parameters<NonNullable<SinkTask['flush']>>[0]) => {
      const flushing = task.flush?.(offsets);
      window.at('while flushing');
      const safe = await flushing;
      window.at('after flush');
      return safe;
    },
  });
}

function watchedPlugin(plugin: Plugin): Plugin {
  if (plugin.type !== 'sink') return plugin;
  return {
    ...plugin,
    create: async () => {
      const connector = await plugin.create();
      return replaced(connector, { createTask: () => watchedTask(connector.createTask()) });
    },
  };
}

const broker = await startBroker({ dataDir: dataDir!, port: 0, logger: errorsOnly });
const log: LogClient = inProcessLog(broker);
const [created] = await log.createTopics([{ topic: TOPIC, partitions: 1, replicationFactor: 1 }]);
if (created !== undefined) {
  const records = Array.from({ length: Number(lines) }, (_, index) => ({
    topic: TOPIC,
    partition: 0,
    key: null,
    value: Buffer.from(`line ${index}`),
    headers: [],
    timestamp: null,
  }));
  await log.producer({ clientId: 'filler' }).send(records);
}
const worker = await startWorker({
  log: replaced(log, { consumer: (options) => watchedConsumer(log.consumer(options)) }),
  plugins: catalogue.map(watchedPlugin),
  host: '127.0.0.1',
  port: 0,
  logger: errorsOnly,
  config: { 'value.converter': 'StringConverter', 'offset.flush.interval.ms': '10' },
});
await worker.worker.put('sink', {
  'connector.class': 'FileSink',
  file: out!,
  topics: TOPIC,
  'consumer.override.max.poll.records': '20',
});
process.stdout.write('ready\n');
// The parent is gone: nobody will kill this one any more.
process.stdin.on('end', () => process.exit(0)).resume();
