/** `millrace schema register`: registers a JSON Schema under a subject; the same text again answers the same id. */
import type { Command } from 'commander';
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { schemaBody, subjectPath } from './schemas.ts';

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.argument('<file>', 'a JSON Schema; - is stdin');
  withOutput(withRegistry(command)).action(register);
}

async function register(
  subject: string,
  file: string,
  options: RegistryOptions & { output: OutputFormat },
): Promise<void> {
  const body = schemaBody(file);
  const { id } = (await ask(options, 'POST', subjectPath(subject, '/versions'), body)) as { id: number };
  printObject(options.output, { subject, id });
}
