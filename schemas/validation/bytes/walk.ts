/**
 * Judges a value where it lies, in the bytes of its JSON, without making an object of it: one pass, and no text is copied.
 *
 * A yes is a verdict: the bytes are JSON and the value fits the plan. A no only means "not by this way": something is wrong,
 * or unusual (escapes in a name, letters beyond ASCII under a pattern), and JSON.parse and ajv shall say. So whatever is in
 * doubt is a no here. Step 5 of the record's journey, once per record; ../compile-bytes.ts is the only caller.
 *
 * Every function takes the place where a value begins and answers the place behind it, or NO.
 */
import { type ArrayRule, type ObjectRule, type Plan, type StringRule, Types } from './plan.ts';

const NO = -1;
/** Levels of a value that no schema describes; beyond it JSON.parse, which needs no stack, has to look. */
const MAX_DEPTH = 100;
/** Digits that 32 bits hold; divided by a power of ten, which a double holds exactly, they are rounded once, as they should be. */
const EXACT_DIGITS = 9;
const POWERS_OF_TEN = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);
/** The number that {@link number} read last: kept in bytes, where writing it makes no object. */
const numberRead = new Float64Array(1);

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const FIRST_PRINTABLE = 0x20;
const FIRST_BEYOND_ASCII = 0x80;

const NUMBERS = Types.number | Types.integer;

/** From the place where a value begins to the place behind it, or NO. `depth` counts the values around it. */
type Walker = (bytes: Buffer, at: number, depth: number) => number;

/** A judge of bytes from `from` on: whether they are one JSON value that fits. */
export function judgeOf(plan: Plan): (bytes: Buffer, from: number) => boolean {
  const walk = walkerOf(plan, new Map());
  return (bytes, from) => {
    const end = walk(bytes, blank(bytes, from), 0);
    return end !== NO && blank(bytes, end) === bytes.length;
  };
}

/** Every plan becomes a function of its own, so that a record costs one call per value and no question about its schema. */
function walkerOf(plan: Plan, made: Map<Plan, Walker>): Walker {
  const known = made.get(plan);
  if (known !== undefined) return known;
  // Only the plan of anything holds itself; it is there before what it holds is made.
  const late: Walker = (bytes, at, depth) => walker(bytes, at, depth);
  made.set(plan, late);
  const walker = withMore(plan, ownWalker(plan, made), made);
  made.set(plan, walker);
  return walker;
}

/** What the keywords of each type say. */
function ownWalker(plan: Plan, made: Map<Plan, Walker>): Walker {
  const { types } = plan;
  const inner = (other: Plan): Walker => walkerOf(other, made);
  if (types === Types.object) return objectWalker(plan.object, inner);
  if (types === Types.array) return arrayWalker(plan.array, inner);
  if (types === Types.string) return textWalker(plan.string);
  if ((types & ~NUMBERS) === 0 && types !== 0) return numberWalker(plan);
  const byFirst: Walker[] = Array.from({ length: 256 }, () => refuse);
  const add = (type: number, firsts: string, walker: () => Walker): void => {
    if ((types & type) === 0) return;
    const found = walker();
    for (const first of firsts) byFirst[first.charCodeAt(0)] = found;
  };
  add(Types.string, '"', () => textWalker(plan.string));
  add(Types.object, '{', () => objectWalker(plan.object, inner));
  add(Types.array, '[', () => arrayWalker(plan.array, inner));
  add(NUMBERS, '-0123456789', () => numberWalker(plan));
  add(Types.boolean, 't', () => literalWalker('true'));
  add(Types.boolean, 'f', () => literalWalker('false'));
  add(Types.null, 'n', () => literalWalker('null'));
  return (bytes, at, depth) => (at < bytes.length ? byFirst[bytes[at]!]!(bytes, at, depth) : NO);
}

const refuse: Walker = () => NO;

function withMore({ isPlain, constants, also, any }: Plan, own: Walker, made: Map<Plan, Walker>): Walker {
  if (isPlain) return own;
  const others = also.map((plan) => walkerOf(plan, made));
  const options = any === null ? null : any.map((plan) => walkerOf(plan, made));
  return (bytes, at, depth) => {
    const end = own(bytes, at, depth);
    if (end === NO || (constants !== null && !isOneOf(constants, bytes, at, end))) return NO;
    for (let i = 0; i < others.length; i++) if (others[i]!(bytes, at, depth) === NO) return NO;
    if (options === null) return end;
    for (let i = 0; i < options.length; i++) if (options[i]!(bytes, at, depth) !== NO) return end;
    return NO;
  };
}

