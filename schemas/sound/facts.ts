/**
 * What is known of a value: the predicates it meets, all at once, and what follows from them together.
 *
 * Everything here errs on one side: a fact may be missed, never invented. A proof (prove.ts) rests on it.
 */
import type { JsonValue } from '../parse/json-text.ts';
import { accepts, saidOf } from './accepts.ts';
import { mayEvaluateItems, mayEvaluateProperty } from './families/unevaluated.ts';
import { type Bound, type Demands, NEVER, type Predicate, TYPES, type Type } from './predicate.ts';

/** Predicates looked at together; what is beyond is left out, which only loses facts. */
const MAX_PREDICATES = 200;

/** What one predicate says of properties that nobody names: one of these holds for each. */
export interface Remainder {
  /** The pattern such a property matches; null: none of the predicate's. */
  readonly pattern: string | null;
  readonly said: readonly Predicate[];
}

export class Facts {
  /** Flattened: with all that they refer to and combine by allOf. */
  readonly predicates: readonly Predicate[];
  /** The same for the same predicates. */
  readonly key: string;
  #types: ReadonlySet<Type> | null = null;
  #values: readonly JsonValue[] | null | undefined;
  #required: ReadonlySet<string> | null = null;

  constructor(predicates: readonly Predicate[]) {
    const found = new Map<number, Predicate>();
    const add = (predicate: Predicate): void => {
      if (found.has(predicate.id) || found.size >= MAX_PREDICATES) return;
      found.set(predicate.id, predicate);
      predicate.demands.all.forEach(add);
    };
    predicates.forEach(add);
    this.predicates = [...found.values()].sort((a, b) => a.id - b.id);
    this.key = this.predicates.map(({ id }) => id).join(' ');
  }

  with(...more: readonly Predicate[]): Facts {
    return new Facts([...this.predicates, ...more]);
  }

  has(predicate: Predicate): boolean {
    return this.predicates.includes(predicate);
  }

  get demands(): readonly Demands[] {
    return this.predicates.map(({ demands }) => demands);
  }

  /** Types a value may still have. */
  get types(): ReadonlySet<Type> {
    this.#types ??= new Set(TYPES.filter((type) => this.#mayBe(type)));
    return this.#types;
  }

  /** The only values there can be, where they are few; null when they cannot be listed. */
  get values(): readonly JsonValue[] | null {
    if (this.#values === undefined) this.#values = this.#listValues();
    return this.#values;
  }

  get hasNumbers(): boolean {
    return this.types.has('integer') || this.types.has('fraction');
  }

  get lower(): Bound | null {
    return this.#strictest((demands) => demands.lower, 1);
  }

  get upper(): Bound | null {
    return this.#strictest((demands) => demands.upper, -1);
  }

  most(limit: (demands: Demands) => number): number {
    return Math.max(...this.demands.map(limit), 0);
  }

  least(limit: (demands: Demands) => number): number {
    return Math.min(...this.demands.map(limit), Number.POSITIVE_INFINITY);
  }

  /** Properties an object always has. */
  get required(): ReadonlySet<string> {
    this.#required ??= this.requiredWith([]);
    return this.#required;
  }

  /** Properties an object has that has these. */
  requiredWith(names: readonly string[]): ReadonlySet<string> {
    const required = new Set([...names, ...this.demands.flatMap((demands) => demands.required)]);
    // A set that grows while it is walked: what a required property requires is required too.
    for (const name of required) {
      for (const demands of this.demands)
        for (const other of demands.dependentRequired.get(name) ?? []) required.add(other);
    }
    return required;
  }

  /** What is known of a property's value, where it is there. */
  property(name: string): Facts {
    return new Facts(this.predicates.flatMap((predicate) => propertySaid(predicate, name)));
  }

  /** What is known of the item at an index, where it is there. */
  item(index: number): Facts {
    return new Facts(this.predicates.flatMap((predicate) => itemSaid(predicate, index)));
  }

  #strictest(of: (demands: Demands) => Bound | null, sign: 1 | -1): Bound | null {
    let strictest: Bound | null = null;
    for (const demands of this.demands) {
      const bound = of(demands);
      if (bound === null) continue;
      const difference = strictest === null ? 1 : (bound.value - strictest.value) * sign;
      if (difference > 0 || (difference === 0 && bound.isExclusive)) strictest = bound;
    }
    return strictest;
  }

