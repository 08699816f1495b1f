/** `millrace connector restart`: starts a connector again, with all its tasks or only the failed ones. */
import type { Command } from 'commander';
import { parseSeconds, pathOf, waitForState } from './connectors.ts';
import { notice } from './io.ts';
import { request, withConnect } from './rest.ts';

interface Options {
  readonly connect: string;
  readonly onlyFailed?: boolean;
  readonly wait?: boolean;
  readonly timeout: number;
}

export function define(command: Command): void {
  command.argument('<name...>', 'connectors');
  command.option('--only-failed', 'leave alone what runs');
  command.option('--wait', 'wait until it is RUNNING');
  command.option('--timeout <seconds>', 'how long --wait waits', parseSeconds, 60);
  withConnect(command).action(restart);
}

async function restart(names: readonly string[], options: Options): Promise<void> {
  for (const name of names) {
    const query = `?includeTasks=true&onlyFailed=${options.onlyFailed === true}`;
    await request(options.connect, 'POST', pathOf(name, `/restart${query}`));
    if (options.wait) await waitForState(options.connect, name, 'RUNNING', options.timeout);
    notice(`${name}: restart asked for.`);
  }
}