function isOneOf(constants: readonly Buffer[], bytes: Buffer, from: number, end: number): boolean {
  for (let i = 0; i < constants.length; i++) {
    const constant = constants[i]!;
    if (constant.length === end - from && startsWith(bytes, from, constant)) return true;
  }
  return false;
}

function objectWalker(rule: ObjectRule, inner: (plan: Plan) => Walker): Walker {
  const { names, follows, seen, isRequired, required } = rule;
  const walkers = rule.plans.map(inner);
  const additional = rule.additional === null ? refuse : inner(rule.additional);
  return (bytes, from, depth) => {
    if (bytes[from] !== OPEN_BRACE || depth === MAX_DEPTH) return NO;
    const turn = rule.begin();
    let missing = required;
    let at = blank(bytes, from + 1);
    if (bytes[at] === CLOSE_BRACE) return missing === 0 ? at + 1 : NO;
    for (let before = 0; ; ) {
      if (bytes[at] !== QUOTE) return NO;
      // Who writes records writes their members in one order: the one that came next last time is tried first.
      let member = follows[before]!;
      if (member >= 0 && startsWith(bytes, at + 1, names[member]!)) at += names[member]!.length + 1;
      else {
        const end = nameEnd(bytes, at + 1);
        if (end === NO) return NO;
        member = names.length === 0 ? NO : rule.find(bytes, at + 1, end + 1);
        follows[before] = member;
        at = end + 1;
      }
      if (bytes[at] !== COLON) at = blank(bytes, at);
      if (bytes[at] !== COLON) return NO;
      at = blank(bytes, at + 1);
      if (member < 0) at = additional(bytes, at, depth + 1);
      else {
        before = member + 1;
        if (seen[member] !== turn) {
          seen[member] = turn;
          missing -= isRequired[member]!;
        }
        at = walkers[member]!(bytes, at, depth + 1);
      }
      if (at === NO) return NO;
      if (bytes[at] !== COMMA) at = blank(bytes, at);
      if (bytes[at] !== COMMA) return bytes[at] === CLOSE_BRACE && missing === 0 ? at + 1 : NO;
      at = blank(bytes, at + 1);
    }
  };
}

function arrayWalker({ items, min, max }: ArrayRule, inner: (plan: Plan) => Walker): Walker {
  const walk = inner(items);
  return (bytes, from, depth) => {
    if (bytes[from] !== OPEN_BRACKET || depth === MAX_DEPTH) return NO;
    let at = blank(bytes, from + 1);
    if (bytes[at] === CLOSE_BRACKET) return min <= 0 ? at + 1 : NO;
    for (let count = 1; ; count++) {
      at = walk(bytes, at, depth + 1);
      if (at === NO || count > max) return NO;
      if (bytes[at] !== COMMA) at = blank(bytes, at);
      if (bytes[at] !== COMMA) return bytes[at] === CLOSE_BRACKET && count >= min ? at + 1 : NO;
      at = blank(bytes, at + 1);
    }
  };
}

function textWalker(rule: StringRule | null): Walker {
  if (rule === null) return (bytes, at) => (bytes[at] === QUOTE ? text(bytes, at + 1) : NO);
  return (bytes, at) => (bytes[at] === QUOTE ? ruledText(rule, bytes, at + 1) : NO);
}

function numberWalker({ types, number: rule }: Plan): Walker {
  const isWhole = (types & Types.number) === 0;
  if (rule === null && !isWhole) return number;
  if (rule === null) return (bytes, at) => wholeEnd(number(bytes, at));
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, judges } = rule;
  return (bytes, at) => {
    const end = isWhole ? wholeEnd(number(bytes, at)) : number(bytes, at);
    if (end === NO) return NO;
    const value = numberRead[0]!;
    if (value < minimum || value > maximum || value <= exclusiveMinimum || value >= exclusiveMaximum) return NO;
    for (let i = 0; i < judges.length; i++) if (!judges[i]!(value)) return NO;
    return end;
  };
}

