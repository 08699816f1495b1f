/**
 * `millrace connector apply`: creates connectors from JSON files, or changes those that exist.
 *
 * A file holds `{ "name": …, "config": {…} }` as Kafka Connect's POST takes it, or the bare config with `name` in it;
 * a bare config without a name is called after its file.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { type ConnectorInfo, parseSeconds, pathOf, waitForState } from './connectors.ts';
import { CliError } from './errors.ts';
import { notice, type OutputFormat, printRows, withOutput } from './io.ts';
import { readJsonObject } from './json-file.ts';
import { request, withConnect } from './rest.ts';

interface Options {
  readonly connect: string;
  readonly output: OutputFormat;
  readonly wait?: boolean;
  readonly timeout: number;
  readonly dryRun?: boolean;
}

export function define(command: Command): void {
  command.argument('<file...>', 'JSON files or folders of them; - is stdin');
  command.option('--wait', 'wait until the connector and its tasks run');
  command.option('--timeout <seconds>', 'how long --wait waits', parseSeconds, 60);
  command.option('--dry-run', 'let the worker validate, change nothing');
  withOutput(withConnect(command)).action(apply);
}

async function apply(paths: readonly string[], options: Options): Promise<void> {
  const connectors = paths.flatMap(filesOf).map(readConnector);
  const rows = [];
  for (const { name, config } of connectors) {
    if (options.dryRun) rows.push(await validate(options.connect, name, config));
    else rows.push(await put(options.connect, name, config));
  }
  if (options.wait && !options.dryRun) {
    for (const { name } of connectors) await waitForState(options.connect, name, 'RUNNING', options.timeout);
  }
  printRows(options.output, rows, ['name', 'result']);
}

function filesOf(path: string): string[] {
  if (path === '-' || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const files = readdirSync(path).filter((file) => /\.json$/.test(file) && !/\.(test|schema)\.json$/.test(file));
  if (files.length === 0) notice(`${path} holds no *.json file.`);
  return files.sort().map((file) => join(path, file));
}

/** A connector's name and config out of a file, in any of the shapes described above. */
export function readConnector(path: string): ConnectorInfo {
  const document = readJsonObject(path);
  const isWrapped = typeof document.config === 'object' && document.config !== null;
  const config = (isWrapped ? document.config : document) as Record<string, unknown>;
  const name = document.name ?? config.name ?? (path === '-' ? undefined : basename(path, '.json'));
  if (typeof name !== 'string' || name === '') {
    throw new CliError('BAD_CONFIGURATION', `${path} gives the connector no name.`, { next: 'Add "name": "…".' });
  }
  // Editors read $schema; it is no key of a connector.
  const own = Object.entries(config).filter(([key]) => key !== '$schema');
  const strings = own.map(([key, value]) => [key, asText(path, key, value)] as const);
  return { name, config: Object.fromEntries([...strings, ['name', name]]) };
}

/** Kafka Connect's configs are strings; numbers and booleans are what people write, so they are taken too. */
function asText(path: string, key: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new CliError(
    'BAD_CONFIGURATION',
    `In ${path}, "${key}" is ${value === null ? 'null' : `an ${typeof value}`}.`,
    {
      next: 'Values of a connector config are strings: put it in quotes.',
    },
  );
}

async function put(
  base: string,
  name: string,
  config: ConnectorInfo['config'],
): Promise<{ name: string; result: string }> {
  const before = await request(base, 'GET', pathOf(name, '/config')).catch((error: unknown) => {
    if (error instanceof CliError && error.code === 'NOT_FOUND') return null;
    throw error;
  });
  if (before !== null && sameConfig(before as Record<string, string>, config)) return { name, result: 'unchanged' };
  await request(base, 'PUT', pathOf(name, '/config'), config);
  return { name, result: before === null ? 'created' : 'changed' };
}

function sameConfig(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => a[key] === b[key]);
}

interface Validation {
  readonly error_count: number;
  readonly configs: readonly { readonly value: { readonly name: string; readonly errors: readonly string[] } }[];
}

async function validate(
  base: string,
  name: string,
  config: ConnectorInfo['config'],
): Promise<{ name: string; result: string }> {
  const plugin = encodeURIComponent(config['connector.class'] ?? '');
  const answer = (await request(base, 'PUT', `connector-plugins/${plugin}/config/validate`, config)) as Validation;
  if (answer.error_count === 0) return { name, result: 'valid' };
  const problems = answer.configs.flatMap(({ value }) => value.errors);
  throw new CliError(
    'BAD_CONFIGURATION',
    `The config of ${name} has ${answer.error_count} problem(s): ${problems.join(' ')}`,
  );
}
