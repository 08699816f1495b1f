/** properties, patternProperties, additionalProperties, propertyNames, required, minProperties, maxProperties. */
import { matcherOf } from '../../regex/engine.ts';
import { saidOf } from '../accepts.ts';
import { Facts } from '../facts.ts';
import { type Demands, demanding, NEVER, OF_TYPE, type Predicate } from '../predicate.ts';
import type { Prover } from '../prove.ts';
import { alternativesOf, meets, mentionedNames, provesOthers } from '../remainder.ts';

export function impliesObjects(facts: Facts, demands: Demands, prover: Prover): boolean {
  if (!facts.types.has('object')) return true;
  return (
    demands.required.every((name) => facts.required.has(name)) &&
    impliesCounts(facts, demands) &&
    impliesDeclared(facts, demands, prover) &&
    impliesPatterns(facts, demands, prover) &&
    (demands.additional === null || provesOthers(facts, [demands], demands.additional, prover)) &&
    (demands.propertyNames === null || impliesNames(facts, demands.propertyNames, prover))
  );
}

function impliesCounts(facts: Facts, { minProperties, maxProperties }: Demands): boolean {
  const least = Math.max(
    facts.most((demands) => demands.minProperties),
    facts.required.size,
  );
  if (least < minProperties) return false;
  return facts.least((demands) => demands.maxProperties) <= maxProperties || mostNames(facts) <= maxProperties;
}

/** How many properties there can be where all others are refused. */
function mostNames(facts: Facts): number {
  const isClosed = alternativesOf(facts)?.every((one) => one.facts.has(NEVER)) ?? false;
  if (!isClosed) return Number.POSITIVE_INFINITY;
  return [...mentionedNames(facts)].filter((name) => !facts.property(name).has(NEVER)).length;
}

/** Each name that either side mentions, against all the demands have to say of it but "additional". */
function impliesDeclared(facts: Facts, demands: Demands, prover: Prover): boolean {
  for (const name of new Set([...demands.properties.keys(), ...mentionedNames(facts)])) {
    const isDeclared =
      demands.properties.has(name) || [...demands.patterns.keys()].some((p) => matcherOf(p).test(name));
    if (!isDeclared) continue;
    const known = facts.property(name);
    if (!saidOf(demands, name).every((said) => meets(known, said, prover))) return false;
  }
  return true;
}

/** Names nobody mentions that match a pattern of the demands. */
function impliesPatterns(facts: Facts, { patterns }: Demands, prover: Prover): boolean {
  if (patterns.size === 0) return true;
  const alternatives = alternativesOf(facts);
  if (alternatives === null) return false;
  for (const [pattern, said] of patterns) {
    // Where a predicate has this very pattern, its word certainly counts; "none of its patterns" cannot be.
    const same = facts.predicates.filter((predicate) => predicate.demands.patterns.has(pattern));
    const sure = same.map((predicate) => predicate.demands.patterns.get(pattern)!);
    const possible = same.length === 0 ? alternatives : alternatives.filter((one) => one.patterns.includes(pattern));
    if (!possible.every((one) => meets(one.facts.with(...sure), said, prover))) return false;
  }
  return true;
}

function impliesNames(facts: Facts, names: Predicate, prover: Prover): boolean {
  const known = facts.demands.flatMap(({ propertyNames }) => (propertyNames === null ? [] : [propertyNames]));
  if (prover.containedInside(new Facts([...known, OF_TYPE.string]), names)) return true;
  if (mostNames(facts) === Number.POSITIVE_INFINITY) return false;
  return [...mentionedNames(facts)].every(
    (name) =>
      facts.property(name).has(NEVER) || prover.containedInside(new Facts([demanding({ values: [name] })]), names),
  );
}
