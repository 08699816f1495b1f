/** items, prefixItems, additionalItems, minItems, maxItems, uniqueItems, contains. */
import { Facts } from '../facts.ts';
import type { Contains, Demands } from '../predicate.ts';
import type { Prover } from '../prove.ts';

export function impliesArrays(facts: Facts, demands: Demands, prover: Prover): boolean {
  if (!facts.types.has('array')) return true;
  return (
    facts.most(({ minItems }) => minItems) >= demands.minItems &&
    mostItems(facts, prover) <= demands.maxItems &&
    (!demands.isUnique || facts.demands.some(({ isUnique }) => isUnique) || mostItems(facts, prover) <= 1) &&
    impliesItems(facts, demands, prover) &&
    (demands.contains === null || impliesContains(facts, demands.contains, prover))
  );
}

/** How many items there can be: up to maxItems, or to the first that cannot be. */
function mostItems(facts: Facts, prover: Prover): number {
  const most = facts.least(({ maxItems }) => maxItems);
  const declared = Math.max(...facts.demands.map(({ prefix }) => prefix.length), 0);
  for (let index = 0; index <= declared && index < most; index++) {
    if (prover.isImpossible(facts.item(index))) return index;
  }
  return most;
}

function impliesItems(facts: Facts, { prefix, rest }: Demands, prover: Prover): boolean {
  const most = mostItems(facts, prover);
  for (const [index, item] of prefix.entries()) {
    if (index < most && !prover.containedInside(facts.item(index), item)) return false;
  }
  return rest === null || prover.itemsFrom(facts, prefix.length, rest);
}

function impliesContains(facts: Facts, { item, min, max }: Contains, prover: Prover): boolean {
  const known = facts.demands.flatMap(({ contains }) => (contains === null ? [] : [contains]));
  const everyItem = () => facts.most(({ minItems }) => minItems) >= min && prover.itemsFrom(facts, 0, item);
  const hasEnough =
    min === 0 ||
    known.some((one) => one.min >= min && prover.containedInside(new Facts([one.item]), item)) ||
    everyItem();
  if (!hasEnough) return false;
  if (max === Number.POSITIVE_INFINITY || mostItems(facts, prover) <= max) return true;
  return known.some((one) => one.max <= max && prover.containedInside(new Facts([item]), one.item));
}
