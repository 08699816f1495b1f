/**
 * `millrace secret rotate`: encrypts every secret with the first key of secrets.key.file. Put a new key on the file's
 * first line before, take the old one away after.
 */
import type { Command } from 'commander';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';

export function define(command: Command): void {
  withOutput(withConnect(command)).action(rotate);
}

async function rotate(options: { readonly connect: string; readonly output: OutputFormat }): Promise<void> {
  const { rotated } = (await request(options.connect, 'POST', 'secrets/rotate')) as { rotated: number };
  printRows(options.output, [{ rotated }], ['rotated']);
}
