/**
 * Patterns: which are proven harmless, which go to the engine that cannot backtrack, which are refused; that both engines
 * mean the same, and that no pattern holds anybody up.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnsafePattern } from '../errors.ts';
import { Random } from '../sound/search/random.ts';
import { matcherOf } from './engine.ts';
import { lengthsOf } from './lengths.ts';
import { isLinear } from './linear.ts';
import { parseRegex } from './parse.ts';
import cases from './patterns.cases.json' with { type: 'json' };
import { textsMatching } from './sample.ts';

describe('a pattern', () => {
  for (const { pattern, engine } of cases) {
    it(`${pattern.slice(0, 60)} ${engine === 'refused' ? 'is refused' : `is matched by ${engine}`}`, () => {
      if (engine === 'refused') assert.throws(() => matcherOf(pattern), UnsafePattern);
      else assert.equal(matcherOf(pattern) instanceof RegExp ? 'node' : 're2', engine);
    });
  }

  it('means the same whichever engine matches it', () => {
    const random = new Random(3);
    const alphabet = ['a', 'b', '1', '-', '.', ' ', '\n', 'é', '\u2028', 'A', '@'];
    for (const { pattern, engine } of cases) {
      if (engine === 'refused') continue;
      const native = new RegExp(pattern, 'u');
      const texts = [...textsMatching(pattern), ...Array.from({ length: 60 }, () => textOf(random, alphabet))];
      for (const text of texts)
        assert.equal(matcherOf(pattern).test(text), native.test(text), `${pattern} on ${JSON.stringify(text)}`);
    }
  });

  it('made to take for ever takes no time', () => {
    const evil = `${'a'.repeat(50_000)}!`;
    const began = process.cpuUsage();
    for (const pattern of ['(a+)+$', '^(a|a)*$', '^(\\w+\\s?)*$', 'a*a*a*b', `^${'a?'.repeat(30)}a{30}$`]) {
      assert.equal(matcherOf(pattern).test(evil), false, pattern);
    }
    assert.ok(process.cpuUsage(began).user < 20e6);
  });

  it('is refused where it is too large, and a text where it is too long for it', () => {
    assert.throws(() => matcherOf(`(${'(a|b|ab){20}'.repeat(200)})*`), /is too large/);
    const matcher = matcherOf('(x+x+)+y');
    assert.throws(() => matcher.test('x'.repeat(60_000_000)), /too long for the pattern/);
  });

  it('that is no regular expression is refused by name', () => {
    assert.throws(() => matcherOf('('), SyntaxError);
  });

  it('says how long its texts are', () => {
    assert.deepEqual(lengthsOf('^T[0-9]{4}$'), { min: 5, max: 5 });
    assert.deepEqual(lengthsOf('^(ab|c)?x+$'), { min: 1, max: Number.POSITIVE_INFINITY });
    assert.deepEqual(lengthsOf('abc'), { min: 3, max: Number.POSITIVE_INFINITY });
    assert.deepEqual(lengthsOf('(a)\\1'), { min: 0, max: Number.POSITIVE_INFINITY });
  });

  it('of many kinds gets texts that match it', () => {
    for (const { pattern, engine } of cases) {
      if (engine === 'refused' || parseRegex(pattern) === null || /\(\?|\\b/.test(pattern)) continue;
      assert.ok(
        textsMatching(pattern).some((text) => matcherOf(pattern).test(text)),
        pattern,
      );
    }
  });

  it('that chooses among few short texts is harmless, and one that does so too often is not', () => {
    assert.equal(isLinear(parseRegex('^(red|green|grey)-(x|xy)$')!), true);
    assert.equal(isLinear(parseRegex(`^${'(a|ab)'.repeat(10)}$`)!), false);
  });
});

function textOf(random: Random, alphabet: readonly string[]): string {
  return Array.from({ length: random.below(12) }, () => random.pick(alphabet)).join('');
}
