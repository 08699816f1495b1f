/**
 * A JSON reader that remembers where everything stood, so that a fault can be shown at its line and column.
 *
 * For files that people write: it says what is usually wrong (a comma too many, a comment, single quotes) and finds keys
 * that stand twice, which JSON.parse passes over in silence.
 */

/** Lines and columns count from 1, as editors show them. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A value and where it begins. */
export interface Placed {
  readonly at: Place;
  readonly value: unknown;
  /** Of an object: its members by name; of a name that stands twice, the last. */
  readonly members: ReadonlyMap<string, PlacedMember>;
  /** Names that stand more than once, at their second place. */
  readonly repeated: readonly { readonly name: string; readonly at: Place }[];
}

export interface PlacedMember {
  readonly keyAt: Place;
  readonly node: Placed;
}

/** Text that is no JSON. */
export class JsonSyntaxError extends Error {
  readonly at: Place;

  constructor(at: Place, message: string) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.at = at;
  }
}

/** Deeper than any file of ours, and far from the end of the stack. */
const MAX_DEPTH = 200;

const noMembers: ReadonlyMap<string, PlacedMember> = new Map();

/** Parses a whole text. Throws {@link JsonSyntaxError}. */
export function parsePlaced(text: string): Placed {
  const reader = new Reader(text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text);
  const node = reader.value(0);
  reader.end();
  return node;
}

class Reader {
  readonly #text: string;
  /** Where each line begins. */
  readonly #lines: readonly number[];
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#lines = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  value(depth: number): Placed {
    if (depth > MAX_DEPTH) throw this.#fault(`nested deeper than ${MAX_DEPTH} levels`);
    this.#skipSpace();
    const at = this.#place();
    const letter = this.#text[this.#position];
    if (letter === '{') return this.#object(at, depth);
    if (letter === '[') return this.#array(at, depth);
    if (letter === '"') return leaf(at, this.#string());
    const word = /[^\s,:{}[\]"]+/y;
    word.lastIndex = this.#position;
    const found = word.exec(this.#text)?.[0];
    if (found === undefined) throw this.#fault(this.#unexpected('a value'));
    try {
      const value: unknown = JSON.parse(found);
      this.#position += found.length;
      return leaf(at, value);
    } catch {
      throw this.#fault(`${JSON.stringify(found)} is no JSON value; text stands in double quotes`);
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#position < this.#text.length) throw this.#fault(this.#unexpected('the end of the file'));
  }

  #object(at: Place, depth: number): Placed {
    const members = new Map<string, PlacedMember>();
    const repeated: { name: string; at: Place }[] = [];
    this.#position++;
    this.#skipSpace();
    while (this.#text[this.#position] !== '}') {
      const keyAt = this.#place();
      if (this.#text[this.#position] !== '"') throw this.#fault(this.#unexpected('a key in double quotes'));
      const name = this.#string();
      this.#skipSpace();
      if (this.#text[this.#position] !== ':') throw this.#fault(this.#unexpected(`":" after "${name}"`));
      this.#position++;
      if (members.has(name)) repeated.push({ name, at: keyAt });
      members.set(name, { keyAt, node: this.value(depth + 1) });
      this.#separator('}');
    }
    this.#position++;
    const value = Object.fromEntries([...members].map(([name, { node }]) => [name, node.value]));
    return { at, value, members, repeated };
  }

  #array(at: Place, depth: number): Placed {
    const items: unknown[] = [];
    this.#position++;
    this.#skipSpace();
    while (this.#text[this.#position] !== ']') {
      items.push(this.value(depth + 1).value);
      this.#separator(']');
    }
    this.#position++;
    return leaf(at, items);
  }

  /** A comma that is followed by something, or the closing bracket, which stays. */
  #separator(closing: string): void {
    this.#skipSpace();
    if (this.#text[this.#position] === closing) return;
    if (this.#text[this.#position] !== ',') throw this.#fault(this.#unexpected(`"," or "${closing}"`));
    const comma = this.#position++;
    this.#skipSpace();
    if (this.#text[this.#position] === closing) throw this.#fault(`a comma too many before "${closing}"`, comma);
  }

  #string(): string {
    const token = /"(?:[^"\\\n]|\\.)*"/y;
    token.lastIndex = this.#position;
    const found = token.exec(this.#text)?.[0];
    if (found === undefined) throw this.#fault('this text has no closing quote on its line');
    try {
      const value = JSON.parse(found) as string;
      this.#position += found.length;
      return value;
    } catch {
      throw this.#fault(`${found} is no JSON text: a backslash stands before ", \\, /, b, f, n, r, t or uXXXX only`);
    }
  }

  #skipSpace(): void {
    while (' \t\r\n'.includes(this.#text[this.#position] ?? 'x')) this.#position++;
  }

  #unexpected(wanted: string): string {
    const found = this.#text[this.#position];
    if (found === undefined) return `the file ends where ${wanted} should be`;
    if (found === '/' || found === '#') return 'JSON has no comments';
    if (found === "'") return 'text stands in double quotes, not in single ones';
    return `${JSON.stringify(found)} stands where ${wanted} should be`;
  }

  #fault(message: string, position = this.#position): JsonSyntaxError {
    return new JsonSyntaxError(this.#place(position), `${message[0]!.toUpperCase()}${message.slice(1)}.`);
  }

  #place(position = this.#position): Place {
    const line = this.#lines.findLastIndex((start) => start <= position);
    return { line: line + 1, column: position - this.#lines[line]! + 1 };
  }
}

function leaf(at: Place, value: unknown): Placed {
  return { at, value, members: noMembers, repeated: [] };
}
