/** dependencies, dependentRequired, dependentSchemas: what one property asks of the whole object. */
import type { Facts } from '../facts.ts';
import { type Demands, demanding, NEVER } from '../predicate.ts';
import type { Prover } from '../prove.ts';

export function impliesDependencies(facts: Facts, demands: Demands, prover: Prover): boolean {
  if (!facts.types.has('object')) return true;
  const canHave = (name: string) => !facts.property(name).has(NEVER);
  for (const [name, wanted] of demands.dependentRequired) {
    const required = facts.requiredWith([name]);
    if (canHave(name) && !wanted.every((other) => required.has(other))) return false;
  }
  for (const [name, said] of demands.dependentSchemas) {
    if (canHave(name) && !prover.contained(withProperty(facts, name), said)) return false;
  }
  return true;
}

/** The facts of an object that has a property. */
export function withProperty(facts: Facts, name: string): Facts {
  const consequences = facts.demands.flatMap(({ dependentSchemas }) => dependentSchemas.get(name) ?? []);
  return facts.with(having(name), ...consequences);
}

const made = new Map<string, ReturnType<typeof demanding>>();
/** Names remembered, so that the same goal is recognised when it comes again. */
const MADE_MAX = 1000;

function having(name: string) {
  const known = made.get(name) ?? demanding({ types: new Set(['object']), required: [name] });
  if (made.size >= MADE_MAX) made.clear();
  made.set(name, known);
  return known;
}
