/**
 * Question: how many records does a second of CPU time carry through the worker, beside Kafka Connect on the same work?
 *
 * A generator writes one 100-byte JSON object for ever through 0, 1 and 5 InsertField transforms and JsonConverter; a null
 * sink reads such records through as many. Both workers run in one go on this machine, one after the other in each round: Kafka Connect
 * beside Apache Kafka; ours with everything in its one process, broker and disk included. Kafka Connect is counted twice: its
 * worker's JVM alone, and as a house, with the JVM of the broker it needs. Memory is that after the work, and with idle connectors.
 * Run: node bench/connect/compare.bench.ts [rounds] (2 by default; 2½ minutes each and 2 for the rest; needs scripts/compat-install.sh)
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectHome, startJavaConnect } from '../../test/compat/clients/connect/java-connect.ts';
import { startMillrace } from '../../test/kit/millrace.ts';
import { installPeer } from '../broker/peer.ts';
import { startKafka } from '../broker/subjects.ts';
import { machine } from '../report.ts';
import {
  call,
  cpuSeconds,
  houseCpuSeconds,
  houseResidentMiB,
  pause,
  progress,
  residentMiB,
  type Subject,
} from './subject.ts';

const ROUNDS = Number(process.argv[2] ?? 2);
const WARM_MS = 4_000;
const MEASURE_MS = 8_000;
const SINK_MS = 3_000;
/** A JVM compiles what it runs often; nobody measures that. */
const FIRST_WARM_MS = 12_000;
/** More than each worker reads while it is measured. */
const FILL = { millrace: 12_000_000, java: 6_000_000 };
const TRANSFORMS = [0, 1, 5];
const IDLE = { millrace: 500, java: 50 };

interface Figure {
  /** Per second of the clock, and per second of CPU time: the worker's, and that of worker and broker. */
  readonly rate: number;
  readonly perCpuSecond: number;
  readonly perHouseSecond: number;
}

const converter = {
  'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'false',
};

function transforms(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, index) => `t${index}`);
  const keys = names.flatMap((name, index) => [
    [`transforms.${name}.type`, 'org.apache.kafka.connect.transforms.InsertField$Value'],
    [`transforms.${name}.static.field`, `f${index}`],
    [`transforms.${name}.static.value`, 'x'],
  ]);
  return count === 0 ? {} : { transforms: names.join(','), ...Object.fromEntries(keys) };
}

/** From one commit to another, so that the second between two commits does not blur the figure. */
async function measure(subject: Subject, name: string, warmMs: number, measureMs: number): Promise<Figure> {
  const begin = await nextCommit(subject, name, performance.now() + warmMs);
  const end = await nextCommit(subject, name, performance.now() + measureMs);
  const records = end.records - begin.records;
  return {
    rate: (records / (end.at - begin.at)) * 1_000,
    perCpuSecond: records / (end.cpu - begin.cpu),
    perHouseSecond: records / (end.houseCpu - begin.houseCpu),
  };
}

async function nextCommit(subject: Subject, name: string, notBefore: number) {
  const deadline = notBefore + 30_000;
  for (let before = -1; ; ) {
    const records = await progress(subject, name);
    const now = performance.now();
    if (before >= 0 && records > before && now >= notBefore) {
      const [cpu, houseCpu] = [cpuSeconds(subject), houseCpuSeconds(subject)];
      return { records, at: now, cpu, houseCpu };
    }
    if (now > deadline) throw new Error(`${subject.name}: ${name} does not get on.`);
    before = records;
    await pause(20);
  }
}

interface Round {
  readonly source: Figure;
  readonly sink: Figure;
}

