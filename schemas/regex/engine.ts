/**
 * The one place where a schema's regular expression becomes something that matches, in time that a text's length bounds.
 *
 * Whoever registers a schema chooses the pattern, whoever produces chooses the text, and together they could keep a
 * backtracking engine busy for years (decision 0013). So: Node's own engine where the pattern is proven harmless
 * (linear.ts), which nearly all are; RE2 (re2js) for the others; lookaheads at the beginning are taken apart into
 * patterns of their own. What is left (backward references, lookbehind) is refused.
 */
import { createRequire } from 'node:module';
import { UnsafePattern } from '../errors.ts';
import { isLinear } from './linear.ts';
import { parseRegex, type RegexNode } from './parse.ts';
import { re2Of } from './re2.ts';

export interface Matcher {
  test(text: string): boolean;
}

/** Matchers kept; a schema has a handful. */
const KEPT_MAX = 2000;
/** RE2 programs: `^[a-z]+$` has about five instructions, a list of a thousand words tens of thousands. */
const PROGRAM_SIZE_MAX = 5000;
/** Instructions times characters one match may take in RE2, in about two seconds at worst. */
const RE2_WORK_MAX = 100_000_000;

const made = new Map<string, Matcher>();

/** Throws SyntaxError for what is no regular expression, UnsafePattern for what may take for ever. */
export function matcherOf(pattern: string): Matcher {
  let matcher = made.get(pattern);
  if (matcher === undefined) {
    matcher = compile(pattern);
    if (made.size >= KEPT_MAX) made.delete(made.keys().next().value!);
    made.set(pattern, matcher);
  }
  return matcher;
}

function compile(pattern: string): Matcher {
  const native = nativeOf(pattern);
  const tree = parseRegex(pattern);
  if (tree !== null && isLinear(tree)) return native;
  const parts = tree === null ? null : lookaheadsOf(pattern, tree);
  if (parts !== null)
    return { test: (text) => parts.every(({ matcher, isNegative }) => matcher.test(text) !== isNegative) };
  return re2(pattern, tree);
}

/** With the unicode flag, as JSON Schema asks; what only that mode refuses (a needless escape) is let through. */
function nativeOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}

interface Part {
  readonly matcher: Matcher;
  readonly isNegative: boolean;
}

/** `^(?=a)(?!b)c` as `^(?:a)`, not `^(?:b)`, and `^c`; null where there is no lookahead at the beginning. */
function lookaheadsOf(pattern: string, tree: RegexNode): readonly Part[] | null {
  if (tree.kind !== 'sequence' || tree.parts[0]?.kind !== 'start') return null;
  const parts: Part[] = [];
  let at = 1;
  for (const node of tree.parts.slice(1)) {
    if (node.kind !== 'look') break;
    parts.push({ matcher: matcherOf(`^(?:${node.text})`), isNegative: node.isNegative });
    at += '(?=)'.length + node.text.length;
  }
  if (parts.length === 0) return null;
  return [...parts, { matcher: matcherOf(`^${pattern.slice(at)}`), isNegative: false }];
}

const load = createRequire(import.meta.url);

function re2(pattern: string, tree: RegexNode | null): Matcher {
  const { RE2JS } = load('re2js') as typeof import('re2js');
  let compiled: ReturnType<typeof RE2JS.compile>;
  try {
    // What the parser does not know may still be RE2's.
    compiled = RE2JS.compile((tree === null ? null : re2Of(tree)) ?? pattern);
  } catch {
    throw new UnsafePattern(
      `the pattern ${shown(pattern)} may take for ever to match: leave out backward references, lookbehind and lookaheads that are not at the beginning`,
    );
  }
  const size = compiled.programSize();
  if (size > PROGRAM_SIZE_MAX) {
    throw new UnsafePattern(`the pattern ${shown(pattern)} is too large: use fewer or smaller repetitions`);
  }
  const lengthMax = Math.floor(RE2_WORK_MAX / size);
  return {
    test(text) {
      if (text.length <= lengthMax) return compiled.matcher(text).find();
      throw new UnsafePattern(`a text of ${text.length} characters is too long for the pattern ${shown(pattern)}`);
    },
  };
}

function shown(pattern: string): string {
  return pattern.length <= 60 ? pattern : `${pattern.slice(0, 60)}…`;
}
