/**
 * The state of one comparison: where we are, what differs, and what has been compared before.
 *
 * Recursive schemas make endless trees. A pair of nodes is compared once and remembered; a pair that is met again while
 * it is being compared is taken as compatible, and whoever used that assumption runs the whole comparison again with
 * the pairs that turned out incompatible, until nothing changes (see compare.ts). Budgets end what would take too long.
 */
import { ComparisonBudgetError } from '../errors.ts';
import type { Difference, DifferenceType } from './difference.ts';
import type { SchemaNode } from './node.ts';

/** Pairs of nodes one check may compare, in about a second; only definitions that all use each other need so many. */
const MAX_PAIRS = 250_000;
/** Pairs inside pairs: about what the stack holds. */
const MAX_DEPTH = 600;

type Compare = (comparison: Comparison, original: SchemaNode, update: SchemaNode) => void;
type PairMap = Map<SchemaNode, Map<SchemaNode, readonly Difference[]>>;

/** What all passes of one check share. */
export interface Budget {
  pairs: number;
}

/** What all parts of one pass share. */
export class Pass {
  readonly allowed: ReadonlySet<DifferenceType>;
  readonly compare: Compare;
  readonly seed: PairMap;
  readonly memo: PairMap = new Map();
  readonly inProgress = new Map<SchemaNode, Set<SchemaNode>>();
  usedAssumption = false;
  depth = 0;
  readonly budget: Budget;

  constructor(allowed: ReadonlySet<DifferenceType>, compare: Compare, seed: PairMap, budget: Budget) {
    this.allowed = allowed;
    this.compare = compare;
    this.seed = seed;
    this.budget = budget;
  }

  /** Pairs found incompatible, to start the next pass with, and how many there are. */
  incompatible(): { readonly pairs: PairMap; readonly count: number } {
    const pairs: PairMap = new Map();
    let count = 0;
    for (const [original, updates] of this.memo) {
      for (const [update, differences] of updates) {
        if (differences.every(({ type }) => this.allowed.has(type))) continue;
        put(pairs, original, update, differences);
        count++;
      }
    }
    return { pairs, count };
  }
}

export class Comparison {
  readonly #pass: Pass;
  readonly #path: string[];
  readonly differences: Difference[] = [];

  constructor(pass: Pass, path: readonly string[] = []) {
    this.#pass = pass;
    this.#path = [...path];
  }

  add(type: DifferenceType, attribute?: string): void {
    this.differences.push({ type, path: pathText(attribute === undefined ? this.#path : [...this.#path, attribute]) });
  }

  addAll(differences: readonly Difference[]): void {
    for (const difference of differences) this.differences.push(difference);
  }

  /** Runs `inside` with `step` at the end of the path. */
  at(step: string, inside: () => void): void {
    this.#path.push(step);
    inside();
    this.#path.pop();
  }

  /** Compares two nodes, or their absence, here. */
  compare(original: SchemaNode | null, update: SchemaNode | null): void {
    if (original === null && update === null) return;
    if (original === null) this.add('SCHEMA_ADDED');
    else if (update === null) this.add('SCHEMA_REMOVED');
    else this.#pass.compare(this, original, update);
  }

  /** Compares beside this comparison: the caller decides what becomes of the differences. */
  trial(original: SchemaNode, update: SchemaNode): { differences: readonly Difference[]; isCompatible: boolean } {
    const trial = new Comparison(this.#pass, this.#path);
    trial.compare(original, update);
    return { differences: trial.differences, isCompatible: trial.isCompatible };
  }

  get isCompatible(): boolean {
    return this.differences.every(({ type }) => this.#pass.allowed.has(type));
  }

  /** The differences of a pair, computed once, moved to the current path. */
  remembered(original: SchemaNode, update: SchemaNode, compute: (pair: Comparison) => void): void {
    const pass = this.#pass;
    let found = pass.memo.get(original)?.get(update);
    if (found === undefined) {
      if (pass.inProgress.get(original)?.has(update)) {
        found = pass.seed.get(original)?.get(update);
        if (found === undefined) {
          pass.usedAssumption = true;
          return;
        }
      } else found = this.#computePair(original, update, compute);
    }
    const prefix = this.#path.length === 0 ? null : pathText(this.#path);
    for (const { type, path } of found) {
      this.differences.push({ type, path: prefix === null ? path : rebased(prefix, path) });
    }
  }

  #computePair(original: SchemaNode, update: SchemaNode, compute: (pair: Comparison) => void): readonly Difference[] {
    const pass = this.#pass;
    if (++pass.budget.pairs > MAX_PAIRS) {
      throw new ComparisonBudgetError(`Comparing them takes more than ${MAX_PAIRS} steps.`);
    }
    if (++pass.depth > MAX_DEPTH) {
      throw new ComparisonBudgetError(`They refer to themselves through more than ${MAX_DEPTH} levels.`);
    }
    const started = pass.inProgress.get(original) ?? new Set();
    pass.inProgress.set(original, started.add(update));
    const pair = new Comparison(pass);
    try {
      compute(pair);
    } finally {
      started.delete(update);
      pass.depth--;
    }
    put(pass.memo, original, update, pair.differences);
    return pair.differences;
  }
}

function put(map: PairMap, original: SchemaNode, update: SchemaNode, differences: readonly Difference[]): void {
  const updates = map.get(original);
  if (updates === undefined) map.set(original, new Map([[update, differences]]));
  else updates.set(update, differences);
}

function pathText(path: readonly string[]): string {
  return `#/${path.join('/')}`;
}

function rebased(prefix: string, path: string): string {
  return path.length <= 2 ? prefix : `${prefix}/${path.slice(2)}`;
}
