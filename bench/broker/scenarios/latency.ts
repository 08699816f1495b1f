/** From the moment a record is due to the moment a consumer has it, at fixed rates. */
import { latencyAtRate } from '../drivers.ts';
import { median, type Rounds } from '../rounds.ts';
import type { Running } from '../subjects.ts';

/** Behind the warm-up; at 1,000/s eight thousand records, so that p99.9 is made of eight. */
const seconds = 8;

export async function latency(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  const title = 'End-to-end latency in ms at a fixed rate, Java producer to Java consumer, 100 B, one partition';
  runs.report.table(title, ['rate, acks', 'broker', 'p50', 'p99', 'p99.9', 'max', 'CPU s per million']);
  for (const acks of ['1', 'all'] as const) {
    for (const rate of [1_000, 10_000]) {
      const what = `${rate.toLocaleString('en')}/s, acks=${acks}`;
      if (!runs.isChosen(what)) continue;
      const found = await runs.samples(what, subjects, async (subject) => {
        const before = subject.cpuSeconds();
        const one = await runs.withTopic(subject, 1, (topic) =>
          latencyAtRate(subject.bootstrap, topic, rate, Math.max(2, runs.scaled(seconds)), { bytes: 100, acks }),
        );
        return { ...one, cpu: ((subject.cpuSeconds() - before) / one.records) * 1e6 };
      });
      for (const [index, { name }] of subjects.entries()) {
        const of = (key: 'p50' | 'p99' | 'p999' | 'max' | 'cpu') => median(found[index]!.map((each) => each[key]));
        runs.report.row([index === 0 ? what : '', name, of('p50'), of('p99'), of('p999'), of('max'), of('cpu')]);
      }
    }
  }
}
