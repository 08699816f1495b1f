/** How long a text must be, and may be, to match a pattern: what minLength and maxLength can be proven from. Pure. */
import { parseRegex, type RegexNode } from './parse.ts';

export interface Lengths {
  readonly min: number;
  readonly max: number;
}

const ANY: Lengths = { min: 0, max: Number.POSITIVE_INFINITY };

/** In code points. `max` is finite only for a pattern that is anchored at both ends. */
export function lengthsOf(pattern: string): Lengths {
  const tree = parseRegex(pattern);
  if (tree === null) return ANY;
  const { min, max } = measure(tree);
  return { min, max: isAnchored(tree) ? max : Number.POSITIVE_INFINITY };
}

function isAnchored(tree: RegexNode): boolean {
  if (tree.kind !== 'sequence') return false;
  return tree.parts[0]?.kind === 'start' && tree.parts.at(-1)?.kind === 'end';
}

function measure(node: RegexNode): Lengths {
  switch (node.kind) {
    case 'set':
      return { min: 1, max: 1 };
    case 'sequence':
      return node.parts.map(measure).reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
    case 'choice': {
      const options = node.options.map(measure);
      return { min: Math.min(...options.map(({ min }) => min)), max: Math.max(...options.map(({ max }) => max)) };
    }
    case 'repeat': {
      const body = measure(node.body);
      return { min: body.min * node.min, max: body.max === 0 ? 0 : node.max === 0 ? 0 : body.max * node.max };
    }
    default:
      return { min: 0, max: 0 };
  }
}
