/**
 * Cuts members out of JSON text without changing a character of them, and writes values as JSON without losing any.
 */
import { type ConnectValue, DataError } from '../../api/index.ts';

/** UTF-8 bytes as a string. */
export function sliceText(bytes: Uint8Array): string {
  if (bytes instanceof Buffer) return bytes.toString();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The members of a JSON object as text, by name. Throws SyntaxError on text that ends too soon; judges no member. */
export function memberSlices(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let position = text.indexOf('{') + 1;
  for (;;) {
    const nameStart = text.indexOf('"', position);
    if (nameStart < 0) {
      if (members.size === 0 && text.includes('}')) return members;
      throw new SyntaxError('the object does not end');
    }
    const nameEnd = stringEnd(text, nameStart);
    let start = nameEnd;
    start = text.indexOf(':', start) + 1;
    if (start === 0) throw new SyntaxError('a member without a value');
    const end = valueEnd(text, start);
    if (end === text.length) throw new SyntaxError('the object does not end');
    const raw = text.slice(nameStart, nameEnd);
    const name = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    members.set(name, text.slice(start, end).trim());
    if (text.charCodeAt(end) !== COMMA) return members;
    position = end + 1;
  }
}

/** The members that rows of one table share, in order. */
interface Shape {
  readonly names: readonly string[];
  /** `"name":` per member. */
  readonly heads: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  /** The shape under other names, once somebody wanted it; one rule of renaming is all there is. */
  renamed?: Shape;
}

function shapeOf(names: readonly string[]): Shape {
  const heads = names.map((name) => `${JSON.stringify(name)}:`);
  return { names, heads, places: new Map(names.map((name, index) => [name, index])) };
}

function renamedShape(shape: Shape, rename: (name: string) => string): Shape {
  const names = shape.names.map(rename);
  return names.every((name, index) => name === shape.names[index]) ? shape : shapeOf(names);
}

/** The members of an object: `names` is the same array for all objects of one shape. */
export class Members {
  readonly #shape: Shape;
  /** JSON text, in the order of the names. */
  readonly values: readonly string[];

  constructor(shape: Shape, values: readonly string[]) {
    this.#shape = shape;
    this.values = values;
  }

  get shape(): Shape {
    return this.#shape;
  }

  get names(): readonly string[] {
    return this.#shape.names;
  }

  has(name: string): boolean {
    return this.#shape.places.has(name);
  }

  /** The same members under other names; these themselves where no name becomes another. */
  renamed(rename: (name: string) => string): Members {
    this.#shape.renamed ??= renamedShape(this.#shape, rename);
    const shape = this.#shape.renamed;
    return shape === this.#shape ? this : new Members(shape, this.values);
  }

  /** As a JSON object. */
  text(): string {
    return `{${this.values.map((value, index) => this.#shape.heads[index] + value).join()}}`;
  }

  get(name: string): string | undefined {
    const place = this.#shape.places.get(name);
    return place === undefined ? undefined : this.values[place];
  }
}

/** Shapes that are kept; more tables than this only cost time. */
const SHAPES_MAX = 1000;

/**
 * Reads objects that mostly look like the one before: then no name is read twice, only compared. Throws as
 * {@link memberSlices} does.
 */
export class MemberReader {
  readonly #shapes = new Map<string, Shape>();
  #last: Shape | null = null;

  /** Behind the object that `readAt` read. */
  end = 0;

  /** The object that begins at `start` where it looks like the last one, else null. */
  readAt(text: string, start: number): Members | null {
    const last = this.#last;
    if (last === null || text.charCodeAt(start) !== OPEN_BRACE) return null;
    const values = readShape(text, start, last.heads, this);
    return values === null ? null : new Members(last, values);
  }

  read(text: string): Members {
    const members = this.readAt(text, 0);
    if (members !== null && this.end === text.length) return members;
    const slices = memberSlices(text);
    const names = [...slices.keys()];
    const key = JSON.stringify(names);
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      shape = shapeOf(names);
      if (this.#shapes.size >= SHAPES_MAX) this.#shapes.clear();
      this.#shapes.set(key, shape);
    }
    this.#last = shape;
    return new Members(shape, [...slices.values()]);
  }
}

/** A value that is at least this long is compared with the one before: what repeats is passed over whole. */
const REPEATED_MIN = 12;

/**
 * Reads large objects of which few members are wanted: nothing is cut out before somebody asks for it. What it answers
 * holds until its next `read`. Throws as {@link memberSlices} does.
 */
export class PlaceReader {
  readonly #reader = new MemberReader();
  #shape: Shape | null = null;
  #text = '';
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Per member, the last value that was long. */
  #before: (string | undefined)[] = [];
  /** Set where the text was not like the one before. */
  #members: Members | null = null;
  readonly #inner: { readonly name: string; readonly reader: MemberReader };
  /** The members of the inner object, where it looked like the last one that its reader has read. */
  inner: Members | null = null;

  /** `inner`: the member whose own members are wanted, with who reads them. */
  constructor(inner: { readonly name: string; readonly reader: MemberReader }) {
    this.#inner = inner;
  }

  read(text: string): this {
    this.#text = text;
    this.#members = null;
    this.inner = null;
    if (this.#shape !== null && this.#findAll(text, this.#shape)) return this;
    this.inner = null;
    this.#members = this.#reader.read(text);
    if (this.#shape !== this.#members.shape) this.#before = [];
    this.#shape = this.#members.shape;
    return this;
  }

  has(name: string): boolean {
    return this.#shape!.places.has(name);
  }

  get(name: string): string | undefined {
    if (this.#members !== null) return this.#members.get(name);
    const place = this.#shape!.places.get(name);
    return place === undefined ? undefined : this.#text.slice(this.#starts[place], this.#ends[place]);
  }

  /** As `readShape`, but places only. */
  #findAll(text: string, { heads, places }: Shape): boolean {
    const count = heads.length;
    const inner = places.get(this.#inner.name);
    let position = 1;
    for (let index = 0; index < count; index++) {
      const head = heads[index]!;
      if (text.slice(position, position + head.length) !== head) return false;
      const start = position + head.length;
      const delimiter = index === count - 1 ? CLOSE_BRACE : COMMA;
      let end = 0;
      if (index === inner) {
        this.inner = this.#inner.reader.readAt(text, start);
        end = this.inner === null ? valueEnd(text, start) : this.#inner.reader.end;
      } else end = this.#endOf(text, start, index, delimiter);
      if (text.charCodeAt(end) !== delimiter) return false;
      this.#starts[index] = start;
      this.#ends[index] = end;
      position = end + 1;
    }
    return position === text.length && count > 0;
  }

  /** A whole value that stands there again, up to the same delimiter, ends where it ended. */
  #endOf(text: string, start: number, index: number, delimiter: number): number {
    const before = this.#before[index];
    if (before !== undefined) {
      const end = start + before.length;
      if (text.charCodeAt(end) === delimiter && text.slice(start, end) === before) return end;
    }
    const end = valueEnd(text, start);
    if (end - start >= REPEATED_MIN) this.#before[index] = text.slice(start, end);
    return end;
  }
}

/** The values where the object at `start` has exactly these members and no space between them, else null. */
function readShape(text: string, from: number, heads: readonly string[], place: { end: number }): string[] | null {
  const count = heads.length;
  if (count === 0) return null;
  const values = new Array<string>(count);
  let position = from + 1;
  for (let index = 0; index < count; index++) {
    const head = heads[index]!;
    if (text.slice(position, position + head.length) !== head) return null;
    const start = position + head.length;
    const end = valueEnd(text, start);
    if (text.charCodeAt(end) !== (index === count - 1 ? CLOSE_BRACE : COMMA)) return null;
    values[index] = text.slice(start, end);
    position = end + 1;
  }
  place.end = position;
  return values;
}

/** Behind the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    // An even number of backslashes before it are escapes among themselves.
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  throw new SyntaxError('a string does not end');
}

/** The comma or closing bracket behind the value that begins at `start`. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  let position = start;
  while (position < text.length) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      position = stringEnd(text, position);
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return position;
      depth--;
    } else if (code === COMMA && depth === 0) return position;
    position++;
  }
  return position;
}

/** JSON of a Connect value: 64-bit integers keep their digits, bytes become base64, maps objects. */
export function toJson(value: ConnectValue): string {
  return JSON.stringify(value, replace);
}

/** `JSON.rawJSON` of ES2025, which the compiler's library does not declare yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function replace(this: unknown, name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value));
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  // Uint8Array serialises by index and Date calls toJSON before we are asked, so both are looked up where they stand.
  const original = (this as Record<string, unknown>)[name];
  if (original instanceof Date) return postgresTime(original);
  if (original instanceof Uint8Array) return Buffer.from(original).toString('base64');
  return value;
}

/** ISO 8601 as Postgres reads it: years before Christ and beyond 9999 have another form there. */
function postgresTime(time: Date): string {
  if (Number.isNaN(time.getTime())) throw new DataError('The record holds a time that is no point in time.');
  const text = time.toISOString();
  if (/^\d/.test(text)) return text;
  const year = time.getUTCFullYear();
  const rest = text.slice(text.indexOf('-', 1));
  return year > 0 ? `${year}${rest}` : `${String(1 - year).padStart(4, '0')}${rest} BC`;
}
