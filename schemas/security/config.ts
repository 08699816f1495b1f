/**
 * The registry's keys about who may come in, read once at the start: Confluent's names where it has one.
 *
 * Decides where the registry listens and refuses a place that other machines reach and nobody guards.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { OpenRegistryError, RegistryConfigError } from '../errors.ts';

export const METHODS = ['BASIC', 'BEARER'] as const;
export type Method = (typeof METHODS)[number];

/** The keys, with what each holds; absent is the default. */
export interface SecurityConfig {
  /** `http://host:port` or `https://host:port`, several between commas; absent: where the caller says. */
  readonly listeners?: string;
  /** NONE (default), or BASIC, BEARER or both. */
  readonly 'authentication.method'?: string;
  /** What a browser's password dialog shows. */
  readonly 'authentication.realm'?: string;
  /** Paths that need no login, for probes: `/_health,/`. */
  readonly 'authentication.skip.paths'?: string;
  /** A JSON file of roles; absent: who is logged in may do everything. */
  readonly 'authorization.roles.file'?: string;
  readonly 'ssl.keystore.location'?: string;
  readonly 'ssl.keystore.key'?: string;
  readonly 'ssl.keystore.certificate.chain'?: string;
  readonly 'ssl.key.password'?: string;
  readonly 'ssl.truststore.location'?: string;
  readonly 'ssl.truststore.certificates'?: string;
  /** NONE (default), REQUESTED or REQUIRED: whether clients of https listeners show a certificate. */
  readonly 'ssl.client.authentication'?: string;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsOptions | null;
}

export interface SecuritySettings {
  readonly places: readonly Place[];
  /** Empty: nobody is asked. */
  readonly methods: readonly Method[];
  readonly realm: string;
  readonly skipPaths: ReadonlySet<string>;
  readonly rolesFile: string | null;
}

/** Throws RegistryConfigError, or OpenRegistryError for a place beyond the loopback that asks nobody who they are. */
export function securitySettings(
  config: SecurityConfig,
  fallback: { readonly host: string; readonly port: number },
): SecuritySettings {
  const methods = methodsOf(config['authentication.method'] ?? 'NONE');
  const listeners = listOf(config.listeners ?? '');
  const places = listeners.length === 0 ? [{ ...fallback, tls: null }] : listeners.map((text) => placeOf(text, config));
  for (const place of places) if (methods.length === 0) refuseOpen(place);
  return {
    places,
    methods,
    realm: config['authentication.realm'] ?? 'SchemaRegistry',
    skipPaths: new Set(listOf(config['authentication.skip.paths'] ?? '').map((path) => path.replace(/(.)\/$/, '$1'))),
    rolesFile: config['authorization.roles.file'] ?? null,
  };
}

function methodsOf(text: string): Method[] {
  const names = listOf(text.toUpperCase()).filter((name) => name !== 'NONE');
  const unknown = names.find((name) => !(METHODS as readonly string[]).includes(name));
  if (unknown === undefined) return names as Method[];
  throw new RegistryConfigError(
    `The registry's key 'authentication.method' has '${unknown}'; it is NONE, or one or both of ${METHODS.join(', ')}.`,
  );
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

function placeOf(text: string, config: SecurityConfig): Place {
  const match = /^(https?):\/\/(\[[^\]]*\]|[^:/]*)(?::(\d{1,5}))?\/?$/i.exec(text);
  const port = Number(match?.[3] ?? 8081);
  if (match === null || port > 65_535) {
    throw new RegistryConfigError(
      `The registry's key 'listeners' has '${text}'; write http://host:port or https://host:port.`,
    );
  }
  const host = match[2]!.replace(/^\[|\]$/g, '');
  return {
    host: host === '' ? '0.0.0.0' : host,
    port,
    tls: match[1]!.toLowerCase() === 'https' ? tlsOf(config) : null,
  };
}

function refuseOpen({ host, tls }: Place): void {
  if (isLoopback(host) || tls?.rejectUnauthorized === true) return;
  const advice =
    'Set authentication.method=BASIC (users of the broker) or BEARER, or https with ssl.client.authentication=REQUIRED; or listen on 127.0.0.1.';
  throw new OpenRegistryError(
    `The registry would listen on ${host}, which other machines can reach, and ask nobody who they are. ${advice}`,
  );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const CLIENT_AUTHENTICATION = ['NONE', 'REQUESTED', 'REQUIRED'];

/** What a TLS server takes. Messages hold no byte of the key. */
function tlsOf(config: SecurityConfig): TlsOptions {
  const store = fileOf('ssl.keystore.location', config['ssl.keystore.location']);
  const key = config['ssl.keystore.key'] ?? store;
  const cert = config['ssl.keystore.certificate.chain'] ?? store;
  const ca =
    config['ssl.truststore.certificates'] ?? fileOf('ssl.truststore.location', config['ssl.truststore.location']);
  const client = (config['ssl.client.authentication'] ?? 'NONE').toUpperCase();
  if (!CLIENT_AUTHENTICATION.includes(client)) {
    throw new RegistryConfigError(
      `The registry's key 'ssl.client.authentication' is '${client}'; it is one of ${CLIENT_AUTHENTICATION.join(', ')}.`,
    );
  }
  if (key === undefined || cert === undefined) {
    throw new RegistryConfigError(
      'An https listener of the registry needs a private key and a certificate: set ssl.keystore.location to a PEM file of both.',
    );
  }
  if (client !== 'NONE' && ca === undefined) {
    throw new RegistryConfigError(
      `With ssl.client.authentication=${client} the registry must know whose certificates to believe: set ssl.truststore.location (PEM).`,
    );
  }
  const passphrase = config['ssl.key.password'];
  const options: TlsOptions = {
    key,
    cert,
    ...(ca === undefined ? {} : { ca }),
    ...(passphrase === undefined ? {} : { passphrase }),
    requestCert: client !== 'NONE',
    rejectUnauthorized: client === 'REQUIRED',
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new RegistryConfigError(
      `The registry's key and certificate cannot be used: ${(error as Error).message} (PEM is read, no JKS).`,
    );
  }
  return options;
}

function fileOf(key: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new RegistryConfigError(`The registry's key '${key}', ${path}, cannot be read (${code}).`);
  }
}
