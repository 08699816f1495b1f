/**
 * Question: how fast do lines get from a file into a topic and from a topic into files, beside Kafka Connect on the same
 * work, and beside `wc -l`, which only counts them?
 *
 * Method: LINES lines (10,000,000) of 100 bytes in the page cache. Whole products on both sides: `millrace up` in one
 * process, exactly once, with its log on disk; Kafka Connect 4.3.1 with FileStreamSource and FileStreamSink and the heap
 * of its scripts, beside Apache Kafka. The clock runs from the creation of the connector until the topic (or the file) has
 * everything; CPU time is that of the Millrace process, and of the Connect worker alone. A first run of a tenth warms each.
 * Run: node bench/file/compare.bench.ts [--write] (six minutes at most on two idle cores; needs scripts/compat-install.sh)
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { startJavaConnect } from '../../test/compat/clients/connect/java-connect.ts';
import { startMillrace } from '../../test/kit/millrace.ts';
import { installPeer } from '../broker/peer.ts';
import { startKafka } from '../broker/subjects.ts';
import { call, cpuSeconds, pause, type Subject } from '../connect/subject.ts';
import { machine } from '../report.ts';

const LINES = Number(process.env.LINES ?? 10_000_000);
const WARM_LINES = Math.ceil(LINES / 10);
const LINE_BYTES = 100;
/** Twenty times what the slower needs on an idle machine. */
const DEADLINE_MS = 600_000;
const POLL_MS = 50;

interface Side extends Subject {
  readonly bootstrap: string;
  readonly classes: { readonly source: string; readonly sink: string };
}

interface Figure {
  readonly what: string;
  readonly lines: number;
  readonly seconds: number;
  readonly cpu: number | null;
}

const text = { 'key.converter': stringConverter(), 'value.converter': stringConverter() };

function stringConverter(): string {
  return 'org.apache.kafka.connect.storage.StringConverter';
}

