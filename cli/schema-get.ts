/** `millrace schema get`: the text of a registered schema, by subject and version. */
import type { Command } from 'commander';
import { type OutputFormat, printObject, withOutput, writeData } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { type RegisteredVersion, subjectPath } from './schemas.ts';

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.option('--version-number <n>', 'which version', 'latest');
  withOutput(withRegistry(command)).action(get);
}

async function get(
  subject: string,
  options: RegistryOptions & { output: OutputFormat; versionNumber: string },
): Promise<void> {
  const path = subjectPath(subject, `/versions/${encodeURIComponent(options.versionNumber)}`);
  const version = (await ask(options, 'GET', path)) as RegisteredVersion;
  if (options.output !== 'table') printObject(options.output, { ...version });
  else writeData(`${JSON.stringify(JSON.parse(version.schema), null, 2)}\n`);
}
