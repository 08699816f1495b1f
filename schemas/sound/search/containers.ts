/**
 * Objects and arrays worth trying: the least that fits, the most that fits, and each with one part changed.
 *
 * Pure; the parts are proposed by the hub (samples.ts).
 */
import type { JsonObject, JsonValue } from '../../parse/json-text.ts';
import { textsMatching } from '../../regex/sample.ts';
import { saidOf } from '../accepts.ts';
import { Facts } from '../facts.ts';
import { type Demands, NEVER, type Predicate } from '../predicate.ts';
import { mentionedNames } from '../remainder.ts';
import type { Random } from './random.ts';
import { takingTurns } from './turns.ts';

/** Values proposed for a part: those that fit come first. `few` asks for no more than an example. */
export type Propose = (facts: Facts, hints: readonly Predicate[], few: boolean) => readonly JsonValue[];

/** Names of one object that are varied. */
const MAX_NAMES = 200;
/** Values tried for one name. */
const MAX_VALUES = 300;
/** Of these, those that are tried in the smallest object too. */
const MAX_IN_LEAST = 6;
/** Objects made of random choices, beside those with one change. */
const RANDOM_OBJECTS = 16;
/** Containers are filled up to this many parts; a limit beyond it is not tried. */
const MAX_PARTS = 1100;
/** Names that no schema mentions, hopefully. */
const FRESH_NAMES = ['extra', 'z', 'X 1'];

export function* objectsFor(
  facts: Facts,
  hints: readonly Demands[],
  propose: Propose,
  few: boolean,
  random: Random,
): Generator<JsonObject> {
  const required = [...facts.required];
  const example = (name: string) => propose(facts.property(name), hintsFor(hints, name), true)[0] ?? null;
  const least: JsonObject = {};
  for (const name of required) setOwn(least, name, example(name));
  fill(
    least,
    facts.most(({ minProperties }) => minProperties),
    facts,
    propose,
  );
  yield least;
  if (few) return;

  const names = namesFor(facts, hints);
  const most: JsonObject = { ...least };
  for (const name of mentionedNames(facts)) {
    const known = facts.property(name);
    if (!known.has(NEVER) && !Object.hasOwn(most, name)) setOwn(most, name, example(name));
  }
  yield most;
  const values = new Map<string, readonly JsonValue[]>();
  for (const name of names) {
    values.set(name, propose(facts.property(name), hintsFor(hints, name), false).slice(0, MAX_VALUES));
  }
  function* varied(name: string): Generator<JsonObject> {
    if (Object.hasOwn(most, name) && !facts.required.has(name)) yield without(most, name);
    for (const [index, value] of values.get(name)!.entries()) {
      yield withMember(most, name, value);
      if (index >= MAX_IN_LEAST) continue;
      const small = withMember(least, name, value);
      for (const other of facts.requiredWith([name]))
        if (!Object.hasOwn(small, other)) setOwn(small, other, example(other));
      yield small;
    }
  }
  yield* takingTurns([bySize(least, facts, hints, propose), ...names.map(varied)]);
  for (let i = 0; i < RANDOM_OBJECTS && names.length > 1; i++) {
    const one: JsonObject = { ...least };
    for (const name of names) {
      const list = values.get(name)!;
      if (list.length > 0 && random.next() < 0.5) setOwn(one, name, random.pick(list));
    }
    yield one;
  }
}

/** Names that either schema mentions, one per pattern, and one that nobody mentions. */
function namesFor(facts: Facts, hints: readonly Demands[]): string[] {
  const names = mentionedNames(facts);
  for (const hint of hints) {
    for (const name of [...hint.properties.keys(), ...hint.required, ...hint.dependentRequired.keys()]) names.add(name);
    for (const name of hint.dependentSchemas.keys()) names.add(name);
  }
  const patterns = [...facts.demands, ...hints].flatMap((demands) => [...demands.patterns.keys()]);
  const ofNames = [...facts.demands, ...hints].flatMap(({ propertyNames }) => propertyNames?.demands.pattern ?? []);
  for (const pattern of [...patterns, ...ofNames])
    for (const name of textsMatching(pattern).slice(0, 2)) names.add(name);
  return [...[...names].slice(0, MAX_NAMES), ...FRESH_NAMES];
}

