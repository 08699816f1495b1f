/**
 * `millrace schema rm`: deletes a subject or one version, after saying what that would break. Softly, unless `--permanent`.
 */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printObject, withOutput } from './io.ts';
import { ask, type RegistryOptions, withRegistry } from './registry.ts';
import { printUsage, type Usage } from './schema-usage.ts';
import { subjectPath } from './schemas.ts';
import { COMMAND_LINE } from './workshop.ts';

interface Options extends RegistryOptions {
  readonly output: OutputFormat;
  readonly versionNumber?: string;
  readonly permanent?: boolean;
  readonly yes?: boolean;
}

export function define(command: Command): void {
  command.argument('<subject>', 'for example trucks_gps-value');
  command.option('--version-number <n>', 'only this version');
  command.option('--permanent', 'for good; what is to be deleted was deleted softly before');
  command.option('--yes', 'delete although somebody was seen using it');
  withOutput(withRegistry(command)).action(remove);
}

async function remove(subject: string, options: Options): Promise<void> {
  const below = options.versionNumber === undefined ? '' : `/versions/${encodeURIComponent(options.versionNumber)}`;
  // What is deleted for good is in no use any more: it was deleted softly before.
  if (options.yes !== true && options.permanent !== true) await assertUnused(subject, below, options);
  const path = subjectPath(subject, `${below}${options.permanent === true ? '?permanent=true' : ''}`);
  const deleted = await ask(options, 'DELETE', path);
  printObject(options.output, { subject, versions: [deleted].flat(), permanent: options.permanent ?? false });
}

async function assertUnused(subject: string, below: string, options: Options): Promise<void> {
  const usage = (await ask(options, 'GET', subjectPath(subject, `${below}/usage`))) as Usage;
  const isUsed = ({ uses, referencedBy }: Usage['versions'][number]): boolean =>
    referencedBy.length > 0 || uses.some(({ client }) => !client.startsWith(COMMAND_LINE));
  if (!usage.versions.some(isUsed)) return;
  printUsage(options.output, usage);
  throw new CliError('CONFLICT', `${subject} is in use; nothing was deleted.`, {
    next: 'Move those who use it, or delete it all the same with --yes.',
  });
}
