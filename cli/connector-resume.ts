/** `millrace connector resume`: lets its tasks move records again. */
import type { Command } from 'commander';
import { parseSeconds, pathOf, waitForState } from './connectors.ts';
import { notice } from './io.ts';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  command.argument('<name...>', 'connectors');
  command.option('--wait', 'wait until it is RUNNING');
  command.option('--timeout <seconds>', 'how long --wait waits', parseSeconds, 60);
  withConnect(command).action(resume);
}

async function resume(
  names: readonly string[],
  options: { connect: string; wait?: boolean; timeout: number },
): Promise<void> {
  for (const name of names) {
    await request(options.connect, 'PUT', pathOf(name, '/resume'));
    if (options.wait) await waitForState(options.connect, name, 'RUNNING', options.timeout);
    notice(`${name}: resume asked for.`);
  }
}
