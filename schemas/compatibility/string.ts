/** Strings: minLength, maxLength, pattern. `format` and content keywords are not compared, as in Confluent's rules. */
import type { Comparison } from './comparison.ts';
import { compareLimit } from './limits.ts';
import type { StringNode } from './node.ts';

export function compareStrings(comparison: Comparison, original: StringNode, update: StringNode): void {
  compareLimit(comparison, 'maxLength', 'MAX_LENGTH', original.maxLength, update.maxLength);
  compareLimit(comparison, 'minLength', 'MIN_LENGTH', original.minLength, update.minLength);
  if (original.pattern === update.pattern) return;
  if (original.pattern === null) comparison.add('PATTERN_ADDED', 'pattern');
  else comparison.add(update.pattern === null ? 'PATTERN_REMOVED' : 'PATTERN_CHANGED', 'pattern');
}
