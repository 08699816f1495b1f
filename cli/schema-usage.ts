/** `millrace schema usage`: who was seen writing and reading with each version of a subject, and what refers to it. */
import type { Command } from 'commander';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { subjectPath } from './schemas.ts';

export interface Usage {
  readonly since: number;
  readonly versions: readonly {
    readonly version: number;
    readonly id: number;
    readonly uses: readonly { use: string; client: string; topic: string | null; count: number; lastSeen: number }[];
    readonly referencedBy: readonly number[];
  }[];
}

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  withOutput(withRegistry(command)).action(usage);
}

async function usage(subject: string, options: RegistryOptions & { output: OutputFormat }): Promise<void> {
  printUsage(options.output, (await ask(options, 'GET', subjectPath(subject, '/usage'))) as Usage);
}

/** One row per use, and one per schema that refers to a version. */
export function printUsage(output: OutputFormat, { since, versions }: Usage): void {
  const rows = versions.flatMap(({ version, id, uses, referencedBy }) => [
    ...uses.map(({ lastSeen, ...use }) => ({ version, id, ...use, lastSeen: new Date(lastSeen).toISOString() })),
    ...referencedBy.map((by) => ({ version, id, use: 'referenced', client: `schema ${by}`, topic: null })),
  ]);
  printRows(output, rows, ['version', 'id', 'use', 'client', 'topic', 'count', 'lastSeen']);
  if (output === 'table') notice(`Seen since ${new Date(since).toISOString()}; who came before is not known.`);
}
