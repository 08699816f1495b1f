/** `millrace plugin docs CLASS`: a plugin's keys from its declaration, as Markdown or JSON. */
import type { Command } from 'commander';
import { keyTable } from '../connectors/api/index.ts';
import { CliError } from './errors.ts';
import { type OutputFormat, printRows, withOutput, writeData } from './io.ts';
import { rulesOf, type WorkshopFlags, withWorkshop } from './workshop.ts';

export function define(command: Command): void {
  command.argument('<class>', 'a connector, transform, predicate or converter, by any of its names');
  withOutput(withWorkshop(command)).action(docs);
}

async function docs(name: string, options: WorkshopFlags & { output: OutputFormat }): Promise<void> {
  const { plugins } = await rulesOf(options);
  const plugin = plugins.any(name);
  if (plugin === undefined)
    throw new CliError('NOT_FOUND', plugins.unknown(name), { next: 'List them with: millrace plugin ls' });
  const { class: className, type, version, aliases = [], config } = plugin;
  if (options.output !== 'table') {
    const rows = Object.entries(config).map(([key, { validate: _, ...declared }]) => ({
      key,
      required: declared.default === undefined,
      ...declared,
    }));
    printRows(options.output, rows, []);
    return;
  }
  const others = aliases.length === 0 ? '' : `\nAlso called ${aliases.map((alias) => `\`${alias}\``).join(', ')}.\n`;
  const keys = Object.keys(config).length === 0 ? 'It has no keys of its own.' : keyTable(config);
  writeData(`# ${className}\n\n${type}, version ${version}.\n${others}\n${keys}\n`);
}
