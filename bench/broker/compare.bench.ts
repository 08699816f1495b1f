/**
 * Question: what does a Kafka client get from our broker, compared with Apache Kafka on the same machine?
 *
 * Method: both brokers run at once, as processes of their own on the loopback, each with its default settings (ours
 * therefore syncs before it answers acks=all, Kafka does not). The same outside clients drive them alternately, in
 * rounds; each figure is the median of its rounds. CPU is the broker's own, from /proc. The ratio counts, not the figure.
 *
 *     node bench/broker/compare.bench.ts [--rounds 3] [--only produce,consume,kcat,node,latency,start] [--quick]
 *
 * Needs a JDK, Maven and kcat. The results of a whole run stand in docs/benchmarks.md.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { machine } from '../report.ts';
import { javaConsume, javaProduce, kcatConsume, kcatProduce, type Load, latencyAtRate, nodeClient } from './drivers.ts';
import { installPeer, peerName } from './peer.ts';
import { type Running, startKafka, startOurs } from './subjects.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'start,produce,consume,kcat,node,latency' },
    quick: { type: 'boolean', default: false },
    prof: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const parts = new Set(options.only.split(','));
const scale = options.quick ? 0.2 : 1;

interface Sample {
  readonly rate: number;
  /** The broker's CPU seconds per million records. */
  readonly cpu: number;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const shown = (rate: number): string => Math.round(rate).toLocaleString('en');

/** Runs it on both brokers in turn, and prints the medians side by side. */
async function compare(
  what: string,
  load: Load,
  subjects: readonly Running[],
  drive: (subject: Running, round: number) => Promise<number>,
): Promise<void> {
  const samples = subjects.map((): Sample[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const before = subject.cpuSeconds();
      const rate = await drive(subject, round);
      samples[index]!.push({ rate, cpu: ((subject.cpuSeconds() - before) / load.records) * 1e6 });
    }
  }
  const [theirs, ours] = samples.map((each) => median(each.map(({ rate }) => rate)));
  const [theirCpu, ourCpu] = samples.map((each) => median(each.map(({ cpu }) => cpu)));
  const megabytes = (ours! * load.bytes) / 1e6;
  const ratio = (ours! / theirs!).toFixed(2);
  const cpu = `${theirCpu!.toFixed(2)} | ${ourCpu!.toFixed(2)}`;
  console.log(`| ${what} | ${shown(theirs!)} | ${shown(ours!)} | ${megabytes.toFixed(0)} | **${ratio}** | ${cpu} |`);
}

function heading(title: string): void {
  console.log(`\n${title}\n`);
  console.log(
    `| load | ${peerName}, records/s | Millrace, records/s | MB/s | ratio | Kafka, CPU s per million | Millrace |`,
  );
  console.log('|---|---:|---:|---:|---:|---:|---:|');
}

let topics = 0;

/** A topic of its own for each run, gone afterwards so that the page cache stays free. */
async function withTopic<T>(subject: Running, partitions: number, run: (topic: string) => Promise<T>): Promise<T> {
  const topic = `bench-${topics++}`;
  await subject.createTopic(topic, partitions);
  // Kafka's leader epochs and our folders are made by the first look at them; neither is the question.
  await sleep(200);
  try {
    return await run(topic);
  } finally {
    await subject.deleteTopic(topic);
  }
}

function loads(records: number): Load[] {
  return [100, 1024].flatMap((bytes) =>
    (['1', 'all'] as const).flatMap((acks) =>
      (['none', 'lz4'] as const).map((codec) => ({
        records: Math.round((bytes === 100 ? records : records / 4) * scale),
        bytes,
        acks,
        codec,
      })),
    ),
  );
}

const said = ({ bytes, acks, codec }: Load): string => `${bytes} B, acks=${acks}, ${codec}`;

async function produce(subjects: readonly Running[]): Promise<void> {
  heading('Produce, Java ProducerPerformance');
  for (const partitions of [1, 50]) {
    for (const load of loads(2_000_000)) {
      await compare(`${said(load)}, ${partitions} partition(s)`, load, subjects, (subject) =>
        withTopic(subject, partitions, (topic) => javaProduce(subject.bootstrap, topic, load)),
      );
    }
  }
}

async function consume(subjects: readonly Running[]): Promise<void> {
  heading('Consume, Java ConsumerPerformance (a group of one, from the beginning)');
  for (const partitions of [1, 50]) {
    for (const load of loads(4_000_000).filter(({ acks }) => acks === '1')) {
      const filled: string[] = [];
      for (const subject of subjects) {
        const topic = `bench-${topics++}`;
        await subject.createTopic(topic, partitions);
        await javaProduce(subject.bootstrap, topic, load);
        filled.push(topic);
      }
      const what = `${load.bytes} B, ${load.codec}, ${partitions} partition(s)`;
      await compare(what, load, subjects, (subject) =>
        javaConsume(subject.bootstrap, filled[subjects.indexOf(subject)]!, load.records),
      );
      for (const [index, subject] of subjects.entries()) await subject.deleteTopic(filled[index]!);
    }
  }
}

