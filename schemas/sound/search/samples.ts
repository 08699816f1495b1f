/**
 * Values worth trying against two schemas: they should meet the facts, and lie where the hints' schema may refuse.
 *
 * Deterministic: the same schemas and seed give the same values in the same order. Bounded in depth and number.
 */
import type { JsonValue } from '../../parse/json-text.ts';
import { accepts } from '../accepts.ts';
import type { Facts } from '../facts.ts';
import { splitsOf } from '../families/combined.ts';
import { withProperty } from '../families/dependencies.ts';
import { type Demands, type Predicate, TYPES, type Type, typeOf } from '../predicate.ts';
import { ProofBudgetSpent, Prover } from '../prove.ts';
import { arraysFor, objectsFor, type Propose } from './containers.ts';
import type { Random } from './random.ts';
import { numbersFor, textsFor } from './scalars.ts';
import { takingTurns } from './turns.ts';

/** How deep values are varied; below, one example is enough. */
const MAX_DEPTH = 6;
/** Cases of anyOf, oneOf and if that are told apart at one place. */
const MAX_CASES = 16;
/** Schemas on the refusing side that are looked into at one place. */
const MAX_HINTS = 100;
/** Values proposed for a part of a value. */
const MAX_PROPOSED = 300;
/** Values made in one search, parts included. */
const MAX_MADE = 60_000;

export class Samples {
  readonly #random: Random;
  readonly #proposed = new Map<string, readonly JsonValue[]>();
  readonly #prover = new Prover();
  #made = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Values for the whole, the likeliest first. */
  *of(facts: Facts, refusing: Predicate): Generator<JsonValue> {
    yield* this.#values(facts, [refusing], 0, false);
  }

  *#values(facts: Facts, refusing: readonly Predicate[], depth: number, few: boolean): Generator<JsonValue> {
    const hints = hintsOf(refusing);
    const variants = [...variantsOf(facts, few ? 1 : MAX_CASES), ...(few ? [] : dependentsOf(facts))];
    for (const value of takingTurns(variants.map((variant) => this.#ofVariant(variant, hints, depth, few)))) {
      if (++this.#made > MAX_MADE) return;
      yield value;
    }
  }

  *#ofVariant(facts: Facts, hints: readonly Demands[], depth: number, few: boolean): Generator<JsonValue> {
    const fits = (value: JsonValue) => facts.predicates.every((predicate) => accepts(predicate, value) !== false);
    if (facts.values !== null) {
      yield* facts.values;
      return;
    }
    if (!few) for (const hint of hints) for (const value of hint.values ?? []) if (fits(value)) yield value;
    const isBare = depth >= MAX_DEPTH;
    // What a part can be is only varied where the other side may refuse some of it.
    const propose: Propose = (part, refusing, short) =>
      this.#propose(part, refusing, depth + 1, short || isBare || this.#isSafe(part, refusing));
    const ofType = (type: Type): Iterable<JsonValue> => {
      if (type === 'null') return [null];
      if (type === 'boolean') return [true, false];
      if (type === 'string') return textsFor(facts, hints).filter(fits);
      if (type === 'array') return arraysFor(facts, hints, propose, few || isBare);
      if (type === 'object') return objectsFor(facts, hints, propose, few || isBare, this.#random);
      return numbersFor(facts, hints).filter((number) => typeOf(number) === type && fits(number));
    };
    yield* takingTurns(orderOf(facts, hints).map(ofType));
  }

  /** Whether all that the part can be is known to pass. */
  #isSafe(part: Facts, refusing: readonly Predicate[]): boolean {
    if (refusing.length === 0) return false;
    try {
      return refusing.every((predicate) => this.#prover.contained(part, predicate));
    } catch (error) {
      if (error instanceof ProofBudgetSpent) return false;
      throw error;
    }
  }

  #propose(facts: Facts, refusing: readonly Predicate[], depth: number, few: boolean): readonly JsonValue[] {
    if (depth > MAX_DEPTH * 3) return [];
    const key = `${few ? 1 : 0} ${depth} ${facts.key}>${refusing.map(({ id }) => id).join(' ')}`;
    const known = this.#proposed.get(key);
    if (known !== undefined) return known;
    const [fitting, other]: JsonValue[][] = [[], []];
    for (const value of this.#values(facts, refusing, depth, few)) {
      const isFitting = facts.predicates.every((predicate) => accepts(predicate, value) !== false);
      (isFitting ? fitting! : other!).push(value);
      if (fitting!.length >= (few ? 1 : MAX_PROPOSED)) break;
    }
    const proposed = fitting!.length > 0 ? fitting! : other!.slice(0, 1);
    this.#proposed.set(key, proposed);
    return proposed;
  }
}

/** The types of the facts, those first of which the refusing side says something. */
function orderOf(facts: Facts, hints: readonly Demands[]): readonly Type[] {
  const order: readonly Type[] = ['integer', 'string', 'boolean', 'object', 'array', 'fraction', 'null'];
  const refused = (type: Type) => hints.some(({ types }) => types !== null && !types.has(type));
  const possible = order.filter((type) => TYPES.includes(type) && facts.types.has(type));
  return [...possible.filter((type) => !refused(type)), ...possible.filter(refused)];
}

/** The facts with their cases told apart, as many as there are up to a limit. */
function variantsOf(facts: Facts, limit: number): readonly Facts[] {
  const done: Facts[] = [];
  const open: Facts[] = [facts];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const [branches] = splitsOf(next);
    if (branches === undefined || open.length + done.length >= limit * 4) done.push(next);
    else open.push(...branches.filter((branch) => branch.types.size > 0));
    if (done.length >= limit) return done;
  }
  return done;
}

/** The facts once for each property on which more depends, with it. */
function dependentsOf(facts: Facts): readonly Facts[] {
  const names = new Set(facts.demands.flatMap(({ dependentSchemas }) => [...dependentSchemas.keys()]));
  return [...names].slice(0, MAX_CASES).map((name) => withProperty(facts, name));
}

/** The demands of the refusing side, branches included. */
function hintsOf(refusing: readonly Predicate[]): Demands[] {
  const found = new Set<Predicate>();
  const open = [...refusing];
  for (let next = open.shift(); next !== undefined && found.size < MAX_HINTS; next = open.shift()) {
    if (found.has(next)) continue;
    found.add(next);
    const { all, any, one, not, condition, dependentSchemas } = next.demands;
    const branches = condition === null ? [] : [condition.test, condition.met, condition.unmet];
    open.push(
      ...all,
      ...(any ?? []),
      ...(one ?? []),
      ...branches,
      ...dependentSchemas.values(),
      ...(not === null ? [] : [not]),
    );
  }
  return [...found].map(({ demands }) => demands);
}
