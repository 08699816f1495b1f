/**
 * The registry's door, with a real broker's users, issuer and certificates behind it and our own converter's client in
 * front: who comes in, what they may do with which subject, what the audit says, and that no secret is in any log line.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ConnectError, parseConfig, type SchemaRegistry } from '../connectors/api/index.ts';
import { registryAccess, registryAccessKeys } from '../connectors/converters/registry-access.ts';
import { httpRegistry } from '../connectors/converters/registry-http.ts';
import { newAuthority } from '../test/kit/certificates.ts';
import { startGuardedBroker } from '../test/kit/guarded-broker.ts';
import { assertRefused, clientOf, registryOf } from '../test/kit/registry.ts';
import { newIssuer } from '../test/kit/token-issuer.ts';
import type { RegistryOptions } from './registry-server.ts';

const SCHEMA = { schemaType: 'JSON', schema: '{"type":"object"}' } as const;
const PASSWORD = 'correct-horse';
const basic = (user: string, password = PASSWORD) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

async function folder(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-registry-'));
  test.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function keptLog() {
  const lines: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

interface House {
  readonly config: NonNullable<RegistryOptions['config']>;
  readonly brokerConfig?: Record<string, string>;
}

/** A registry whose logins are those of a broker with the users reader, writer and admin. */
async function guarded(test: TestContext, { config, brokerConfig = {} }: House) {
  const { broker, addUser } = await startGuardedBroker(test, { protocol: 'SASL_PLAINTEXT', config: brokerConfig });
  for (const user of ['reader', 'writer', 'admin']) await addUser(user, PASSWORD);
  const logger = keptLog();
  const registry = await registryOf(test, { config, logger, logins: broker.security.logins() });
  return { registry, logger };
}

function converterClient(url: string, keys: Record<string, string>): SchemaRegistry {
  const { config, problems } = parseConfig(registryAccessKeys, { ...keys, 'schema.registry.url': url });
  assert.deepEqual(problems, []);
  return httpRegistry(registryAccess(config));
}

const roles = {
  roles: [
    { principal: 'User:*', role: 'read', subject: 'trucks_', pattern: 'prefix' },
    { principal: 'User:writer', role: 'write', subject: 'trucks_gps-value' },
    { principal: 'User:admin', role: 'admin', subject: '*' },
  ],
};

