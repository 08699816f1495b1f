/** type, enum, const: what a value is. Lists of values are met one by one before this is asked (prove.ts). */
import type { Facts } from '../facts.ts';
import type { Demands } from '../predicate.ts';

export function impliesTypes(facts: Facts, { types, values }: Demands): boolean {
  if (values !== null) return false;
  return types === null || [...facts.types].every((type) => types.has(type));
}
