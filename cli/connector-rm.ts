/** `millrace connector rm`: deletes connectors; their topics stay. */
import type { Command } from 'commander';
import { pathOf } from './connectors.ts';
import { notice } from './io.ts';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  withConnect(command.argument('<name...>', 'connectors')).action(remove);
}

async function remove(names: readonly string[], options: { connect: string }): Promise<void> {
  for (const name of names) {
    await request(options.connect, 'DELETE', pathOf(name));
    notice(
      `${name}: deleted. Its topics and offsets stay; what it leaves elsewhere (a replication slot), the worker's log says.`,
    );
  }
}
