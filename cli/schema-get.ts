/** `millrace schema get`: prints a registered schema, by subject and version or by id. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput, writeData } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { type RegisteredVersion, subjectPath } from './schemas.ts';

interface Options extends RegistryOptions {
  readonly output: OutputFormat;
  readonly versionNumber: string;
  readonly id?: string;
}

export function define(command: Command): void {
  command.argument('[subject]', 'for example trucks_gps-value');
  command.option('--version-number <n>', 'which version', 'latest');
  command.option('--id <n>', 'the schema of this id, whatever its subject');
  withOutput(withRegistry(command)).action(get);
}

async function get(subject: string | undefined, options: Options): Promise<void> {
  if ((subject === undefined) === (options.id === undefined)) {
    throw new CliError('USAGE', 'Name a subject, or an id with --id.');
  }
  const path =
    subject === undefined
      ? `schemas/ids/${encodeURIComponent(options.id!)}`
      : subjectPath(subject, `/versions/${encodeURIComponent(options.versionNumber)}`);
  const version = (await ask(options, 'GET', path)) as RegisteredVersion;
  if (options.output !== 'table') printObject(options.output, { ...version });
  else writeData(`${JSON.stringify(JSON.parse(version.schema), null, 2)}\n`);
}