/** `end` of a number, if it was a whole one. */
function wholeEnd(end: number): number {
  return end !== NO && numberRead[0]! % 1 === 0 ? end : NO;
}

function literalWalker(literal: string): Walker {
  const word = Buffer.from(literal);
  return (bytes, at) => (startsWith(bytes, at, word) ? at + word.length : NO);
}

/** Behind the quote that ends a text whose content does not matter. */
function text(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const unit = bytes[at]!;
    if (unit === QUOTE) return at + 1;
    if (unit < FIRST_PRINTABLE) return NO;
    if (unit !== BACKSLASH) continue;
    at = escaped(bytes, at + 1);
    if (at === NO) return NO;
  }
  return NO;
}

/** The last place of what stands behind a backslash. */
function escaped(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at;
    case 0x75: // u
      for (let digit = at + 1; digit <= at + 4; digit++) if (!isHexDigit(bytes[digit])) return NO;
      return at + 4;
    default:
      return NO;
  }
}

function isHexDigit(unit: number | undefined): boolean {
  if (unit === undefined) return false;
  const lower = unit | 0x20;
  return (unit >= ZERO && unit <= NINE) || (lower >= 0x61 && lower <= 0x66);
}

/** A text of ASCII without escapes, so that its bytes are its characters. */
function ruledText(rule: StringRule, bytes: Buffer, from: number): number {
  const end = plainEnd(bytes, from);
  if (end === NO || end - from < rule.minLength || end - from > rule.maxLength) return NO;
  for (const { matches } of rule.shapes) if (!matches(bytes, from, end)) return NO;
  if (rule.judges.length > 0) {
    const content = bytes.toString('latin1', from, end);
    for (const judge of rule.judges) if (!judge(content)) return NO;
  }
  return end + 1;
}

/** The quote that ends a text of ASCII without escapes. */
function plainEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const unit = bytes[at]!;
    if (unit === QUOTE) return at;
    if (unit < FIRST_PRINTABLE || unit >= FIRST_BEYOND_ASCII || unit === BACKSLASH) return NO;
  }
  return NO;
}

/** The quote that ends a name without escapes. */
function nameEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const unit = bytes[at]!;
    if (unit === QUOTE) return at;
    if (unit < FIRST_PRINTABLE || unit === BACKSLASH) return NO;
  }
  return NO;
}

/** Reads a finite number into {@link numberRead}, rounded as JSON.parse rounds. */
function number(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  const first = at;
  let digits = 0;
  // In 32 bits, which is four times as fast; what does not fit there is not used.
  for (let unit = bytes[at]!; unit >= ZERO && unit <= NINE; unit = bytes[++at]!)
    digits = (digits * 10 + unit - ZERO) | 0;
  let count = at - first;
  if (count === 0 || (count > 1 && bytes[first] === ZERO)) return NO;
  let places = 0;
  if (bytes[at] === POINT) {
    const point = ++at;
    for (let unit = bytes[at]!; unit >= ZERO && unit <= NINE; unit = bytes[++at]!)
      digits = (digits * 10 + unit - ZERO) | 0;
    places = at - point;
    if (places === 0) return NO;
    count += places;
  }
  if (count > EXACT_DIGITS || (bytes[at]! | 0x20) === 0x65) return longNumber(bytes, from, at);
  const value = places === 0 ? digits : digits / POWERS_OF_TEN[places]!;
  numberRead[0] = first === from ? value : -value;
  return at;
}

/** With an exponent, or with more digits; `at` is behind the digits. */
function longNumber(bytes: Buffer, from: number, at: number): number {
  let end = at;
  if ((bytes[at]! | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    const first = sign === MINUS || sign === 0x2b ? at + 2 : at + 1;
    end = first;
    while (bytes[end]! >= ZERO && bytes[end]! <= NINE) end++;
    if (end === first) return NO;
  }
  const value = Number(bytes.toString('latin1', from, end));
  numberRead[0] = value;
  return Number.isFinite(value) ? end : NO;
}

function startsWith(bytes: Buffer, from: number, word: Buffer): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word[i]) return false;
  return true;
}

/** The first place at or behind `at` that is no white space. */
function blank(bytes: Buffer, at: number): number {
  let place = at;
  for (let unit = bytes[place]!; unit <= FIRST_PRINTABLE; unit = bytes[++place]!) {
    if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return place;
  }
  return place;
}
