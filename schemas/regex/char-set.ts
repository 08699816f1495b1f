/**
 * Sets of characters, as sorted ranges of code points: what a class, an escape or a dot in a regular expression matches.
 *
 * Pure. Used to tell whether a pattern can go astray (linear.ts) and to write a text that matches it (sample.ts).
 */

/** Inclusive ranges, ascending, not touching. */
export type CharSet = readonly (readonly [from: number, to: number])[];

const LAST = 0x10ffff;

export const ALL: CharSet = [[0, LAST]];
export const NONE: CharSet = [];
export const DIGITS: CharSet = setOf('09');
export const WORDS: CharSet = setOf('09', 'AZ', '__', 'az');
/** ECMA-262: white space and line terminators. */
export const SPACES: CharSet = union([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
/** What a dot does not match. */
export const LINE_ENDS: CharSet = union([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);

function setOf(...ranges: readonly string[]): CharSet {
  return union(ranges.map((range) => [range.charCodeAt(0), range.charCodeAt(1)] as const));
}

export function single(codePoint: number): CharSet {
  return [[codePoint, codePoint]];
}

/** Any ranges, in any order. */
export function union(ranges: CharSet): CharSet {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) rest.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST) rest.push([next, LAST]);
  return rest;
}

export function overlaps(a: CharSet, b: CharSet): boolean {
  return a.some(([from, to]) => b.some((other) => other[0] <= to && from <= other[1]));
}

const properties = new Map<string, CharSet | null>();
let everyCharacter = '';

/** What `\p{name}` matches, by asking Node's engine once; null for a name it does not know. Takes about 20 ms. */
export function unicodeProperty(name: string): CharSet | null {
  const known = properties.get(name);
  if (known !== undefined) return known;
  const set = ofProperty(name);
  // There are some hundred names that exist; of others no more than one is remembered.
  if (set !== null) properties.set(name, set);
  return set;
}

function ofProperty(name: string): CharSet | null {
  let runs: RegExp;
  try {
    runs = new RegExp(`\\p{${name}}+`, 'gu');
  } catch {
    return null;
  }
  // Without surrogates, which would make pairs.
  everyCharacter ||= Array.from({ length: LAST + 1 }, (_, codePoint) =>
    codePoint >= 0xd800 && codePoint <= 0xdfff ? '' : String.fromCodePoint(codePoint),
  ).join('');
  const ranges: [number, number][] = [];
  for (const [run] of everyCharacter.matchAll(runs)) {
    const from = run.codePointAt(0)!;
    const last = run.codePointAt(run.length - 1)!;
    const to = last >= 0xdc00 && last <= 0xdfff && run.length > 1 ? run.codePointAt(run.length - 2)! : last;
    ranges.push([from, Math.max(from, to)]);
  }
  return union(ranges);
}
