/**
 * `millrace apply`: makes a running worker run what connector files say. Shows the plan first; applying twice does nothing
 * the second time, so after Ctrl-C it is simply run again.
 */
import type { Command } from 'commander';
import { effective, printChanges, runningConnectors, sumUp } from './changes.ts';
import { rightFiles } from './connector-files.ts';
import { parseSeconds, pathOf, waitForState } from './connectors.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';
import { type Change, type ConnectorFile, changeTools, rulesOf, type WorkshopFlags, withWorkshop } from './workshop.ts';

interface Options extends WorkshopFlags {
  readonly connect: string;
  readonly output: OutputFormat;
  readonly prune?: boolean;
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly timeout: number;
}

export function define(command: Command): void {
  command.argument('[path...]', 'connector files or folders of them; - is stdin (./connectors)');
  command.option('--prune', 'delete connectors that no file names; needs --yes');
  command.option('--yes', 'delete without asking');
  command.option('--wait', 'wait until what was created or changed runs');
  command.option('--timeout <seconds>', 'how long --wait waits', parseSeconds, 60);
  command.addHelpText('after', '\nmillrace diff shows the same plan and does nothing.');
  withOutput(withConnect(withWorkshop(command))).action(apply);
}

async function apply(paths: readonly string[], options: Options): Promise<void> {
  const [rules, { changesOf }] = await Promise.all([rulesOf(options), changeTools()]);
  const files = await rightFiles(paths, rules);
  const running = await runningConnectors(options.connect);
  const changes = changesOf(files, running, { ...rules, prune: options.prune ?? false });
  const todo = effective(changes);
  if (options.output === 'table') printChanges('table', todo);
  const deleted = todo.filter(({ action }) => action === 'delete').map(({ connector }) => connector);
  if (deleted.length > 0 && !options.yes) {
    throw new CliError('USAGE', `This would delete ${deleted.join(', ')}; nothing was done.`, {
      next: 'Add --yes to do it, or leave --prune out.',
    });
  }
  for (const change of todo) await perform(change, files, options.connect);
  if (options.wait) {
    const started = files.filter(({ name, initialState }) => {
      return initialState === 'RUNNING' && todo.some(({ connector }) => connector === name);
    });
    for (const { name } of started) await waitForState(options.connect, name, 'RUNNING', options.timeout);
  }
  if (options.output !== 'table')
    printRows(
      options.output,
      todo.map((change) => ({ ...change })),
      [],
    );
  if (todo.length === 0) sumUp(changes);
  else notice(`Done: ${todo.map(({ action, connector }) => `${action} ${connector}`).join(', ')}.`);
}

async function perform({ action, connector }: Change, files: readonly ConnectorFile[], base: string): Promise<void> {
  const file = files.find(({ name }) => name === connector);
  try {
    if (action === 'delete') await request(base, 'DELETE', pathOf(connector));
    else if (action === 'change') await request(base, 'PUT', pathOf(connector, '/config'), file!.config);
    else {
      const body = { name: connector, config: file!.config, initial_state: file!.initialState };
      await request(base, 'POST', 'connectors', body);
    }
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const next = 'What stands before it in the plan was done. Correct it, then run apply again.';
    throw new CliError(error.code, `${action} ${connector}: ${error.message}`, { next, cause: error.cause });
  }
}
