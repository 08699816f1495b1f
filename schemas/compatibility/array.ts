/** Arrays: one schema for all items, a schema per position by content model, and the limits. */
import { compareAdditional, compareUnevaluated } from './additional.ts';
import type { Comparison } from './comparison.ts';
import { covering, isOpen } from './content-model.ts';
import { compareLimit } from './limits.ts';
import { type ArrayNode, isEmpty, type SchemaNode } from './node.ts';

export function compareArrays(comparison: Comparison, original: ArrayNode, update: ArrayNode): void {
  comparison.at('items', () => comparison.compare(original.allItems, update.allItems));
  comparePositions(comparison, original, update);
  comparison.at('additionalItems', () =>
    compareAdditional(comparison, 'ITEMS', original.additional, update.additional),
  );
  comparison.at('unevaluatedItems', () =>
    compareUnevaluated(comparison, 'ITEMS', original.unevaluated, update.unevaluated),
  );
  compareLimit(comparison, 'maxItems', 'MAX_ITEMS', original.maxItems, update.maxItems);
  compareLimit(comparison, 'minItems', 'MIN_ITEMS', original.minItems, update.minItems);
  if (original.hasUniqueItems !== update.hasUniqueItems) {
    comparison.add(original.hasUniqueItems ? 'UNIQUE_ITEMS_REMOVED' : 'UNIQUE_ITEMS_ADDED', 'uniqueItems');
  }
  compareLimit(comparison, 'maxContains', 'MAX_CONTAINS', original.maxContains, update.maxContains);
  compareLimit(comparison, 'minContains', 'MIN_CONTAINS', original.minContains, update.minContains);
}

function comparePositions(comparison: Comparison, original: ArrayNode, update: ArrayNode): void {
  const longest = Math.max(original.items.length, update.items.length);
  for (let index = 0; index < longest; index++) {
    const before = original.items[index];
    const after = update.items[index];
    comparison.at(`items/${index}`, () => {
      if (before !== undefined && after !== undefined) comparison.compare(before, after);
      else if (before !== undefined) itemRemoved(comparison, before, update);
      else itemAdded(comparison, after!, original);
    });
  }
}

function itemRemoved(comparison: Comparison, before: SchemaNode, update: ArrayNode): void {
  if (isOpen(update)) {
    comparison.add('ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL');
    return;
  }
  const cover = covering(update);
  if (cover !== null) {
    const { differences, isCompatible } = comparison.trial(before, cover);
    comparison.addAll(differences);
    comparison.add(
      isCompatible
        ? 'ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL'
        : 'ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
    );
    return;
  }
  comparison.add(
    before.kind === 'false'
      ? 'ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL'
      : 'ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL',
  );
}

function itemAdded(comparison: Comparison, after: SchemaNode, original: ArrayNode): void {
  if (isOpen(original)) {
    comparison.add(
      isEmpty(after) ? 'ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL' : 'ITEM_ADDED_TO_OPEN_CONTENT_MODEL',
    );
    return;
  }
  const cover = covering(original);
  if (cover === null) {
    comparison.add('ITEM_ADDED_TO_CLOSED_CONTENT_MODEL');
    return;
  }
  const { differences, isCompatible } = comparison.trial(cover, after);
  comparison.addAll(differences);
  comparison.add(
    isCompatible
      ? 'ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL'
      : 'ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL',
  );
}
