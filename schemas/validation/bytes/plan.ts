/**
 * From a schema to a plan by which walk.ts judges bytes; null for a schema that uses anything else than the plan knows.
 *
 * Pure. Takes schemas as `prepared` leaves them, so that the plan and ajv read the same thing. What is not certainly
 * meant the same here as by ajv is not planned: then everything is ajv's, as before.
 */
import { isObject, type JsonObject, type JsonValue } from '../../parse/json-text.ts';
import { matcherOf } from '../../regex/engine.ts';
import { isUsualDateTimeIn } from '../date-time.ts';
import { formatJudge, isKnownFormat } from '../formats.ts';
import { isMultiple } from '../multiple-of.ts';
import { flatPattern, type Shape } from './flat-pattern.ts';

/** Types a value may have, as bits. */
export const Types = { null: 1, boolean: 2, number: 4, integer: 8, string: 16, array: 32, object: 64 } as const;
const EVERY_TYPE = 127;

/** One schema. All plans have the same members in the same order, which the engine rewards. */
export interface Plan {
  readonly types: number;
  readonly string: StringRule | null;
  readonly number: NumberRule | null;
  readonly array: ArrayRule;
  readonly object: ObjectRule;
  /** JSON texts of which the value is one; null: any. */
  readonly constants: readonly Buffer[] | null;
  /** Plans that must fit as well. */
  readonly also: readonly Plan[];
  /** Plans of which one must fit; null: none is asked. */
  readonly any: readonly Plan[] | null;
  /** None of the last three says anything. */
  readonly isPlain: boolean;
}

export interface StringRule {
  readonly minLength: number;
  readonly maxLength: number;
  /** Asked of the bytes. */
  readonly shapes: readonly Shape[];
  /** Asked of the text. */
  readonly judges: readonly ((text: string) => boolean)[];
}

export interface NumberRule {
  readonly minimum: number;
  readonly maximum: number;
  readonly exclusiveMinimum: number;
  readonly exclusiveMaximum: number;
  readonly judges: readonly ((value: number) => boolean)[];
}

export interface ArrayRule {
  readonly items: Plan;
  readonly min: number;
  readonly max: number;
}

/** Turns after which stamps are wiped, so that none is taken for one of long ago. */
const MAX_TURN = 2 ** 31 - 1;

export class ObjectRule {
  /** Each with the quote behind it. */
  readonly names: readonly Buffer[];
  readonly plans: readonly Plan[];
  readonly isRequired: readonly number[];
  /** How many are required. */
  readonly required: number;
  /** For other members; null: there may be none. */
  readonly additional: Plan | null;
  /** By member and one (0: at the beginning), the member that came next the last time; -1: one without a plan. */
  readonly follows: Int32Array;
  /** By member, the turn in which it was met. */
  readonly seen: Int32Array;
  readonly #byHash = new Map<number, number[]>();
  #turn = 0;

  constructor(members: ReadonlyMap<string, Plan>, required: ReadonlySet<string>, additional: Plan | null) {
    this.names = [...members.keys()].map((name) => Buffer.from(`${name}"`));
    this.plans = [...members.values()];
    this.isRequired = [...members.keys()].map((name) => (required.has(name) ? 1 : 0));
    this.required = required.size;
    this.additional = additional;
    this.follows = Int32Array.from({ length: members.size + 1 }, (_, index) => (index < members.size ? index : -1));
    this.seen = new Int32Array(members.size);
    for (const [index, name] of this.names.entries()) {
      const hash = hashOf(name, 0, name.length);
      this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), index]);
    }
  }

  /** Another object begins: its stamp in `seen`. */
  begin(): number {
    if (this.#turn === MAX_TURN) {
      this.seen.fill(0);
      this.#turn = 0;
    }
    return ++this.#turn;
  }

  /** The member whose name, with the quote, stands there; -1 where none has it. */
  find(bytes: Buffer, from: number, end: number): number {
    const found = this.#byHash.get(hashOf(bytes, from, end));
    return found?.find((index) => bytes.compare(this.names[index]!, 0, undefined, from, end) === 0) ?? -1;
  }
}

function hashOf(bytes: Buffer, from: number, end: number): number {
  return (end - from) * 65_536 + bytes[from]! * 256 + bytes[Math.max(from, end - 2)]!;
}

/** Thrown where a schema goes beyond what a plan can say; never leaves this file. */
class Unplanned extends Error {}

/** `isKeyword`: whether ajv's dialect knows the word; one that it does not know says nothing. */
export function planOf(document: JsonValue, isKeyword: (name: string) => boolean): Plan | null {
  try {
    const plan = new Planner(document, isKeyword).schema(document, true);
    return weightOf(plan, new Map()) <= MAX_WEIGHT ? plan : null;
  } catch (error) {
    if (error instanceof Unplanned || error instanceof RangeError) return null;
    throw error;
  }
}

/** Plans asked of one value and what it holds, at most: a few lines of definitions that refer twice to the next make 2^40. */
const MAX_WEIGHT = 10_000;