async function fill(path: string, lines: number): Promise<void> {
  const stream = createWriteStream(path);
  for (let i = 0; i < lines; i += 1000) {
    const block = Array.from({ length: Math.min(1000, lines - i) }, (_, k) =>
      `${i + k},truck-${(i + k) % 1000},47.3769,8.5417,`.padEnd(LINE_BYTES - 1, 'x').concat('\n'),
    );
    if (!stream.write(block.join(''))) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

/** Runs a connector until `done` says so. */
async function measured(
  side: Side,
  what: string,
  lines: number,
  config: Record<string, string>,
  done: () => Promise<boolean>,
): Promise<Figure> {
  const name = `bench-${Date.now()}`;
  const cpu = cpuSeconds(side);
  const began = performance.now();
  await call(side, 'POST', '/connectors', { name, config: { ...config, ...text } });
  while (!(await done())) {
    if (performance.now() - began > DEADLINE_MS) throw new Error(`${side.name}: ${what} did not end`);
    await pause(POLL_MS);
  }
  const seconds = (performance.now() - began) / 1000;
  const figure = { what: `${side.name}: ${what}`, lines, seconds, cpu: cpuSeconds(side) - cpu };
  await call(side, 'DELETE', `/connectors/${name}`);
  return figure;
}

async function intoTopic(side: Side, file: string, topic: string, lines: number): Promise<Figure> {
  const kafka = new Kafka({ brokers: [side.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    const config = { 'connector.class': side.classes.source, file, topic };
    return await measured(side, 'file → topic', lines, config, async () => {
      const [partition] = await admin.fetchTopicOffsets(topic);
      return Number(partition!.high) >= lines;
    });
  } finally {
    await admin.disconnect();
  }
}

async function intoFile(side: Side, topic: string, file: string, lines: number): Promise<Figure> {
  const config = { 'connector.class': side.classes.sink, file, topics: topic };
  return measured(side, 'topic → one file', lines, config, async () => (await sizeOf(file)) >= lines * LINE_BYTES);
}

async function intoFolder(side: Side, topic: string, directory: string, lines: number): Promise<Figure> {
  const rules = { 'roll.records': '500000', 'roll.idle.ms': '200' };
  const config = { 'connector.class': 'FileSink', directory, topics: topic, ...rules };
  return measured(side, 'topic → finished files, each once', lines, config, async () => {
    return (await committed(directory)) >= lines;
  });
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => ({ size: 0 }))).size;
}

async function committed(directory: string): Promise<number> {
  const commits = join(directory, '_commits');
  const names = (await readdir(commits).catch(() => [])).filter((name) => !name.startsWith('.'));
  const texts = await Promise.all(names.map((name) => readFile(join(commits, name), 'utf8')));
  return texts.reduce((sum, each) => sum + (JSON.parse(each) as { records: number }).records, 0);
}

/** One after the other, so that they do not share the cores. */
async function ours(folder: string, input: string, warm: string): Promise<Figure[]> {
  const house = await startMillrace();
  const classes = { source: 'FileSource', sink: 'FileSink' };
  const side: Side = { name: 'Millrace', url: house.connect, pid: house.pid, bootstrap: house.kafka, classes };
  try {
    await intoTopic(side, warm, 'warm', WARM_LINES);
    await intoFile(side, 'warm', join(folder, 'warm-ours'), WARM_LINES);
    const figures = [await intoTopic(side, input, 'lines', LINES)];
    figures.push(await intoFile(side, 'lines', join(folder, 'out-ours'), LINES));
    await rm(join(folder, 'out-ours'));
    figures.push(await intoFolder(side, 'lines', join(folder, 'rolled'), LINES));
    await rm(join(folder, 'rolled'), { recursive: true });
    return figures;
  } finally {
    await house.remove();
  }
}

async function peers(folder: string, input: string, warm: string): Promise<Figure[]> {
  installPeer();
  const kafka = await startKafka();
  try {
    const java = await startJavaConnect(kafka.bootstrap, 'bench', { heap: ['-Xms256M', '-Xmx2G'] });
    const file = 'org.apache.kafka.connect.file.FileStream';
    const classes = { source: `${file}SourceConnector`, sink: `${file}SinkConnector` };
    const side: Side = { name: 'Kafka Connect', url: java.url, pid: java.pid, bootstrap: kafka.bootstrap, classes };
    try {
      await intoTopic(side, warm, 'warm', WARM_LINES);
      await intoFile(side, 'warm', join(folder, 'warm-peer'), WARM_LINES);
      const figures = [await intoTopic(side, input, 'lines', LINES)];
      figures.push(await intoFile(side, 'lines', join(folder, 'out-peer'), LINES));
      await rm(join(folder, 'out-peer'));
      return figures;
    } finally {
      await java.stop();
    }
  } finally {
    await kafka.stop();
  }
}

function counted(input: string): Figure {
  const began = performance.now();
  execFileSync('wc', ['-l', input]);
  return { what: '`wc -l`', lines: LINES, seconds: (performance.now() - began) / 1000, cpu: null };
}

function table(figures: readonly Figure[]): string {
  const number = (value: number): string => Math.round(value).toLocaleString('en');
  const rows = figures.map(({ what, lines, seconds, cpu }) => {
    const perCpu = cpu === null ? '' : number(lines / cpu);
    return `| ${what} | ${number(lines / seconds)} | ${perCpu} | ${seconds.toFixed(1)} |`;
  });
  return ['| way | lines/s | lines per CPU second | seconds |', '|---|---:|---:|---:|', ...rows].join('\n');
}

function page(figures: readonly Figure[], load: number): string {
  const loaded =
    load < 1
      ? ''
      : ` **Taken on a loaded machine** (load ${load.toFixed(0)} before it began): only the ratios say something.`;
  return `# Files beside Kafka Connect

${LINES.toLocaleString('en')} lines of ${LINE_BYTES} bytes, from a file into a topic and from the topic into files: whole products on both sides, the file in the page
cache. Millrace is one process, exactly once both ways, its log and its CPU time included; of Kafka Connect (FileStreamSource and FileStreamSink, at least
once) the worker alone is counted, not the broker beside it.

${machine()}.${loaded}

${table(figures)}

\`node bench/file/compare.bench.ts --write\` writes this page (\`scripts/compat-install.sh\` first); \`bench/file/task.bench.ts\` measures the tasks alone, format by
format. Vector and Redpanda Connect are not beside these: their binaries cannot be had from the registries this machine reaches, and a figure from elsewhere
would compare machines.
`;
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
try {
  const [load] = loadavg();
  const [input, warm] = [join(folder, 'lines.txt'), join(folder, 'warm.txt')];
  await fill(input, LINES);
  await fill(warm, WARM_LINES);
  const figures = [counted(input), ...(await ours(folder, input, warm)), ...(await peers(folder, input, warm))];
  const text = page(figures, load!);
  console.log(text);
  if (process.argv.includes('--write')) {
    await writeFile(join(import.meta.dirname, '../../docs/benchmarks-file.md'), text);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
