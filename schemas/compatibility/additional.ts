/** additionalProperties, unevaluatedProperties and their twins for items: opened, closed, extended, narrowed. */
import type { Comparison } from './comparison.ts';
import { isEmpty, type SchemaNode } from './node.ts';

type What = 'PROPERTIES' | 'ITEMS';

export function compareAdditional(
  comparison: Comparison,
  what: What,
  original: boolean | SchemaNode,
  update: boolean | SchemaNode,
): void {
  if ((original === false) !== (update === false)) {
    comparison.add(original === false ? `ADDITIONAL_${what}_ADDED` : `ADDITIONAL_${what}_REMOVED`);
    return;
  }
  const before = typeof original === 'boolean' ? null : original;
  const after = typeof update === 'boolean' ? null : update;
  if (before === null && after !== null) comparison.add(`ADDITIONAL_${what}_NARROWED`);
  else if (before !== null && after === null) comparison.add(`ADDITIONAL_${what}_EXTENDED`);
  else comparison.compare(before, after);
}

export function compareUnevaluated(
  comparison: Comparison,
  what: What,
  original: SchemaNode | null,
  update: SchemaNode | null,
): void {
  if (original === null && update === null) return;
  // Writing `true` where nothing stood counts as narrowed, as in Confluent's rules, though it changes nothing.
  if (original === null) comparison.add(`UNEVALUATED_${what}_${isFalse(update) ? 'REMOVED' : 'NARROWED'}`);
  else if (update === null) comparison.add(`UNEVALUATED_${what}_${isFalse(original) ? 'ADDED' : 'EXTENDED'}`);
  else if (isFalse(original) !== isFalse(update)) {
    comparison.add(`UNEVALUATED_${what}_${isFalse(original) ? 'ADDED' : 'REMOVED'}`);
  } else if (isEmpty(original) !== isEmpty(update)) {
    comparison.add(`UNEVALUATED_${what}_${isEmpty(original) ? 'NARROWED' : 'EXTENDED'}`);
  } else comparison.compare(original, update);
}

function isFalse(node: SchemaNode | null): boolean {
  return node?.kind === 'false';
}
