/** `enum` as a set of values, `const` as one. */
import type { Comparison } from './comparison.ts';
import type { ConstNode, EnumNode } from './node.ts';
import { changeOf } from './sets.ts';

export function compareEnums(comparison: Comparison, original: EnumNode, update: EnumNode): void {
  const change = changeOf(original.values, update.values);
  if (change === 'extended') comparison.add('ENUM_ARRAY_EXTENDED', 'enum');
  else if (change === 'narrowed') comparison.add('ENUM_ARRAY_NARROWED', 'enum');
  else if (change === 'changed') comparison.add('ENUM_ARRAY_CHANGED', 'enum');
}

export function compareConsts(comparison: Comparison, original: ConstNode, update: ConstNode): void {
  if (original.valueText !== update.valueText) comparison.add('ENUM_ARRAY_CHANGED', 'const');
}
