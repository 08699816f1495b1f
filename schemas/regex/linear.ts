/**
 * Whether a backtracking engine needs no more than time in proportion to the text for a pattern: decided by looking.
 *
 * Pure, and careful: a yes is a proof, a no means "not by these rules". The rule is determinism: at every choice (go on
 * repeating or not, this option or that) the next character alone decides, so that nothing is ever tried twice. Choices
 * among a few short texts are let through as well; they are tried a bounded number of times.
 */
import { type CharSet, overlaps, union } from './char-set.ts';
import type { RegexNode } from './parse.ts';

/** Ways through all parts together that are not deterministic. */
const MAX_TRIES = 200;
/** Characters one attempt may look at where a match may begin anywhere. */
const MAX_FLOATING_LENGTH = 200;
/** Options of a choice that are compared with one another. */
const MAX_OPTIONS = 300;
/** A part repeated exactly this often and more is not unrolled. */
const MAX_COUNT = 1000;

export function isLinear(tree: RegexNode): boolean {
  if (hasLookaround(tree)) return false;
  if (isAnchored(tree)) return tries(tree, []) <= MAX_TRIES;
  // An attempt begins at every character: it must be short. A tail of one character again and again cannot fail.
  const tried = withoutTail(tree);
  return longest(tried) <= MAX_FLOATING_LENGTH && tries(tried, []) <= MAX_TRIES;
}

function hasLookaround(node: RegexNode): boolean {
  if (node.kind === 'look') return true;
  return childrenOf(node).some(hasLookaround);
}

function childrenOf(node: RegexNode): readonly RegexNode[] {
  if (node.kind === 'sequence') return node.parts;
  if (node.kind === 'choice') return node.options;
  return node.kind === 'repeat' ? [node.body] : [];
}

function isAnchored(node: RegexNode): boolean {
  if (node.kind === 'start') return true;
  if (node.kind === 'sequence') return node.parts[0] !== undefined && isAnchored(node.parts[0]);
  return node.kind === 'choice' && node.options.every(isAnchored);
}

function withoutTail(node: RegexNode): RegexNode {
  const parts = node.kind === 'sequence' ? node.parts : [node];
  const tail = parts.at(-1);
  if (tail?.kind !== 'repeat' || tail.body.kind !== 'set' || tail.max !== Number.POSITIVE_INFINITY) return node;
  const least: RegexNode = { kind: 'repeat', body: tail.body, min: tail.min, max: tail.min };
  return { kind: 'sequence', parts: [...parts.slice(0, -1), least] };
}

/**
 * How often at most what follows the node is tried: once where each choice is decided by the next character. `follow`:
 * characters that may come after the node.
 */
function tries(node: RegexNode, follow: CharSet): number {
  const decided = triesDecided(node, follow);
  if (decided === 1) return 1;
  return Math.min(decided, longest(node) <= MAX_FLOATING_LENGTH ? ways(node) : Number.POSITIVE_INFINITY);
}

function triesDecided(node: RegexNode, follow: CharSet): number {
  switch (node.kind) {
    case 'sequence':
      return triesInTurn(node.parts, follow);
    case 'choice':
      if (!areApart(node.options.map((option) => firstOf(option, follow)))) return Number.POSITIVE_INFINITY;
      return Math.max(...node.options.map((option) => tries(option, follow)));
    case 'repeat':
      return isRepeatDecided(node, follow) ? 1 : Number.POSITIVE_INFINITY;
    default:
      return 1;
  }
}

function triesInTurn(parts: readonly RegexNode[], follow: CharSet): number {
  let [product, after] = [1, follow];
  for (const part of parts.toReversed()) {
    product *= tries(part, after);
    after = firstOf(part, after);
  }
  return product;
}

function isRepeatDecided(node: RegexNode & { kind: 'repeat' }, follow: CharSet): boolean {
  const { body, min, max } = node;
  if (isNullable(body) || (Number.isFinite(max) && max > MAX_COUNT)) return false;
  const begins = firstOf(body, []);
  if (min !== max && overlaps(begins, follow)) return false;
  return tries(body, union([...begins, ...follow])) === 1;
}

function areApart(sets: readonly CharSet[]): boolean {
  if (sets.length > MAX_OPTIONS) return false;
  return sets.every((set, index) => sets.slice(0, index).every((other) => !overlaps(set, other)));
}

/** In how many ways a text may be led through the node, whatever the text. */
function ways(node: RegexNode): number {
  switch (node.kind) {
    case 'sequence':
      return node.parts.reduce((product, part) => product * ways(part), 1);
    case 'choice':
      return node.options.reduce((sum, option) => sum + ways(option), 0);
    case 'repeat': {
      const body = ways(node.body);
      if (node.max === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
      return body === 1 ? node.max - node.min + 1 : body ** node.max * (node.max - node.min + 1);
    }
    default:
      return 1;
  }
}

function longest(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return node.parts.reduce((sum, part) => sum + longest(part), 0);
    case 'choice':
      return Math.max(...node.options.map(longest));
    case 'repeat':
      return node.max === 0 ? 0 : longest(node.body) * node.max;
    default:
      return 0;
  }
}

function isNullable(node: RegexNode): boolean {
  if (node.kind === 'set') return false;
  if (node.kind === 'sequence') return node.parts.every(isNullable);
  if (node.kind === 'choice') return node.options.some(isNullable);
  return node.kind === 'repeat' ? node.min === 0 || isNullable(node.body) : true;
}

/** Characters with which the node, or what follows it, may begin. */
function firstOf(node: RegexNode, follow: CharSet): CharSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'sequence': {
      let first: CharSet = follow;
      for (const part of node.parts.toReversed()) first = firstOf(part, first);
      return first;
    }
    case 'choice':
      return union(node.options.flatMap((option) => [...firstOf(option, follow)]));
    case 'repeat':
      return union([...firstOf(node.body, []), ...(isNullable(node) ? follow : [])]);
    default:
      return follow;
  }
}
