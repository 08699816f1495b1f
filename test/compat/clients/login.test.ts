/**
 * Apache Kafka's Java clients log in over TLS, by every way there is: SCRAM, PLAIN, a token, a certificate. Each writes and
 * reads what ACLs allow it and is refused the rest. What is tried stands in clients/java/Login.java.
 *
 * The clients come from Maven by scripts/compat-install.sh; where they are absent each test is a listed skip, which
 * CI_REQUIRE=java turns into a failure.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PatternType, ResourceType } from '../../../broker/security/acl.ts';
import { newAuthority } from '../../kit/certificates.ts';
import { startGuardedBroker } from '../../kit/guarded-broker.ts';
import { newIssuer } from '../../kit/token-issuer.ts';
import { cache, skipUnlessInstalled } from './installed.ts';

const authority = newAuthority();
const server = authority.issue([['CN', 'localhost']]);
const client = authority.issue([['CN', 'alice']]);
const issuer = newIssuer('RS256');
const deadlineMs = 90_000;
/** Without these the client cannot read a token; they come with Kafka's tools. */
const tools = join(cache, 'kafka-tools/lib');
const tokenLibraries = existsSync(tools)
  ? readdirSync(tools)
      .filter((name) => /^(jackson|jose4j)-/.test(name))
      .map((name) => join(tools, name))
  : [];

/** Values of a properties file keep their line ends. */
const multiline = (pem: string): string => pem.trim().replaceAll('\n', '\\n\\\n');
const trust = {
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.certificates': multiline(authority.cert),
};
const password = (module: string, word: string): string =>
  `org.apache.kafka.common.security.${module} required username="alice" password="${word}";`;
const scram = 'scram.ScramLoginModule';

const folder = await mkdtemp(join(tmpdir(), 'millrace-java-login-'));
await writeFile(join(folder, 'jwks.json'), JSON.stringify(issuer.jwks));
const now = Math.floor(Date.now() / 1000);
const claims = { iss: 'https://issuer', aud: 'kafka', sub: 'alice', iat: now, exp: now + 600 };
await writeFile(join(folder, 'token.jwt'), issuer.token(claims));
const keys = { 'ssl.keystore.key': server.key, 'ssl.keystore.certificate.chain': server.cert };
const byLogin = await startGuardedBroker(
  { after },
  {
    protocol: 'SASL_SSL',
    mechanisms: 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    config: {
      ...keys,
      'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(join(folder, 'jwks.json')).href,
      'sasl.oauthbearer.expected.issuer': 'https://issuer',
      'sasl.oauthbearer.expected.audience': 'kafka',
    },
  },
);
await byLogin.addUser('alice', 'alice-secret');
const mutual = { 'ssl.client.auth': 'required', 'ssl.truststore.certificates': authority.cert };
const byCertificate = await startGuardedBroker({ after }, { protocol: 'SSL', config: { ...keys, ...mutual } });
for (const [guarded, principal] of [
  [byLogin, 'User:alice'],
  [byCertificate, 'User:CN=alice'],
] as const) {
  await guarded.allow(principal, { resourceName: 'allowed-', patternType: PatternType.prefixed });
  await guarded.allow(principal, { resourceType: ResourceType.group });
  await guarded.broker.topics.create(['allowed-one', 'forbidden-one'].map((name) => ({ name, partitions: 1 })));
}
after(() => rm(folder, { recursive: true, force: true }));

async function login(home: string, properties: Readonly<Record<string, string>>): Promise<string[]> {
  const file = join(folder, 'client.properties');
  await writeFile(
    file,
    Object.entries(properties)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
  );
  const classPath = [join(home, 'classes'), join(home, 'lib/*'), ...tokenLibraries].join(':');
  const token = pathToFileURL(join(folder, 'token.jwt')).href;
  const allowed = [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${token}`];
  const args = [...allowed, '-cp', classPath, 'Login', file, 'allowed-one', 'forbidden-one'];
  const child = spawn('java', args, { timeout: deadlineMs, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, out + err);
  return out.trim().split('\n');
}

const worked = (lines: readonly string[]): void => {
  assert.equal(lines[0], 'wrote');
  assert.match(lines[1]!, /^read v/);
  assert.equal(lines[2], 'TopicAuthorizationException');
};

for (const version of ['3.9.1', '4.4.0']) {
  const home = join(cache, `java-${version}`);
  const skip = skipUnlessInstalled('java', join(home, 'classes/Login.class'), tools);

  describe(`kafka-clients ${version} over TLS`, { skip }, () => {
    const sasl = (mechanism: string, jaas: string) => ({
      'bootstrap.servers': byLogin.bootstrap.replace('127.0.0.1', 'localhost'),
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': mechanism,
      'sasl.jaas.config': jaas,
      ...trust,
    });

    for (const [mechanism, module] of [
      ['SCRAM-SHA-256', scram],
      ['SCRAM-SHA-512', scram],
      ['PLAIN', 'plain.PlainLoginModule'],
    ] as const) {
      it(`logs in by ${mechanism} and may what ACLs allow`, async () => {
        worked(await login(home, sasl(mechanism, password(module, 'alice-secret'))));
      });
    }

    it('is told that its password is wrong', async () => {
      assert.deepEqual(await login(home, sasl('SCRAM-SHA-512', password(scram, 'guess'))), [
        'SaslAuthenticationException',
      ]);
    });

    it('logs in by OAUTHBEARER with a token from a file', async () => {
      const retriever = 'org.apache.kafka.common.security.oauthbearer';
      const module = `${retriever}.OAuthBearerLoginModule required;`;
      const lines = await login(home, {
        ...sasl('OAUTHBEARER', module),
        'sasl.oauthbearer.token.endpoint.url': pathToFileURL(join(folder, 'token.jwt')).href,
        'sasl.login.callback.handler.class': `${retriever}.OAuthBearerLoginCallbackHandler`,
      });
      worked(lines);
    });

    it('is known by its certificate', async () => {
      const lines = await login(home, {
        'bootstrap.servers': byCertificate.bootstrap.replace('127.0.0.1', 'localhost'),
        'security.protocol': 'SSL',
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.key': multiline(client.key),
        'ssl.keystore.certificate.chain': multiline(client.cert),
        ...trust,
      });
      worked(lines);
    });
  });
}
