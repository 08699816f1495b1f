/** `millrace schema types`: TypeScript types from schemas, or with `--clients` a typed producer and consumer, too. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, withOutput, writeData } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { type SchemaSource, sourceOf } from './schemas.ts';
import { schemaTools } from './workshop.ts';

interface Options extends RegistryOptions {
  readonly output: OutputFormat;
  readonly out?: string;
  readonly clients?: boolean;
  readonly check?: boolean;
}

export function define(command: Command): void {
  command.argument('[source...]', 'files, subjects or subject@version (all JSON subjects of the registry)');
  command.option('-o, --out <file>', 'write there (stdout)');
  command.option('--clients', 'codecs, a typed producer and a typed consumer for topics; needs registered subjects');
  command.option('--check', 'with --out: write nothing, exit with 1 when the file is not up to date');
  withOutput(withRegistry(command)).action(types);
}

async function types(sources: readonly string[], options: Options): Promise<void> {
  const { clientsModule, typesModule } = await schemaTools();
  const schemas =
    sources.length === 0
      ? await everyJsonSubject(options)
      : await Promise.all(sources.map((each) => sourceOf(each, options)));
  if (schemas.length === 0) throw new CliError('NOT_FOUND', 'The registry has no subject with a JSON Schema.');
  if (options.clients === true) {
    const bare = schemas.find(({ id, subject }) => id === null || !/-(key|value)$/.test(subject));
    if (bare !== undefined) {
      throw new CliError('BAD_INPUT', `${bare.label} is no schema of a topic, so no client can be made for it.`, {
        next: 'Name subjects <topic>-key and <topic>-value of the registry.',
      });
    }
  }
  const text = options.clients === true ? clientsModule(schemas) : typesModule(schemas);
  if (options.out === undefined) writeData(text);
  else if (options.check === true) assertUpToDate(options.out, text);
  else {
    writeFileSync(options.out, text);
    notice(`Wrote ${options.out}.`);
  }
}

async function everyJsonSubject(options: Options): Promise<SchemaSource[]> {
  const versions = (await ask(options, 'GET', 'schemas?latestOnly=true')) as { subject: string; schemaType?: string }[];
  const subjects = versions.filter(({ schemaType }) => schemaType === 'JSON').map(({ subject }) => subject);
  return Promise.all(subjects.map((subject) => sourceOf(`${subject}@latest`, options)));
}

function assertUpToDate(path: string, text: string): void {
  let now = '';
  try {
    now = readFileSync(path, 'utf8');
  } catch {
    // A file that is not there is not up to date either.
  }
  if (now === text) return;
  throw new CliError('FAILED', `${path} is not what the schemas say now.`, {
    next: 'Run the command without --check.',
  });
}
