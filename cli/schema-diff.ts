/** `millrace schema diff`: what changed between two schemas (files or versions), and whom each change breaks. */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printObject, printRows, withOutput } from './io.ts';
import { type RegistryOptions, withRegistry } from './registry.ts';
import { sourceOf } from './schemas.ts';
import { schemaTools } from './workshop.ts';

interface Options extends RegistryOptions {
  readonly output: OutputFormat;
  readonly policy: string;
}

export function define(command: Command): void {
  command.argument('<old>', 'a file, a subject, or subject@version');
  command.argument('<new>', 'a file (- is stdin), a subject, or subject@version');
  command.option('--policy <policy>', 'STRICT or LENIENT', 'STRICT');
  command.addHelpText('after', '\nExits with 0 whatever the difference; `schema check` judges.');
  withOutput(withRegistry(command)).action(diff);
}

async function diff(before: string, after: string, options: Options): Promise<void> {
  const { diffSchemas, COMPATIBILITY_POLICIES } = await schemaTools();
  const policy = COMPATIBILITY_POLICIES.find((each) => each === options.policy.toUpperCase());
  if (policy === undefined)
    throw new CliError('USAGE', `"${options.policy}" is no policy.`, { next: 'Use STRICT or LENIENT.' });
  const [old, next] = await Promise.all([sourceOf(before, options), sourceOf(after, options)]);
  const found = await diffSchemas(old, next, policy).catch((error: Error) => {
    throw new CliError('BAD_CONFIGURATION', error.message, { cause: error.cause });
  });
  if (options.output !== 'table') {
    printObject(options.output, { old: old.label, new: next.label, ...found });
    return;
  }
  const rows = found.changes.map(({ path, type, breaks, lenient }) => ({
    path,
    change: type,
    breaks: breaks === null ? '-' : `${breaks}${lenient ? ' (not under LENIENT)' : ''}`,
  }));
  if (rows.length > 0) printRows('table', rows, ['path', 'change', 'breaks']);
  for (const { description } of found.changes) if (description !== '') notice(description);
  const levels = [
    ...(found.backward ? ['BACKWARD'] : []),
    ...(found.forward ? ['FORWARD'] : []),
    ...(found.backward && found.forward ? ['FULL'] : []),
    'NONE',
  ];
  notice(`${next.label} may follow ${old.label} under ${levels.join(', ')}.`);
}
