/**
 * unevaluatedProperties, unevaluatedItems: what no other keyword of the schema looked at.
 *
 * Two questions with opposite caution: what may some keyword have looked at (then nothing is known), and what has one
 * looked at for certain (then nothing is demanded).
 */
import { matcherOf } from '../../regex/engine.ts';
import type { Facts } from '../facts.ts';
import type { Demands, Predicate } from '../predicate.ts';
import type { Prover } from '../prove.ts';

/** Schemas inside schemas that are looked through; beyond, anything may be evaluated. */
const MAX_VISITED = 200;

/** Whether a keyword beside or inside may look at this property; null: at one that is declared nowhere. */
export function mayEvaluateProperty(predicate: Predicate, name: string | null): boolean {
  return mayEvaluate(
    predicate,
    ({ properties, patterns, additional, isOpaque }) => {
      if (additional !== null || isOpaque) return true;
      if (name === null) return patterns.size > 0;
      return properties.has(name) || [...patterns.keys()].some((pattern) => matcherOf(pattern).test(name));
    },
    (demands) => demands.unevaluatedProperties !== null,
  );
}

/** Whether a keyword beside or inside may look at an item that the predicate's own prefix does not reach. */
export function mayEvaluateItems(predicate: Predicate): boolean {
  return mayEvaluate(
    predicate,
    ({ prefix, rest, contains, isOpaque }) => rest !== null || contains !== null || isOpaque || prefix.length > 0,
    (demands) => demands.unevaluatedItems !== null,
  );
}

function mayEvaluate(
  root: Predicate,
  evaluates: (demands: Demands) => boolean,
  hasUnevaluated: (demands: Demands) => boolean,
): boolean {
  const seen = new Set<Predicate>();
  const visit = (predicate: Predicate): boolean => {
    if (seen.has(predicate)) return false;
    seen.add(predicate);
    if (seen.size > MAX_VISITED) return true;
    const { demands } = predicate;
    if (evaluates(demands) || (predicate !== root && hasUnevaluated(demands))) return true;
    return inPlace(demands).some(visit);
  };
  return visit(root);
}

/** Schemas that judge the same value. */
function inPlace({ all, any, one, condition, dependentSchemas, not }: Demands): readonly Predicate[] {
  const branches = condition === null ? [] : [condition.test, condition.met, condition.unmet];
  return [
    ...all,
    ...(any ?? []),
    ...(one ?? []),
    ...branches,
    ...dependentSchemas.values(),
    ...(not === null ? [] : [not]),
  ];
}

/** Taken as if nothing but what is certain (its own keywords, allOf, `$ref`) had looked. */
export function impliesUnevaluated(facts: Facts, of: Predicate, prover: Prover): boolean {
  const { unevaluatedProperties, unevaluatedItems } = of.demands;
  if (unevaluatedProperties !== null && facts.types.has('object')) {
    if (!prover.remainder(facts, certain(of), unevaluatedProperties)) return false;
  }
  if (unevaluatedItems === null || !facts.types.has('array')) return true;
  const certainly = certain(of);
  if (certainly.some(({ rest }) => rest !== null)) return true;
  const looked = Math.max(...certainly.map(({ prefix }) => prefix.length));
  return prover.itemsFrom(facts, looked, unevaluatedItems);
}

/** The demands that certainly apply to the same value: the predicate's own, those of allOf and of references. */
function certain(predicate: Predicate): readonly Demands[] {
  const found = new Set<Predicate>();
  const visit = (each: Predicate): void => {
    if (found.has(each) || found.size > MAX_VISITED) return;
    found.add(each);
    each.demands.all.forEach(visit);
  };
  visit(predicate);
  return [...found].map(({ demands }) => demands);
}
