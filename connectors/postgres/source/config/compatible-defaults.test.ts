/** What Debezium takes for a default, expression by expression as Postgres prints them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compatibleDefault, toScale } from './compatible-defaults.ts';

test('the first quoted text of an expression is the default, or all of it where nothing is quoted', () => {
  assert.deepEqual(compatibleDefault('text', "'it''s'::text"), { text: "it's" });
  assert.deepEqual(compatibleDefault('text', "('a'::text || 'b'::text)"), { text: 'a' });
  assert.deepEqual(compatibleDefault('text', 'CURRENT_USER'), { text: 'CURRENT_USER' });
  assert.deepEqual(compatibleDefault('date', "('2024-01-01'::date + 1)"), { text: '2024-01-01' });
  assert.deepEqual(compatibleDefault('bool', '(NOT true)'), { text: 'f' });
  assert.equal(compatibleDefault('text', 'NULL::text'), null);
});

test('a call or a clock stands for the zero of the type', () => {
  assert.equal(compatibleDefault('uuid', 'gen_random_uuid()'), 'zero');
  assert.equal(compatibleDefault('date', 'CURRENT_DATE'), 'zero');
  assert.equal(compatibleDefault('int4', "nextval('t_id_seq'::regclass)"), 'zero');
});

test('what is no value of the type is no default', () => {
  assert.equal(compatibleDefault('int4', '(1 + 1)'), null);
  assert.equal(compatibleDefault('int2', '40000'), null);
  assert.equal(compatibleDefault('numeric', "'NaN'::numeric"), null);
  assert.equal(compatibleDefault('timestamp', "'now'::text"), null);
  assert.equal(compatibleDefault('enum', "('ok'::text)::mood"), null);
});

test('a decimal has the digits of its column, and is none where digits would be lost', () => {
  assert.equal(toScale('1', 2), '1.00');
  assert.equal(toScale('1.50', 1), '1.5');
  assert.equal(toScale('1.005', 2), null);
});
