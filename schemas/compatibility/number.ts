/** Numbers: limits, multipleOf, and whether whole numbers are asked for. */
import type { Comparison } from './comparison.ts';
import { isMultipleOf } from './decimal.ts';
import type { DifferenceType } from './difference.ts';
import { compareLimit } from './limits.ts';
import type { NumberNode } from './node.ts';

export function compareNumbers(comparison: Comparison, original: NumberNode, update: NumberNode): void {
  compareLimit(comparison, 'maximum', 'MAXIMUM', original.maximum, update.maximum);
  compareLimit(comparison, 'minimum', 'MINIMUM', original.minimum, update.minimum);
  compareLimit(comparison, 'exclusiveMaximum', 'EXCLUSIVE_MAXIMUM', original.exclusiveMaximum, update.exclusiveMaximum);
  compareLimit(comparison, 'exclusiveMinimum', 'EXCLUSIVE_MINIMUM', original.exclusiveMinimum, update.exclusiveMinimum);
  const multiple = multipleOfDifference(original.multipleOf, update.multipleOf);
  if (multiple !== null) comparison.add(multiple, 'multipleOf');
  if (original.isInteger !== update.isInteger) comparison.add(original.isInteger ? 'TYPE_EXTENDED' : 'TYPE_NARROWED');
}

function multipleOfDifference(original: number | null, update: number | null): DifferenceType | null {
  if (original === update) return null;
  if (original === null) return 'MULTIPLE_OF_ADDED';
  if (update === null) return 'MULTIPLE_OF_REMOVED';
  if (isMultipleOf(update, original)) return 'MULTIPLE_OF_EXPANDED';
  return isMultipleOf(original, update) ? 'MULTIPLE_OF_REDUCED' : 'MULTIPLE_OF_CHANGED';
}
