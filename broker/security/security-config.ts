/**
 * The broker's keys about who may connect and what they may do: Kafka's names and meanings, and where our default
 * differs the reason beside it. Those that describe one listener may be given for it alone, as
 * `listener.name.<name in lower case>.<key>`.
 */
import type { ConfigDefinition } from '../metadata/config-definition.ts';

const intMaxText = '2147483647';

const listenerKeys: readonly ConfigDefinition[] = [
  {
    name: 'sasl.enabled.mechanisms',
    type: 'list',
    // Kafka's is GSSAPI, which is not served. PLAIN sends the password itself and is therefore on only where named.
    defaultValue: 'SCRAM-SHA-256,SCRAM-SHA-512',
    oneOf: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    doc: 'How clients of SASL listeners may log in.',
  },
  {
    name: 'connections.max.reauth.ms',
    type: 'long',
    defaultValue: '0',
    min: 0,
    doc: 'SASL sessions end after this time unless the client logs in again; 0: they end with their token, if ever.',
  },
  {
    name: 'ssl.keystore.type',
    type: 'string',
    defaultValue: 'PEM',
    oneOf: ['PEM'],
    doc: 'The format of the key and certificate files.',
  },
  {
    name: 'ssl.keystore.certificate.chain',
    update: 'per-broker',
    type: 'password',
    defaultValue: '',
    doc: 'Our certificate chain, PEM.',
  },
  {
    name: 'ssl.keystore.key',
    update: 'per-broker',
    type: 'password',
    defaultValue: '',
    doc: 'Our private key, PEM (PKCS #8).',
  },
  {
    name: 'ssl.key.password',
    update: 'per-broker',
    type: 'password',
    defaultValue: '',
    doc: 'What the private key is encrypted with.',
  },
  {
    name: 'ssl.keystore.location',
    update: 'per-broker',
    type: 'string',
    defaultValue: '',
    doc: 'A PEM file of our private key and certificate chain, in place of the two keys that hold them.',
  },
  {
    name: 'ssl.truststore.type',
    type: 'string',
    defaultValue: 'PEM',
    oneOf: ['PEM'],
    doc: 'The format of the file of trusted certificates.',
  },
  {
    name: 'ssl.truststore.certificates',
    update: 'per-broker',
    type: 'password',
    defaultValue: '',
    doc: 'Certificates that sign the clients we believe, PEM.',
  },
  {
    name: 'ssl.truststore.location',
    update: 'per-broker',
    type: 'string',
    defaultValue: '',
    doc: 'A PEM file of those certificates.',
  },
  {
    name: 'ssl.client.auth',
    type: 'string',
    defaultValue: 'none',
    oneOf: ['none', 'requested', 'required'],
    doc: 'Whether clients show a certificate (mutual TLS).',
  },
  {
    name: 'ssl.principal.mapping.rules',
    type: 'string',
    defaultValue: 'DEFAULT',
    doc: "How a certificate's distinguished name becomes a principal: DEFAULT or RULE:pattern/replacement/[LU].",
  },
  {
    name: 'ssl.enabled.protocols',
    type: 'list',
    defaultValue: 'TLSv1.2,TLSv1.3',
    oneOf: ['TLSv1.2', 'TLSv1.3'],
    doc: 'Versions of TLS.',
  },
  {
    name: 'sasl.oauthbearer.jwks.endpoint.url',
    type: 'string',
    defaultValue: '',
    doc: "The issuer's public keys (JWKS): an https: or file: URL.",
  },
  {
    name: 'sasl.oauthbearer.jwks.endpoint.refresh.ms',
    type: 'long',
    defaultValue: '3600000',
    min: 1000,
    doc: 'How long those keys are used before they are read again, in milliseconds.',
  },
  { name: 'sasl.oauthbearer.expected.issuer', type: 'string', defaultValue: '', doc: 'The `iss` a token must have.' },
  {
    name: 'sasl.oauthbearer.expected.audience',
    type: 'list',
    defaultValue: '',
    doc: 'The values of which a token must have one in `aud`.',
  },
  {
    name: 'sasl.oauthbearer.clock.skew.seconds',
    type: 'int',
    defaultValue: '30',
    min: 0,
    doc: "How far the issuer's clock may be from ours.",
  },
  {
    name: 'sasl.oauthbearer.sub.claim.name',
    type: 'string',
    defaultValue: 'sub',
    doc: 'The claim that names the user.',
  },
];

const brokerKeys: readonly ConfigDefinition[] = [
  {
    name: 'listeners',
    type: 'list',
    defaultValue: '',
    doc: 'Where to listen: NAME://host:port, several between commas. Empty: the host and port `up` was given.',
  },
  {
    name: 'advertised.listeners',
    type: 'list',
    defaultValue: '',
    doc: 'What clients of each listener are told to connect to.',
  },
  {
    name: 'listener.security.protocol.map',
    type: 'list',
    defaultValue: 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    doc: 'The security protocol of each listener name.',
  },
  {
    name: 'connection.failed.authentication.delay.ms',
    type: 'int',
    defaultValue: '100',
    min: 0,
    doc: 'How long a failed login waits for its answer, so that guessing is slow.',
  },
  {
    name: 'sasl.server.max.receive.size',
    type: 'int',
    defaultValue: '524288',
    min: 1024,
    doc: 'The largest request of a client that has not logged in, in bytes.',
  },
  {
    name: 'max.connections.per.ip',
    update: 'cluster-wide',
    type: 'int',
    defaultValue: intMaxText,
    min: 0,
    doc: 'Connections of one address at a time.',
  },
  {
    name: 'max.connections.per.ip.overrides',
    update: 'cluster-wide',
    type: 'list',
    defaultValue: '',
    form: { pattern: /^.+:\d+$/, says: 'address:number, several between commas' },
    doc: 'The same for single addresses: address:number, several between commas.',
  },
  {
    name: 'super.users',
    type: 'string',
    // Without a login there is only the loopback: whoever sits there is the operator.
    defaultValue: 'User:ANONYMOUS',
    doc: 'Principals that may do everything, between semicolons.',
  },
  {
    name: 'allow.everyone.if.no.acl.found',
    type: 'boolean',
    defaultValue: 'false',
    doc: 'A resource that no ACL speaks of is open to everybody who has logged in.',
  },
  { name: 'quota.window.num', type: 'int', defaultValue: '11', min: 2, doc: 'Windows that a rate is measured over.' },
  { name: 'quota.window.size.seconds', type: 'int', defaultValue: '1', min: 1, doc: 'The length of one of them.' },
];

export const securityConfigs: readonly ConfigDefinition[] = [...listenerKeys, ...brokerKeys];

const listenerKeyNames: ReadonlySet<string> = new Set(listenerKeys.map(({ name }) => name));

/** `listener.name.internal.ssl.client.auth` → the listener's name and the key; null for any other key. */
export function splitListenerKey(name: string): { readonly listener: string; readonly key: string } | null {
  const match = /^listener\.name\.([^.]+)\.(.+)$/.exec(name);
  return match !== null && listenerKeyNames.has(match[2]!) ? { listener: match[1]!, key: match[2]! } : null;
}
