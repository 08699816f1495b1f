/**
 * Where a schema registry is and how to be let in: the keys of Confluent's clients, read once.
 *
 * `basic.auth.*`, `bearer.auth.*` and `schema.registry.ssl.*`; what is known but not kept here is refused by name. Used by
 * the converter and, through cli/workshop.ts, by the commands. Secrets are revealed at the moment of use.
 */
import { readFileSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { type Config, type ConfigDef, ConfigError, type ConfigKey } from '../api/index.ts';
import { clientCredentials } from './registry-token.ts';

/** What a request needs to know; made by {@link registryAccess}. */
export interface RegistryAccess {
  /** Base URLs without credentials, tried in order. */
  readonly urls: readonly string[];
  /** Headers beside Authorization that go with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** For https: what to believe and what to show; null is Node's own trust. */
  readonly tls: (SecureContextOptions & { checkServerIdentity?: () => undefined }) | null;
  /** The Authorization header for one of the URLs; null for none. May ask a token's issuer, with a deadline. */
  authorization(url: string): Promise<string | null>;
}

const text = (doc: string): ConfigKey => ({ type: 'string', default: null, doc });
const secret = (doc: string): ConfigKey => ({ type: 'password', default: null, doc });
/** Accepted only as PEM, the one format that Node reads and that needs no tool of Java's. */
const storeType = (what: string): ConfigKey => ({
  type: 'string',
  default: 'PEM',
  doc: `Format of the ${what}: PEM.`,
  validate: (value) => (String(value).toUpperCase() === 'PEM' ? null : 'must be PEM (convert JKS and PKCS12 first)'),
});

export const registryAccessKeys: ConfigDef = {
  'schema.registry.url': {
    type: 'list',
    default: [],
    doc: 'Where the schema registry is; several are tried in order. Not needed where the worker has one beside it.',
    importance: 'high',
  },
  'basic.auth.credentials.source': {
    type: 'string',
    default: 'URL',
    oneOf: ['URL', 'USER_INFO'],
    doc: 'Where user and password come from: the URL, or basic.auth.user.info (which counts wherever it is given).',
  },
  'basic.auth.user.info': secret('user:password for the registry.'),
  'schema.registry.basic.auth.user.info': secret('The same, under its older name.'),
  'bearer.auth.credentials.source': {
    type: 'string',
    default: null,
    oneOf: ['STATIC_TOKEN', 'OAUTHBEARER'],
    doc: 'Log in with a token: bearer.auth.token, or one fetched from bearer.auth.issuer.endpoint.url.',
  },
  'bearer.auth.token': secret('The token of STATIC_TOKEN.'),
  'bearer.auth.issuer.endpoint.url': text('Where OAUTHBEARER fetches tokens (client credentials, RFC 6749).'),
  'bearer.auth.client.id': text('Who we are to that issuer.'),
  'bearer.auth.client.secret': secret('Our secret there.'),
  'bearer.auth.scope': text('The scope to ask for.'),
  'bearer.auth.cache.expiry.buffer.seconds': {
    type: 'int',
    default: 300,
    min: 0,
    doc: 'How long before its end a fetched token is replaced.',
  },
  'bearer.auth.logical.cluster': text('Sent as the header target-sr-cluster.'),
  'bearer.auth.identity.pool.id': text('Sent as the header Confluent-Identity-Pool-Id.'),
  'schema.registry.ssl.truststore.location': text(
    "A PEM file of the authorities that may sign the registry's certificate.",
  ),
  'schema.registry.ssl.truststore.certificates': secret('Those certificates themselves, PEM.'),
  'schema.registry.ssl.truststore.type': storeType('truststore'),
  'schema.registry.ssl.keystore.location': text('A PEM file of our private key and certificate, for mutual TLS.'),
  'schema.registry.ssl.keystore.key': secret('Our private key itself, PEM.'),
  'schema.registry.ssl.keystore.certificate.chain': secret('Our certificates themselves, PEM.'),
  'schema.registry.ssl.keystore.type': storeType('keystore'),
  'schema.registry.ssl.key.password': secret('What the private key is encrypted with.'),
  'schema.registry.ssl.endpoint.identification.algorithm': {
    type: 'string',
    default: 'https',
    oneOf: ['https', 'HTTPS', ''],
    doc: "https: the registry's certificate must be for its host name; empty: any host of a trusted authority.",
  },
};

/** Throws ConfigError for keys that do not go together, files that cannot be read and addresses that are none. */
export function registryAccess(config: Config): RegistryAccess {
  const urls = config.list('schema.registry.url').map(addressOf);
  const basic =
    config.optionalSecret('basic.auth.user.info') ?? config.optionalSecret('schema.registry.basic.auth.user.info');
  if (basic === null && config.string('basic.auth.credentials.source') === 'USER_INFO') {
    throw problem('basic.auth.user.info', 'basic.auth.credentials.source=USER_INFO needs basic.auth.user.info.');
  }
  const bearer = bearerOf(config);
  if (bearer !== null && basic !== null) {
    throw problem('bearer.auth.credentials.source', 'Log in with basic.auth or with bearer.auth, not with both.');
  }
  const [cluster, pool] = [
    config.optionalString('bearer.auth.logical.cluster'),
    config.optionalString('bearer.auth.identity.pool.id'),
  ];
  return {
    urls: urls.map(({ base }) => base),
    headers: {
      ...(cluster === null ? {} : { 'target-sr-cluster': cluster }),
      ...(pool === null ? {} : { 'Confluent-Identity-Pool-Id': pool }),
    },
    tls: tlsOf(config),
    async authorization(url) {
      if (bearer !== null) return `Bearer ${await bearer()}`;
      const userInfo = basic?.reveal() ?? urls.find(({ base }) => base === url)?.userInfo ?? null;
      return userInfo === null ? null : `Basic ${Buffer.from(userInfo).toString('base64')}`;
    },
  };
}

function addressOf(given: string): { readonly base: string; readonly userInfo: string | null } {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    // What is no URL may hold a password anywhere.
    throw problem('schema.registry.url', 'schema.registry.url holds something that is no http: or https: URL.');
  }
  const userInfo =
    url.username === '' ? null : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { base: url.href.replace(/\/+$/, ''), userInfo };
}

