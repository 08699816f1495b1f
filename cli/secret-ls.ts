/** `millrace secret ls`: names and keys of the secrets in the log, never their values. */
import type { Command } from 'commander';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';

interface Options {
  readonly connect: string;
  readonly output: OutputFormat;
}

export function define(command: Command): void {
  withOutput(withConnect(command)).action(list);
}

async function list(options: Options): Promise<void> {
  const secrets = (await request(options.connect, 'GET', 'secrets')) as {
    readonly name: string;
    readonly keys: readonly string[];
    readonly updated: number;
  }[];
  const rows = secrets.map(({ name, keys, updated }) => ({
    name,
    keys: keys.join(','),
    updated: new Date(updated).toISOString(),
  }));
  printRows(options.output, rows, ['name', 'keys', 'updated']);
}
