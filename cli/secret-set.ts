/**
 * `millrace secret set`: keeps values in the log, encrypted, for `${secrets:<name>:<key>}` in configurations.
 *
 * Values come from stdin or a file, not from the command line: that stands in the shell's history and in the list of
 * processes.
 */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { type OutputFormat, printRows, withOutput } from './io.ts';
import { request, withConnect } from './rest.ts';

interface Options {
  readonly connect: string;
  readonly output: OutputFormat;
  readonly fromFile: readonly string[];
  readonly unset: readonly string[];
}

export function define(command: Command): void {
  command.argument('<name>', 'the secret, as references name it');
  command.argument('[key]', 'the key whose value is on stdin; without it stdin holds key=value lines');
  command.option('--from-file <key=file>', 'the value of a key is what a file holds', collect, []);
  command.option('--unset <key>', 'take a key away', collect, []);
  withOutput(withConnect(command)).action(set);
}

const collect = (value: string, previous: readonly string[]) => [...previous, value];

async function set(name: string, key: string | undefined, options: Options): Promise<void> {
  const values: Record<string, string | null> = Object.fromEntries(options.unset.map((each) => [each, null]));
  for (const entry of options.fromFile) {
    const at = entry.indexOf('=');
    if (at < 1) throw new CliError('USAGE', `--from-file takes key=file, "${entry}" is none.`);
    values[entry.slice(0, at)] = readFileSync(entry.slice(at + 1), 'utf8');
  }
  if (options.fromFile.length + options.unset.length === 0) Object.assign(values, fromStdin(await stdin(), key));
  const info = (await request(options.connect, 'PUT', `secrets/${encodeURIComponent(name)}`, values)) as {
    keys: readonly string[];
  };
  printRows(options.output, [{ name, keys: info.keys.join(',') }], ['name', 'keys']);
}

function stdin(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write('Type the value, then Ctrl-D on a line of its own.\n');
  return text(process.stdin);
}

/** One value without its last line end, or a line of key=value each. */
function fromStdin(input: string, key: string | undefined): Record<string, string> {
  if (key !== undefined) return { [key]: input.replace(/\r?\n$/, '') };
  const lines = input.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line, index) => {
      const at = line.indexOf('=');
      // The line itself may be a secret.
      if (at < 1) throw new CliError('USAGE', `Line ${index + 1} of stdin is no key=value.`);
      return [line.slice(0, at).trim(), line.slice(at + 1)];
    }),
  );
}