describe('who comes in', () => {
  it('is asked for a password of the broker, and told no more than Unauthorized', async (test) => {
    const { registry } = await guarded(test, { config: { 'authentication.method': 'BASIC' } });
    const nobody = await clientOf(registry).get('/subjects');
    assertRefused(nobody, 401, 401, 'Unauthorized');
    assert.equal(nobody.headers.get('www-authenticate'), 'Basic realm="SchemaRegistry"');
    for (const headers of [basic('reader', 'wrong'), basic('nobody'), basic('ANONYMOUS'), { authorization: 'Basic' }]) {
      assertRefused(await clientOf(registry, headers).get('/subjects'), 401, 401, 'Unauthorized');
    }
    for (let times = 0; times < 3; times++) {
      assert.equal((await clientOf(registry, basic('reader')).get('/subjects')).status, 200);
    }
  });

  it('may log in with user and password from the URL or from basic.auth.user.info', async (test) => {
    const { registry } = await guarded(test, { config: { 'authentication.method': 'BASIC' } });
    const userInfo = { 'basic.auth.credentials.source': 'USER_INFO', 'basic.auth.user.info': `writer:${PASSWORD}` };
    assert.equal(await converterClient(registry.url, userInfo).register('a', SCHEMA), 1);
    const inUrl = registry.url.replace('//', `//writer:${PASSWORD}@`);
    assert.equal(await converterClient(inUrl, {}).lookup('a', SCHEMA), 1);
    await assert.rejects(converterClient(registry.url, {}).lookup('a', SCHEMA), (error: unknown) => {
      assert.ok(error instanceof ConnectError);
      return error.code === 'REGISTRY_DENIED';
    });
  });

  it('may show a token of the issuer that the broker trusts, given or fetched', async (test) => {
    const issuer = newIssuer();
    const jwks = join(await folder(test), 'jwks.json');
    await writeFile(jwks, JSON.stringify(issuer.jwks));
    const brokerConfig = {
      'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(jwks).href,
      'sasl.oauthbearer.expected.audience': 'registry',
    };
    const { registry, logger } = await guarded(test, { config: { 'authentication.method': 'BEARER' }, brokerConfig });
    const exp = Math.floor(Date.now() / 1000) + 600;
    const token = issuer.token({ sub: 'robot', aud: 'registry', exp });
    assert.equal(await converterClient(registry.url, { 'bearer.auth.token': token }).register('a', SCHEMA), 1);
    assert.equal(auditOf(logger)[0]?.principal, 'User:robot');
    for (const bad of [
      issuer.token({ sub: 'robot', aud: 'other', exp }),
      issuer.hmacToken({ sub: 'robot', exp }),
      'x',
    ]) {
      const answer = await clientOf(registry, { authorization: `Bearer ${bad}` }).get('/subjects');
      assertRefused(answer, 401, 401, 'Unauthorized');
    }
    assertRefused(await clientOf(registry, basic('reader')).get('/subjects'), 401, 401, 'Unauthorized');

    let asked = 0;
    const endpoint = createServer((request, response) => {
      asked++;
      assert.equal(request.headers.authorization, `Basic ${Buffer.from('me:shh').toString('base64')}`);
      response.end(JSON.stringify({ access_token: token, expires_in: 600 }));
    }).listen(0, '127.0.0.1');
    test.after(() => endpoint.close());
    await new Promise((resolve) => endpoint.once('listening', resolve));
    const fetching = converterClient(registry.url, {
      'bearer.auth.credentials.source': 'OAUTHBEARER',
      'bearer.auth.issuer.endpoint.url': `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`,
      'bearer.auth.client.id': 'me',
      'bearer.auth.client.secret': 'shh',
    });
    assert.deepEqual(await Promise.all([fetching.lookup('a', SCHEMA), fetching.lookup('a', SCHEMA)]), [1, 1]);
    assert.equal(asked, 1);
  });

  it('may show a certificate (mutual TLS), whose subject is who it is', async (test) => {
    const authority = newAuthority();
    const path = await folder(test);
    const pem = async (name: string, subject: string, by = authority): Promise<string> => {
      const { cert, key } = by.issue([['CN', subject]]);
      await writeFile(join(path, name), `${key}\n${cert}`);
      return join(path, name);
    };
    await writeFile(join(path, 'ca.pem'), authority.cert);
    const config = {
      listeners: 'https://localhost:0',
      'ssl.keystore.location': await pem('server.pem', 'localhost'),
      'ssl.truststore.location': join(path, 'ca.pem'),
      'ssl.client.authentication': 'REQUIRED',
    };
    const { registry, logger } = await guarded(test, { config });
    assert.match(registry.url, /^https:/);
    const url = registry.url.replace(/\/\/[^:]+(?=:\d+$)|\/\/\[.*\]/, '//localhost');
    const trusting = { 'schema.registry.ssl.truststore.location': join(path, 'ca.pem') };
    const shown = { ...trusting, 'schema.registry.ssl.keystore.location': await pem('alice.pem', 'alice') };
    assert.equal(await converterClient(url, shown).register('a', SCHEMA), 1);
    assert.equal(auditOf(logger)[0]?.principal, 'User:CN=alice');
    await assert.rejects(converterClient(url, trusting).lookup('a', SCHEMA), /did not answer/);
    const stranger = await pem('mallory.pem', 'alice', newAuthority('Somebody else'));
    const strange = { ...trusting, 'schema.registry.ssl.keystore.location': stranger };
    await assert.rejects(converterClient(url, strange).lookup('a', SCHEMA), /did not answer/);
    await assert.rejects(converterClient(url, {}).lookup('a', SCHEMA), /did not answer/);
  });

  it('is never everybody from another machine', async (test) => {
    const open = (config: RegistryOptions['config']) => registryOf(test, { config: config! });
    await assert.rejects(open({ listeners: 'http://0.0.0.0:0' }), /other machines can reach, and ask nobody/);
    await assert.rejects(registryOf(test, { host: '0.0.0.0' }), { code: 'OPEN_REGISTRY' });
    await assert.rejects(open({ 'authentication.method': 'KERBEROS' }), { code: 'BAD_REGISTRY_CONFIG' });
    await assert.rejects(open({ listeners: 'https://127.0.0.1:0' }), /needs a private key and a certificate/);
    await assert.rejects(open({ 'authorization.roles.file': '/nowhere.json' }), /cannot be read \(ENOENT\)/);
  });

  it('is asked nothing on paths that probes use, where the config says so', async (test) => {
    const config = { 'authentication.method': 'BASIC', 'authentication.skip.paths': '/_health,/' };
    const { registry } = await guarded(test, { config });
    assert.equal((await clientOf(registry).get('/_health')).status, 200);
    assert.equal((await clientOf(registry).get('/')).status, 200);
    assert.equal((await clientOf(registry).get('/subjects')).status, 401);
  });
});

