/**
 * Patterns that are one set of characters after the other (`^T[0-9]{4}$`), matched in bytes of ASCII without a regular
 * expression engine. Pure. Only says yes, and only to what matches: every part takes what it can and gives nothing back.
 */
import type { CharSet } from '../../regex/char-set.ts';
import { parseRegex, type RegexNode } from '../../regex/parse.ts';

/** Says yes to bytes in which the pattern certainly matches. */
export type Shape = { readonly matches: (bytes: Buffer, from: number, end: number) => boolean };

interface Part {
  /** By byte, 1 where it belongs. */
  readonly set: Uint8Array;
  readonly min: number;
  readonly max: number;
}

const ASCII = 128;

/** Null for a pattern that is not flat. */
export function flatPattern(pattern: string): Shape | null {
  const tree = parseRegex(pattern);
  if (tree?.kind !== 'sequence' || tree.parts[0]?.kind !== 'start') return null;
  const toEnd = tree.parts.at(-1)?.kind === 'end';
  const parts = tree.parts.slice(1, toEnd ? -1 : undefined).map(partOf);
  return parts.every((part) => part !== null) ? { matches: matcherOf(parts, toEnd) } : null;
}

function partOf(node: RegexNode): Part | null {
  if (node.kind === 'set') return { set: bytesOf(node.set), min: 1, max: 1 };
  if (node.kind !== 'repeat' || node.body.kind !== 'set') return null;
  return { set: bytesOf(node.body.set), min: node.min, max: node.max };
}

function bytesOf(set: CharSet): Uint8Array {
  return Uint8Array.from({ length: ASCII }, (_, unit) =>
    set.some(([from, to]) => from <= unit && unit <= to) ? 1 : 0,
  );
}

function matcherOf(parts: readonly Part[], toEnd: boolean): Shape['matches'] {
  return (bytes, from, end) => {
    let at = from;
    for (let i = 0; i < parts.length; i++) {
      const { set, min, max } = parts[i]!;
      const last = Math.min(end, at + max);
      const begin = at;
      while (at < last && set[bytes[at]!] === 1) at++;
      if (at - begin < min) return false;
    }
    return !toEnd || at === end;
  };
}