async function round(subject: Subject, count: number, number: number, warmMs = WARM_MS): Promise<Round> {
  const name = `bench-${count}-${number}`;
  const chain = { ...converter, ...transforms(count) };
  const config = { 'connector.class': 'BenchSource', topic: name, ...chain };
  await call(subject, 'POST', '/connectors', { name: `${name}-source`, config });
  const source = await measure(subject, `${name}-source`, warmMs, MEASURE_MS);
  await call(subject, 'DELETE', `/connectors/${name}-source`);
  await call(subject, 'POST', '/connectors', {
    name: `${name}-sink`,
    config: { 'connector.class': 'BenchSink', topics: 'fill', ...chain },
  });
  const sink = await measure(subject, `${name}-sink`, 0, SINK_MS);
  await call(subject, 'DELETE', `/connectors/${name}-sink`);
  return { source, sink };
}

/** The same records in both logs, for the sinks to read. */
async function fill(subject: Subject, records: number): Promise<void> {
  const config = { 'connector.class': 'BenchSource', topic: 'fill', ...converter };
  await call(subject, 'POST', '/connectors', { name: 'fill', config });
  while ((await progress(subject, 'fill')) < records) await pause(100);
  await call(subject, 'DELETE', '/connectors/fill');
}

interface Idle {
  readonly kib: number;
  readonly createMs: number;
  readonly cpuPercent: number;
  readonly houseCpuPercent: number;
}

/** What a connector that has nothing to do costs, in KiB, and how long it took to create them all. */
async function idle(subject: Subject, count: number): Promise<Idle> {
  const before = residentMiB(subject);
  const began = performance.now();
  for (let index = 0; index < count; index++) {
    const config = { 'connector.class': 'BenchSource', topic: 'idle', idle: 'true', ...converter };
    await call(subject, 'POST', '/connectors', { name: `idle-${index}`, config });
  }
  const createMs = performance.now() - began;
  await pause(5_000);
  const [cpu, houseCpu] = [cpuSeconds(subject), houseCpuSeconds(subject)];
  await pause(5_000);
  const cpuPercent = ((cpuSeconds(subject) - cpu) / 5) * 100;
  const houseCpuPercent = ((houseCpuSeconds(subject) - houseCpu) / 5) * 100;
  return { kib: ((residentMiB(subject) - before) * 1024) / count, createMs, cpuPercent, houseCpuPercent };
}

/** While one connector writes, another is changed ten times: the longest time in which the first got nowhere. */
async function longestPause(subject: Subject): Promise<number> {
  await call(subject, 'POST', '/connectors', {
    name: 'steady',
    config: { 'connector.class': 'BenchSource', topic: 'steady', ...converter },
  });
  await nextCommit(subject, 'steady', performance.now() + 2_000);
  let [longest, last, since] = [0, await progress(subject, 'steady'), performance.now()];
  let changes = 0;
  for (const until = performance.now() + 10_000; performance.now() < until; await pause(20)) {
    const now = await progress(subject, 'steady');
    if (now !== last) {
      longest = Math.max(longest, performance.now() - since);
      [last, since] = [now, performance.now()];
      changes++;
      const config = {
        'connector.class': 'BenchSource',
        topic: 'other',
        idle: 'true',
        ...converter,
        'tasks.max': String(changes),
      };
      await call(subject, 'PUT', '/connectors/other/config', config);
    }
  }
  await call(subject, 'DELETE', '/connectors/steady');
  await call(subject, 'DELETE', '/connectors/other');
  return longest;
}

