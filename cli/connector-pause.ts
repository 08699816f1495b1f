/** `millrace connector pause`: stops its tasks from moving records; their place is kept. */
import type { Command } from 'commander';
import { parseSeconds, pathOf, waitForState } from './connectors.ts';
import { notice } from './io.ts';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  command.argument('<name...>', 'connectors');
  command.option('--wait', 'wait until it is PAUSED');
  command.option('--timeout <seconds>', 'how long --wait waits', parseSeconds, 60);
  withConnect(command).action(pause);
}

async function pause(
  names: readonly string[],
  options: { connect: string; wait?: boolean; timeout: number },
): Promise<void> {
  for (const name of names) {
    await request(options.connect, 'PUT', pathOf(name, '/pause'));
    if (options.wait) await waitForState(options.connect, name, 'PAUSED', options.timeout);
    notice(`${name}: pause asked for.`);
  }
}
