/**
 * Where the sink writes to, out of `connection.url`: Postgres' own form or the JDBC driver's, with their parameters. One that
 * would change what is written or how safely, and that is not understood, is refused by name.
 */
import { readFileSync } from 'node:fs';

/** A URL taken apart. */
export interface SinkAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Null where the URL says nothing. */
  readonly user: string | null;
  readonly password: string | null;
  readonly sslMode: string;
  /** Paths of PEM files. */
  readonly rootCertificate: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
  /** Schemas in which names without one are looked for. */
  readonly searchPath: string | null;
}

const DEFAULT_PORT = 5432;
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** Parameters of the session, beside who connects. */
export const SESSION_PARAMETERS = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'currentSchema'];
/** Parameters with a meaning here. */
const UNDERSTOOD = ['user', 'password', ...SESSION_PARAMETERS];
/** How the JDBC driver does its work, which is not ours: nothing that is written depends on them. */
export const IDLE_PARAMETERS = [
  'ApplicationName',
  'adaptiveFetch',
  'assumeMinServerVersion',
  'autosave',
  'binaryTransfer',
  'cleanupSavepoints',
  'connectTimeout',
  'defaultRowFetchSize',
  'loggerLevel',
  'loginTimeout',
  'preferQueryMode',
  'prepareThreshold',
  'preparedStatementCacheQueries',
  'preparedStatementCacheSizeMiB',
  'reWriteBatchedInserts',
  'receiveBufferSize',
  'sendBufferSize',
  'socketTimeout',
  'stringtype',
  'tcpKeepAlive',
  'unknownLength',
];

/** The URL with these parameters where it does not say otherwise. */
export function withParameters(text: string, parameters: ReadonlyMap<string, string>): string {
  const own = parse(text)?.searchParams;
  const added = [...parameters].filter(([name]) => own?.has(name) === false);
  if (added.length === 0) return text;
  return `${text}${text.includes('?') ? '&' : '?'}${new URLSearchParams(added)}`;
}

/** What is wrong with the URL, as the end of a sentence, or null. */
export function urlProblem(text: string): string | null {
  const url = parse(text);
  if (url === null) return 'must look like postgres://host:port/database or jdbc:postgresql://host:port/database';
  if (url.hostname.includes(',') || /,/.test(text.split('/')[2] ?? ''))
    return 'names several servers; give the primary';
  for (const name of url.searchParams.keys()) {
    if (UNDERSTOOD.includes(name) || IDLE_PARAMETERS.includes(name)) continue;
    return `has a parameter "${name}", which is not understood here; take it away (understood: ${UNDERSTOOD.join(', ')})`;
  }
  const mode = url.searchParams.get('sslmode');
  return mode === null || SSL_MODES.includes(mode) ? null : `has an sslmode that is none of ${SSL_MODES.join(', ')}`;
}

function parse(text: string): URL | null {
  const plain = text.replace(/^jdbc:/, '');
  return /^postgres(ql)?:\/\/./.test(plain) && URL.canParse(plain) ? new URL(plain) : null;
}

/** The address of a URL that {@link urlProblem} finds nothing wrong with. */
export function addressOf(text: string): SinkAddress {
  const url = parse(text)!;
  const parameter = (name: string) => url.searchParams.get(name);
  const given = (value: string) => (value === '' ? null : decodeURIComponent(value));
  // The JDBC driver takes a bare `ssl` for the strictest mode.
  const isStrict = parameter('ssl') !== null && parameter('ssl') !== 'false';
  return {
    host: url.hostname,
    port: Number(url.port || DEFAULT_PORT),
    database: decodeURIComponent(url.pathname.slice(1)),
    user: parameter('user') ?? given(url.username),
    password: parameter('password') ?? given(url.password),
    sslMode: parameter('sslmode') ?? (isStrict ? 'verify-full' : 'disable'),
    rootCertificate: parameter('sslrootcert'),
    certificate: parameter('sslcert'),
    key: parameter('sslkey'),
    searchPath: parameter('currentSchema'),
  };
}

/** TLS as pg wants it told. Reads the certificates, so that renewed ones count with the next connection. */
export function tlsOf({ sslMode, rootCertificate, certificate, key }: SinkAddress) {
  if (sslMode === 'disable' || sslMode === 'allow' || sslMode === 'prefer') return false;
  return {
    rejectUnauthorized: sslMode.startsWith('verify'),
    ...(sslMode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(rootCertificate === null ? {} : { ca: readFileSync(rootCertificate) }),
    ...(certificate === null ? {} : { cert: readFileSync(certificate) }),
    ...(key === null ? {} : { key: readFileSync(key) }),
  };
}
