/** `millrace plugin test`: runs a plugin's tests with Node's own runner; `millrace` and `millrace/testing` are this house's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { ExitCodes } from './exit-codes.ts';
import { registerUrl } from './workshop.ts';

/** The slowest examination has a minute of its own. */
const TEST_TIMEOUT_MS = 120_000;

export function define(command: Command): void {
  command.argument('[dir]', "the plugin's folder", '.');
  command.option('--only <pattern>', 'only tests whose names match');
  command.action(test);
}

async function test(folder: string, options: { only?: string }): Promise<void> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CliError('NOT_FOUND', `There is no folder ${folder}.`, {
      next: 'Begin a plugin with: millrace plugin init',
    });
  }
  const pattern = join(folder, '**/*.test.{ts,mts,js,mjs}');
  const files = globSync(pattern, { exclude: (name) => name === 'node_modules' });
  if (files.length === 0) throw new CliError('NOT_FOUND', `${folder} holds no *.test.ts or *.test.js.`);
  const only = options.only === undefined ? [] : [`--test-name-pattern=${options.only}`];
  const args = ['--import', registerUrl, '--test', `--test-timeout=${TEST_TIMEOUT_MS}`, ...only, ...files];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code === 0 ? ExitCodes.ok : ExitCodes.failed;
}
