/**
 * Short texts that match a regular expression, so that a counterexample can be a real one.
 *
 * Pure and deterministic. What it answers is a proposal: lookarounds and boundaries are not honoured, so the caller
 * tries each with the pattern's own engine.
 */
import type { CharSet } from './char-set.ts';
import { parseRegex, type RegexNode } from './parse.ts';

/** How long a proposal may get, in characters. */
const MAX_LENGTH = 2000;
/** Code points that read well, in this order, where a class allows them. */
const READABLE = [...'aA0b1B2_- .:/@'].map((character) => character.codePointAt(0)!);

/** Different proposals for texts that match: the shortest first; none for a pattern that is not understood. */
export function textsMatching(pattern: string): readonly string[] {
  const tree = parseRegex(pattern);
  if (tree === null) return [];
  const texts: string[] = [];
  for (let variant = 0; variant < 4; variant++) {
    const text = write(tree, variant);
    if (text.length <= MAX_LENGTH && !texts.includes(text)) texts.push(text);
  }
  return texts;
}

/** Variant 0 repeats as little as allowed; 1 once more; 2 and 3 take other options and characters. */
function write(node: RegexNode, variant: number): string {
  switch (node.kind) {
    case 'set':
      return characterOf(node.set, variant);
    case 'sequence':
      return node.parts.map((part) => write(part, variant)).join('');
    case 'choice':
      return write(node.options[variant % node.options.length]!, variant);
    case 'repeat': {
      const times = Math.min(node.max, variant === 0 ? node.min : Math.max(node.min, 1) + (variant === 1 ? 0 : 1));
      const body = write(node.body, variant);
      return body.length * times > MAX_LENGTH ? 'x'.repeat(MAX_LENGTH + 1) : body.repeat(times);
    }
    default:
      return '';
  }
}

/** Variant 2 and 3 look at the ends of the class: 9 of [0-9], z of [a-z]. */
function characterOf(set: CharSet, variant: number): string {
  const end = variant < 2 ? undefined : variant === 2 ? set.at(-1)?.[1] : set[0]?.[1];
  if (end !== undefined && end > 0x20 && end < 0x7f) return String.fromCodePoint(end);
  const readable = READABLE.filter((codePoint) => set.some(([from, to]) => from <= codePoint && codePoint <= to));
  const codePoint = readable[variant % Math.max(readable.length, 1)] ?? set[0]?.[0];
  return codePoint === undefined ? '' : String.fromCodePoint(codePoint);
}
