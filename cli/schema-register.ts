/** `millrace schema register`: registers a schema under a subject; the same text again answers the same id. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { type BodyOptions, collectReference, reasonsIn, schemaBody, subjectPath } from './schemas.ts';

interface Options extends RegistryOptions, BodyOptions {
  readonly output: OutputFormat;
  readonly normalize?: boolean;
}

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.argument('<file>', 'a JSON Schema, or an Avro schema (.avsc); - is stdin');
  command.option('--type <type>', 'JSON or AVRO (by the file name, else JSON)');
  command.option('--reference <name=subject:version>', 'what a $ref means; may repeat', collectReference);
  command.option('--normalize', 'sort members first, so that their order makes no new version');
  withOutput(withRegistry(command)).action(register);
}

async function register(subject: string, file: string, options: Options): Promise<void> {
  const path = subjectPath(subject, `/versions${options.normalize === true ? '?normalize=true' : ''}`);
  const { id } = (await ask(options, 'POST', path, schemaBody(file, options)).catch((error) => {
    throw readable(error, subject);
  })) as { id: number };
  printObject(options.output, { subject, id });
}

/** A refusal's reasons, each on a line of its own. */
function readable(error: unknown, subject: string): unknown {
  const reasons = error instanceof CliError && error.code === 'CONFLICT' ? reasonsIn(error.message) : [];
  if (reasons.length === 0) return error;
  return new CliError('CONFLICT', [`The schema may not follow those of ${subject}.`, ...reasons].join('\n'), {
    next: 'Change the schema, or the level or policy of the subject; see millrace schema diff.',
  });
}
