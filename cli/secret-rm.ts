/** `millrace secret rm`: deletes secrets. Connectors that refer to them fail at their next start. */
import type { Command } from 'commander';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  command.argument('<name...>', 'the secrets to delete');
  withConnect(command).action(remove);
}

async function remove(names: readonly string[], options: { readonly connect: string }): Promise<void> {
  for (const name of names) await request(options.connect, 'DELETE', `secrets/${encodeURIComponent(name)}`);
}
