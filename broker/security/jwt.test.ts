import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Issuer, newIssuer } from '../../test/kit/token-issuer.ts';
import { BrokerConfigError } from '../errors.ts';
import { AuthenticationError } from './errors.ts';
import { JsonWebKeys } from './jwks.ts';
import { TokenError, type TokenRules, TokenValidator } from './jwt.ts';
import { OAuthBearerExchange } from './oauth-bearer.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-jwks-'));
after(() => rmSync(folder, { recursive: true }));

const noop = (): void => {};
const logger = { debug: noop, info: noop, warn: noop, error: noop };
const nowSeconds = 1_800_000_000;
let nowMs = nowSeconds * 1000;
const now = () => nowMs;
const anyone: TokenRules = { issuer: null, audiences: [], clockSkewMs: 30_000, userClaim: 'sub' };
const good = { sub: 'alice', exp: nowSeconds + 3600, iat: nowSeconds };

let files = 0;
function keysOf(issuer: Pick<Issuer, 'jwks'>) {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, JSON.stringify(issuer.jwks));
  const keys = new JsonWebKeys({ url: pathToFileURL(path).href, refreshMs: 3_600_000, now, logger });
  return { path, keys };
}

function validatorOf(issuer: Pick<Issuer, 'jwks'>, rules: Partial<TokenRules> = {}): TokenValidator {
  return new TokenValidator(keysOf(issuer).keys, { ...anyone, ...rules }, now);
}

describe('a token', () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const) {
    it(`signed with ${algorithm} by the issuer is believed`, async () => {
      const issuer = newIssuer(algorithm);
      const success = await validatorOf(issuer).validate(issuer.token(good));
      assert.deepEqual(success, { user: 'alice', expiresAtMs: good.exp * 1000 });
    });
  }

  const issuer = newIssuer();
  const claims: readonly (readonly [
    what: string,
    claims: object,
    rules: Partial<TokenRules>,
    message: RegExp | null,
  ])[] = [
    ['without exp', { sub: 'alice' }, {}, /no exp/],
    ['that has expired', { ...good, exp: nowSeconds - 31 }, {}, /expired/],
    ['that has expired within the skew', { ...good, exp: nowSeconds - 29 }, {}, null],
    ['that is not valid yet', { ...good, nbf: nowSeconds + 31 }, {}, /not valid yet/],
    ['from the future', { ...good, iat: nowSeconds + 31 }, {}, /from the future/],
    ['of the issuer that is expected', { ...good, iss: 'https://a' }, { issuer: 'https://a' }, null],
    ['of another issuer', { ...good, iss: 'https://b' }, { issuer: 'https://a' }, /another issuer/],
    ['for one of the audiences', { ...good, aud: ['x', 'kafka'] }, { audiences: ['kafka', 'other'] }, null],
    ['for another audience', { ...good, aud: 'x' }, { audiences: ['kafka'] }, /another audience/],
    ['for no audience', good, { audiences: ['kafka'] }, /another audience/],
    ['without sub', { exp: good.exp }, {}, /names nobody/],
    ['with an empty sub', { ...good, sub: '' }, {}, /names nobody/],
    ['named by another claim', { ...good, client: 'bob' }, { userClaim: 'client' }, null],
  ];
  for (const [what, claim, rules, message] of claims) {
    it(`${what} is ${message === null ? 'believed' : 'refused'}`, async () => {
      const validated = validatorOf(issuer, rules).validate(issuer.token(claim));
      if (message === null) await validated;
      else await assert.rejects(validated, message);
    });
  }

  it('that nobody signed, or somebody else, or with the public key as a secret, is refused', async () => {
    const [header, payload, signature] = issuer.token(good).split('.') as [string, string, string];
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    const other = Buffer.from(JSON.stringify({ ...good, sub: 'root' })).toString('base64url');
    for (const token of [
      issuer.hmacToken(good),
      newIssuer().token(good),
      newIssuer('RS256').token(good, { alg: 'ES256' }),
      issuer.token(good, { crit: ['exp'] }),
      issuer.token(good, { kid: 'unknown' }),
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${header}.${other}.${signature}`,
      `${header}.${payload}`,
      'x.y.z',
      '',
    ]) {
      await assert.rejects(validatorOf(issuer).validate(token), TokenError, token);
    }
  });
});

describe('the keys of an issuer', () => {
  it('are read again when a token names one that is not there, but not at the pace of tokens', async () => {
    const [first, second, third] = [newIssuer('ES256', 'a'), newIssuer('ES256', 'b'), newIssuer('ES256', 'c')];
    const { path, keys } = keysOf(first);
    const validator = new TokenValidator(keys, anyone, now);
    await validator.validate(first.token(good));
    writeFileSync(path, JSON.stringify({ keys: [...first.jwks.keys, ...second.jwks.keys] }));
    await assert.rejects(validator.validate(second.token(good)), /does not have/);
    nowMs += 11_000;
    await validator.validate(second.token(good));
    writeFileSync(path, 'no JSON');
    nowMs += 11_000;
    await assert.rejects(validator.validate(third.token(good)), TokenError);
    await validator.validate(first.token(good));
    nowMs = nowSeconds * 1000;
  });

  it('come over https, from a file, or from the loopback', () => {
    const open = (url: string) => () => new JsonWebKeys({ url, refreshMs: 1000, now, logger });
    for (const url of ['', 'nowhere', 'http://issuer.example/keys', 'ftp://x'])
      assert.throws(open(url), BrokerConfigError);
    for (const url of ['https://issuer.example/keys', 'file:///keys.json', 'http://127.0.0.1/keys']) open(url)();
  });

  it('that are symmetric, for encryption or of an unknown kind are passed over', async () => {
    const issuer = newIssuer();
    const odd = [
      { kty: 'oct', k: 'AA', kid: 'key-1' },
      { kty: 'future', kid: 'key-1' },
      { ...issuer.jwks.keys[0], use: 'enc' },
    ];
    await assert.rejects(validatorOf({ jwks: { keys: odd } }).validate(issuer.token(good)), TokenError);
    await validatorOf({ jwks: { keys: [...odd, ...issuer.jwks.keys] } }).validate(issuer.token(good));
  });
});

describe('OAUTHBEARER', () => {
  const issuer = newIssuer();
  const say = (text: string) => Buffer.from(text.replaceAll('|', '\u0001'));

  it('takes the message of RFC 7628, with or without authorization id and extensions', async () => {
    const token = issuer.token(good);
    for (const message of [`n,,|auth=Bearer ${token}||`, `n,a=alice,|auth=Bearer ${token}|host=x|port=1||`]) {
      const { success } = await new OAuthBearerExchange(validatorOf(issuer)).step(say(message));
      assert.equal(success?.user, 'alice', message);
    }
    for (const message of [
      '',
      'n,,',
      `n,,|auth=Basic x||`,
      `n,,|auth=Bearer ${token}|`,
      `n,a=bob,|auth=Bearer ${token}||`,
    ]) {
      await assert.rejects(
        new OAuthBearerExchange(validatorOf(issuer)).step(say(message)),
        AuthenticationError,
        message,
      );
    }
  });

  it('answers a bad token by a status, and fails at the next step', async () => {
    const exchange = new OAuthBearerExchange(validatorOf(issuer));
    const answer = await exchange.step(say(`n,,|auth=Bearer ${issuer.token({ ...good, exp: 1 })}||`));
    assert.deepEqual(JSON.parse(answer.token.toString()), { status: 'invalid_token' });
    assert.equal(answer.success, null);
    await assert.rejects(exchange.step(say('|')), /the token has expired/);
  });
});
