/** allOf, anyOf, oneOf, not, if/then/else, and `$ref`, which is one of allOf. */
import type { Facts } from '../facts.ts';
import { type Condition, type Demands, OF_TYPE, type Predicate } from '../predicate.ts';
import type { Prover } from '../prove.ts';

export function impliesCombined(facts: Facts, demands: Demands, prover: Prover): boolean {
  const { all, any, one, not, condition } = demands;
  return (
    all.every((part) => prover.contained(facts, part)) &&
    (any === null || any.some((part) => prover.contained(facts, part))) &&
    (one === null || isExactlyOne(facts, one, prover)) &&
    (not === null || prover.isImpossible(facts.with(not))) &&
    (condition === null || impliesCondition(facts, condition, prover))
  );
}

function isExactlyOne(facts: Facts, one: readonly Predicate[], prover: Prover): boolean {
  return one.some(
    (chosen, index) =>
      prover.contained(facts, chosen) &&
      one.every((other, place) => place === index || prover.isImpossible(facts.with(other))),
  );
}

function impliesCondition(facts: Facts, condition: Condition, prover: Prover): boolean {
  const holds = facts.with(condition.test);
  const fails = facts.with(condition.test.negation);
  return (
    (prover.isImpossible(holds) || prover.contained(holds, condition.met)) &&
    (prover.isImpossible(fails) || prover.contained(fails, condition.unmet))
  );
}

/**
 * Ways to tell apart the values of the facts, each a list of cases that together leave nothing out. The first is the
 * most telling; `goal` says whether telling the types apart may help.
 */
export function splitsOf(facts: Facts, goal: Demands | null = null): readonly (readonly Facts[])[] {
  const splits: (readonly Facts[])[] = [];
  for (const { any, one, condition } of facts.demands) {
    if (any !== null && !any.some((part) => facts.has(part))) splits.push(any.map((part) => facts.with(part)));
    if (one !== null && !one.some((part) => facts.has(part))) splits.push(one.map((part) => oneOnly(facts, part, one)));
    if (condition !== null && !facts.has(condition.test) && !facts.has(condition.test.negation)) {
      splits.push([facts.with(condition.test, condition.met), facts.with(condition.test.negation, condition.unmet)]);
    }
  }
  const mayHelp =
    goal !== null &&
    (goal.any !== null ||
      goal.one !== null ||
      goal.condition !== null ||
      goal.not !== null ||
      goal.values !== null ||
      goal.all.length > 0);
  if (mayHelp && facts.types.size > 1) splits.push(typesApart(facts));
  return splits;
}

/** This one of them, and none of the others. */
function oneOnly(facts: Facts, chosen: Predicate, one: readonly Predicate[]): Facts {
  return facts.with(chosen, ...one.filter((other) => other !== chosen).map((other) => other.negation));
}

function typesApart(facts: Facts): readonly Facts[] {
  return [...facts.types].map((type) => facts.with(OF_TYPE[type]));
}
