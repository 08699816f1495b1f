/**
 * What the MQTT source and sink have in common: the keys of their connection, and what those say. Reads certificate
 * files, no other I/O.
 */
import { readFileSync } from 'node:fs';
import type { Config, ConfigDef, Secret } from '../api/index.ts';
import { badMqttConfig } from './errors.ts';

const schemes = ['mqtt:', 'mqtts:', 'tcp:', 'ssl:', 'tls:', 'ws:', 'wss:'];

function judgeServers(value: unknown): string | null {
  const servers = value as readonly string[];
  if (servers.length === 0) return 'must name at least one broker, for example mqtt://127.0.0.1:1883';
  const wrong = servers.find((server) => !schemes.includes(URL.parse(server)?.protocol ?? ''));
  return wrong === undefined
    ? null
    : `must be a list of URLs such as mqtt://host:1883 or mqtts://host:8883; "${wrong}" is none`;
}

export const connectionKeys = {
  'mqtt.server.uri': {
    type: 'list',
    doc: 'Brokers to connect to, tried in order: mqtt://, mqtts:// (also tcp://, ssl://, tls://), ws:// or wss:// URLs.',
    importance: 'high',
    group: 'Connection',
    validate: judgeServers,
  },
  'mqtt.client.id': {
    type: 'string',
    default: null,
    onChange: 'A new session: what the broker queues for the old one until it expires is not read.',
    doc: 'Client id of task 0; task n appends "-n". By default millrace-CONNECTOR-TASK. It names the session at the broker: keep it stable and unique.',
    importance: 'medium',
    group: 'Session',
  },
  'mqtt.protocol': {
    type: 'string',
    default: 'auto',
    oneOf: ['auto', '5', '4'],
    doc: 'MQTT version: 5, 4 (that is 3.1.1), or auto: 5, and 3.1.1 where the broker refuses that.',
    group: 'Session',
  },
  'mqtt.keepalive.interval.seconds': {
    type: 'int',
    default: 60,
    min: 1,
    max: 65_535,
    doc: 'Seconds of silence after which the connection is proved alive with a ping.',
    importance: 'low',
    group: 'Connection',
  },
  'mqtt.connect.timeout.seconds': {
    type: 'int',
    default: 30,
    min: 1,
    doc: 'Seconds one broker is given to answer.',
    importance: 'low',
    group: 'Connection',
  },
  'mqtt.offline.fail.s': {
    type: 'int',
    default: 300,
    min: 1,
    doc: 'Seconds without any broker after which the task fails instead of trying further.',
    group: 'Connection',
  },
  'mqtt.username': { type: 'string', default: '', doc: 'User name, or empty for none.', group: 'Connection' },
  'mqtt.password': { type: 'password', default: '', doc: 'Password, or empty for none.', group: 'Connection' },
  'mqtt.ssl.trust.store.path': {
    type: 'string',
    default: '',
    doc: 'PEM file with the certificates to trust for mqtts:// and wss://; empty for those that come with Node.',
    group: 'TLS',
  },
  'mqtt.ssl.key.store.path': {
    type: 'string',
    default: '',
    doc: 'Our own certificate and key for mutual TLS: a PEM file that holds both, or a PKCS#12 file (.p12, .pfx).',
    group: 'TLS',
  },
  'mqtt.ssl.key.store.password': { type: 'password', default: '', doc: 'Password of the PKCS#12 file.', group: 'TLS' },
  'mqtt.ssl.key.password': { type: 'password', default: '', doc: 'Password of the key in the PEM file.', group: 'TLS' },
  'mqtt.ssl.trust.store.password': {
    type: 'password',
    default: '',
    doc: "Password of Confluent's trust store: accepted and not needed, because PEM files have none.",
    importance: 'low',
    group: 'Compatibility',
  },
  'confluent.*': {
    type: 'string',
    default: null,
    doc: "Confluent's licence keys: accepted and ignored.",
    importance: 'low',
    group: 'Compatibility',
  },
  'mqtt.will.topic': {
    type: 'string',
    default: '',
    doc: 'Where the broker publishes our will when we are cut off without a goodbye. Empty: no will.',
    group: 'Will',
  },
  'mqtt.will.payload': { type: 'string', default: '', doc: 'What it publishes there.', group: 'Will' },
  'mqtt.will.qos': { type: 'int', default: 1, min: 0, max: 2, doc: 'With which quality of service.', group: 'Will' },
  'mqtt.will.retained': { type: 'boolean', default: false, doc: 'Whether the broker keeps it.', group: 'Will' },
} as const satisfies ConfigDef;

