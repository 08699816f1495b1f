/** `millrace plugin ls`: the plugins there are, where they come from, and what could not be loaded and why. */
import type { Command } from 'commander';
import { ExitCodes } from './exit-codes.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { loadedRules, type WorkshopFlags, withWorkshop } from './workshop.ts';

export function define(command: Command): void {
  command.option('--all', 'also those that ship with Millrace, where others are named');
  withOutput(withWorkshop(command)).action(list);
}

async function list(options: WorkshopFlags & { output: OutputFormat; all?: boolean }): Promise<void> {
  const { plugins, failures } = await loadedRules(options);
  const rows = plugins.list.map((plugin) => {
    const { class: name, type, version, location } = plugin as typeof plugin & { location?: string };
    return { class: name, type, version, location: location ?? 'built in' };
  });
  const others = rows.filter(({ location }) => location !== 'built in');
  const shown = others.length > 0 && !options.all ? others : rows;
  printRows(options.output, shown, ['class', 'type', 'version', 'location']);
  for (const { error } of failures) notice(error.message);
  if (failures.length > 0) process.exitCode = ExitCodes.failed;
}
