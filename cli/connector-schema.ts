/** `millrace connector schema`: the JSON Schema of connector files, for editors. Needs no running worker. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { notice, writeData } from './io.ts';
import { rulesOf, tools, type WorkshopFlags, withWorkshop } from './workshop.ts';

export function define(command: Command): void {
  command.argument('[class]', 'a connector class; without one the schema knows all of them');
  command.option('--write <file>', 'write it to a file rather than to stdout');
  command.addHelpText('after', '\nPut "$schema": "./connector.schema.json" at the top of a connector file to use it.');
  withWorkshop(command).action(schema);
}

async function schema(name: string | undefined, options: WorkshopFlags & { write?: string }): Promise<void> {
  const [{ plugins }, { connectorFileSchema }] = await Promise.all([rulesOf(options), tools()]);
  const plugin = name === undefined ? undefined : plugins.find(name, 'source', 'sink');
  if (name !== undefined && plugin === undefined) {
    throw new CliError('NOT_FOUND', plugins.unknown(name, 'source', 'sink'));
  }
  const text = `${JSON.stringify(connectorFileSchema(plugins, plugin), null, 2)}\n`;
  if (options.write === undefined) writeData(text);
  else {
    writeFileSync(options.write, text);
    notice(`Wrote ${options.write}.`);
  }
}
