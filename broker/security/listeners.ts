/**
 * Where the broker listens and how each place is guarded: Kafka's `listeners` read, and the rule that nobody from
 * another machine comes in unasked.
 */
import { BrokerConfigError } from '../errors.ts';
import type { BrokerConfig } from '../metadata/broker-config.ts';
import { listOf } from '../metadata/config-definition.ts';
import { OpenListenerError } from './errors.ts';

export const securityProtocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const;
export type SecurityProtocol = (typeof securityProtocols)[number];

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Listener {
  /** Kafka's listener name, in capitals. */
  readonly name: string;
  readonly protocol: SecurityProtocol;
  readonly host: string;
  readonly port: number;
  /** What clients are told; null: what it is bound to. */
  readonly advertised: Address | null;
  readonly usesTls: boolean;
  readonly usesSasl: boolean;
  /** The configuration as this listener sees it. */
  readonly config: BrokerConfig;
}

/** Listens on one host and port where `listeners` is not given; beyond the loopback with a login. */
export function listenersOf(config: BrokerConfig, fallback: Address): Listener[] {
  const texts = listOf(config.text('listeners'));
  const advertised = new Map(
    listOf(config.text('advertised.listeners')).map((text) => {
      const { name, host, port } = parse('advertised.listeners', text);
      return [name, { host, port }];
    }),
  );
  const protocols = protocolsOf(config);
  const places = texts.length > 0 ? texts.map((text) => parse('listeners', text)) : [unnamed(config, fallback)];
  const names = places.map(({ name }) => name);
  for (const name of [...advertised.keys()]) if (!names.includes(name)) throw unknownName(name);
  if (new Set(names).size < names.length) {
    throw new BrokerConfigError('listeners', 'listeners names one listener twice; each has a name of its own.');
  }
  return places.map(({ name, host, port }) => {
    const protocol = protocols.get(name);
    if (protocol === undefined) {
      throw new BrokerConfigError('listeners', `Listener ${name} has no protocol in listener.security.protocol.map.`);
    }
    return {
      name,
      protocol,
      host,
      port,
      advertised: advertised.get(name) ?? null,
      usesTls: protocol.endsWith('SSL'),
      usesSasl: protocol.startsWith('SASL_'),
      config: config.forListener(name.toLowerCase()),
    };
  });
}

/** The listener with what its keys say now. */
export function currentListener(listener: Listener, config: BrokerConfig): Listener {
  return { ...listener, config: config.forListener(listener.name.toLowerCase()) };
}

/**
 * Beyond the loopback every client proves who it is, by a login or a certificate, and there is somebody who can.
 * Throws OpenListenerError with what to do.
 */
export function refuseOpenListeners(listeners: readonly Listener[], userCount: number): void {
  for (const listener of listeners) {
    if (isLoopback(listener.host)) continue;
    const problem = problemWith(listener, userCount);
    if (problem !== null) throw new OpenListenerError(problem);
  }
}

function problemWith({ name, protocol, host, usesSasl, config }: Listener, userCount: number): string | null {
  const where = `Listener ${name} is on ${host}, which other machines can reach`;
  if (protocol === 'PLAINTEXT') {
    return `${where}, but ${protocol} asks nobody who they are. Use SASL_SSL (or SASL_PLAINTEXT), or listen on 127.0.0.1.`;
  }
  if (!usesSasl) {
    return config.text('ssl.client.auth') === 'required'
      ? null
      : `${where}, but SSL without ssl.client.auth=required asks nobody who they are. Set it, or use SASL_SSL.`;
  }
  if (userCount > 0 || config.list('sasl.enabled.mechanisms').includes('OAUTHBEARER')) return null;
  return (
    `${where}, but there is no user who could log in. Start on 127.0.0.1 first and make one: ` +
    'millrace user add <name> --admin'
  );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

interface Place extends Address {
  readonly name: string;
}

function unnamed(config: BrokerConfig, { host, port }: Address): Place {
  if (isLoopback(host)) return { name: 'PLAINTEXT', host, port };
  const hasKey = config.text('ssl.keystore.location') !== '' || config.text('ssl.keystore.key') !== '';
  const byCertificate = hasKey && config.text('ssl.client.auth') === 'required';
  return { name: byCertificate ? 'SSL' : hasKey ? 'SASL_SSL' : 'SASL_PLAINTEXT', host, port };
}

/** `NAME://host:port`; an empty host is every interface, an IPv6 address stands in brackets. */
function parse(key: string, text: string): Place {
  const match = /^([A-Za-z0-9_-]+):\/\/(\[[^\]]*\]|[^:/]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new BrokerConfigError(key, `${key} has "${text}"; a listener is written NAME://host:port.`);
  }
  const host = match[2]!.replace(/^\[|\]$/g, '');
  return { name: match[1]!.toUpperCase(), host: host === '' ? '0.0.0.0' : host, port };
}

function protocolsOf(config: BrokerConfig): Map<string, SecurityProtocol> {
  const key = 'listener.security.protocol.map';
  return new Map(
    listOf(config.text(key)).map((text) => {
      const [name = '', protocolName = ''] = text.split(':');
      const protocol = securityProtocols.find((each) => each === protocolName.toUpperCase());
      if (name === '' || protocol === undefined) {
        const known = securityProtocols.join(', ');
        throw new BrokerConfigError(key, `${key} has "${text}"; write NAME:PROTOCOL with one of ${known}.`);
      }
      return [name.toUpperCase(), protocol];
    }),
  );
}

function unknownName(name: string): BrokerConfigError {
  return new BrokerConfigError('advertised.listeners', `advertised.listeners names ${name}, which listeners does not.`);
}
