/** The registry as a whole: what survives a restart, and what happens when the store or the port is not there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryLog } from '../runtime/log/memory.ts';
import { assertRefused, clientOf, registryOf, setUp } from '../test/kit/registry.ts';
import { startRegistry } from './registry-server.ts';
import { memoryStore } from './store/memory.ts';

const OPEN = '{"type":"object","properties":{"id":{"type":"string"}}}';
const CLOSED = '{"type":"object","properties":{"id":{"type":"string"}},"additionalProperties":false}';
const CLOSED_2 =
  '{"type":"object","properties":{"id":{"type":"string"},"lat":{"type":"number"}},"additionalProperties":false}';

describe('a restart', () => {
  it('finds everything in the topic: schemas, ids, deletions, config and mode', async (test) => {
    const log = new MemoryLog();
    const first = await startRegistry({ host: '127.0.0.1', port: 0, log });
    const before = clientOf(first);
    await before.register('a', CLOSED);
    await before.register('a', CLOSED_2);
    await before.register('gone', CLOSED);
    await before.register('hidden', OPEN);
    await before.del('/subjects/a/versions/1');
    await before.del('/subjects/hidden');
    await before.del('/subjects/gone');
    await before.del('/subjects/gone?permanent=true');
    await before.put('/config/a', { compatibility: 'FULL' });
    await before.put('/mode/a', { mode: 'READONLY' });
    const paths = [
      '/subjects',
      '/subjects?deleted=true',
      '/subjects/a/versions?deleted=true',
      '/schemas?deleted=true',
      '/schemas/ids/1',
      '/config/a',
      '/mode/a',
    ];
    const answers = await Promise.all(paths.map(async (path) => (await before.get(path)).body));
    await first.stop();

    const after = clientOf(await registryOf(test, { log }));
    assert.deepEqual(await Promise.all(paths.map(async (path) => (await after.get(path)).body)), answers);
    await after.del('/mode/a');
    assert.deepEqual((await after.register('new', '{"type":"string"}')).body, { id: 4 });
  });

  it('still lists a context that has lost its last subject, whose record Confluent’s registry reads, too', async (test) => {
    const log = new MemoryLog();
    const first = await startRegistry({ host: '127.0.0.1', port: 0, log });
    const before = clientOf(first);
    await before.register(':.dev:a', CLOSED);
    await before.register(':.dev:a', CLOSED_2);
    await before.del('/subjects/:.dev:a');
    await before.del('/subjects/:.dev:a?permanent=true');
    await first.stop();
    const contexts: string[] = [];
    const table = await log.table('_schemas', ({ key, value }) => {
      if (String(key).includes('CONTEXT')) contexts.push(`${key} ${value}`);
    });
    await table.readToEnd();
    await table.close();
    const key = '{"keytype":"CONTEXT","tenant":"default","context":".dev","magic":0}';
    assert.deepEqual(contexts, [`${key} {"tenant":"default","context":".dev"}`]);
    const after = clientOf(await registryOf(test, { log }));
    assert.deepEqual((await after.get('/contexts')).body, ['.', '.dev']);
    assert.equal((await after.del('/contexts/.dev')).status, 204);
  });

  it('reads a topic with other spellings of keys, and tombstones them as they were written', async (test) => {
    const log = new MemoryLog();
    await log.createTopics([{ topic: '_schemas', partitions: 1, replicationFactor: -1 }]);
    const send = (key: string, value: string | null) =>
      log.producer().send([
        {
          topic: '_schemas',
          partition: 0,
          key: Buffer.from(key),
          value: value === null ? null : Buffer.from(value),
          headers: [],
          timestamp: null,
        },
      ]);
    const oldKey = '{"magic":0,"keytype":"SCHEMA","subject":"a","version":1}';
    await send(oldKey, JSON.stringify({ subject: 'a', version: 1, id: 7, schemaType: 'JSON', schema: CLOSED }));
    await send('{"keytype":"ASSOC","x":1}', '{}');
    await send('not json', 'nor this');
    await send(
      '{"keytype":"SCHEMA","subject":"avro","version":1,"magic":1}',
      '{"subject":"avro","version":1,"id":8,"schema":"\\"string\\"","deleted":false}',
    );
    const registry = clientOf(await registryOf(test, { log }));
    assert.equal((await registry.get('/schemas/ids/7')).body.schema, CLOSED);
    assert.deepEqual((await registry.get('/subjects/avro/versions/1')).body, {
      subject: 'avro',
      version: 1,
      id: 8,
      schema: '"string"',
    });
    await registry.del('/subjects/a');
    await registry.del('/subjects/a?permanent=true');
    const keys: string[] = [];
    const table = await log.table('_schemas', ({ key, value }) => {
      if (value === null) keys.push(String(key));
    });
    await table.readToEnd();
    assert.ok(keys.includes(oldKey), keys.join('\n'));
    await table.close();
    assert.deepEqual((await registry.register('b', CLOSED)).body, { id: 9 });
  });

  it('that cannot bind its port says so and leaves nothing open', async (test) => {
    const { url } = await registryOf(test);
    const port = Number(new URL(url).port);
    await assert.rejects(startRegistry({ host: '127.0.0.1', port, store: memoryStore() }), /EADDRINUSE/);
  });
});

describe('the settings of a registry', () => {
  it('are refused when a key is unknown or holds the wrong thing, by name', async () => {
    const start = (config: object) => startRegistry({ host: '127.0.0.1', port: 0, store: memoryStore(), config });
    await assert.rejects(start({ 'kafkastore.topik': 'x' }), /no key 'kafkastore\.topik'; it has kafkastore\.topic, /);
    await assert.rejects(start({ 'schema.max.bytes': '1 MiB' }), /'schema\.max\.bytes' is "1 MiB", not a number/);
    await assert.rejects(start({ 'schema.incompatible.error.code': 422 }), /it is 409 or 40901/);
    await assert.rejects(start({ 'schema.compatibility.level': 'SOME' }), { code: 'BAD_REGISTRY_CONFIG' });
  });

  it('say what an incompatible schema is refused with', async (test) => {
    const registry = await setUp(test, { config: { 'schema.incompatible.error.code': 40901 } });
    await registry.register('a', '{"type":"string"}');
    assertRefused(await registry.register('a', '{"type":"integer"}'), 409, 40901, /TYPE_CHANGED/);
  });

  it('set the limits and the level that holds where none is configured', async (test) => {
    const config = { 'schema.max.bytes': 100, 'schema.max.depth': 3, 'schema.compatibility.level': 'none' };
    const registry = await setUp(test, { config });
    assertRefused(await registry.register('a', `{"title":"${'x'.repeat(100)}"}`), 422, 42209, /up to 100 bytes/);
    assertRefused(await registry.register('a', '{"not":{"not":{"not":{}}}}'), 422, 42201, /deeper than 3 levels/);
    assert.deepEqual((await registry.get('/config')).body, { compatibilityLevel: 'NONE' });
  });
});

describe('the metrics of a registry', () => {
  it('count what is kept, answered and refused', async (test) => {
    const registry = await registryOf(test);
    const client = clientOf(registry);
    await client.register('a', CLOSED);
    await client.register('b', CLOSED);
    await client.del('/subjects/b');
    await client.get('/subjects/nobody/versions');
    const value = (name: string) => registry.collect().find((family) => family.name === name)?.samples;
    assert.deepEqual(value('millrace_registry_subjects'), [{ value: 1 }]);
    assert.deepEqual(value('kafka_schema_registry_deleted_count'), [{ value: 1 }]);
    assert.deepEqual(value('millrace_registry_refused_total'), [{ labels: { error_code: '40401' }, value: 1 }]);
    assert.deepEqual(value('millrace_registry_requests_total')?.[0], { labels: { status: '200' }, value: 3 });
  });
});

describe('a store that fails', () => {
  it('is 50001, and one that does not answer 50002, and reading goes on', async (test) => {
    let mode: 'good' | 'bad' | 'silent' = 'good';
    const store = memoryStore();
    const append = store.append.bind(store);
    store.append = async (records) => {
      if (mode === 'bad') throw new Error('the disk is full');
      if (mode === 'silent') await new Promise(() => {});
      return append(records);
    };
    const registry = await setUp(test, { store, config: { 'kafkastore.timeout.ms': 50 } });
    await registry.register('a', CLOSED);
    mode = 'bad';
    assertRefused(await registry.register('b', CLOSED), 500, 50001, /the disk is full/);
    mode = 'silent';
    assertRefused(await registry.register('b', CLOSED), 500, 50002, /within 50 ms/);
    mode = 'good';
    assert.equal((await registry.get('/subjects/a/versions/1')).status, 200);
    assert.deepEqual((await registry.register('b', CLOSED)).body, { id: 1 });
  });
});
