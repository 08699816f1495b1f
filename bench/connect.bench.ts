/**
 * Question: how many records per second does the worker itself carry, with nothing slow at either end?
 *
 * generator → converter → in-memory log → converter → null sink, one task each way, 100-byte JSON values, with 0, 1 and
 * 5 transforms on both ways. Beside each figure stands what a second of CPU time carries, which other work on the machine
 * blurs less, and above them all the limit: JSON.parse of the same bytes in this process.
 * Run: node bench/connect.bench.ts [records]
 */
import type { Plugin, SourceRecord } from '../connectors/api/index.ts';
import { JsonText } from '../connectors/api/index.ts';
import { catalogue } from '../connectors/catalogue.ts';
import { MemoryLog } from '../runtime/log/memory.ts';
import { silent } from '../runtime/worker/harness.ts';
import { startWorker } from '../runtime/worker-server.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 1_000;
const value = Buffer.from(
  JSON.stringify({ id: 'truck-17', latitude: 52.520008, longitude: 13.404954, note: 'x'.repeat(30) }),
);

interface Progress {
  produced: number;
  delivered: number;
}

function plugins(progress: Progress, asText: boolean): Plugin[] {
  const partition = { generator: 'bench' };
  const parsed = JSON.parse(value.toString());
  return [
    {
      type: 'source',
      class: 'Generator',
      version: '1',
      config: {},
      create: () => ({
        start() {},
        taskConfigs: () => [{}],
        createTask: () => {
          let next = 0;
          return {
            start() {},
            async poll() {
              if (next >= RECORDS) {
                await new Promise((resolve) => setTimeout(resolve, 20));
                return null;
              }
              const records: SourceRecord[] = [];
              for (let index = 0; index < BATCH; index++) {
                next++;
                records.push({
                  sourcePartition: partition,
                  sourceOffset: { next },
                  topic: 'bench',
                  partition: null,
                  keySchema: null,
                  key: null,
                  valueSchema: null,
                  value: asText ? new JsonText(value) : parsed,
                  headers: [],
                  timestamp: 1_700_000_000_000,
                });
              }
              return records;
            },
            commitRecord() {
              progress.produced++;
            },
            stop() {},
          };
        },
        stop() {},
      }),
    },
    {
      type: 'sink',
      class: 'NullSink',
      version: '1',
      config: {},
      create: () => ({
        start() {},
        taskConfigs: () => [{}],
        createTask: () => ({
          start() {},
          async put(records) {
            progress.delivered += records.length;
          },
          stop() {},
        }),
        stop() {},
      }),
    },
  ];
}

/** Fields of other names on each way, because a field that is there already has to be found first. */
function transforms(count: number, field: string): Record<string, string> {
  const names = Array.from({ length: count }, (_, index) => `t${index}`);
  return {
    transforms: names.join(','),
    ...Object.fromEntries(
      names.flatMap((name, index) => [
        [`transforms.${name}.type`, 'InsertField$Value'],
        [`transforms.${name}.static.field`, `${field}${index}`],
        [`transforms.${name}.static.value`, 'x'],
      ]),
    ),
  };
}

interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

async function until(done: () => boolean): Promise<Took> {
  const [began, before] = [performance.now(), process.cpuUsage()];
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - began, cpuMs: (user + system) / 1_000 };
}

async function measure(label: string, asText: boolean, transformCount: number): Promise<void> {
  const progress: Progress = { produced: 0, delivered: 0 };
  const log = new MemoryLog();
  const { worker, stop } = await startWorker({
    log,
    plugins: [...catalogue, ...plugins(progress, asText)],
    host: '127.0.0.1',
    port: 0,
    logger: silent,
  });
  await worker.create('generator', { 'connector.class': 'Generator', ...transforms(transformCount, 'from') });
  const source = await until(() => progress.produced >= RECORDS);
  await worker.remove('generator');
  await worker.create('null', { 'connector.class': 'NullSink', topics: 'bench', ...transforms(transformCount, 'to') });
  const sink = await until(() => progress.delivered >= RECORDS);
  await stop();
  const rate = (ms: number) =>
    Math.round(RECORDS / (ms / 1000))
      .toLocaleString('en')
      .padStart(10);
  const both = ({ ms, cpuMs }: Took) => `${rate(ms)} rec/s ${rate(cpuMs)} per CPU s`;
  process.stdout.write(`${label.padEnd(30)} source ${both(source)}   sink ${both(sink)}\n`);
}

function parseLimit(): void {
  const began = performance.now();
  for (let index = 0; index < RECORDS; index++) JSON.parse(value.toString());
  const rate = Math.round(RECORDS / ((performance.now() - began) / 1000)).toLocaleString('en');
  process.stdout.write(`limit: JSON.parse alone ${rate} rec/s (${value.length} bytes)\n`);
}

parseLimit();
await measure('JSON text, no transform', true, 0);
await measure('JSON text, no transform (warm)', true, 0);
await measure('JSON text, 1 InsertField', true, 1);
await measure('JSON text, 5 InsertField', true, 5);
await measure('objects, no transform', false, 0);
await measure('objects, 1 InsertField', false, 1);
await measure('objects, 5 InsertField', false, 5);
