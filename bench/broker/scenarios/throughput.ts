/** How many records a second: the Java tools, kcat, Node clients, and many producers at once. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  javaConsume,
  javaProduce,
  javaRecordsSent,
  kcatConsume,
  kcatProduce,
  type Load,
  manyProducers,
  nodeClient,
} from '../drivers.ts';
import type { Rounds } from '../rounds.ts';
import type { Running } from '../subjects.ts';

/** Records of 1 KiB are a fifth as many as those of 100 B. */
function loads(runs: Rounds, records: number): Load[] {
  return [100, 1024].flatMap((bytes) =>
    (['1', 'all'] as const).flatMap((acks) =>
      (['none', 'lz4'] as const).map((codec) => ({
        records: runs.scaled(bytes === 100 ? records : records / 5),
        bytes,
        acks,
        codec,
      })),
    ),
  );
}

const said = ({ bytes, acks, codec }: Load): string => `${size(bytes)}, acks=${acks}, ${codec}`;
const size = (bytes: number): string => (bytes === 1024 ? '1 KiB' : `${bytes} B`);

export async function produce(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  runs.throughputTable('Produce, Java ProducerPerformance');
  for (const partitions of [1, 50]) {
    for (const load of loads(runs, 600_000)) {
      const sent = javaRecordsSent(load);
      await runs.compare(`${said(load)}, ${partitions} partition(s)`, { ...load, sent }, subjects, (subject) =>
        runs.withTopic(subject, partitions, (topic) => javaProduce(subject.bootstrap, topic, load)),
      );
    }
  }
}

export async function consume(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  runs.throughputTable('Consume, Java ConsumerPerformance (a group of one, from the beginning)');
  for (const partitions of [1, 50]) {
    // Many partitions or compressed batches: each makes more work of a fetch, both together no more.
    const isLoad = ({ acks, codec }: Load): boolean => acks === '1' && (partitions === 1 || codec === 'none');
    for (const load of loads(runs, 1_500_000).filter(isLoad)) {
      const what = `${size(load.bytes)}, ${load.codec}, ${partitions} partition(s)`;
      if (!runs.isChosen(what)) continue;
      const fill = (subject: Running, topic: string) => javaProduce(subject.bootstrap, topic, load);
      await runs.withFilled(subjects, partitions, fill, (topicOf) =>
        runs.compare(what, load, subjects, (subject) => javaConsume(subject.bootstrap, topicOf(subject), load.records)),
      );
    }
  }
}

/** Lines of the size, in a file that kcat reads. */
function linesFile(load: Load): string {
  const file = join(tmpdir(), `bench-lines-${process.pid}-${load.bytes}`);
  writeFileSync(file, `${'v'.repeat(load.bytes - 1)}\n`.repeat(load.records));
  return file;
}

export async function kcat(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  runs.throughputTable('librdkafka through kcat: produce from a file, then consume');
  for (const load of loads(runs, 1_000_000).filter(({ codec }) => codec === 'none')) {
    const file = linesFile(load);
    const fill = (subject: Running, topic: string) => kcatProduce(subject.bootstrap, topic, load, file);
    try {
      await runs.compare(`produce, ${size(load.bytes)}, acks=${load.acks}`, load, subjects, (subject) =>
        runs.withTopic(subject, 1, (topic) => fill(subject, topic)),
      );
      const what = `consume, ${size(load.bytes)}`;
      if (load.acks === 'all' || !runs.isChosen(what)) continue;
      await runs.withFilled(subjects, 1, fill, (topicOf) =>
        runs.compare(what, load, subjects, (subject) => kcatConsume(subject.bootstrap, topicOf(subject), load.records)),
      );
    } finally {
      rmSync(file);
    }
  }
}

export async function nodeClients(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  runs.throughputTable('Node clients: 500 records of 100 B a request, 5 requests in flight; then consume');
  for (const client of ['kafkajs', 'platformatic'] as const) {
    for (const acks of ['1', 'all'] as const) {
      const load: Load = { records: runs.scaled(300_000), bytes: 100, acks, codec: 'none' };
      const fill = (subject: Running, topic: string) => nodeClient(client, 'produce', subject.bootstrap, topic, load);
      await runs.compare(`${client} produce, acks=${acks}`, load, subjects, (subject) =>
        runs.withTopic(subject, 1, (topic) => fill(subject, topic)),
      );
      const what = `${client} consume`;
      if (acks === 'all' || !runs.isChosen(what)) continue;
      await runs.withFilled(subjects, 1, fill, (topicOf) =>
        runs.compare(what, load, subjects, (subject) =>
          nodeClient(client, 'consume', subject.bootstrap, topicOf(subject), load),
        ),
      );
    }
  }
}

export async function connections(runs: Rounds, subjects: readonly Running[]): Promise<void> {
  runs.throughputTable('Many Java producers at once, each on its own connection; 1 KiB, 50 partitions');
  for (const acks of ['1', 'all'] as const) {
    for (const producers of [1, 50, 200]) {
      const load: Load = { records: runs.scaled(100_000), bytes: 1024, acks, codec: 'none' };
      await runs.compare(`${producers} producer(s), acks=${acks}`, load, subjects, (subject) =>
        runs.withTopic(subject, 50, (topic) => manyProducers(subject.bootstrap, topic, producers, load)),
      );
    }
  }
}