/** Lines of the size, in a file that kcat reads. */
function linesFile(load: Load): string {
  const file = join(tmpdir(), `bench-lines-${process.pid}-${load.bytes}`);
  writeFileSync(file, `${'v'.repeat(load.bytes - 1)}\n`.repeat(load.records));
  return file;
}

async function kcat(subjects: readonly Running[]): Promise<void> {
  heading('librdkafka through kcat: produce from a file, then consume');
  for (const load of loads(2_000_000).filter(({ codec }) => codec === 'none')) {
    const file = linesFile(load);
    const filled = new Map<Running, string>();
    await compare(`produce, ${said(load)}`, load, subjects, async (subject) => {
      const topic = `bench-${topics++}`;
      await subject.createTopic(topic, 1);
      filled.set(subject, topic);
      return kcatProduce(subject.bootstrap, topic, load, file);
    });
    rmSync(file);
    await compare(`consume, ${load.bytes} B`, load, subjects, (subject) =>
      kcatConsume(subject.bootstrap, filled.get(subject)!, load.records),
    );
  }
}

async function nodeClients(subjects: readonly Running[]): Promise<void> {
  heading('Node clients: 500 records a request, 5 requests in flight; then consume');
  for (const client of ['kafkajs', 'platformatic'] as const) {
    for (const acks of ['1', 'all'] as const) {
      const load: Load = { records: Math.round(300_000 * scale), bytes: 100, acks, codec: 'none' };
      const filled = new Map<Running, string>();
      await compare(`${client} produce, ${said(load)}`, load, subjects, async (subject) => {
        const topic = `bench-${topics++}`;
        await subject.createTopic(topic, 1);
        filled.set(subject, topic);
        return nodeClient(client, 'produce', subject.bootstrap, topic, load);
      });
      if (acks === 'all') continue;
      await compare(`${client} consume, 100 B`, load, subjects, (subject) =>
        nodeClient(client, 'consume', subject.bootstrap, filled.get(subject)!, load),
      );
    }
  }
}

async function latency(subjects: readonly Running[]): Promise<void> {
  console.log('\nEnd-to-end latency in ms at a fixed rate, Java producer to Java consumer, 100 B, one partition\n');
  console.log('| rate, acks | broker | p50 | p99 | p99.9 | max |\n|---|---|---:|---:|---:|---:|');
  const seconds = Math.round(15 * scale) + 1;
  for (const acks of ['1', 'all'] as const) {
    for (const rate of [1_000, 10_000]) {
      const found = subjects.map((): { p50: number; p99: number; p999: number; max: number }[] => []);
      for (let round = 0; round < rounds; round++) {
        for (const [index, subject] of subjects.entries()) {
          const one = await withTopic(subject, 1, (topic) =>
            latencyAtRate(subject.bootstrap, topic, rate, seconds, { bytes: 100, acks }),
          );
          found[index]!.push(one);
        }
      }
      for (const [index, { name }] of subjects.entries()) {
        const of = (key: 'p50' | 'p99' | 'p999' | 'max') => median(found[index]!.map((each) => each[key])).toFixed(2);
        console.log(
          `| ${shown(rate)}/s, acks=${acks} | ${name} | ${of('p50')} | ${of('p99')} | ${of('p999')} | ${of('max')} |`,
        );
      }
    }
  }
}

async function starts(): Promise<void> {
  console.log('\nStart of an empty broker to its first answer, and its memory five seconds later\n');
  console.log('| broker | start, ms | resident, MiB |\n|---|---:|---:|');
  for (const begin of [startKafka, () => startOurs()]) {
    const found: { name: string; startMs: number; mib: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const subject = await begin();
      await sleep(5_000);
      found.push({ name: subject.name, startMs: subject.startMs, mib: subject.residentMiB() });
      await subject.stop();
    }
    const [startMs, mib] = [median(found.map((each) => each.startMs)), median(found.map((each) => each.mib))];
    console.log(`| ${found[0]!.name} | ${shown(startMs)} | ${shown(mib)} |`);
  }
}

installPeer();
console.log(`${machine()} · ${rounds} round(s)`);
if (parts.has('start')) await starts();
const subjects = [await startKafka(), await startOurs(options.prof ? ['--cpu-prof'] : [])];
try {
  if (parts.has('latency')) await latency(subjects);
  if (parts.has('produce')) await produce(subjects);
  if (parts.has('consume')) await consume(subjects);
  if (parts.has('kcat')) await kcat(subjects);
  if (parts.has('node')) await nodeClients(subjects);
  console.log('\nResident memory after all this, MiB');
  for (const { name, residentMiB } of subjects) console.log(`- ${name}: ${shown(residentMiB())}`);
} finally {
  for (const subject of subjects) await subject.stop();
}
