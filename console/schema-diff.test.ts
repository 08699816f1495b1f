/** What the schema page calls changed, line by line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

type Line = { readonly kind: string; readonly text: string; readonly count?: number };
const { laidOut, lineDiff, near } = (await import(new URL('page/schema-diff.js', import.meta.url).href)) as {
  laidOut(text: string): string;
  lineDiff(before: string, after: string): Line[];
  near(lines: readonly Line[], around: number): Line[];
};

const signs: Readonly<Record<string, string>> = { kept: ' ', removed: '-', added: '+', gap: '~' };
const drawn = (lines: readonly Line[]): string =>
  lines.map(({ kind, text, count }) => `${signs[kind]}${text ?? count}`).join('|');

test('A line in another place is removed and added, what is around it stays', () => {
  assert.equal(drawn(lineDiff('a\nb\nc\nd', 'a\nc\nb\nd')), ' a|-b| c|+b| d');
  assert.equal(drawn(lineDiff('a\nb', 'a\nb')), ' a| b');
  assert.equal(drawn(lineDiff('', 'x')), '-|+x');
  assert.equal(drawn(lineDiff('a\nb\nc', 'a\nx\ny\nc')), ' a|-b|+x|+y| c');
});

test('Both texts can be had back from the lines, whatever they are', () => {
  let seed = 7;
  const below = (most: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % most;
  };
  for (let i = 0; i < 300; i++) {
    const some = () => Array.from({ length: below(12) }, () => 'abcd'[below(4)]).join('\n');
    const [before, after] = [some(), some()];
    const lines = lineDiff(before, after);
    const side = (other: string) =>
      lines
        .filter(({ kind }) => kind !== other)
        .map(({ text }) => text)
        .join('\n');
    assert.deepEqual([side('added'), side('removed')], [before, after]);
  }
});

test('Far from a change lines are counted, not shown', () => {
  const lines = lineDiff('1\n2\n3\n4\n5\n6\n7', '1\n2\n3\nx\n5\n6\n7');
  assert.equal(drawn(near(lines, 1)), '~2| 3|-4|+x| 5|~2');
});

test('Very long texts are compared as a whole, and texts that are no JSON as they are', () => {
  const long = (sign: string) => Array.from({ length: 2000 }, (_, line) => `${sign}${line}`).join('\n');
  assert.equal(lineDiff(long('a'), long('b')).length, 4000);
  assert.equal(laidOut('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(laidOut('{"a":'), '{"a":');
});