function hintsFor(hints: readonly Demands[], name: string): Predicate[] {
  return hints.flatMap((demands) => [
    ...saidOf(demands, name),
    ...(demands.unevaluatedProperties === null ? [] : [demands.unevaluatedProperties]),
  ]);
}

/** As many properties as some limit of either schema allows, and one to both sides of it. */
function* bySize(least: JsonObject, facts: Facts, hints: readonly Demands[], propose: Propose): Generator<JsonObject> {
  const limits = new Set([...facts.demands, ...hints].flatMap((one) => [one.minProperties, one.maxProperties]));
  for (const limit of limits) {
    if (limit === 0 || limit > MAX_PARTS) continue;
    for (const size of [limit - 1, limit, limit + 1]) {
      const sized = { ...least };
      fill(sized, size, facts, propose);
      yield sized;
    }
  }
}

/** Adds properties until there are `size`: declared ones first, then made-up names. */
function fill(object: JsonObject, size: number, facts: Facts, propose: Propose): void {
  if (size > MAX_PARTS || Object.keys(object).length >= size) return;
  const made = Array.from({ length: size }, (_, index) => `extra${index}`);
  for (const name of [...mentionedNames(facts), ...made]) {
    if (Object.keys(object).length >= size) return;
    const known = facts.property(name);
    if (!Object.hasOwn(object, name) && !known.has(NEVER)) setOwn(object, name, propose(known, [], true)[0] ?? null);
  }
}

function withMember(object: JsonObject, name: string, value: JsonValue): JsonObject {
  const changed = { ...object };
  setOwn(changed, name, value);
  return changed;
}

/** Also for `__proto__`, which an assignment would take for something else. */
function setOwn(object: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function without(object: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = object;
  return rest;
}

export function* arraysFor(
  facts: Facts,
  hints: readonly Demands[],
  propose: Propose,
  few: boolean,
): Generator<JsonValue[]> {
  const least = facts.most(({ minItems }) => minItems);
  const contained = facts.demands.flatMap(({ contains }) => (contains === null ? [] : [contains]));
  const needed = Math.max(least, ...contained.map(({ min }) => min));
  if (needed <= MAX_PARTS) yield ofLength(needed, facts, propose, contained[0]?.item ?? null);
  if (few) return;
  yield [];
  const all = [...facts.demands, ...hints];
  const lengths = new Set([
    1,
    2,
    ...all.flatMap((one) => [
      one.minItems,
      one.maxItems,
      one.prefix.length,
      one.contains?.min ?? 0,
      one.contains?.max ?? 0,
    ]),
  ]);
  for (const length of lengths) {
    if (length > MAX_PARTS) continue;
    for (const size of [length - 1, length, length + 1]) {
      if (size <= 0) continue;
      yield ofLength(size, facts, propose, null);
      if (contained.length > 0) yield ofLength(size, facts, propose, contained[0]!.item);
      yield repeated(size, facts, propose);
    }
  }
  const positions = Math.max(...all.map(({ prefix }) => prefix.length), 0) + 1;
  for (let index = 0; index < Math.min(positions, MAX_NAMES); index++) {
    const wanted = hints.flatMap(
      (one) => one.prefix[index] ?? one.rest ?? one.unevaluatedItems ?? one.contains?.item ?? [],
    );
    const length = Math.max(index + 1, least);
    if (length > MAX_PARTS) return;
    for (const value of propose(facts.item(index), wanted, false).slice(0, MAX_VALUES)) {
      const array = ofLength(length, facts, propose, null);
      array[index] = value;
      yield array;
    }
  }
}

/** Items that fit, different where the schema wants it; the first `contains` meets the last item. */
function ofLength(length: number, facts: Facts, propose: Propose, contained: Predicate | null): JsonValue[] {
  const items: JsonValue[] = [];
  const used = new Map<string, number>();
  for (let index = 0; index < length; index++) {
    const known = facts.item(index);
    const wanted = contained !== null && index >= length - 1 ? new Facts([...known.predicates, contained]) : known;
    const proposals = propose(wanted, [], false);
    const count = used.get(wanted.key) ?? 0;
    used.set(wanted.key, count + 1);
    items.push(proposals[count] ?? proposals[0] ?? null);
  }
  return items;
}

function repeated(length: number, facts: Facts, propose: Propose): JsonValue[] {
  return Array.from({ length }, (_, index) => propose(facts.item(index), [], true)[0] ?? null);
}
