/**
 * Question: what does a Kafka client get from our broker, compared with Apache Kafka on the same machine?
 *
 * Method: both brokers run at once, as processes of their own on the loopback, each with its default settings (ours
 * therefore syncs before it answers acks=all, Kafka does not). The same outside clients drive them alternately, in
 * rounds; each figure is the median of its rounds. What a run left in the page cache is on the disk before the next
 * begins. CPU is the broker's own, from /proc. The ratio counts, not the figure.
 *
 *     node bench/broker/compare.bench.ts [--rounds 3] [--only produce,latency,…] [--match "acks=all"] [--minutes 33]
 *         [--quick] [--write]
 *
 * Needs a JDK, Maven and kcat, 15 GB of disk for `large-log`. Every wait has a deadline: what fails is a row that says so,
 * and the run goes on; after so many minutes nothing new begins. `--write` puts the figures into docs/benchmarks.md.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { javaConsume, javaProduce } from './drivers.ts';
import { installPeer } from './peer.ts';
import { Report } from './report-tables.ts';
import { Rounds } from './rounds.ts';
import { catchUp } from './scenarios/catch-up.ts';
import { latency } from './scenarios/latency.ts';
import { idlePartitions, largeLog, starts } from './scenarios/resident.ts';
import { connections, consume, kcat, nodeClients, produce } from './scenarios/throughput.ts';
import { type Running, startKafka, startOurs } from './subjects.ts';

/** What shares two brokers that run all the time. */
const shared = { latency, produce, consume, kcat, node: nodeClients, connections, 'catch-up': catchUp };
/** What starts brokers of its own, before and after those. */
const before = { start: starts };
const after = { partitions: idlePartitions, 'large-log': largeLog };
const sections = Object.keys({ ...before, ...shared, ...after });
const results = join(import.meta.dirname, '../../docs/benchmarks.md');

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: sections.join(',') },
    match: { type: 'string', default: '' },
    minutes: { type: 'string', default: '33' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    prof: { type: 'boolean', default: false },
  },
});
const chosen = new Set(options.only.split(','));
const unknown = [...chosen].filter((section) => !sections.includes(section));
if (unknown.length > 0) throw new Error(`There is no section ${unknown.join(', ')}; there are ${sections.join(', ')}.`);

const quickScale = 0.2;

/** Kafka's JIT compiler needs some work before it is what it will be; ours gets the same. */
async function warmUp(subjects: readonly Running[]): Promise<void> {
  for (const bytes of [100, 1024]) {
    for (const subject of subjects) {
      const topic = `warm-up-${bytes}`;
      await subject.createTopic(topic, 1);
      const load = { records: 200_000, bytes, acks: 'all', codec: 'none' } as const;
      await javaProduce(subject.bootstrap, topic, load);
      await javaConsume(subject.bootstrap, topic, load.records);
      await subject.deleteTopic(topic);
    }
  }
}

installPeer();
const began = performance.now();
const report = new Report();
const runs = new Rounds(report, {
  rounds: Number(options.rounds),
  scale: options.quick ? quickScale : 1,
  match: new RegExp(options.match),
  minutesMax: Number(options.minutes),
});
report.begin(runs.rounds, options.quick);

/** One section after the other; what is known is written down each time, whatever comes next. */
async function run(all: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  for (const [name, section] of Object.entries(all)) {
    if (!chosen.has(name)) continue;
    await runs.section(name, section);
    if (options.write) report.write(results);
  }
}

type Section<Arguments extends unknown[]> = (runs: Rounds, ...rest: Arguments) => Promise<void>;

const bound = <Arguments extends unknown[]>(all: Record<string, Section<Arguments>>, ...rest: Arguments) =>
  Object.fromEntries(Object.entries(all).map(([name, section]) => [name, () => section(runs, ...rest)]));

/** Both brokers, for as long as the sections need that share them. */
async function runShared(): Promise<void> {
  const subjects: Running[] = [];
  try {
    subjects.push(await startKafka());
    subjects.push(await startOurs(options.prof ? ['--cpu-prof'] : []));
    await runs.section('warm-up', () => warmUp(subjects));
    await run(bound(shared, subjects));
    report.table('Memory of a broker that has done all this', ['broker', 'resident, MiB', 'at most, MiB']);
    for (const subject of subjects) report.row([subject.name, subject.residentMiB(), subject.peakMiB()]);
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

await run(bound(before));
if (Object.keys(shared).some((name) => chosen.has(name))) await runs.section('both brokers', runShared);
await run(bound(after));
report.end((performance.now() - began) / 60_000, runs.leftOut);
if (options.write) report.write(results);
