/**
 * Patterns in RE2's spelling, so that an engine without backtracking means exactly what ECMA-262 means.
 *
 * Pure. Classes and dots are written out as the characters they are: RE2's own `\s` and `.` are others.
 */
import type { CharSet } from './char-set.ts';
import type { RegexNode } from './parse.ts';

/** Null where RE2 has no such thing (lookarounds). */
export function re2Of(node: RegexNode): string | null {
  switch (node.kind) {
    case 'set':
      return classOf(node.set);
    case 'sequence':
      return joined(node.parts, '');
    case 'choice': {
      const options = joined(node.options, '|');
      return options === null ? null : `(?:${options})`;
    }
    case 'repeat': {
      const body = re2Of(node.body);
      if (body === null) return null;
      const max = node.max === Number.POSITIVE_INFINITY ? '' : String(node.max);
      return `(?:${body}){${node.min},${max}}`;
    }
    case 'start':
      return '\\A';
    case 'end':
      return '\\z';
    case 'boundary':
      return '\\b';
    case 'no-boundary':
      return '\\B';
    default:
      return null;
  }
}

function joined(nodes: readonly RegexNode[], by: string): string | null {
  const texts = nodes.map(re2Of);
  return texts.includes(null) ? null : texts.join(by);
}

function classOf(set: CharSet): string {
  if (set.length === 0) return '[^\\x{0}-\\x{10ffff}]';
  return `[${set.map(([from, to]) => `\\x{${from.toString(16)}}-\\x{${to.toString(16)}}`).join('')}]`;
}
