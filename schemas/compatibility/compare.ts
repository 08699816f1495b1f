/**
 * What changed between two schemas: the hub that meets every pair of nodes and hands it to its keyword family.
 *
 * Pure. `original` is who wrote, `update` is who reads.
 */

import { ComparisonBudgetError } from '../errors.ts';
import { compareArrays } from './array.ts';
import { compareCombined } from './combined.ts';
import { Comparison, Pass } from './comparison.ts';
import type { Difference, DifferenceType } from './difference.ts';
import { compareConsts, compareEnums } from './enum.ts';
import { type CombinedNode, dereference, isEmpty, type SchemaNode } from './node.ts';
import { compareNots } from './not.ts';
import { compareNumbers } from './number.ts';
import { compareObjects } from './object.ts';
import { compareStrings } from './string.ts';

/** Each pass adds an incompatible pair, so this many only happen to schemas made for it. */
const MAX_PASSES = 50;

/**
 * All differences, in the order they are met. Throws {@link ComparisonBudgetError} for schemas made to take for ever.
 */
export function differencesBetween(
  original: SchemaNode,
  update: SchemaNode,
  allowed: ReadonlySet<DifferenceType>,
): readonly Difference[] {
  let seed: Pass['seed'] = new Map();
  let seeded = 0;
  const budget = { pairs: 0 };
  for (let passes = 0; passes < MAX_PASSES; passes++) {
    const pass = new Pass(allowed, compareHere, seed, budget);
    const comparison = new Comparison(pass);
    comparison.compare(original, update);
    const incompatible = pass.incompatible();
    if (!pass.usedAssumption || incompatible.count === seeded) return comparison.differences;
    seed = incompatible.pairs;
    seeded = incompatible.count;
  }
  throw new ComparisonBudgetError(`They refer to each other in more than ${MAX_PASSES} rounds.`);
}

function compareHere(comparison: Comparison, original: SchemaNode, update: SchemaNode): void {
  const before = dereference(original);
  const after = dereference(update);
  comparison.remembered(before, after, (pair) => comparePair(pair, before, after));
}

function comparePair(comparison: Comparison, original: SchemaNode, update: SchemaNode): void {
  if (original.kind !== 'combined' && update.kind === 'combined') {
    if (fitsOneBranch(comparison, original, update)) return;
  } else if (original.kind === 'combined' && update.kind !== 'combined') {
    if (oneBranchFits(comparison, original, update)) return;
  }
  if (original.kind !== update.kind) {
    compareKinds(comparison, original, update);
    return;
  }
  compareFacts(comparison, original, update);
  compareSameKind(comparison, original, update);
}

/** Plain to combined: enough when the only branch, or any alternative, accepts it. */
function fitsOneBranch(comparison: Comparison, original: SchemaNode, update: CombinedNode): boolean {
  const isSingle = update.subschemas.length === 1;
  if (!isSingle && update.criterion === 'allOf') return false;
  for (const branch of update.subschemas) {
    const { differences, isCompatible } = comparison.trial(original, branch);
    if (!isCompatible) continue;
    comparison.addAll(differences);
    if (!isSingle) comparison.add('SUM_TYPE_EXTENDED');
    return true;
  }
  return false;
}

/** Combined to plain: enough when the only branch, or any of those that all had to hold, is accepted. */
function oneBranchFits(comparison: Comparison, original: CombinedNode, update: SchemaNode): boolean {
  const isSingle = original.subschemas.length === 1;
  if (!isSingle && original.criterion !== 'allOf') return false;
  for (const branch of original.subschemas) {
    const { differences, isCompatible } = comparison.trial(branch, update);
    if (!isCompatible) continue;
    comparison.addAll(differences);
    if (!isSingle) comparison.add('PRODUCT_TYPE_NARROWED');
    return true;
  }
  return false;
}

function compareKinds(comparison: Comparison, original: SchemaNode, update: SchemaNode): void {
  const acceptsAll = original.kind === 'false' || isEmpty(update);
  const bothBytes = original.connectType === 'bytes' && update.connectType === 'bytes';
  if (!acceptsAll && !bothBytes) comparison.add('TYPE_CHANGED');
}

function compareFacts(comparison: Comparison, original: SchemaNode, update: SchemaNode): void {
  if (original.id !== update.id) comparison.add('ID_CHANGED');
  if (original.title !== update.title) comparison.add('TITLE_CHANGED');
  if (original.description !== update.description) comparison.add('DESCRIPTION_CHANGED');
  if (original.defaultText !== update.defaultText) comparison.add('DEFAULT_CHANGED');
}

function compareSameKind(comparison: Comparison, original: SchemaNode, update: SchemaNode): void {
  if (original.kind === 'object' && update.kind === 'object') compareObjects(comparison, original, update);
  else if (original.kind === 'array' && update.kind === 'array') compareArrays(comparison, original, update);
  else if (original.kind === 'string' && update.kind === 'string') compareStrings(comparison, original, update);
  else if (original.kind === 'number' && update.kind === 'number') compareNumbers(comparison, original, update);
  else if (original.kind === 'enum' && update.kind === 'enum') compareEnums(comparison, original, update);
  else if (original.kind === 'const' && update.kind === 'const') compareConsts(comparison, original, update);
  else if (original.kind === 'not' && update.kind === 'not') compareNots(comparison, original, update);
  else if (original.kind === 'combined' && update.kind === 'combined') {
    compareCombined(comparison, original, update);
  }
}