function bearerOf(config: Config): (() => Promise<string>) | null {
  const source = config.optionalString('bearer.auth.credentials.source');
  const token = config.optionalSecret('bearer.auth.token');
  if (source === null && token === null) return null;
  if (source !== 'OAUTHBEARER') {
    if (token === null)
      throw problem('bearer.auth.token', 'bearer.auth.credentials.source=STATIC_TOKEN needs bearer.auth.token.');
    return async () => token.reveal();
  }
  const needed = ['bearer.auth.issuer.endpoint.url', 'bearer.auth.client.id'] as const;
  const [issuer, clientId] = needed.map((key) => config.optionalString(key) ?? '');
  const clientSecret = config.optionalSecret('bearer.auth.client.secret');
  if (!issuer || !clientId || clientSecret === null || !URL.canParse(issuer)) {
    const message = `bearer.auth.credentials.source=OAUTHBEARER needs ${needed.join(', ')} and bearer.auth.client.secret.`;
    throw problem('bearer.auth.issuer.endpoint.url', message);
  }
  return clientCredentials({
    issuer,
    clientId,
    clientSecret,
    scope: config.optionalString('bearer.auth.scope'),
    bufferMs: config.number('bearer.auth.cache.expiry.buffer.seconds') * 1000,
  });
}

function tlsOf(config: Config): RegistryAccess['tls'] {
  const at = (key: string) => `schema.registry.ssl.${key}`;
  const file = (key: string): string | null => {
    const path = config.optionalString(at(key));
    if (path === null) return null;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw problem(at(key), `${at(key)}, ${path}, cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    }
  };
  const ca = config.optionalSecret(at('truststore.certificates'))?.reveal() ?? file('truststore.location');
  const store = file('keystore.location');
  const key = config.optionalSecret(at('keystore.key'))?.reveal() ?? store;
  const cert = config.optionalSecret(at('keystore.certificate.chain'))?.reveal() ?? store;
  const passphrase = config.optionalSecret(at('key.password'))?.reveal();
  const checksHost = config.string(at('endpoint.identification.algorithm')) !== '';
  if (ca === null && key === null && checksHost) return null;
  return {
    ...(ca === null ? {} : { ca }),
    ...(key === null ? {} : { key }),
    ...(cert === null ? {} : { cert }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(checksHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

function problem(key: string, message: string): ConfigError {
  return new ConfigError([{ key, value: null, message }]);
}
