/**
 * Properties that a schema does not declare: what is known of each, name by name and pattern by pattern.
 *
 * Names that anybody mentions are looked at one by one; for all others each predicate says one of a few things
 * (facts.ts, Remainder), and every combination of these is looked at.
 */
import { matcherOf } from '../regex/engine.ts';
import { Facts, remaindersOf } from './facts.ts';
import { type Demands, NEVER, type Predicate } from './predicate.ts';
import type { Prover } from './prove.ts';

/** Combinations of what predicates say of undeclared properties. */
const MAX_COMBINATIONS = 64;

/** Names that some predicate of the facts mentions. */
export function mentionedNames(facts: Facts): Set<string> {
  const names = new Set<string>(facts.required);
  for (const demands of facts.demands) for (const name of demands.properties.keys()) names.add(name);
  for (const name of listedNames(facts) ?? []) names.add(name);
  return names;
}

/** The only names there can be, where `propertyNames` lists them. */
function listedNames(facts: Facts): readonly string[] | null {
  const named = facts.demands.flatMap(({ propertyNames }) => (propertyNames === null ? [] : [propertyNames]));
  const values = named.length === 0 ? null : new Facts(named).values;
  return values === null ? null : values.filter((value) => typeof value === 'string');
}

/** One thing that may be known of a property nobody mentions: the patterns it matches, and what they say. */
export interface Alternative {
  readonly patterns: readonly string[];
  readonly facts: Facts;
}

/** Everything that may be known of a property nobody mentions; null when there are too many combinations. */
export function alternativesOf(facts: Facts): readonly Alternative[] | null {
  if (listedNames(facts) !== null) return [];
  let combined: { patterns: string[]; said: Predicate[] }[] = [{ patterns: [], said: [] }];
  for (const predicate of facts.predicates) {
    const remainders = remaindersOf(predicate);
    if (remainders.length === 1 && remainders[0]!.said.length === 0) continue;
    combined = combined.flatMap(({ patterns, said }) =>
      remainders.map((one) => ({
        patterns: one.pattern === null ? patterns : [...patterns, one.pattern],
        said: [...said, ...one.said],
      })),
    );
    if (combined.length > MAX_COMBINATIONS) return null;
  }
  return combined.map(({ patterns, said }) => ({ patterns, facts: new Facts(said) }));
}

/** Whether every property of the facts that none of `looked` declares or matches meets the predicate. */
export function provesEach(facts: Facts, looked: readonly Demands[], predicate: Predicate, prover: Prover): boolean {
  if (looked.some(({ additional }) => additional !== null)) return true;
  return provesOthers(facts, looked, predicate, prover);
}

/** As {@link provesEach}, whatever `looked` says of additional properties. */
export function provesOthers(facts: Facts, looked: readonly Demands[], predicate: Predicate, prover: Prover): boolean {
  const patterns = new Set(looked.flatMap((demands) => [...demands.patterns.keys()]));
  const isLookedAt = (name: string) =>
    looked.some(({ properties }) => properties.has(name)) ||
    [...patterns].some((pattern) => matcherOf(pattern).test(name));
  for (const name of mentionedNames(facts)) {
    if (!isLookedAt(name) && !meets(facts.property(name), predicate, prover)) return false;
  }
  const alternatives = alternativesOf(facts);
  if (alternatives === null) return false;
  return alternatives.every(
    (one) => one.patterns.some((pattern) => patterns.has(pattern)) || meets(one.facts, predicate, prover),
  );
}

/** Whether what is known of a property suffices, because it fits or because it cannot be there. */
export function meets(known: Facts, predicate: Predicate, prover: Prover): boolean {
  return known.has(NEVER) || prover.containedInside(known, predicate);
}
