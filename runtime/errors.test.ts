/** What a record's failure tells whoever reads the task's status. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError } from '../connectors/api/index.ts';
import { RecordError } from './errors.ts';

test('a schema that is not allowed comes with what allows it, not with what leaves sound records out, and in a few lines', () => {
  const cause = new DataError(`incompatible, details: ${'x'.repeat(5000)}`, { code: 'INCOMPATIBLE_SCHEMA' });
  const { message } = new RecordError('VALUE_CONVERTER', 'record 1', cause);
  assert.match(message, /^VALUE_CONVERTER failed for record 1: incompatible, .*PUT \/config/s);
  assert.doesNotMatch(message, /errors\.tolerance/);
  assert.ok(message.length < 1500, `${message.length} characters`);
});

test('any other bad record may be gone past', () => {
  const { message } = new RecordError('TRANSFORMATION', 'record 1', new DataError('no number.'));
  assert.equal(message.startsWith('TRANSFORMATION failed for record 1: no number. Set errors.tolerance=all'), true);
});
