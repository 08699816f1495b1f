/**
 * A bearer token by the client-credentials grant (RFC 6749, section 4.4): fetched when first needed, used until shortly
 * before its end, and asked for once however many wait for it.
 */
import { RetriableError, type Secret } from '../api/index.ts';

const TIMEOUT_MS = 10_000;
/** A token whose issuer does not say how long it lives. */
const LIFE_UNKNOWN_MS = 60_000;

export interface ClientCredentials {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope: string | null;
  /** How long before its end a token is replaced. */
  readonly bufferMs: number;
}

/** Rejects with RetriableError when the issuer gives none; no message holds the secret or the token. */
export function clientCredentials(given: ClientCredentials): () => Promise<string> {
  let known: { readonly token: string; readonly untilMs: number } | null = null;
  let asking: Promise<string> | null = null;
  return () => {
    if (known !== null && known.untilMs > Date.now()) return Promise.resolve(known.token);
    asking ??= fetched(given)
      .then(({ token, lifeMs }) => {
        // Short-lived tokens are used for half of their life, or each request would fetch its own.
        known = { token, untilMs: Date.now() + Math.max(lifeMs - given.bufferMs, lifeMs / 2) };
        return token;
      })
      .finally(() => {
        asking = null;
      });
    return asking;
  };
}

async function fetched({ issuer, clientId, clientSecret, scope }: ClientCredentials) {
  const basic = [clientId, clientSecret.reveal()].map(encodeURIComponent).join(':');
  let answer: { access_token?: unknown; expires_in?: unknown };
  try {
    const response = await fetch(issuer, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}`, accept: 'application/json' },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === null ? {} : { scope }) }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
    answer = (await response.json()) as typeof answer;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new RetriableError(`The issuer of tokens at ${new URL(issuer).origin} gave none: ${reason}.`, {
      code: 'REGISTRY_TOKEN',
      cause,
    });
  }
  const { access_token: token, expires_in: seconds } = answer;
  if (typeof token !== 'string') {
    throw new RetriableError(`The issuer of tokens at ${new URL(issuer).origin} answered without an access_token.`, {
      code: 'REGISTRY_TOKEN',
    });
  }
  return { token, lifeMs: typeof seconds === 'number' ? seconds * 1000 : LIFE_UNKNOWN_MS };
}
