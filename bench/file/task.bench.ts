/**
 * Question: how many lines of 100 bytes does the file source hand out of `poll`, and the file sink take into `put`?
 * Method: a file of LINES lines (default 2,000,000) in the page cache; the task alone, without a log behind it; median
 * of three. Beside it, in the same run: `wc -l`, and reading the same bytes in 1 MiB pieces. Run:
 * node bench/file/task.bench.ts
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SinkLog, SinkRun, SourceRun } from '../../connectors/acceptance/index.ts';
import {
  Schemas,
  type SinkConnectorPlugin,
  type SinkRecord,
  type SourceConnectorPlugin,
} from '../../connectors/api/index.ts';
import { filePlugins } from '../../connectors/file/plugins.ts';
import { median, type Row, report, timed } from '../report.ts';

const count = Number(process.env.LINES ?? 2_000_000);
const source = filePlugins.find((each) => each.class === 'FileSource') as SourceConnectorPlugin;
const sink = filePlugins.find((each) => each.class === 'FileSink') as SinkConnectorPlugin;
const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));

const text = (i: number): string => `${i},truck-${i % 1000},47.3769,8.5417,`.padEnd(99, 'x');
const json = (i: number): string => `{"id":${i},"name":"truck-${i % 1000}","pad":"`.padEnd(97, 'x').concat('"}');

async function fill(name: string, line: (i: number) => string, header = ''): Promise<string> {
  const path = join(folder, name);
  const stream = createWriteStream(path);
  stream.write(header);
  for (let i = 0; i < count; i += 1000) {
    const block = Array.from({ length: Math.min(1000, count - i) }, (_, k) => `${line(i + k)}\n`).join('');
    if (!stream.write(block)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
  return path;
}

async function readRaw(path: string): Promise<void> {
  const handle = await open(path);
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  while ((await handle.read(buffer, 0, buffer.length)).bytesRead > 0);
  await handle.close();
}

async function drain(config: Record<string, string>): Promise<void> {
  const run = await SourceRun.start(source, { topic: 't', ...config });
  let left = count;
  while (left > 0) left -= (await run.poll()).length;
  await run.stop();
}

/** Batches as the worker gives them: 2,000 records of one partition, strings as the StringConverter makes them. */
async function pour(config: Record<string, string>): Promise<void> {
  const partition = { topic: 't', partition: 0 };
  const run = await SinkRun.start(sink, config, new SinkLog(), [partition]);
  for (let at = 0; at < count; at += batch.length) {
    await run.task.put(at === 0 ? batch : batch.map((record) => ({ ...record, offset: record.offset + at })));
  }
  await run.flush();
  await run.kill();
}

const batch: SinkRecord[] = Array.from({ length: 2000 }, (_, offset) => ({
  topic: 't',
  partition: 0,
  keySchema: null,
  key: null,
  valueSchema: Schemas.string,
  value: text(offset),
  headers: [],
  timestamp: null,
  originalTopic: 't',
  originalPartition: 0,
  offset,
}));

async function writeRaw(path: string): Promise<void> {
  const handle = await open(path, 'w');
  const block = Buffer.from(batch.map((record) => `${record.value}\n`).join(''));
  for (let at = 0; at < count; at += batch.length) await handle.write(block);
  await handle.datasync();
  await handle.close();
}

try {
  const plain = await fill('plain.txt', text);
  const jsonl = await fill('lines.jsonl', json);
  const csv = await fill('rows.csv', text, 'id,truck,lat,long,pad\n');
  const three = (what: string, run: () => Promise<unknown>): Promise<Row> => median(3, () => timed(what, count, run));
  report(`file → poll, ${count.toLocaleString('en')} lines of 100 bytes`, 'lines', [
    await three('read in 1 MiB pieces, nothing else', () => readRaw(plain)),
    await three('wc -l', async () => execFileSync('wc', ['-l', plain])),
    await three('FileSource, lines as text', () => drain({ file: plain })),
    await three('FileSource, lines as bytes', () => drain({ file: plain, 'value.format': 'bytes' })),
    await three('FileSource, jsonl (each line checked)', () => drain({ file: jsonl, format: 'jsonl' })),
    await three('FileSource, csv of 5 columns', () => drain({ file: csv, format: 'csv' })),
  ]);
  let serial = 0;
  const fresh = (): string => join(folder, `out-${serial++}`);
  report('put → file, the same lines, synced at the end', 'lines', [
    await three('write in 200 kB pieces, nothing else', () => writeRaw(fresh())),
    await three('FileSink appending', () => pour({ file: fresh() })),
    await three('FileSink rolling at 100,000', () => pour({ directory: fresh() })),
    await three('FileSink rolling, in folders of the hour', () =>
      pour({ directory: fresh(), 'partition.by': 'time:yyyy-MM-dd/HH', 'partition.timestamp': 'wall' }),
    ),
  ]);
} finally {
  await rm(folder, { recursive: true, force: true });
}
