/**
 * Proofs that every value meeting some facts meets a predicate: the hub that asks each keyword family in turn.
 *
 * A yes is certain. A no means "not proven": the families know rules, not everything. Recursive schemas: a goal that
 * comes up inside its own proof holds if a step into the value lies in between, for values are finite; such a proof is
 * an induction over their depth.
 */
import { accepts } from './accepts.ts';
import { Facts } from './facts.ts';
import { impliesArrays } from './families/arrays.ts';
import { impliesCombined, splitsOf } from './families/combined.ts';
import { impliesDependencies } from './families/dependencies.ts';
import { impliesNumbers } from './families/numbers.ts';
import { impliesObjects } from './families/objects.ts';
import { impliesStrings } from './families/strings.ts';
import { impliesTypes } from './families/types.ts';
import { impliesUnevaluated } from './families/unevaluated.ts';
import { ALWAYS, type Demands, NEVER, type Predicate } from './predicate.ts';
import { provesEach } from './remainder.ts';

/** Goals one proof may look at: a realistic pair takes tens, and a hundred thousand take a second. */
const MAX_GOALS = 30_000;
/** Goals inside goals: about what the stack holds. */
const MAX_NESTED = 400;
/** How deep into required properties a contradiction is looked for. */
const MAX_CONTRADICTION_DEPTH = 4;

/** The proof would take too long. */
export class ProofBudgetSpent extends Error {}

export class Prover {
  #goals = 0;
  #nested = 0;
  /** Steps into the value between here and the beginning. */
  #steps = 0;
  /** Goals being proven: how many steps lay before each. */
  readonly #open = new Map<string, { readonly steps: number; readonly nested: number }>();
  readonly #known = new Map<string, boolean>();
  /** The outermost open goal that the proof under way rests on. */
  #restsOn = Number.POSITIVE_INFINITY;

  /** Whether every value of the facts meets the predicate. */
  contained(facts: Facts, predicate: Predicate): boolean {
    if (predicate === ALWAYS || facts.has(predicate)) return true;
    const key = `${facts.key}>${predicate.id}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const open = this.#open.get(key);
    if (open !== undefined) {
      if (open.steps >= this.#steps) return false;
      this.#restsOn = Math.min(this.#restsOn, open.nested);
      return true;
    }
    if (++this.#goals > MAX_GOALS || this.#nested >= MAX_NESTED) throw new ProofBudgetSpent();
    return this.#prove(key, facts, predicate);
  }

  #prove(key: string, facts: Facts, predicate: Predicate): boolean {
    const outer = this.#restsOn;
    this.#restsOn = Number.POSITIVE_INFINITY;
    const nested = this.#nested++;
    this.#open.set(key, { steps: this.#steps, nested });
    const isProven = this.#isProven(facts, predicate);
    this.#open.delete(key);
    this.#nested--;
    // A yes that rests on a goal further out is only known once that one is; a no stays a no.
    if (!isProven || this.#restsOn >= nested) this.#known.set(key, isProven);
    const restsFurtherOut = isProven && this.#restsOn < nested;
    this.#restsOn = Math.min(outer, restsFurtherOut ? this.#restsOn : Number.POSITIVE_INFINITY);
    return isProven;
  }

  /** As {@link contained}, for a part of the value: a property or an item. */
  containedInside(facts: Facts, predicate: Predicate): boolean {
    this.#steps++;
    const answer = this.contained(facts, predicate);
    this.#steps--;
    return answer;
  }

  /** Whether no value can meet the facts. */
  isImpossible(facts: Facts, depth = 0): boolean {
    if (facts.types.size === 0 || facts.values?.length === 0) return true;
    if (depth > MAX_CONTRADICTION_DEPTH) return false;
    if (++this.#goals > MAX_GOALS) throw new ProofBudgetSpent();
    if (this.#contradictsItself(facts)) return true;
    if (facts.types.size === 1 && facts.types.has('object')) {
      if ([...facts.required].some((name) => this.isImpossible(facts.property(name), depth + 1))) return true;
    }
    return splitsOf(facts)
      .slice(0, 1)
      .some((branches) => branches.every((branch) => this.isImpossible(branch, depth + 1)));
  }

  /** Something that must not hold follows from the rest. */
  #contradictsItself(facts: Facts): boolean {
    return facts.predicates.some((predicate) => {
      const { not } = predicate.demands;
      if (not === null) return false;
      const rest = new Facts(facts.predicates.filter((other) => other !== predicate));
      return this.contained(rest, not);
    });
  }

  /** Whether every property that none of `looked` looks at meets the predicate. */
  remainder(facts: Facts, looked: readonly Demands[], predicate: Predicate): boolean {
    return provesEach(facts, looked, predicate, this);
  }

  /** Whether every item from an index on meets the predicate. */
  itemsFrom(facts: Facts, from: number, predicate: Predicate): boolean {
    const declared = Math.max(...facts.demands.map(({ prefix }) => prefix.length), from);
    const most = facts.least(({ maxItems }) => maxItems);
    for (let index = from; index <= declared && index < most; index++) {
      const item = facts.item(index);
      // No array reaches beyond an item that cannot be.
      if (this.isImpossible(item)) return true;
      if (!this.containedInside(item, predicate)) return false;
    }
    return true;
  }

  #isProven(facts: Facts, predicate: Predicate): boolean {
    if (facts.types.size === 0) return true;
    const { values } = facts;
    if (values !== null) return values.every((value) => accepts(predicate, value) === true);
    if (predicate === NEVER) return this.isImpossible(facts);
    const { demands } = predicate;
    const isImplied =
      !demands.isOpaque &&
      impliesTypes(facts, demands) &&
      impliesNumbers(facts, demands) &&
      impliesStrings(facts, demands) &&
      impliesObjects(facts, demands, this) &&
      impliesArrays(facts, demands, this) &&
      impliesDependencies(facts, demands, this) &&
      impliesUnevaluated(facts, predicate, this) &&
      impliesCombined(facts, demands, this);
    if (isImplied) return true;
    const [branches] = splitsOf(facts, demands);
    if (branches !== undefined) return branches.every((branch) => this.contained(branch, predicate));
    return this.isImpossible(facts);
  }
}
