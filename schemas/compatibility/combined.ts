/** allOf, anyOf, oneOf against each other: the criterion, the number of branches, and a partner for each branch. */
import { textOf } from '../parse/json-text.ts';
import type { Comparison } from './comparison.ts';
import type { Difference } from './difference.ts';
import { maximumMatching } from './matching.ts';
import { type CombinedNode, dereference, type SchemaNode } from './node.ts';

export function compareCombined(comparison: Comparison, original: CombinedNode, update: CombinedNode): void {
  const criterion = criterionDifference(original, update);
  if (criterion !== null) comparison.add(criterion);
  if (criterion === 'COMBINED_TYPE_CHANGED') return;

  const before = distinct(original.subschemas);
  const after = distinct(update.subschemas);
  if (before.length < after.length) {
    comparison.add(update.criterion === 'allOf' ? 'PRODUCT_TYPE_EXTENDED' : 'SUM_TYPE_EXTENDED');
  } else if (before.length > after.length) {
    comparison.add(original.criterion === 'allOf' ? 'PRODUCT_TYPE_NARROWED' : 'SUM_TYPE_NARROWED');
  }
  compareBranches(comparison, original.criterion, before, after);
}

/** Each branch of the smaller side needs a compatible partner of its own on the other. */
function compareBranches(
  comparison: Comparison,
  criterion: string,
  before: readonly SchemaNode[],
  after: readonly SchemaNode[],
): void {
  const compatible: Map<number, readonly Difference[]>[] = [];
  before.forEach((original, index) => {
    const partners = new Map<number, readonly Difference[]>();
    comparison.at(`${criterion}/${index}`, () => {
      after.forEach((update, other) => {
        const { differences, isCompatible } = comparison.trial(original, update);
        if (isCompatible) partners.set(other, differences);
      });
    });
    compatible.push(partners);
  });

  let matched = 0;
  maximumMatching(
    compatible.map((partners) => [...partners.keys()]),
    after.length,
  ).forEach((partner, index) => {
    if (partner === null) return;
    matched++;
    comparison.addAll(compatible[index]?.get(partner) ?? []);
  });
  if (matched < Math.min(before.length, after.length)) comparison.add('COMBINED_TYPE_SUBSCHEMAS_CHANGED');
}

function criterionDifference(
  original: CombinedNode,
  update: CombinedNode,
): 'COMBINED_TYPE_EXTENDED' | 'COMBINED_TYPE_CHANGED' | null {
  if (original.criterion === update.criterion) return null;
  const wasSingle = original.subschemas.length === 1;
  const isSingle = update.subschemas.length === 1;
  const isExtended =
    update.criterion === 'anyOf' ||
    (wasSingle && isSingle) ||
    (wasSingle && update.criterion === 'oneOf') ||
    (isSingle && original.criterion === 'allOf');
  return isExtended ? 'COMBINED_TYPE_EXTENDED' : 'COMBINED_TYPE_CHANGED';
}

/** Branches that say the same count once. */
function distinct(branches: readonly SchemaNode[]): SchemaNode[] {
  const byText = new Map<string, SchemaNode>();
  for (const branch of branches) {
    const key = branchKey(branch);
    if (!byText.has(key)) byText.set(key, branch);
  }
  return [...byText.values()];
}

const keys = new WeakMap<SchemaNode, string>();

/** Branches meet many others; their text is written once. */
function branchKey(branch: SchemaNode): string {
  const key = keys.get(branch) ?? writeBranchKey(branch);
  keys.set(branch, key);
  return key;
}

function writeBranchKey(branch: SchemaNode): string {
  const kind = branch.kind === 'reference' ? `reference to ${dereference(branch).kind}` : branch.kind;
  const detail = branch.kind === 'combined' ? branch.criterion : branch.kind === 'number' ? branch.isInteger : '';
  return `${kind} ${detail} ${textOf(branch.source)}`;
}