/** How many plans are asked on the way from a value to the deepest it holds. Plans hold no circles, but for anything. */
function weightOf(plan: Plan, known: Map<Plan, number>): number {
  if (plan === ANYTHING) return 1;
  const before = known.get(plan);
  if (before !== undefined) return before;
  const { object, array, also, any } = plan;
  let deepest = weightOf(array.items, known);
  if (object.additional !== null) deepest = Math.max(deepest, weightOf(object.additional, known));
  for (const member of object.plans) deepest = Math.max(deepest, weightOf(member, known));
  let weight = 1 + deepest;
  for (const other of [...also, ...(any ?? [])]) weight += weightOf(other, known);
  known.set(plan, weight);
  return weight;
}

/** What nothing is said about, as deep as it goes. */
const ANYTHING: Plan = anything();
const NOTHING = planFrom({ types: 0 });

function anything(): Plan {
  // Only a schema of everything holds itself.
  const plan = {} as { -readonly [member in keyof Plan]: Plan[member] };
  const array = { items: plan, min: 0, max: Infinity };
  return Object.assign(plan, planFrom({ array, object: new ObjectRule(new Map(), new Set(), plan) }));
}

/** Keywords of {@link Planner.schema}, and those that say nothing about values. */
const PLANNED = new Set(
  (
    'type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format ' +
    'properties required additionalProperties items minItems maxItems allOf anyOf oneOf $ref'
  ).split(' '),
);
const SILENT = new Set(
  (
    '$schema $comment $defs definitions title description default examples deprecated readOnly writeOnly ' +
    'contentEncoding contentMediaType contentSchema'
  ).split(' '),
);

class Planner {
  readonly #document: JsonValue;
  readonly #isKeyword: (name: string) => boolean;
  /** By pointer; null while it is being planned. */
  readonly #targets = new Map<string, Plan | null>();

  constructor(document: JsonValue, isKeyword: (name: string) => boolean) {
    this.#document = document;
    this.#isKeyword = isKeyword;
  }

