/** `millrace schema check`: would this schema be accepted as the next version of a subject? Exit code 1 when not. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { schemaBody } from './schemas.ts';

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.argument('<file>', 'a JSON Schema; - is stdin');
  withOutput(withRegistry(command)).action(check);
}

async function check(
  subject: string,
  file: string,
  options: RegistryOptions & { output: OutputFormat },
): Promise<void> {
  const path = `compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`;
  const answer = (await ask(options, 'POST', path, schemaBody(file))) as {
    is_compatible: boolean;
    messages?: string[];
  };
  printObject(options.output, { subject, compatible: answer.is_compatible, messages: answer.messages ?? [] });
  if (!answer.is_compatible) {
    throw new CliError('FAILED', `${file} is not compatible with ${subject}.`, {
      next: 'Change the schema as the messages say, or lower the compatibility level of the subject.',
    });
  }
}
