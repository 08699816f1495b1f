/** `not`: what must not match is compared the other way round. */
import type { Comparison } from './comparison.ts';
import type { NotNode } from './node.ts';

export function compareNots(comparison: Comparison, original: NotNode, update: NotNode): void {
  comparison.at('not', () => {
    const { isCompatible } = comparison.trial(update.mustNotMatch, original.mustNotMatch);
    comparison.add(isCompatible ? 'NOT_TYPE_NARROWED' : 'NOT_TYPE_EXTENDED');
  });
}