  schema(schema: JsonValue | undefined, isRoot = false): Plan {
    if (schema === true) return ANYTHING;
    if (schema === false) return NOTHING;
    if (!isObject(schema)) throw new Unplanned();
    for (const keyword of Object.keys(schema)) {
      if (PLANNED.has(keyword) || SILENT.has(keyword) || (isRoot && keyword === '$id')) continue;
      // `id` is draft 4's; with one that is not the root's, references resolve otherwise.
      if (this.#isKeyword(keyword) || keyword === '$id' || keyword === 'id') throw new Unplanned();
    }
    const { allOf, anyOf, oneOf, $ref } = schema;
    const also = allOf === undefined ? [] : this.#list(allOf);
    if ($ref !== undefined) also.push(this.#target($ref));
    const any = [
      ...(anyOf === undefined ? [] : [this.#list(anyOf)]),
      ...(oneOf === undefined ? [] : [this.#one(oneOf)]),
    ];
    // Two lists of options: one is asked of a plan of its own.
    const [options = null, more] = any;
    if (more !== undefined) also.push(planFrom({ any: more }));
    return planFrom({
      types: typesOf(schema.type),
      string: stringRule(schema),
      number: numberRule(schema),
      array: { items: this.#optional(schema.items), ...itemCounts(schema) },
      object: this.#object(schema),
      constants: constantsOf(schema),
      also,
      any: options,
    });
  }

  #optional(schema: JsonValue | undefined): Plan {
    return schema === undefined ? ANYTHING : this.schema(schema);
  }

  #list(schemas: JsonValue): Plan[] {
    if (!Array.isArray(schemas) || schemas.length === 0) throw new Unplanned();
    return schemas.map((schema) => this.schema(schema));
  }

  /** Exactly one fits if one does, where no two take the same type. */
  #one(schemas: JsonValue): Plan[] {
    const plans = this.#list(schemas);
    let taken = 0;
    for (const plan of plans) {
      const types = allowedTypes(plan);
      if ((types & taken) !== 0) throw new Unplanned();
      taken |= types;
    }
    return plans;
  }

  #object(schema: JsonObject): ObjectRule {
    const { properties = {}, required = [], additionalProperties } = schema;
    if (!isObject(properties) || !Array.isArray(required)) throw new Unplanned();
    const additional = this.#optional(additionalProperties);
    const members = new Map(Object.entries(properties).map(([name, member]) => [name, this.schema(member)]));
    const wanted = new Set<string>();
    for (const name of required) {
      if (typeof name !== 'string') throw new Unplanned();
      wanted.add(name);
      if (!members.has(name)) members.set(name, additional);
    }
    if (members.size === 0 && additional === ANYTHING) return ANYTHING.object;
    for (const name of members.keys()) if (!isPlainName(name)) throw new Unplanned();
    return new ObjectRule(members, wanted, additional === NOTHING ? null : additional);
  }

  #target(reference: JsonValue): Plan {
    if (typeof reference !== 'string' || !/^#(?:\/|$)/.test(reference)) throw new Unplanned();
    const known = this.#targets.get(reference);
    // In a circle: the depth of the value would be the depth of the stack, and rules would be used within themselves.
    if (known === null) throw new Unplanned();
    if (known !== undefined) return known;
    this.#targets.set(reference, null);
    const plan = this.schema(this.#at(reference));
    this.#targets.set(reference, plan);
    return plan;
  }

  #at(reference: string): JsonValue {
    let at: JsonValue = this.#document;
    if (reference === '#') throw new Unplanned();
    for (const part of reference.slice(2).split('/')) {
      if (!isObject(at) || /[~%]/.test(part) || !Object.hasOwn(at, part)) throw new Unplanned();
      at = at[part]!;
      if (isObject(at) && (at.$id !== undefined || at.id !== undefined)) throw new Unplanned();
    }
    return at;
  }
}

/** A name whose bytes in a record are its own, unless they are escaped, which the walker leaves to others. */
function isPlainName(name: string): boolean {
  // U+FFFD is also what bytes that are no UTF-8 are read as.
  return name.isWellFormed() && !/["\\\uFFFD]/.test(name) && ![...name].some((character) => character < ' ');
}

function planFrom(parts: Partial<Omit<Plan, 'isPlain'>>): Plan {
  const { constants = null, also = [], any = null } = parts;
  return {
    types: parts.types ?? EVERY_TYPE,
    string: parts.string ?? null,
    number: parts.number ?? null,
    array: parts.array ?? ANYTHING.array,
    object: parts.object ?? ANYTHING.object,
    constants,
    also,
    any,
    isPlain: constants === null && also.length === 0 && any === null,
  };
}

/** What a value that fits may be at most. */
function allowedTypes(plan: Plan): number {
  const types = plan.also.reduce((types, other) => types & allowedTypes(other), plan.types);
  return (types & Types.number) === 0 ? types : types | Types.integer;
}

function typesOf(type: JsonValue | undefined): number {
  if (type === undefined) return EVERY_TYPE;
  let types = 0;
  for (const name of Array.isArray(type) ? type : [type]) {
    if (typeof name !== 'string' || !Object.hasOwn(Types, name)) throw new Unplanned();
    types |= Types[name as keyof typeof Types];
  }
  return types;
}

function constantsOf(schema: JsonObject): Buffer[] | null {
  const { enum: list } = schema;
  if (list !== undefined && (!Array.isArray(list) || schema.const !== undefined)) throw new Unplanned();
  const constants = list ?? (schema.const === undefined ? null : [schema.const]);
  // JSON of the same bytes is the same value; in another spelling it is left to ajv.
  return constants === null ? null : constants.map((constant) => Buffer.from(JSON.stringify(constant)));
}

function stringRule(schema: JsonObject): StringRule | null {
  const { pattern, format } = schema;
  const shapes: Shape[] = [];
  const judges: ((text: string) => boolean)[] = [];
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') throw new Unplanned();
    const flat = flatPattern(pattern);
    const matcher = matcherOf(pattern);
    if (flat !== null) shapes.push(flat);
    else judges.push((text) => matcher.test(text));
  }
  if (format !== undefined) {
    if (typeof format !== 'string') throw new Unplanned();
    if (format === 'date-time') shapes.push({ matches: isUsualDateTimeIn });
    else if (isKnownFormat(format)) judges.push(formatJudge(format));
  }
  const [minLength, maxLength] = [limit(schema, 'minLength', 0), limit(schema, 'maxLength', Infinity)];
  const isFree = shapes.length === 0 && judges.length === 0 && minLength === 0 && maxLength === Infinity;
  return isFree ? null : { minLength, maxLength, shapes, judges };
}

function numberRule(schema: JsonObject): NumberRule | null {
  const { multipleOf, format } = schema;
  const judges: ((value: number) => boolean)[] = [];
  if (multipleOf !== undefined) {
    if (typeof multipleOf !== 'number') throw new Unplanned();
    judges.push((value) => isMultiple(value, multipleOf));
  }
  if (typeof format === 'string' && isKnownFormat(format)) judges.push(formatJudge(format));
  const rule = {
    minimum: limit(schema, 'minimum', -Infinity),
    maximum: limit(schema, 'maximum', Infinity),
    exclusiveMinimum: limit(schema, 'exclusiveMinimum', -Infinity),
    exclusiveMaximum: limit(schema, 'exclusiveMaximum', Infinity),
    judges,
  };
  const isFree = judges.length === 0 && !NUMBER_LIMITS.some((keyword) => schema[keyword] !== undefined);
  return isFree ? null : rule;
}

const NUMBER_LIMITS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'] as const;

function itemCounts(schema: JsonObject): { readonly min: number; readonly max: number } {
  return { min: limit(schema, 'minItems', 0), max: limit(schema, 'maxItems', Infinity) };
}

/** Draft 4's exclusive limits are booleans, and those are not planned. */
function limit(schema: JsonObject, keyword: string, byDefault: number): number {
  const value = schema[keyword];
  if (value === undefined) return byDefault;
  if (typeof value !== 'number') throw new Unplanned();
  return value;
}
