/**
 * The same two connectors for Millrace, for `plugin.path`: a source that hands out one object for ever, a sink that takes
 * and does nothing.
 */
import type { Plugin, SourceRecord } from '../../connectors/api/index.ts';

const partition = { generator: 'bench' };
const value = { id: 'truck-17', latitude: 52.520008, longitude: 13.404954, note: 'x'.repeat(30) };
const BATCH = 1_000;
const IDLE_MS = 1_000;

function batch(topic: string, from: number): SourceRecord[] {
  const records: SourceRecord[] = [];
  for (let next = from + 1; next <= from + BATCH; next++) {
    records.push({
      sourcePartition: partition,
      sourceOffset: { next },
      topic,
      partition: null,
      keySchema: null,
      key: null,
      valueSchema: null,
      value,
      headers: [],
      timestamp: null,
    });
  }
  return records;
}

export const plugins: Plugin[] = [
  {
    type: 'source',
    class: 'BenchSource',
    version: '1.0.0',
    config: {
      topic: { type: 'string', doc: 'The topic.', importance: 'high' },
      idle: { type: 'boolean', default: false, doc: 'Whether to do nothing.' },
    },
    create: () => ({
      start() {},
      taskConfigs: () => [{}],
      createTask: () => {
        let [topic, isIdle, next] = ['', false, 0];
        return {
          start(_, config) {
            topic = config.string('topic');
            isIdle = config.boolean('idle');
          },
          async poll() {
            if (isIdle) {
              await new Promise((resolve) => setTimeout(resolve, IDLE_MS).unref());
              return null;
            }
            const records = batch(topic, next);
            next += BATCH;
            return records;
          },
          stop() {},
        };
      },
      stop() {},
    }),
  },
  {
    type: 'sink',
    class: 'BenchSink',
    version: '1.0.0',
    config: {},
    create: () => ({
      start() {},
      taskConfigs: () => [{}],
      createTask: () => ({ start() {}, async put() {}, stop() {} }),
      stop() {},
    }),
  },
];
