/** `millrace log inspect`: what is in the segments of a log: offsets, sizes, times, producers, epochs. */
import type { Command } from 'commander';
import { disk } from '../broker/fs/disk.ts';
import { inspectFolder } from '../broker/log/inspect.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { partitionsAt } from './log-files.ts';

const columns = [
  'topic',
  'partition',
  'baseOffset',
  'lastOffset',
  'records',
  'bytes',
  'from',
  'to',
  'epochs',
  'producers',
  'aborted',
];

export function define(command: Command): void {
  withOutput(command.argument('<dir>', 'data directory, or one partition in it')).action(inspect);
}

async function inspect(path: string, options: { output: OutputFormat }): Promise<void> {
  const rows = partitionsAt(path).flatMap(({ folder, topic, partition }) =>
    inspectFolder(disk, folder).map((segment) => ({ topic, partition, ...segment })),
  );
  if (options.output !== 'table') {
    printRows(options.output, rows, []);
    return;
  }
  const shown = rows.map((row) => ({
    ...row,
    from: timeOf(row.minTimestamp),
    to: timeOf(row.maxTimestamp),
    epochs: row.firstEpoch === row.lastEpoch ? `${row.firstEpoch}` : `${row.firstEpoch}-${row.lastEpoch}`,
    aborted: row.abortedTransactions,
  }));
  printRows('table', shown, columns);
}

function timeOf(timestamp: number): string | null {
  return timestamp < 0 || timestamp > 8.64e15 ? null : new Date(timestamp).toISOString();
}
