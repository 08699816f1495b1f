/**
 * How the CLI proves to a broker who it is: kcat's `-X key=value` and `-F file`, with librdkafka's keys (and Java's
 * names for the same things). A password belongs into the file, which `ps` does not show.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';

export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export type Mechanism = (typeof mechanisms)[number];

export interface ClientSecurity {
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly passphrase?: string;
    /** `ssl.endpoint.identification.algorithm=none` believes a certificate whatever host it names. */
    readonly checksHost: boolean;
  } | null;
  readonly login: { readonly mechanism: Mechanism; readonly user: string; readonly password: string } | null;
}

export interface PropertyOptions {
  readonly property?: readonly string[];
  readonly properties?: string;
}

const keys = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.mechanisms',
  'sasl.username',
  'sasl.password',
  'ssl.ca.location',
  'ssl.certificate.location',
  'ssl.key.location',
  'ssl.key.password',
  'ssl.endpoint.identification.algorithm',
] as const;
const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

export function withProperties(command: Command): Command {
  command.option('-X, --property <key=value>', 'a client property (security.protocol, sasl.username, …)', collect, []);
  return command.option(
    '-F, --properties <file>',
    'client properties, one key=value a line ($MILLRACE_PROPERTIES)',
    process.env.MILLRACE_PROPERTIES ?? '',
  );
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

/** Throws USAGE for a property that is unknown or does not fit the others. */
export function clientSecurity({ property = [], properties = '' }: PropertyOptions): ClientSecurity {
  const given = new Map([...(properties === '' ? [] : linesOf(properties)), ...property].map(parse));
  const protocol = (
    given.get('security.protocol') ?? (given.has('sasl.username') ? 'SASL_PLAINTEXT' : 'PLAINTEXT')
  ).toUpperCase();
  if (!protocols.includes(protocol)) {
    throw new CliError('USAGE', `"${protocol}" is no security.protocol.`, {
      next: `Use one of ${protocols.join(', ')}.`,
    });
  }
  return {
    tls: protocol.endsWith('SSL') ? tlsOf(given) : null,
    login: protocol.startsWith('SASL_') ? loginOf(given) : null,
  };
}

function loginOf(given: ReadonlyMap<string, string>): NonNullable<ClientSecurity['login']> {
  const name = given.get('sasl.mechanism') ?? given.get('sasl.mechanisms') ?? 'SCRAM-SHA-512';
  const mechanism = mechanisms.find((each) => each === name.toUpperCase());
  if (mechanism === undefined) {
    throw new CliError('USAGE', `This CLI does not log in by "${name}".`, {
      next: `Use one of ${mechanisms.join(', ')}.`,
    });
  }
  const user = given.get('sasl.username');
  const password = given.get('sasl.password');
  if (user !== undefined && password !== undefined) return { mechanism, user, password };
  throw new CliError('USAGE', 'A login needs sasl.username and sasl.password.', {
    next: 'Put both into a file, one key=value a line, and name it with -F or in MILLRACE_PROPERTIES.',
  });
}

function tlsOf(given: ReadonlyMap<string, string>): NonNullable<ClientSecurity['tls']> {
  const file = (key: string) => {
    const path = given.get(key);
    return path === undefined ? undefined : read(path);
  };
  const ca = file('ssl.ca.location');
  const cert = file('ssl.certificate.location');
  const key = file('ssl.key.location');
  const passphrase = given.get('ssl.key.password');
  const algorithm = given.get('ssl.endpoint.identification.algorithm') ?? 'https';
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    checksHost: algorithm !== '' && algorithm !== 'none',
  };
}

function linesOf(path: string): string[] {
  const lines = read(path).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** The value is not repeated in an error: it may be a password. */
function parse(text: string): [string, string] {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals)).trim();
  if ((keys as readonly string[]).includes(name)) return [name, text.slice(equals + 1).trim()];
  throw new CliError(
    'USAGE',
    equals < 1 ? 'A client property is written key=value.' : `Unknown client property "${name}".`,
    {
      next: `Known are ${keys.join(', ')}.`,
    },
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CliError('USAGE', `Cannot read ${path}.`, { cause });
  }
}