describe('what they may do', () => {
  it('follows their role for the subject: read, write, admin', async (test) => {
    const { registry, file } = await withRoles(test);
    const [reader, writer, admin] = ['reader', 'writer', 'admin'].map((user) => clientOf(registry, basic(user))) as [
      ReturnType<typeof clientOf>,
      ReturnType<typeof clientOf>,
      ReturnType<typeof clientOf>,
    ];
    assert.equal((await writer.register('trucks_gps-value', SCHEMA.schema)).status, 200);
    assert.equal((await admin.register('secret-value', '{"type":"string"}')).status, 200);
    assertRefused(
      await reader.register('trucks_gps-value', '{"type":"array"}'),
      403,
      40301,
      'User is denied operation Write on Subject: trucks_gps-value',
    );
    assertRefused(await writer.register('trucks_other', SCHEMA.schema), 403, 40301, /Write on Subject: trucks_other/);
    assertRefused(await writer.del('/subjects/trucks_gps-value'), 403, 40301, /denied operation Admin/);
    assertRefused(await writer.put('/config', { compatibility: 'NONE' }), 403, 40301, /Admin on this server/);
    assertRefused(await reader.get('/subjects/secret-value/versions'), 403, 40301, /Read on Subject: secret-value/);
    const stealing = { references: [{ name: 'x', subject: 'secret-value', version: 1 }] };
    assertRefused(await writer.register('trucks_gps-value', '{"$ref":"x"}', stealing), 403, 40301, /Read on Subject/);
    assert.equal((await admin.put('/config', { compatibility: 'NONE' })).status, 200);
    assert.equal((await reader.post('/subjects/trucks_gps-value', SCHEMA)).status, 200);

    await writeFile(
      file,
      JSON.stringify({ roles: [...roles.roles, { principal: 'User:reader', role: 'read', subject: 'secret-value' }] }),
    );
    for (let tries = 0; (await reader.get('/subjects/secret-value/versions')).status !== 200; tries++) {
      assert.ok(tries < 600, 'the changed roles were never read');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

  it('is asked of what an alias stands for, also where that is deleted', async (test) => {
    const { registry } = await withRoles(test);
    const [writer, admin] = [clientOf(registry, basic('writer')), clientOf(registry, basic('admin'))];
    await admin.register('secret', SCHEMA.schema);
    await admin.put('/config/trucks_gps-value', { alias: 'secret' });
    assertRefused(await writer.register('trucks_gps-value', '{}'), 403, 40301, /Write on Subject: secret/);
    assertRefused(await writer.get('/subjects/trucks_gps-value/versions'), 403, 40301, /Read on Subject: secret/);
    assertRefused(await writer.del('/subjects/trucks_gps-value'), 403, 40301, /Admin on Subject: secret/);
    assertRefused(await writer.get('/config/:.:secret'), 403, 40301, /Read on Subject: secret/);
  });

  it('is asked of the subject that was found, where the name meant one of another context', async (test) => {
    const { registry } = await withRoles(test);
    const [reader, admin] = [clientOf(registry, basic('reader')), clientOf(registry, basic('admin'))];
    await admin.register(':.dev:trucks_b', SCHEMA.schema);
    assertRefused(await reader.get('/subjects/trucks_b/versions/1'), 403, 40301, /Read on Subject: :.dev:trucks_b/);
    assertRefused(await reader.post('/subjects/trucks_b', SCHEMA), 403, 40301, /Read on Subject: :.dev:trucks_b/);
  });

  it('shows in lists and by id only what they may read', async (test) => {
    const { registry } = await withRoles(test);
    const [reader, admin] = [clientOf(registry, basic('reader')), clientOf(registry, basic('admin'))];
    await admin.register('trucks_a', SCHEMA.schema);
    await admin.register('secret', SCHEMA.schema);
    await admin.register('secret', '{"type":"object","title":"b"}');
    assert.deepEqual((await reader.get('/subjects')).body, ['trucks_a']);
    assert.deepEqual((await admin.get('/subjects')).body, ['secret', 'trucks_a']);
    assert.deepEqual((await reader.get('/schemas/ids/1/subjects')).body, ['trucks_a']);
    assert.equal((await reader.get('/schemas')).body.length, 1);
    assertRefused(await reader.get('/schemas/ids/2'), 404, 40403, 'Schema 2 not found');
    assert.equal((await admin.get('/schemas/ids/2')).status, 200);
  });
});

describe('the audit', () => {
  it('has a line per change: who, what, from where, with what result; never a secret', async (test) => {
    const { registry, logger } = await withRoles(test);
    await clientOf(registry, basic('writer')).register('trucks_gps-value', SCHEMA.schema);
    await clientOf(registry, basic('reader')).del('/subjects/trucks_gps-value');
    await clientOf(registry, basic('admin', 'wrong-secret')).put('/config', { compatibility: 'NONE' });
    await clientOf(registry, basic('reader')).get('/subjects');
    const action = (verb: string, path: string) => `${verb} ${path}`;
    assert.deepEqual(auditOf(logger), [
      {
        principal: 'User:writer',
        action: action('POST', '/subjects/:subject/versions'),
        subject: 'trucks_gps-value',
        id: 1,
        from: '127.0.0.1',
        result: 'ok',
      },
      {
        principal: 'User:reader',
        action: action('DELETE', '/subjects/:subject'),
        subject: 'trucks_gps-value',
        from: '127.0.0.1',
        result: 40301,
      },
      { principal: 'nobody', action: action('PUT', '/config'), from: '127.0.0.1', result: 401 },
    ]);
    const said = JSON.stringify(logger.lines);
    for (const secret of [PASSWORD, 'wrong-secret', basic('writer').authorization]) assert.ok(!said.includes(secret));
  });
});

type Audit = { readonly principal: string; readonly result: unknown };

function auditOf(logger: ReturnType<typeof keptLog>): Audit[] {
  return logger.lines.flatMap(({ fields }) => (fields.audit === undefined ? [] : [fields.audit as Audit]));
}

async function withRoles(test: TestContext) {
  const file = join(await folder(test), 'roles.json');
  await writeFile(file, JSON.stringify(roles));
  const config = { 'authentication.method': 'BASIC', 'authorization.roles.file': file };
  return { file, ...(await guarded(test, { config })) };
}
