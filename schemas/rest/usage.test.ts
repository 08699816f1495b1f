/** Who uses a schema, over REST: what a delete would break. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertRefused, clientOf, registryOf } from '../../test/kit/registry.ts';
import { inProcessRegistry } from '../in-process.ts';

it('a subject tells who registered, fetched and refers to its versions', async (test) => {
  const registry = await registryOf(test);
  const [writer, reader] = ['writer/1', 'reader/2'].map((agent) => clientOf(registry, { 'user-agent': agent })) as [
    ReturnType<typeof clientOf>,
    ReturnType<typeof clientOf>,
  ];
  const schema = '{"type":"object"}';
  await writer.register('a', schema);
  await writer.post('/subjects/a', { schemaType: 'JSON', schema });
  await reader.get('/schemas/ids/1');
  await writer.register('b', '{"$ref":"a"}', { references: [{ name: 'a', subject: 'a', version: 1 }] });
  await inProcessRegistry(registry.core, registry.usage).byId(1);
  const { since, versions } = (await reader.get('/subjects/a/usage')).body;
  assert.ok(since > 0);
  assert.deepEqual([versions[0].version, versions[0].id, versions[0].referencedBy], [1, 1, [2]]);
  const uses = versions[0].uses.map(
    ({ use, client, count }: { use: string; client: string; count: number }) => `${use} ${client} ${count}`,
  );
  assert.deepEqual(uses.sort(), [
    'fetched connectors of this process 1',
    'fetched reader/2 at 127.0.0.1 1',
    'registered writer/1 at 127.0.0.1 2',
  ]);
  assert.equal((await reader.get('/subjects/a/versions/1/usage')).body.versions.length, 1);
  assertRefused(await reader.get('/subjects/none/usage'), 404, 40401, "Subject 'none' not found.");
});
