/**
 * Question: what does a Kafka client get from our broker, compared with Apache Kafka on the same machine?
 *
 * Method: both brokers run at once, as processes of their own on the loopback, each with its default settings (ours
 * therefore syncs before it answers acks=all, Kafka does not). The same outside clients drive them alternately, in
 * rounds; each figure is the median of its rounds. CPU is the broker's own, from /proc. The ratio counts, not the figure.
 *
 *     node bench/broker/compare.bench.ts [--rounds 3] [--only produce,latency,…] [--match "acks=all"] [--quick] [--write]
 *
 * Needs a JDK, Maven and kcat, 25 GB of disk for `large-log`. Every wait has a deadline: what fails is a row that says so,
 * and the run goes on. `--write` puts the figures into docs/benchmarks.md.
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

/** What needs the two brokers of the whole run, in its order; the order is also that of the tables. */
const shared = { produce, consume, kcat, node: nodeClients, connections, latency, 'catch-up': catchUp };
/** What starts brokers of its own. */
const alone = { start: starts, partitions: idlePartitions, 'large-log': largeLog };
const sections = [...Object.keys(shared), ...Object.keys(alone)];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: sections.join(',') },
    match: { type: 'string', default: '' },
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
});
report.begin(runs.rounds, options.quick);

for (const [name, run] of Object.entries(alone)) if (chosen.has(name)) await runs.section(name, () => run(runs));
if (Object.keys(shared).some((name) => chosen.has(name))) {
  const subjects = [await startKafka(), await startOurs(options.prof ? ['--cpu-prof'] : [])];
  try {
    await runs.section('warm-up', () => warmUp(subjects));
    for (const [name, run] of Object.entries(shared)) {
      if (chosen.has(name)) await runs.section(name, () => run(runs, subjects));
    }
    report.table('Memory of a broker that has done all this', ['broker', 'resident, MiB', 'at most, MiB']);
    for (const subject of subjects) report.row([subject.name, subject.residentMiB(), subject.peakMiB()]);
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}
report.end((performance.now() - began) / 60_000);
if (options.write) report.write(join(import.meta.dirname, '../../docs/benchmarks.md'));
