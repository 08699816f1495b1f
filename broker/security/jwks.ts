/**
 * An issuer's public keys (JWKS, RFC 7517), from a file or over HTTPS: read when first needed, kept, and read again when
 * they are old or when a token names a key that is not among them (the issuer has changed its keys).
 */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Logger } from '../broker.ts';
import { BrokerConfigError } from '../errors.ts';
import { TokenError } from './jwt.ts';
import { isLoopback } from './listeners.ts';

const readTimeoutMs = 10_000;
const bytesMax = 1024 * 1024;
/** Tokens with made-up key ids must not make us ask the issuer at their pace. */
const rereadIntervalMs = 10_000;

interface IssuerKey {
  readonly id: string | null;
  /** Null: any that fits the key. */
  readonly algorithm: string | null;
  readonly key: KeyObject;
}

export interface JsonWebKeysOptions {
  readonly url: string;
  readonly refreshMs: number;
  readonly now: () => number;
  readonly logger: Logger;
}

export class JsonWebKeys {
  readonly #options: JsonWebKeysOptions;
  readonly #url: URL;
  #keys: readonly IssuerKey[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  /** Throws BrokerConfigError for a URL that is neither https: nor file: (http: on the loopback only). */
  constructor(options: JsonWebKeysOptions) {
    this.#options = options;
    this.#url = checkedUrl(options.url);
  }

  /** The keys a token may be signed by; without a key id all that fit. Rejects with TokenError when there is none. */
  async find(id: string | null, algorithm: string): Promise<KeyObject[]> {
    const { now, refreshMs } = this.#options;
    if (now() - this.#readAtMs > refreshMs) await this.#read();
    if (this.#fitting(id, algorithm).length === 0) await this.#read();
    const fitting = this.#fitting(id, algorithm);
    if (fitting.length === 0) throw new TokenError('the token names a key that the issuer does not have.');
    return fitting;
  }

  #fitting(id: string | null, algorithm: string): KeyObject[] {
    return this.#keys
      .filter((each) => (id === null || each.id === id) && (each.algorithm === null || each.algorithm === algorithm))
      .map((each) => each.key);
  }

  /** What was read before stays when reading fails. */
  #read(): Promise<void> {
    const { now, logger } = this.#options;
    if (this.#reading !== null) return this.#reading;
    if (now() - this.#triedAtMs < rereadIntervalMs) return Promise.resolve();
    this.#triedAtMs = now();
    this.#reading = this.#load()
      .then((keys) => {
        this.#keys = keys;
        this.#readAtMs = now();
      })
      .catch((err: unknown) => {
        logger.error({ err, url: this.#url.href }, 'The keys of the OAUTHBEARER issuer could not be read.');
      })
      .finally(() => {
        this.#reading = null;
      });
    return this.#reading;
  }

  async #load(): Promise<IssuerKey[]> {
    const text = this.#url.protocol === 'file:' ? await readFile(this.#url, 'utf8') : await download(this.#url);
    const { keys } = JSON.parse(text) as {
      keys?: readonly (JsonWebKey & { kid?: string; alg?: string; use?: string })[];
    };
    if (!Array.isArray(keys)) throw new Error('The JWKS has no list "keys".');
    return keys.flatMap((jwk) => {
      // Symmetric keys and keys for encryption are in such lists, too; neither signs a token for us.
      if (jwk.kty === 'oct' || (jwk.use !== undefined && jwk.use !== 'sig')) return [];
      try {
        const key = createPublicKey({ key: jwk, format: 'jwk' });
        return [{ id: jwk.kid ?? null, algorithm: jwk.alg ?? null, key }];
      } catch {
        // A kind of key from the future does not spoil the others.
        return [];
      }
    });
  }
}

function checkedUrl(text: string): URL {
  const key = 'sasl.oauthbearer.jwks.endpoint.url';
  const url = URL.canParse(text) ? new URL(text) : null;
  const isFine =
    url?.protocol === 'https:' || url?.protocol === 'file:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url !== null && isFine) return url;
  throw new BrokerConfigError(
    key,
    `OAUTHBEARER needs ${key} to be an https: or file: URL of the issuer's keys; "${text}" is none.`,
  );
}

async function download(url: URL): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(readTimeoutMs), redirect: 'error' });
  if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > bytesMax) throw new Error(`The JWKS is longer than ${bytesMax} bytes.`);
  }
  return text + decoder.decode();
}
