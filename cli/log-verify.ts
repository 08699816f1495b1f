/** `millrace log verify`: reads every file of a log and names each fault. Changes nothing. */
import type { Command } from 'commander';
import { disk } from '../broker/fs/disk.ts';
import { verifyDirectoryFiles, verifyFolder } from '../broker/log/verify.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { partitionsAt } from './log-files.ts';

export function define(command: Command): void {
  withOutput(command.argument('<dir>', 'data directory, or one partition in it')).action(verify);
}

async function verify(path: string, options: { output: OutputFormat }): Promise<void> {
  const rows = partitionsAt(path).map(({ folder, topic, partition }) => ({
    topic,
    partition,
    ...verifyFolder(disk, folder),
  }));
  const ofDirectory = verifyDirectoryFiles(disk, path.replace(/(?<=.)\/+$/, ''));
  const faults = [...ofDirectory, ...rows.flatMap((row) => row.faults)];
  if (options.output === 'table') {
    const counted = rows.map((row) => ({ ...row, faults: row.faults.length }));
    printRows('table', counted, ['topic', 'partition', 'segments', 'batches', 'bytes', 'logEndOffset', 'faults']);
    for (const fault of faults) notice(fault);
  } else {
    printRows(options.output, rows, []);
    for (const fault of ofDirectory) notice(fault);
  }
  if (faults.length === 0) return;
  throw new CliError(
    'FAILED',
    `${faults.length} faults were found, in ${rows.filter((row) => row.faults.length > 0).length} of ${rows.length} partitions.`,
    {
      next: 'A start after an unclean stop rebuilds indexes and cuts a damaged end off; a backup is the only cure for damage in the middle.',
    },
  );
}
