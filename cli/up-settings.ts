/**
 * What `up` was asked for: flags over the config file over defaults, judged before anything is started.
 *
 * The file is `--config`, else ./millrace.json where there is one. Its sections `broker`, `worker` and `registry` take
 * Kafka's, Kafka Connect's and Confluent's own keys.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CliError } from './errors.ts';
import { readJsonObject } from './json-file.ts';

export const portNames = ['kafka', 'connect', 'registry', 'console'] as const;
export type PortName = (typeof portNames)[number];

/** The ports of the programs we stand in for. */
export const defaultPorts: Readonly<Record<PortName, number>> = {
  kafka: 9092,
  connect: 8083,
  registry: 8081,
  console: 8080,
};

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

type Section = Readonly<Record<string, string>>;

export interface UpSettings {
  readonly data: string;
  /** Where the broker listens; beyond the loopback it asks for a login. */
  readonly host: string;
  /** Where everything else listens: it asks for none, so it stays on the loopback. */
  readonly restHost: string;
  readonly ports: Readonly<Record<PortName, number>>;
  /** A folder of connector configs, or null. */
  readonly connectors: string | null;
  readonly prune: boolean;
  /** Load plugins anew when their files change. */
  readonly watchPlugins: boolean;
  readonly logLevel: LogLevel;
  readonly broker: Section;
  readonly worker: Section;
  readonly registry: Section;
}

/** `up`'s flags as commander hands them over; absent means "not given". */
export interface UpFlags {
  readonly data?: string;
  readonly config?: string;
  readonly host?: string;
  readonly kafkaPort?: string;
  readonly connectPort?: string;
  readonly registryPort?: string;
  readonly consolePort?: string;
  readonly connectors?: string;
  readonly prune?: boolean;
  readonly plugin?: readonly string[];
  readonly watchPlugins?: boolean;
  readonly logLevel?: string;
}

const LOOPBACK = '127.0.0.1';
const DATA_DEFAULT = 'millrace-data';
const CONFIG_DEFAULT = 'millrace.json';
const fileKeys = ['data', 'host', 'ports', 'connectors', 'prune', 'log.level', 'broker', 'worker', 'registry'] as const;

/** Settles every setting. BAD_CONFIGURATION and USAGE name the key or flag. */
export function settle(flags: UpFlags, folder = process.cwd()): UpSettings {
  const path = flags.config ?? (existsSync(resolve(folder, CONFIG_DEFAULT)) ? resolve(folder, CONFIG_DEFAULT) : null);
  const file = path === null ? {} : readJsonObject(path);
  // Paths in the file mean what they mean beside the file, wherever `up` is called from.
  const beside = path === null ? folder : dirname(resolve(folder, path));
  checkKeys(file, path);
  const inFile = (key: 'data' | 'connectors') => {
    const value = textOf(file, key, path);
    return value === undefined ? undefined : resolve(beside, value);
  };
  const host = flags.host ?? textOf(file, 'host', path) ?? LOOPBACK;
  const connectors = flags.connectors === undefined ? inFile('connectors') : resolve(folder, flags.connectors);
  return {
    data: flags.data === undefined ? (inFile('data') ?? resolve(folder, DATA_DEFAULT)) : resolve(folder, flags.data),
    host,
    restHost: isLoopback(host) ? host : LOOPBACK,
    ports: portsOf(flags, file, path),
    connectors: connectors ?? null,
    prune: flags.prune ?? file.prune === true,
    logLevel: levelOf(flags.logLevel ?? textOf(file, 'log.level', path) ?? 'info'),
    broker: sectionOf(file, 'broker', path),
    worker: withPluginPath(sectionOf(file, 'worker', path), beside, flags.plugin, folder),
    watchPlugins: flags.watchPlugins ?? false,
    registry: sectionOf(file, 'registry', path),
  };
}

/** Relative paths in the file are beside the file, those of `--plugin` where `up` is called. */
function withPluginPath(worker: Section, beside: string, more: readonly string[] | undefined, folder: string): Section {
  const listed = (worker['plugin.path'] ?? '').split(/\s*,\s*/).filter((entry) => entry !== '');
  const inFile = listed.map((entry) => (entry.startsWith('.') ? resolve(beside, entry) : entry));
  const given = (more ?? []).map((entry) => (existsSync(resolve(folder, entry)) ? resolve(folder, entry) : entry));
  const entries = [...inFile, ...given];
  return entries.length === 0 ? worker : { ...worker, 'plugin.path': entries.join(',') };
}

function checkKeys(file: Record<string, unknown>, path: string | null): void {
  const unknown = Object.keys(file).find((key) => key !== '$schema' && !(fileKeys as readonly string[]).includes(key));
  if (unknown === undefined) return;
  throw new CliError('BAD_CONFIGURATION', `${path} has the unknown key "${unknown}".`, {
    next: `Known are ${fileKeys.join(', ')}.`,
  });
}

function textOf(file: Record<string, unknown>, key: string, path: string | null): string | undefined {
  const value = file[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new CliError('BAD_CONFIGURATION', `In ${path}, "${key}" is no text.`, { next: 'Put it in quotes.' });
}

function sectionOf(file: Record<string, unknown>, key: string, path: string | null): Section {
  const section = file[key] ?? {};
  if (typeof section !== 'object' || section === null || Array.isArray(section)) {
    throw new CliError('BAD_CONFIGURATION', `In ${path}, "${key}" is no object.`, {
      next: 'Write { "key": "value" }.',
    });
  }
  return Object.fromEntries(
    Object.entries(section).map(([name, value]) => {
      if (['string', 'number', 'boolean'].includes(typeof value)) return [name, String(value)];
      throw new CliError('BAD_CONFIGURATION', `In ${path}, "${key}"."${name}" is neither text, number nor boolean.`);
    }),
  );
}

function portsOf(flags: UpFlags, file: Record<string, unknown>, path: string | null): Record<PortName, number> {
  const inFile = sectionOf(file, 'ports', path);
  const unknown = Object.keys(inFile).find((name) => !(portNames as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new CliError('BAD_CONFIGURATION', `In ${path}, "ports" has the unknown key "${unknown}".`, {
      next: `Known are ${portNames.join(', ')}.`,
    });
  }
  const ports = portNames.map((name) => {
    const flag = flags[`${name}Port`];
    const text = flag ?? inFile[name] ?? String(defaultPorts[name]);
    const port = Number(text);
    if (/^\d+$/.test(text) && port <= 65_535) return [name, port] as const;
    const where = flag === undefined ? `In ${path}, "ports"."${name}"` : `--${name}-port`;
    throw new CliError(flag === undefined ? 'BAD_CONFIGURATION' : 'USAGE', `${where}: "${text}" is no port.`, {
      next: 'Give a number from 0 (pick a free one) to 65535.',
    });
  });
  return Object.fromEntries(ports) as Record<PortName, number>;
}

function levelOf(text: string): LogLevel {
  const level = logLevels.find((candidate) => candidate === text);
  if (level !== undefined) return level;
  throw new CliError('USAGE', `"${text}" is no log level.`, { next: `Use one of ${logLevels.join(', ')}.` });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
