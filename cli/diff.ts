/** `millrace diff`: what `apply` would do to a running worker, and what that does to data. Changes nothing. */
import type { Command } from 'commander';
import { effective, printChanges, runningConnectors, sumUp } from './changes.ts';
import { rightFiles } from './connector-files.ts';
import { ExitCodes } from './exit-codes.ts';
import { type OutputFormat, withOutput } from './io.ts';
import { withConnect } from './rest.ts';
import { changeTools, rulesOf, type WorkshopFlags, withWorkshop } from './workshop.ts';

interface Options extends WorkshopFlags {
  readonly connect: string;
  readonly output: OutputFormat;
  readonly prune?: boolean;
}

export function define(command: Command): void {
  command.argument('[path...]', 'connector files or folders of them; - is stdin (./connectors)');
  command.option('--prune', 'as `apply --prune`: what no file names is to be deleted');
  command.addHelpText('after', '\nExits with 0 when the worker runs what the files say, 6 when it does not.');
  withOutput(withConnect(withWorkshop(command))).action(diff);
}

async function diff(paths: readonly string[], options: Options): Promise<void> {
  const [rules, { changesOf }] = await Promise.all([rulesOf(options), changeTools()]);
  const files = await rightFiles(paths, rules);
  const running = await runningConnectors(options.connect);
  const changes = changesOf(files, running, { ...rules, prune: options.prune ?? false });
  printChanges(
    options.output,
    changes.filter(({ action }) => action !== 'unchanged'),
  );
  sumUp(changes);
  if (effective(changes).length > 0) process.exitCode = ExitCodes.conflict;
}