  #mayBe(type: Type): boolean {
    for (const { types, not } of this.demands) {
      if (types !== null && !types.has(type)) return false;
      if (not !== null && refusedTypes(not).has(type)) return false;
    }
    const [lower, upper] = [this.lower, this.upper];
    if (type === 'integer' || type === 'fraction') return lower === null || upper === null || areApart(lower, upper);
    if (type === 'string') return this.most((d) => d.minLength) <= this.least((d) => d.maxLength);
    if (type === 'array') return this.most((d) => d.minItems) <= this.least((d) => d.maxItems);
    if (type === 'object') return this.most((d) => d.minProperties) <= this.least((d) => d.maxProperties);
    return true;
  }

  #listValues(): readonly JsonValue[] | null {
    const lists = this.demands.flatMap(({ values }) => (values === null ? [] : [values]));
    const types = [...this.types];
    const isSmall = types.every((type) => type === 'null' || type === 'boolean');
    if (lists.length === 0 && !isSmall) return null;
    const shortest = lists.sort((a, b) => a.length - b.length)[0] ?? [null, false, true];
    return shortest.filter((value) => this.predicates.every((predicate) => accepts(predicate, value) !== false));
  }
}

function areApart(lower: Bound, upper: Bound): boolean {
  return lower.value < upper.value || (lower.value === upper.value && !lower.isExclusive && !upper.isExclusive);
}

const NO_TYPES: ReadonlySet<Type> = new Set();
const ALL_BUT_OBJECTS: ReadonlySet<Type> = new Set(TYPES.filter((type) => type !== 'object'));

/** Types of which a value that does not meet `predicate` cannot be. */
function refusedTypes(predicate: Predicate): ReadonlySet<Type> {
  const { types } = predicate.demands;
  if (isOnly(predicate.demands, 'types')) return types ?? NO_TYPES;
  // Whatever is no object meets a demand about properties.
  return isOnly(predicate.demands, 'required') ? ALL_BUT_OBJECTS : NO_TYPES;
}

const EMPTY = NEVER.demands;

/** Whether a predicate demands this and nothing else. */
function isOnly(demands: Demands, member: keyof Demands): boolean {
  return (Object.keys(demands) as (keyof Demands)[]).every((each) => {
    if (each === member) return true;
    const [value, none] = [demands[each], each === 'types' ? null : EMPTY[each]];
    if (value instanceof Map) return value.size === 0;
    return Array.isArray(value) ? value.length === 0 : value === none;
  });
}

/** What one predicate says of a property, including that it cannot be there. */
export function propertySaid(predicate: Predicate, name: string): readonly Predicate[] {
  const { demands } = predicate;
  const said = saidOf(demands, name);
  if (demands.propertyNames !== null && accepts(demands.propertyNames, name) === false) said.push(NEVER);
  const { not, unevaluatedProperties } = demands;
  if (not !== null && not.demands.required.length === 1 && not.demands.required[0] === name) {
    if (isOnly(not.demands, 'required')) said.push(NEVER);
  }
  if (unevaluatedProperties !== null && !mayEvaluateProperty(predicate, name)) said.push(unevaluatedProperties);
  return said;
}

export function itemSaid(predicate: Predicate, index: number): readonly Predicate[] {
  const { prefix, rest, unevaluatedItems } = predicate.demands;
  const own = prefix[index] ?? rest;
  if (own !== null) return [own];
  return unevaluatedItems !== null && !mayEvaluateItems(predicate) ? [unevaluatedItems] : [];
}

/** What one predicate may say of a property that is not declared anywhere: alternatives, by the pattern it matches. */
export function remaindersOf(predicate: Predicate): readonly Remainder[] {
  const { patterns, additional, unevaluatedProperties } = predicate.demands;
  const isUnevaluated = additional === null && unevaluatedProperties !== null && !mayEvaluateProperty(predicate, null);
  const other = isUnevaluated ? unevaluatedProperties : additional;
  return [
    { pattern: null, said: other === null ? [] : [other] },
    ...[...patterns].map(([pattern, said]) => ({ pattern, said: [said] })),
  ];
}
