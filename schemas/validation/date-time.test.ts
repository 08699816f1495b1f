/** The quick look at timestamps never says yes where the format's own judge says no. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../sound/search/random.ts';
import { isUsualDateTime, isUsualDateTimeIn } from './date-time.ts';
import { formatJudge } from './formats.ts';

test('Usual timestamps are known at a look', () => {
  for (const text of [
    '2026-01-31T12:00:00Z',
    '2026-02-28T23:59:59.123456Z',
    '1999-12-31T00:00:00+02:00',
    '0001-01-01T00:00:00.5-23:59',
  ]) {
    assert.equal(isUsualDateTime(text), true, text);
  }
});

test('No text is taken that the format refuses, whatever is changed in it', () => {
  const judge = formatJudge('date-time');
  const random = new Random(5);
  const characters = [...'0123456789-+:.TtZz 9876'];
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const text = [...random.pick(['2026-01-31T12:00:00Z', '2024-02-28T23:59:59.999+02:00'])];
    for (let changes = random.below(4); changes > 0; changes--) {
      const at = random.below(text.length);
      if (random.below(4) === 0) text.splice(at, random.below(2), random.pick(characters));
      else text[at] = random.pick(characters);
    }
    const changed = text.join('');
    const bytes = Buffer.from(`"${changed}"`);
    assert.equal(isUsualDateTimeIn(bytes, 1, bytes.length - 1), isUsualDateTime(changed), changed);
    if (!isUsualDateTime(changed)) continue;
    taken++;
    assert.equal(judge(changed), true, changed);
  }
  assert.ok(taken > 1000, `${taken}`);
});
