/**
 * `millrace plugin dev`: the whole house with one plugin in it, loaded anew whenever its files change; the connectors of
 * its folder `connectors` run. Data stays in `.millrace` beside the plugin.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, withOutput } from './io.ts';
import { up } from './up.ts';
import type { UpFlags } from './up-settings.ts';

export function define(command: Command): void {
  command.argument('[dir]', "the plugin's folder", '.');
  command.option('--data <dir>', 'where everything is kept (.millrace in the folder)');
  for (const name of ['kafka', 'connect', 'registry', 'console']) command.option(`--${name}-port <n>`, `as for up`);
  command.option('--log-level <level>', 'debug, info, warn, error, silent (info)');
  withOutput(command).action(dev);
}

async function dev(folder: string, flags: UpFlags & { output: OutputFormat }): Promise<void> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CliError('NOT_FOUND', `There is no folder ${folder}.`, {
      next: 'Begin a plugin with: millrace plugin init',
    });
  }
  const connectors = join(folder, 'connectors');
  await up({
    ...flags,
    data: flags.data ?? join(folder, '.millrace'),
    plugin: [folder],
    watchPlugins: true,
    ...(existsSync(connectors) ? { connectors } : {}),
  });
}
