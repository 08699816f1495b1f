/** Masks: what is cut, hidden or hashed, and what is better left whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapColumn } from '../../types/column-mapping.ts';
import { JsonWriter } from '../../types/json-writer.ts';
import type { PgType } from '../../types/mapping.ts';
import { ourModes } from '../../types/type-modes-fixture.ts';
import { characterType } from '../tables/source-type.ts';
import { compileMasks } from './column-masks.ts';

const modes = { ...ourModes, isCompatible: true };

function masked(key: string, type: PgType | string, text: string): string {
  const mask = compileMasks({ [key]: 'public.t.c' })('public.t.c')!;
  const known: PgType = typeof type === 'string' ? { oid: 1, name: type, kind: 'b' } : type;
  const out = new JsonWriter();
  const source = Buffer.from(text);
  mask.apply(mapColumn(known, -1, modes)!, characterType(known, -1)).write(out, source, 0, source.length);
  return out.take().toString();
}

test('text is cut to its first characters', () => {
  assert.equal(masked('column.truncate.to.3.chars', 'text', 'abcdef'), '"abc"');
  assert.equal(masked('column.truncate.to.3.chars', 'varchar', 'é€öü'), '"é€ö"');
});

test('numbers and times are never cut, though they be written as text: what is left of one is another', () => {
  assert.equal(masked('column.truncate.to.3.chars', 'numeric', '-129'), '"-129"');
  const amount: PgType = {
    oid: 2,
    name: 'amount',
    kind: 'd',
    base: { type: { oid: 1, name: 'numeric', kind: 'b' }, modifier: -1 },
  };
  assert.equal(masked('column.truncate.to.3.chars', amount, '-129'), '"-129"');
  assert.equal(masked('column.truncate.to.3.chars', 'date', '2026-11-21'), '"2026-11-21Z"');
});

test('what is hidden is hidden whatever its type, where the record has it as text', () => {
  assert.equal(masked('column.mask.with.3.chars', 'numeric', '-129'), '"***"');
  assert.match(masked('column.mask.hash.v2.SHA-256.with.salt.s', 'numeric', '-129'), /^"[0-9a-f]{64}"$/);
});
