/**
 * Requests to the schema registry, with its refusals turned into the CLI's errors; what the `schema` commands share.
 *
 * `--registry-config` is a file of Confluent's client keys, so that a password stands neither in the command line nor in
 * the address: JSON, or `key=value` lines.
 */
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { readText } from './json-file.ts';
import { parsed, refusal, withRegistry as withRegistryUrl } from './rest.ts';
import { registryAsker } from './workshop.ts';

export interface RegistryOptions {
  readonly registry: string;
  readonly registryConfig?: string;
}

/** Declares `--registry` and `--registry-config`. */
export function withRegistry(command: Command): Command {
  return withRegistryUrl(command).option(
    '--registry-config <file>',
    'keys to be let in with: basic.auth.user.info, bearer.auth.token, schema.registry.ssl.* ($MILLRACE_REGISTRY_CONFIG)',
    process.env.MILLRACE_REGISTRY_CONFIG,
  );
}

/** One request; the answer is its parsed JSON, or null where there is none. */
export async function ask(options: RegistryOptions, method: string, path: string, body?: object): Promise<unknown> {
  const keys = options.registryConfig === undefined ? {} : clientKeys(options.registryConfig);
  const request = await registryAsker(options.registry, keys).catch((error: Error) => {
    throw new CliError('BAD_CONFIGURATION', error.message, { cause: error.cause });
  });
  const answer = await request(method, `/${path}`, body).catch((cause: Error) => {
    throw new CliError('UNREACHABLE', cause.message, {
      next: 'Start it with: millrace up — or name another address with --registry.',
      cause: cause.cause,
    });
  });
  const said = parsed(answer.text);
  if (answer.status >= 200 && answer.status < 300) return said;
  throw refusal(new URL(answer.url), answer.status, said);
}

/** The keys of a file; messages name lines, never values. */
function clientKeys(path: string): Record<string, string> {
  const text = readText(path);
  const bad = (what: string) => new CliError('BAD_CONFIGURATION', `${path} ${what}.`);
  if (!text.trimStart().startsWith('{')) {
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    const entries = lines.flatMap((line, index): [string, string][] => {
      if (line === '' || line.startsWith('#')) return [];
      const equals = line.indexOf('=');
      if (equals < 1) throw bad(`has no key=value in line ${index + 1}`);
      return [[line.slice(0, equals).trim(), line.slice(equals + 1).trim()]];
    });
    return Object.fromEntries(entries);
  }
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    throw bad('is not valid JSON');
  }
  return Object.fromEntries(Object.entries(object as object).map(([key, value]) => [key, String(value)]));
}
