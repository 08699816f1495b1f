/** A source tells the shape of its records before one flows: the task's converters answer, unless transforms stand between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConverterPlugin } from '../../connectors/api/index.ts';
import { DataError, Schemas } from '../../connectors/api/index.ts';
import { eventually, harness, steeredSource, textConverter } from './harness.ts';

test('what a source declares reaches key and value converter, and their refusal comes back to the source', async (t) => {
  const asked: string[] = [];
  const strict: ConverterPlugin = {
    ...textConverter,
    class: 'StrictConverter',
    create: () => {
      let side = '';
      return {
        ...textConverter.create(),
        configure(_, { isKey }) {
          side = isKey ? 'key' : 'value';
        },
        async declareSchema(topic, schema) {
          asked.push(`${side} ${topic} ${schema?.type ?? null}`);
          if (side === 'value' && schema?.type === 'int64') throw new DataError('not compatible');
        },
      };
    },
  };
  const source = steeredSource();
  const answers: string[] = [];
  source.onPoll = async ({ declareSchemas }) => {
    if (answers.length > 0) return;
    answers.push('asking');
    await declareSchemas!('out', null, Schemas.string);
    await declareSchemas!('out', Schemas.string, Schemas.int64).catch((error: Error) => answers.push(error.message));
    answers.push('asked');
  };
  const { create } = await harness(t, [source.plugin, strict]);
  const converters = { 'key.converter': 'StrictConverter', 'value.converter': 'StrictConverter' };
  await create('s', { 'connector.class': 'SteeredSource', ...converters });
  await eventually(() => assert.deepEqual(answers, ['asking', 'not compatible', 'asked']));
  assert.deepEqual(asked, ['key out null', 'value out string', 'key out string', 'value out int64']);

  asked.length = 0;
  answers.length = 0;
  const transforms = { transforms: 'drop', 'transforms.drop.type': 'DropSome' };
  await create('transformed', { 'connector.class': 'SteeredSource', ...converters, ...transforms });
  await eventually(() => assert.deepEqual(answers, ['asking', 'asked']));
  assert.deepEqual(asked, [], 'what a transform makes of it, only a record shows');
});
