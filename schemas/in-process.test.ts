/** The registry as converters in the same process have it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSchema } from '../connectors/converters/json-schema-validator.ts';
import { registryOf } from '../test/kit/registry.ts';
import { inProcessRegistry } from './in-process.ts';

test('A converter matches patterns with the engine of the registry beside it, which nothing holds up', async (t) => {
  const registry = inProcessRegistry((await registryOf(t)).core);
  const validate = await compileSchema('{"pattern":"^(a+)+$"}', 'schema 1', new Map(), registry.matcherOf);
  const began = process.cpuUsage();
  validate('a'.repeat(50_000));
  assert.throws(() => validate(`${'a'.repeat(50_000)}!`), /must match pattern/);
  assert.ok(process.cpuUsage(began).user < 20e6);
});
