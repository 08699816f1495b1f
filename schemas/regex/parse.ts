/**
 * Regular expressions as trees: the part of ECMA-262 that schemas use, for looking at a pattern without running it.
 *
 * Answers null for what it does not know (backward references, lookbehind, inline flags); whoever asks then takes
 * the careful way. Matching itself is done by engines, see engine.ts.
 */
import {
  type CharSet,
  complement,
  DIGITS,
  LINE_ENDS,
  SPACES,
  single,
  unicodeProperty,
  union,
  WORDS,
} from './char-set.ts';

export type RegexNode =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' | 'boundary' | 'no-boundary' }
  | { readonly kind: 'look'; readonly isNegative: boolean; readonly body: RegexNode; readonly text: string };

/** Longer patterns, and groups deeper than this, are not looked into. */
const MAX_PATTERN = 10_000;
const MAX_DEPTH = 100;

class Unknown extends Error {}

/** The tree of a pattern, or null when it holds something this parser does not know. */
export function parseRegex(pattern: string): RegexNode | null {
  if (pattern.length > MAX_PATTERN) return null;
  const parser = new Parser(pattern);
  try {
    return parser.whole();
  } catch (error) {
    if (error instanceof Unknown) return null;
    throw error;
  }
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): RegexNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) throw new Unknown();
    return node;
  }

  #choice(): RegexNode {
    if (++this.#depth > MAX_DEPTH) throw new Unknown();
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#depth--;
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.#at < this.#text.length && !this.#sees('|') && !this.#sees(')')) parts.push(this.#repeated());
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #repeated(): RegexNode {
    const body = this.#atom();
    const [min, max] = this.#quantifier() ?? [1, 1];
    if (min === 1 && max === 1) return body;
    this.#take('?');
    return { kind: 'repeat', body, min, max };
  }

  #quantifier(): [number, number] | null {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    const counted = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.#text.slice(this.#at, this.#at + 30));
    if (counted === null) return null;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    if (counted[2] === undefined) return [min, min];
    return [min, counted[3] === '' ? Number.POSITIVE_INFINITY : Number(counted[3])];
  }

  #atom(): RegexNode {
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!);
    this.#at += character.length;
    switch (character) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'set', set: complement(LINE_ENDS) };
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: this.#class() };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw new Unknown();
      default:
        return { kind: 'set', set: single(character.codePointAt(0)!) };
    }
  }

  #group(): RegexNode {
    const begins = this.#at;
    if (this.#take('?:') || this.#takeName()) return this.#closed();
    const isNegative = this.#text.startsWith('?!', this.#at);
    if (this.#take('?=') || this.#take('?!')) {
      const body = this.#closed();
      return { kind: 'look', isNegative, body, text: this.#text.slice(begins + 2, this.#at - 1) };
    }
    if (this.#sees('?')) throw new Unknown();
    return this.#closed();
  }

  #takeName(): boolean {
    const name = /^\?<[A-Za-z_$][\w$]*>/.exec(this.#text.slice(this.#at, this.#at + 100));
    if (name !== null) this.#at += name[0].length;
    return name !== null;
  }

  #closed(): RegexNode {
    const body = this.#choice();
    if (!this.#take(')')) throw new Unknown();
    return body;
  }

  #escape(): RegexNode {
    const next = this.#text[this.#at];
    if (next === 'b' || next === 'B') {
      this.#at++;
      return { kind: next === 'b' ? 'boundary' : 'no-boundary' };
    }
    return { kind: 'set', set: this.#escapedSet() };
  }

  /** After a backslash, inside and outside of classes. */
  #escapedSet(): CharSet {
    const character = this.#text[this.#at++];
    if (character === 'p' || character === 'P') return this.#property(character === 'P');
    if (character === undefined || /[1-9kc]/.test(character)) throw new Unknown();
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const digits = character === 'x' ? 2 : character === 'u' ? 4 : 0;
    if (digits === 0) return single(character.charCodeAt(0));
    const braced = character === 'u' ? /^\{([0-9a-fA-F]{1,6})\}/.exec(this.#text.slice(this.#at, this.#at + 10)) : null;
    const hex = braced?.[1] ?? this.#text.slice(this.#at, this.#at + digits);
    if (!/^[0-9a-fA-F]+$/.test(hex) || (braced === null && hex.length !== digits)) throw new Unknown();
    this.#at += braced?.[0].length ?? digits;
    return single(Number.parseInt(hex, 16));
  }

  #property(isNegated: boolean): CharSet {
    const name = /^\{([\w=]{1,60})\}/.exec(this.#text.slice(this.#at, this.#at + 70));
    const set = name === null ? null : unicodeProperty(name[1]!);
    if (name === null || set === null) throw new Unknown();
    this.#at += name[0].length;
    return isNegated ? complement(set) : set;
  }

  #class(): CharSet {
    const isNegated = this.#take('^');
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#text.length) throw new Unknown();
      const from = this.#classPart();
      const isRange = this.#sees('-') && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length;
      if (!isRange || from.length !== 1 || from[0]![0] !== from[0]![1]) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      const to = this.#classPart();
      if (to.length !== 1 || to[0]![0] !== to[0]![1]) throw new Unknown();
      ranges.push([from[0]![0], to[0]![0]]);
    }
    const set = union(ranges);
    return isNegated ? complement(set) : set;
  }

  #classPart(): CharSet {
    if (this.#take('\\')) {
      if (this.#take('b')) return single(8);
      return this.#escapedSet();
    }
    const codePoint = this.#text.codePointAt(this.#at)!;
    this.#at += codePoint > 0xffff ? 2 : 1;
    return single(codePoint);
  }

  #sees(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }
}

const ESCAPES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORDS,
  W: complement(WORDS),
  s: SPACES,
  S: complement(SPACES),
  n: single(10),
  r: single(13),
  t: single(9),
  v: single(11),
  f: single(12),
  0: single(0),
};
