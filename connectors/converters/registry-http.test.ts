/** The port of the converters, kept over HTTP and in process: the same answers, the same errors, asked once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it } from 'node:test';
import type { RegistryCore } from '../../schemas/core.ts';
import { inProcessRegistry } from '../../schemas/in-process.ts';
import { registryOf } from '../../test/kit/registry.ts';
import {
  ConnectError,
  DataError,
  parseConfig,
  type RegisteredSchema,
  RetriableError,
  type SchemaRegistry,
} from '../api/index.ts';
import { registryAccess, registryAccessKeys } from './registry-access.ts';
import { httpRegistry } from './registry-http.ts';

function registryAt(urls: readonly string[]): SchemaRegistry {
  return httpRegistry(
    registryAccess(parseConfig(registryAccessKeys, { 'schema.registry.url': urls.join(',') }).config),
  );
}

const STRING = { schemaType: 'JSON', schema: '{"type":"string"}' } as const;
const INTEGER = { schemaType: 'JSON', schema: '{"type":"integer"}' } as const;

/** Which the registry makes, and others would make alike. */
function withoutGuid({ guid: _, ...schema }: RegisteredSchema): object {
  return schema;
}

const keepers: Readonly<Record<string, (core: RegistryCore, url: string) => SchemaRegistry>> = {
  'over HTTP': (_core, url) => registryAt([url]),
  'in process': (core) => inProcessRegistry(core),
};

for (const [name, keeper] of Object.entries(keepers)) {
  describe(`the registry of a converter, ${name}`, () => {
    it('registers, looks up, and gives schemas back by id and as the latest', async (test) => {
      const { core, url } = await registryOf(test);
      const registry = keeper(core, url);
      const id = await registry.register('a/b-value', STRING);
      assert.equal(await registry.lookup('a/b-value', STRING), id);
      assert.deepEqual(withoutGuid(await registry.byId(id)), STRING);
      assert.deepEqual(withoutGuid(await registry.latest('a/b-value')), { ...STRING, id, version: 1 });
      const references = [{ name: 's', subject: 'a/b-value', version: 1 }];
      const referring = { schemaType: 'JSON', schema: '{"properties":{"s":{"$ref":"s"}}}', references } as const;
      const other = await registry.register('c', referring);
      const { guid } = await registry.byId(other);
      assert.equal(await registry.byGuid!(guid!), other);
      assert.deepEqual(withoutGuid(await registry.byId(other)), referring);
    });

    it('says that a schema is bad for good, with the reason', async (test) => {
      const { core, url } = await registryOf(test);
      const registry = keeper(core, url);
      await registry.register('a', STRING);
      await assert.rejects(registry.register('a', INTEGER), (error: unknown) => {
        assert.ok(error instanceof DataError);
        assert.equal((error as DataError).code, 'INCOMPATIBLE_SCHEMA');
        assert.match(error.message, /incompatible with an earlier schema for subject "a".*TYPE_CHANGED/);
        return true;
      });
      await assert.rejects(registry.lookup('a', INTEGER), /Schema not found/);
      await assert.rejects(registry.latest('nobody'), DataError);
      await assert.rejects(registry.byId(99), /Schema 99 not found/);
    });

    it('asks again after a refusal', async (test) => {
      const { core, url } = await registryOf(test);
      const registry = keeper(core, url);
      await assert.rejects(registry.lookup('a', STRING), DataError);
      await core.register('a', STRING);
      assert.equal(await registry.lookup('a', STRING), 1);
    });
  });
}

/** Where nobody listens: a port that was free a moment ago. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

describe('the registry in process', () => {
  it('asks once for what does not change', async (test) => {
    const { core } = await registryOf(test);
    const registry = inProcessRegistry(core);
    const ids = await Promise.all([registry.register('a', STRING), registry.register('a', STRING)]);
    assert.deepEqual(ids, [1, 1]);
    await core.deleteSubject('a');
    await core.deleteSubject('a', true);
    assert.equal(await registry.register('a', STRING), 1);
    await assert.rejects(registry.latest('a'), DataError);
  });
});

describe('the registry over HTTP', () => {
  it('tries the next address, and may be asked again when none answers', async (test) => {
    const { url } = await registryOf(test);
    const dead = await deadUrl();
    assert.equal(await registryAt([dead, `${url}/`]).register('a', STRING), 1);
    await assert.rejects(registryAt([dead]).register('a', STRING), (error: unknown) => {
      assert.ok(error instanceof RetriableError);
      assert.match(error.message, /at http:\/\/127\.0\.0\.1:\d+ did not answer: .*ECONNREFUSED/);
      return true;
    });
  });

  it('does not show credentials that stand in its address', async () => {
    const registry = registryAt([(await deadUrl()).replace('//', '//user:secret@')]);
    await assert.rejects(registry.byId(1), (error: unknown) => !String(error).includes('secret'));
  });

  it('refuses an address that is none', () => {
    assert.throws(() => registryAt(['registry']), ConnectError);
    assert.throws(() => registryAt([]), /names no registry/);
  });
});
