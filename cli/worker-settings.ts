/**
 * What `worker` was asked for: Kafka Connect's worker file, as JSON or as the properties file that Kafka's own worker
 * takes, judged before anything is connected.
 */
import { extname } from 'node:path';
import { CliError } from './errors.ts';
import { readJsonObject, readText } from './json-file.ts';
import { type ClientSecurity, clientSecurity } from './kafka/client-properties.ts';
import { defaultPorts } from './up-settings.ts';

type Raw = Readonly<Record<string, string>>;

/** What the Kafka keeper of the log port is told; kafkajs's words for security. */
export interface ClusterSettings {
  readonly bootstrapServers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly passphrase?: string };
  readonly sasl?: {
    readonly mechanism: ReturnType<typeof saslName>;
    readonly username: string;
    readonly password: string;
  };
}

export interface WorkerSettings {
  readonly log: ClusterSettings;
  readonly host: string;
  readonly port: number;
  /** Null: no console, no metrics. */
  readonly consolePort: number | null;
  /** Kafka Connect's worker keys, as written. */
  readonly worker: Raw;
}

export interface WorkerFlags {
  readonly config: string;
  readonly connectPort?: string;
  readonly consolePort?: string;
}

/** java.util.Properties; the worker's own reader of them, which its config providers use too. */
export type ParseProperties = (text: string) => ReadonlyMap<string, string>;

const LOOPBACK = '127.0.0.1';
/** Java's names of what the CLI's own clients call otherwise. */
const securityKeys = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.username',
  'sasl.password',
  'ssl.ca.location',
  'ssl.certificate.location',
  'ssl.key.location',
  'ssl.key.password',
  'ssl.endpoint.identification.algorithm',
] as const;

/** Throws BAD_CONFIGURATION and USAGE that name the key or flag. */
export function workerSettings(flags: WorkerFlags, parseProperties: ParseProperties): WorkerSettings {
  const worker = readWorkerFile(flags.config, parseProperties);
  const servers = (worker['bootstrap.servers'] ?? '').split(',').flatMap((each) => each.trim() || []);
  if (servers.length === 0) throw missing(flags.config, 'bootstrap.servers', 'host:port of one or more brokers');
  if (worker['group.id'] === undefined) throw missing(flags.config, 'group.id', 'a name for this group of workers');
  refuseExtensions(worker, flags.config);
  const listener = listenerOf(worker.listeners ?? '', flags.config);
  return {
    log: { bootstrapServers: servers, clientId: worker['client.id'] ?? worker['group.id'], ...securityOf(worker) },
    host: listener.host,
    port: flags.connectPort === undefined ? listener.port : portOf(flags.connectPort, '--connect-port'),
    consolePort: flags.consolePort === undefined ? null : portOf(flags.consolePort, '--console-port'),
    worker,
  };
}

/** They guard the door (basic authentication ships with Kafka): whoever set them must not be left with an open one. */
function refuseExtensions(worker: Raw, path: string): void {
  const classes = worker['rest.extension.classes']?.trim() ?? '';
  if (classes === '') return;
  throw new CliError('BAD_CONFIGURATION', `In ${path}, "rest.extension.classes" names ${classes}, which is Java.`, {
    next: 'Remove the key: the REST API is on the loopback unless "listeners" says otherwise; for logins, put a proxy in front of it.',
  });
}

function readWorkerFile(path: string, parseProperties: ParseProperties): Raw {
  if (extname(path) === '.properties') return Object.fromEntries(parseProperties(readText(path)));
  return Object.fromEntries(
    Object.entries(readJsonObject(path)).map(([key, value]) => {
      if (['string', 'number', 'boolean'].includes(typeof value)) return [key, String(value)];
      throw new CliError('BAD_CONFIGURATION', `In ${path}, "${key}" is neither text, number nor boolean.`);
    }),
  );
}

/** `listeners=http://host:port`; the door asks nobody who they are, so it is on the loopback unless told otherwise. */
function listenerOf(listeners: string, path: string): { host: string; port: number } {
  const first = listeners.split(',')[0]!.trim();
  if (first === '') return { host: LOOPBACK, port: defaultPorts.connect };
  const [, scheme, host, port] = /^(\w+):\/\/([^:/]*|\[[^\]]+\]):(\d+)$/.exec(first) ?? [];
  if (scheme === undefined || scheme.toLowerCase() !== 'http') {
    throw new CliError('BAD_CONFIGURATION', `In ${path}, "listeners" is "${first}".`, {
      next: 'Write http://127.0.0.1:8083; put TLS in front of it with a proxy.',
    });
  }
  return { host: host === '' ? '0.0.0.0' : host!.replaceAll(/[[\]]/g, ''), port: Number(port) };
}

function securityOf(worker: Raw): Pick<ClusterSettings, 'ssl' | 'sasl'> {
  const given = securityKeys.filter((key) => worker[key] !== undefined).map((key) => `${key}=${worker[key]}`);
  const jaas = worker['sasl.jaas.config'];
  for (const name of jaas === undefined ? [] : (['username', 'password'] as const)) {
    const [, value] = new RegExp(`\\b${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(jaas!) ?? [];
    if (value !== undefined) given.push(`sasl.${name}=${value.replaceAll(/\\(.)/g, '$1')}`);
  }
  return given.length === 0 ? {} : kafkajsSecurity(clientSecurity({ property: given }));
}

function kafkajsSecurity({ tls, login }: ClientSecurity): Pick<ClusterSettings, 'ssl' | 'sasl'> {
  const { checksHost = true, ...files } = tls ?? {};
  const hostRule = checksHost ? {} : { checkServerIdentity: () => undefined };
  const credentials = login === null ? null : { username: login.user, password: login.password };
  return {
    ...(tls === null ? {} : { ssl: { ...files, ...hostRule } }),
    ...(credentials === null ? {} : { sasl: { mechanism: saslName(login!.mechanism), ...credentials } }),
  };
}

function saslName(mechanism: NonNullable<ClientSecurity['login']>['mechanism']) {
  return mechanism === 'PLAIN' ? 'plain' : mechanism === 'SCRAM-SHA-256' ? 'scram-sha-256' : 'scram-sha-512';
}

function portOf(text: string, flag: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new CliError('USAGE', `${flag} is "${text}"; a port is a number from 0 to 65535.`);
}

function missing(path: string, key: string, what: string): CliError {
  return new CliError('BAD_CONFIGURATION', `${path} has no "${key}".`, { next: `Give ${what}.` });
}
