/** A limit keyword (minLength, maxItems, …) between two schemas: added, removed, raised or lowered. */
import type { Comparison } from './comparison.ts';

type LimitName =
  | 'MAX_LENGTH'
  | 'MIN_LENGTH'
  | 'MAXIMUM'
  | 'MINIMUM'
  | 'EXCLUSIVE_MAXIMUM'
  | 'EXCLUSIVE_MINIMUM'
  | 'MAX_PROPERTIES'
  | 'MIN_PROPERTIES'
  | 'MAX_ITEMS'
  | 'MIN_ITEMS'
  | 'MAX_CONTAINS'
  | 'MIN_CONTAINS';

/** Compares one limit under `keyword`; `name` is the keyword in the differences' names. */
export function compareLimit(
  comparison: Comparison,
  keyword: string,
  name: LimitName,
  original: number | null,
  update: number | null,
): void {
  if (original === update) return;
  if (original === null) comparison.add(`${name}_ADDED`, keyword);
  else if (update === null) comparison.add(`${name}_REMOVED`, keyword);
  else comparison.add(original < update ? `${name}_INCREASED` : `${name}_DECREASED`, keyword);
}
