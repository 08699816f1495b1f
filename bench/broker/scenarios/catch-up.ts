/** Consumers that read a topic from its beginning while a producer goes on writing to it. */
import { catchingUp, javaProduce, type Load } from '../drivers.ts';
import { median, type Rounds } from '../rounds.ts';
import type { Running } from '../subjects.ts';

const partitions = 10;
const writesPerSecond = 2_000;

export async function catchUp(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  const title = `Consumers catching up (1 KiB, ${partitions} partitions) while a producer writes ${writesPerSecond} records a second, acks=all`;
  runs.report.table(title, [
    'consumers',
    'broker',
    'records/s, all together',
    'p50 of a write, ms',
    'p99 of a write, ms',
    'CPU s per million',
    'resident, MiB',
  ]);
  const load: Load = { records: runs.scaled(100_000), bytes: 1024, acks: '1', codec: 'none' };
  const fill = (subject: Running, topic: string) => javaProduce(subject.bootstrap, topic, load);
  await runs.withFilled(subjects, partitions, fill, async (topicOf) => {
    for (const consumers of [1, 5, 20]) {
      if (!runs.isChosen(`${consumers} consumers`)) continue;
      const found = await runs.samples(`${consumers} consumers`, subjects, async (subject) => {
        const before = subject.cpuSeconds();
        const one = await catchingUp(subject.bootstrap, topicOf(subject), {
          ...{ partitions, consumers, writesPerSecond },
          ...{ records: load.records, bytes: load.bytes },
        });
        const cpu = ((subject.cpuSeconds() - before) / (consumers * load.records)) * 1e6;
        return { ...one, cpu, mib: subject.residentMiB() };
      });
      for (const [index, { name }] of subjects.entries()) {
        const of = (key: 'rate' | 'p50' | 'p99' | 'cpu' | 'mib') => median(found[index]!.map((each) => each[key]));
        const figures = [of('rate'), of('p50'), of('p99'), of('cpu'), of('mib')];
        runs.report.row([index === 0 ? `${consumers}` : '', name, ...figures]);
      }
    }
  });
}