const figure = (value: number) => Math.round(value).toLocaleString('en');
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const classes = join(folder, 'classes');
  const sources = ['BenchSource.java', 'BenchSink.java'].map((file) => join(import.meta.dirname, 'java', file));
  execFileSync('javac', ['-nowarn', '-Xlint:none', '-d', classes, '-cp', join(connectHome, 'lib', '*'), ...sources]);
  const config = join(folder, 'millrace.json');
  writeFileSync(config, JSON.stringify({ worker: { 'plugin.path': join(import.meta.dirname, 'plugins.ts') } }));
  installPeer();
  const ours = await startMillrace({ args: ['--config', config] });
  const kafka = await startKafka();
  const java = await startJavaConnect(kafka.bootstrap, 'bench', { classPath: classes, heap: ['-Xms256M', '-Xmx2G'] });
  const subjects: readonly [Subject, Subject] = [
    { name: 'Millrace', url: ours.connect, pid: ours.pid },
    { name: 'Kafka Connect', url: java.url, pid: java.pid, broker: kafka },
  ];
  try {
    await fill(subjects[0], FILL.millrace);
    await fill(subjects[1], FILL.java);
    for (const subject of subjects) await round(subject, 1, -1, FIRST_WARM_MS);
    await throughput(subjects);
    await footprint(subjects);
  } finally {
    await java.stop();
    await Promise.all([ours.remove(), kafka.stop()]);
    rmSync(folder, { recursive: true });
  }
}

async function throughput(subjects: readonly Subject[]): Promise<void> {
  console.log(
    `\nRecords through the worker, 100 bytes of JSON, per second of the clock and of CPU time (${machine()})\n`,
  );
  const java = ['worker', 'worker and broker'].map((what) => `Kafka Connect's ${what} | ratio`);
  console.log(`| way | Millrace/s | Kafka Connect/s | Millrace per CPU second | ${java.join(' | ')} |`);
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const count of TRANSFORMS) {
    const found = new Map<Subject, Round[]>();
    for (let number = 0; number < ROUNDS; number++) {
      for (const subject of subjects) {
        found.set(subject, [...(found.get(subject) ?? []), await round(subject, count, number)]);
      }
    }
    for (const way of ['source', 'sink'] as const) {
      const both = subjects.map((subject) => found.get(subject)!);
      console.log(`| ${way}, ${count} transforms | ${row(both, way).join(' | ')} |`);
    }
  }
}

/** Rates of both, then what a second of CPU time carries: ours, Kafka Connect's worker's, and its house's. */
function row([ours = [], java = []]: readonly (readonly Round[])[], way: 'source' | 'sink'): string[] {
  const of = (rounds: readonly Round[], what: keyof Figure) => median(rounds.map((each) => each[way][what]));
  const cost = of(ours, 'perCpuSecond');
  const theirs = [of(java, 'perCpuSecond'), of(java, 'perHouseSecond')];
  const compared = theirs.flatMap((each) => [figure(each), `${(cost / each).toFixed(1)} ×`]);
  return [figure(of(ours, 'rate')), figure(of(java, 'rate')), figure(cost), ...compared];
}

async function footprint(subjects: readonly Subject[]): Promise<void> {
  console.log("\n| | Millrace | Kafka Connect's worker | worker and broker |\n|---|---:|---:|---:|");
  const line = (what: string, [ours, worker, house = '–']: readonly string[]) =>
    console.log(`| ${what} | ${ours} | ${worker} | ${house} |`);
  const java = subjects[1]!;
  line('memory after the work, MiB', [...subjects.map(residentMiB), houseResidentMiB(java)].map(figure));
  const pauses: string[] = [];
  for (const subject of subjects) pauses.push(figure(await longestPause(subject)));
  line('longest time without a commit while another connector changes, ms (commits are a second apart)', pauses);
  const counts = [IDLE.millrace, IDLE.java];
  const idles: Idle[] = [];
  for (const [index, subject] of subjects.entries()) idles.push(await idle(subject, counts[index]!));
  line('idle connectors', counts.map(String));
  line(
    'created in, ms each',
    idles.map(({ createMs }, index) => (createMs / counts[index]!).toFixed(1)),
  );
  line(
    'memory per idle connector, KiB',
    idles.map(({ kib }) => figure(kib)),
  );
  line(
    'CPU of all of them, % of one core',
    [...idles.map(({ cpuPercent }) => cpuPercent), idles[1]!.houseCpuPercent].map((percent) => percent.toFixed(1)),
  );
}

await main();
