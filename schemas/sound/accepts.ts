/**
 * Whether a value meets a predicate: yes, no, or null where this checker does not know every keyword.
 *
 * The last word is the compiled validator's (judge.ts); this one also judges parts of a value and parts of a schema,
 * for which nothing is compiled.
 */

import { isMultipleOf } from '../compatibility/decimal.ts';
import { isObject, type JsonObject, type JsonValue } from '../parse/json-text.ts';
import { matcherOf } from '../regex/engine.ts';
import { formatJudge } from '../validation/formats.ts';
import { type Demands, type Predicate, typeOf } from './predicate.ts';
import { isEqual, lengthOf } from './values.ts';

export type Answer = boolean | null;

/** References that lead in circles without descending into the value end here. */
const MAX_DEPTH = 200;

export function accepts(predicate: Predicate, value: JsonValue, depth = 0): Answer {
  if (depth > MAX_DEPTH) return null;
  const demands = predicate.demands;
  const inside = (part: Predicate, of: JsonValue) => accepts(part, of, depth + 1);
  return and([
    () => (demands.types === null ? true : demands.types.has(typeOf(value))),
    () => demands.values === null || demands.values.some((one) => isEqual(one, value)),
    () => (typeof value === 'number' ? numberFits(demands, value) : true),
    () => (typeof value === 'string' ? stringFits(demands, value) : true),
    () => (demands.format === null ? true : formatJudge(demands.format)(value)),
    () => (isObject(value) ? objectFits(demands, value, inside) : true),
    () => (Array.isArray(value) ? arrayFits(demands, value, inside) : true),
    () => combinedFits(demands, value, inside),
    () => (demands.isOpaque ? null : true),
    () => (demands.unevaluatedProperties !== null && isObject(value) ? null : true),
    () => (demands.unevaluatedItems !== null && Array.isArray(value) ? null : true),
  ]);
}

type Inside = (part: Predicate, of: JsonValue) => Answer;

/** No as soon as one says no; else null when one does not know. */
function and(parts: Iterable<() => Answer>): Answer {
  let answer: Answer = true;
  for (const part of parts) {
    const one = part();
    if (one === false) return false;
    if (one === null) answer = null;
  }
  return answer;
}

function every<T>(list: Iterable<T>, test: (each: T) => Answer): Answer {
  return and([...list].map((each) => () => test(each)));
}

/** How many of the list hold for sure, and how many may. */
function count<T>(list: Iterable<T>, test: (each: T) => Answer): { sure: number; possible: number } {
  let [sure, possible] = [0, 0];
  for (const each of list) {
    const answer = test(each);
    if (answer === true) sure++;
    if (answer !== false) possible++;
  }
  return { sure, possible };
}

export function numberFits({ lower, upper, multipleOf }: Demands, value: number): boolean {
  if (lower !== null && (lower.isExclusive ? value <= lower.value : value < lower.value)) return false;
  if (upper !== null && (upper.isExclusive ? value >= upper.value : value > upper.value)) return false;
  return multipleOf === null || isMultipleOf(value, multipleOf);
}

export function stringFits({ minLength, maxLength, pattern }: Demands, value: string): boolean {
  if (minLength > 0 || maxLength < Number.POSITIVE_INFINITY) {
    const length = lengthOf(value);
    if (length < minLength || length > maxLength) return false;
  }
  return pattern === null || matcherOf(pattern).test(value);
}

function objectFits(demands: Demands, value: JsonObject, inside: Inside): Answer {
  const names = Object.keys(value);
  if (names.length < demands.minProperties || names.length > demands.maxProperties) return false;
  if (!demands.required.every((name) => Object.hasOwn(value, name))) return false;
  for (const [name, wanted] of demands.dependentRequired) {
    if (Object.hasOwn(value, name) && !wanted.every((other) => Object.hasOwn(value, other))) return false;
  }
  return and([
    () => every(names, (name) => every(saidOf(demands, name), (part) => inside(part, value[name]!))),
    () => (demands.propertyNames === null ? true : every(names, (name) => inside(demands.propertyNames!, name))),
    () => every(demands.dependentSchemas, ([name, part]) => (Object.hasOwn(value, name) ? inside(part, value) : true)),
  ]);
}

/** What a schema's own properties, patterns and additional properties say of a property. */
export function saidOf(demands: Demands, name: string): Predicate[] {
  const said: Predicate[] = [];
  const declared = demands.properties.get(name);
  if (declared !== undefined) said.push(declared);
  for (const [pattern, part] of demands.patterns) if (matcherOf(pattern).test(name)) said.push(part);
  return said.length === 0 && demands.additional !== null ? [demands.additional] : said;
}

function arrayFits(demands: Demands, value: readonly JsonValue[], inside: Inside): Answer {
  if (value.length < demands.minItems || value.length > demands.maxItems) return false;
  if (demands.isUnique && value.some((item, i) => value.slice(0, i).some((other) => isEqual(item, other))))
    return false;
  const { contains, prefix, rest } = demands;
  return and([
    () =>
      every(value.keys(), (index) => {
        const part = prefix[index] ?? rest;
        return part === null ? true : inside(part, value[index]!);
      }),
    () => {
      if (contains === null) return true;
      const { sure, possible } = count(value, (item) => inside(contains.item, item));
      if (possible < contains.min || sure > contains.max) return false;
      return sure >= contains.min && possible <= contains.max ? true : null;
    },
  ]);
}

function combinedFits(demands: Demands, value: JsonValue, inside: Inside): Answer {
  const { all, any, one, not, condition } = demands;
  return and([
    () => every(all, (part) => inside(part, value)),
    () => {
      if (any === null) return true;
      const { sure, possible } = count(any, (part) => inside(part, value));
      return sure > 0 ? true : possible > 0 ? null : false;
    },
    () => {
      if (one === null) return true;
      const { sure, possible } = count(one, (part) => inside(part, value));
      if (sure > 1 || possible === 0) return false;
      return sure === 1 && possible === 1 ? true : null;
    },
    () => (not === null ? true : negated(inside(not, value))),
    () => {
      if (condition === null) return true;
      const holds = inside(condition.test, value);
      if (holds !== null) return inside(holds ? condition.met : condition.unmet, value);
      const both = [inside(condition.met, value), inside(condition.unmet, value)];
      return both[0] === both[1] ? both[0]! : null;
    },
  ]);
}

function negated(answer: Answer): Answer {
  return answer === null ? null : !answer;
}
