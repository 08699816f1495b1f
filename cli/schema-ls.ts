/** `millrace schema ls`: the subjects of the registry, each with its latest version. */
import type { Command } from 'commander';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { type RegisteredVersion, subjectPath } from './schemas.ts';

export function define(command: Command): void {
  withOutput(withRegistry(command)).action(list);
}

async function list(options: RegistryOptions & { output: OutputFormat }): Promise<void> {
  const subjects = (await ask(options, 'GET', 'subjects')) as string[];
  const rows = [];
  for (const subject of subjects) {
    const latest = (await ask(options, 'GET', subjectPath(subject, '/versions/latest'))) as RegisteredVersion;
    rows.push({ subject, version: latest.version, id: latest.id, type: latest.schemaType ?? 'AVRO' });
  }
  printRows(options.output, rows, ['subject', 'version', 'id', 'type']);
}
