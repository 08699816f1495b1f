/**
 * A schema as what it demands of a value, the same in every draft: what the sound checker reasons about.
 *
 * A predicate has an identity (the same JSON object is the same predicate), so that goals about recursive schemas can be
 * recognised. reading.ts makes predicates from JSON; the few made here are for splitting cases.
 */
import type { JsonValue } from '../parse/json-text.ts';

/** JSON's types, with the numbers in two: every number is one or the other. */
export const TYPES = ['null', 'boolean', 'integer', 'fraction', 'string', 'array', 'object'] as const;
export type Type = (typeof TYPES)[number];

export interface Bound {
  readonly value: number;
  readonly isExclusive: boolean;
}

/** How many items must fit, at least and at most. */
export interface Contains {
  readonly item: Predicate;
  readonly min: number;
  readonly max: number;
}

export interface Condition {
  readonly test: Predicate;
  readonly met: Predicate;
  readonly unmet: Predicate;
}

/** Everything a schema demands by itself; a value fits when all of it holds. Null: nothing of the kind. */
export interface Demands {
  readonly types: ReadonlySet<Type> | null;
  readonly values: readonly JsonValue[] | null;
  readonly lower: Bound | null;
  readonly upper: Bound | null;
  readonly multipleOf: number | null;
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern: string | null;
  readonly format: string | null;
  readonly properties: ReadonlyMap<string, Predicate>;
  readonly patterns: ReadonlyMap<string, Predicate>;
  /** For properties that are neither declared nor matched. */
  readonly additional: Predicate | null;
  readonly propertyNames: Predicate | null;
  readonly required: readonly string[];
  readonly minProperties: number;
  readonly maxProperties: number;
  readonly dependentRequired: ReadonlyMap<string, readonly string[]>;
  readonly dependentSchemas: ReadonlyMap<string, Predicate>;
  readonly unevaluatedProperties: Predicate | null;
  readonly prefix: readonly Predicate[];
  /** For items beyond the prefix. */
  readonly rest: Predicate | null;
  readonly minItems: number;
  readonly maxItems: number;
  readonly isUnique: boolean;
  readonly contains: Contains | null;
  readonly unevaluatedItems: Predicate | null;
  /** allOf, and where a `$ref` leads. */
  readonly all: readonly Predicate[];
  readonly any: readonly Predicate[] | null;
  readonly one: readonly Predicate[] | null;
  readonly not: Predicate | null;
  readonly condition: Condition | null;
  /** A keyword that restricts values in a way this checker does not know. */
  readonly isOpaque: boolean;
}

export const NO_DEMANDS: Demands = {
  types: null,
  values: null,
  lower: null,
  upper: null,
  multipleOf: null,
  minLength: 0,
  maxLength: Number.POSITIVE_INFINITY,
  pattern: null,
  format: null,
  properties: new Map(),
  patterns: new Map(),
  additional: null,
  propertyNames: null,
  required: [],
  minProperties: 0,
  maxProperties: Number.POSITIVE_INFINITY,
  dependentRequired: new Map(),
  dependentSchemas: new Map(),
  unevaluatedProperties: null,
  prefix: [],
  rest: null,
  minItems: 0,
  maxItems: Number.POSITIVE_INFINITY,
  isUnique: false,
  contains: null,
  unevaluatedItems: null,
  all: [],
  any: null,
  one: null,
  not: null,
  condition: null,
  isOpaque: false,
};

let created = 0;

export class Predicate {
  readonly id = ++created;
  readonly #read: () => Demands;
  #demands: Demands | null = null;
  #negation: Predicate | null = null;

  /** `read` is called once, when the demands are first asked for: schemas refer to themselves. */
  constructor(read: () => Demands) {
    this.#read = read;
  }

  get demands(): Demands {
    this.#demands ??= this.#read();
    return this.#demands;
  }

  /** Holds where this one does not; always the same one. */
  get negation(): Predicate {
    this.#negation ??= demanding({ not: this });
    return this.#negation;
  }
}

export function demanding(some: Partial<Demands>): Predicate {
  return new Predicate(() => ({ ...NO_DEMANDS, ...some }));
}

export const ALWAYS = demanding({});
export const NEVER = demanding({ types: new Set() });
export const OF_TYPE = Object.fromEntries(TYPES.map((type) => [type, demanding({ types: new Set([type]) })])) as Record<
  Type,
  Predicate
>;

/** The type of a JSON value; what JSON cannot hold (undefined) is no value here. */
export function typeOf(value: JsonValue): Type {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction';
  return typeof value as 'boolean' | 'string' | 'object';
}
