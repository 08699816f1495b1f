/**
 * A listener's TLS: key and certificates read (PEM, inline or from files), and who a client is by its certificate.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import { BrokerConfigError } from '../errors.ts';
import type { Listener } from './listeners.ts';
import { anonymous, type Principal, userPrincipal } from './principal.ts';
import type { PrincipalMapping } from './principal-mapping.ts';

/** A handshake that takes longer is no client's. */
const handshakeTimeoutMs = 10_000;

/** What `tls.createServer` takes. Throws BrokerConfigError, without a byte of the key in it. */
export function tlsOptions({ name, config }: Listener): TlsOptions {
  const store = fileOf(name, 'ssl.keystore.location', config.text('ssl.keystore.location'));
  const key = config.text('ssl.keystore.key') || store;
  const cert = config.text('ssl.keystore.certificate.chain') || store;
  if (key === null || key === '' || cert === null || cert === '') {
    throw new BrokerConfigError(
      'ssl.keystore.location',
      `Listener ${name} uses TLS, which needs a private key and a certificate: set ssl.keystore.location to a PEM file ` +
        'of both, or ssl.keystore.key and ssl.keystore.certificate.chain to their text.',
    );
  }
  const trusted =
    config.text('ssl.truststore.certificates') ||
    fileOf(name, 'ssl.truststore.location', config.text('ssl.truststore.location'));
  const clientAuth = config.text('ssl.client.auth');
  if (clientAuth !== 'none' && !trusted) {
    throw new BrokerConfigError(
      'ssl.truststore.location',
      `Listener ${name} has ssl.client.auth=${clientAuth}, so it must know whose certificates to believe: set ` +
        'ssl.truststore.location or ssl.truststore.certificates.',
    );
  }
  const versions = config.list('ssl.enabled.protocols');
  const passphrase = config.text('ssl.key.password');
  const options: TlsOptions = {
    key,
    cert,
    ...(trusted ? { ca: trusted } : {}),
    ...(passphrase === '' ? {} : { passphrase }),
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'required',
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    handshakeTimeout: handshakeTimeoutMs,
  };
  try {
    createSecureContext(options);
  } catch (error) {
    // OpenSSL's own words name the problem, not the key.
    throw new BrokerConfigError(
      'ssl.keystore.location',
      `The key and certificate of listener ${name} cannot be used: ${(error as Error).message}`,
    );
  }
  return options;
}

function fileOf(listener: string, key: string, path: string): string | null {
  if (path === '') return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    throw new BrokerConfigError(key, `${key} of listener ${listener}, ${path}, cannot be read (${code}).`);
  }
}

/** The principal of a client by its certificate; null where it showed one that we do not believe, or none where it must. */
export function principalOf(socket: TLSSocket, mapping: PrincipalMapping, isRequired: boolean): Principal | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return isRequired ? null : anonymous;
  if (!socket.authorized) return null;
  const name = mapping.apply(certificate.subject);
  // ANONYMOUS is whoever was asked nothing, and may be a super user: nobody earns that name by proving another.
  return name === anonymous.name ? null : userPrincipal(name);
}