/** How to connect, ready to use. Times in the unit their name says. */
export interface ConnectionSettings {
  readonly servers: readonly string[];
  readonly clientId: string;
  readonly protocol: 'auto' | 4 | 5;
  readonly keepaliveS: number;
  readonly connectTimeoutMs: number;
  readonly offlineFailS: number;
  readonly username: string;
  readonly password: Secret;
  readonly tls: TlsOptions;
  readonly will: Will | null;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly pfx?: Buffer;
  readonly passphrase?: string;
}

/** The connection of task `task`; throws ConfigError naming the key where a file cannot be read. */
export function connectionSettings(config: Config, connector: string, task: number): ConnectionSettings {
  const protocol = config.string('mqtt.protocol');
  return {
    servers: config.list('mqtt.server.uri'),
    clientId: clientIdOf(config.optionalString('mqtt.client.id'), connector, task),
    protocol: protocol === 'auto' ? 'auto' : protocol === '5' ? 5 : 4,
    keepaliveS: config.number('mqtt.keepalive.interval.seconds'),
    connectTimeoutMs: config.number('mqtt.connect.timeout.seconds') * 1000,
    offlineFailS: config.number('mqtt.offline.fail.s'),
    username: config.string('mqtt.username'),
    password: config.secret('mqtt.password'),
    tls: tlsOptions(config),
    will: willOf(config),
  };
}

function willOf(config: Config): Will | null {
  const topic = config.string('mqtt.will.topic');
  if (topic === '') return null;
  return {
    topic,
    payload: Buffer.from(config.string('mqtt.will.payload')),
    qos: config.number('mqtt.will.qos') as 0 | 1 | 2,
    retain: config.boolean('mqtt.will.retained'),
  };
}

/** A server's URL without the user name and password it may carry, for logs and messages. */
export function shownServer(server: string): string {
  const url = URL.parse(server);
  return url === null || (url.username === '' && url.password === '') ? server : `${url.protocol}//${url.host}`;
}

function clientIdOf(given: string | null, connector: string, task: number): string {
  if (given === null || given === '') return `millrace-${connector}-${task}`;
  return task === 0 ? given : `${given}-${task}`;
}

/** The client id of another task of the same connector. */
export function taskClientId(config: Config, connector: string, task: number): string {
  return clientIdOf(config.optionalString('mqtt.client.id'), connector, task);
}

function tlsOptions(config: Config): TlsOptions {
  const ca = config.string('mqtt.ssl.trust.store.path');
  const store = config.string('mqtt.ssl.key.store.path');
  const options: { -readonly [Key in keyof TlsOptions]: TlsOptions[Key] } = {};
  if (ca !== '') options.ca = pemOnly('mqtt.ssl.trust.store.path', ca, readStore('mqtt.ssl.trust.store.path', ca));
  if (store !== '') {
    const bytes = readStore('mqtt.ssl.key.store.path', store);
    const isPem = bytes.includes('-----BEGIN');
    if (isPem) {
      options.cert = bytes;
      options.key = bytes;
    } else options.pfx = bytes;
    const secret = config.secret(isPem ? 'mqtt.ssl.key.password' : 'mqtt.ssl.key.store.password').reveal();
    if (secret !== '') options.passphrase = secret;
  }
  return options;
}

/** Node takes certificates to trust as PEM only; keytool writes PKCS#12 even where the file is called .jks. */
function pemOnly(key: string, path: string, bytes: Buffer): Buffer {
  if (bytes.includes('-----BEGIN')) return bytes;
  throw badMqttConfig(
    key,
    path,
    `"${path}" of "${key}" holds no PEM certificate. Convert it with "openssl pkcs12 -in ${path} -nokeys -out trust.pem" and name that file.`,
  );
}

/** Java KeyStore files begin with this magic number; Node cannot read them. */
const jksMagic = 0xfeedfeed;

function readStore(key: string, path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw badMqttConfig(key, path, `The file "${path}" of "${key}" cannot be read: ${(error as Error).message}.`);
  }
  if (bytes.length >= 4 && bytes.readUInt32BE(0) === jksMagic) {
    throw badMqttConfig(
      key,
      path,
      `"${path}" is a Java KeyStore. Convert it with "keytool -importkeystore -deststoretype PKCS12" and openssl, and name the PEM or .p12 file in "${key}".`,
    );
  }
  return bytes;
}
