/** `millrace connector get`: a connector's configuration, ready to be edited and applied again. */
import type { Command } from 'commander';
import { pathOf } from './connectors.ts';
import { type OutputFormat, printObject, type Row, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  withOutput(withConnect(command.argument('<name>', 'connector'))).action(get);
}

async function get(name: string, options: { connect: string; output: OutputFormat }): Promise<void> {
  const config = (await request(options.connect, 'GET', pathOf(name, '/config'))) as Row;
  printObject(options.output === 'table' ? 'json' : options.output, { name, config });
}
