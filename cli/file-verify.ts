/** `millrace file verify`: reads a folder that a file sink wrote, and names every gap, overlap and damage. Changes nothing. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, printRows, withOutput } from './io.ts';
import { fileTools } from './workshop.ts';

interface Options {
  readonly output: OutputFormat;
  readonly allowMissing?: boolean;
}

const columns = ['topic', 'partition', 'from', 'to', 'commits', 'files', 'records', 'skipped', 'bytes'];

export function define(command: Command): void {
  command.argument('<dir>', 'the directory of a file sink');
  command.option('--allow-missing', 'finished files may have been taken away; what is left must be right');
  withOutput(command).action(verify);
}

async function verify(folder: string, { output, allowMissing }: Options): Promise<void> {
  const { verifyFolder } = await fileTools();
  const verdict = await verifyFolder(folder, { allowsMissing: allowMissing === true }).catch((cause: unknown) => {
    throw new CliError('NOT_FOUND', `${folder} is no directory that a file sink wrote: it has no readable _commits.`, {
      cause,
      next: 'Give the "directory" of a FileSink connector.',
    });
  });
  const { partitions, faults, notices } = verdict;
  if (output === 'table') {
    printRows(
      'table',
      partitions.map((partition) => ({ ...partition })),
      columns,
    );
    for (const sentence of [...notices, ...faults]) notice(sentence);
  } else printObject(output, { ...verdict });
  if (faults.length === 0) return;
  throw new CliError('FAILED', faults.length === 1 ? 'One fault was found.' : `${faults.length} faults were found.`, {
    next: 'Copy what is damaged again from the topic into a new directory; the topic still has the offsets named.',
  });
}
