/** minimum, maximum, their exclusive forms, multipleOf. */
import { isMultipleOf } from '../../compatibility/decimal.ts';
import type { Facts } from '../facts.ts';
import type { Bound, Demands } from '../predicate.ts';

export function impliesNumbers(facts: Facts, { lower, upper, multipleOf }: Demands): boolean {
  if (!facts.hasNumbers) return true;
  const isWhole = !facts.types.has('fraction');
  if (lower !== null && !isWithin(facts.lower, lower, 1, isWhole)) return false;
  if (upper !== null && !isWithin(facts.upper, upper, -1, isWhole)) return false;
  return multipleOf === null || isMultiple(facts, multipleOf, isWhole);
}

/** Whether a bound that is known makes sure of one that is demanded; `sign` is 1 for lower bounds. */
function isWithin(known: Bound | null, demanded: Bound, sign: 1 | -1, isWhole: boolean): boolean {
  if (known === null) return false;
  const bound = isWhole ? nextWhole(known, sign) : known;
  const distance = (bound.value - demanded.value) * sign;
  return distance > 0 || (distance === 0 && (bound.isExclusive || !demanded.isExclusive));
}

/** The bound as whole numbers see it: above 2.5 is from 3 on. */
function nextWhole({ value, isExclusive }: Bound, sign: 1 | -1): Bound {
  // Beyond this a double has no neighbour one away.
  if (Math.abs(value) >= Number.MAX_SAFE_INTEGER) return { value, isExclusive };
  const rounded = sign === 1 ? Math.ceil(value) : Math.floor(value);
  return { value: isExclusive && rounded === value ? value + sign : rounded, isExclusive: false };
}

function isMultiple(facts: Facts, divisor: number, isWhole: boolean): boolean {
  if (isWhole && isMultipleOf(1, divisor)) return true;
  return facts.demands.some(({ multipleOf }) => multipleOf !== null && isMultipleOf(multipleOf, divisor));
}
