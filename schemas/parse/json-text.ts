/**
 * Schema texts as text: how deep they nest, and the one spelling under which they are kept and compared.
 *
 * Pure. Works on tokens, because JSON.parse and back would reorder members named like numbers and round long numbers.
 */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export type JsonObject = { [name: string]: JsonValue };

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Where the text first nests deeper than `maxDepth`, as a character position; -1 when it never does. */
export function positionBeyondDepth(text: string, maxDepth: number): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (++depth > maxDepth) return i;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--;
  }
  return -1;
}

/** The text without whitespace between tokens and with strings escaped one way; member order is kept. */
export function compactJson(text: string): string {
  let out = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const end = endOfString(text, i);
      const token = text.slice(i, end + 1);
      if (token.includes('\\')) {
        out += text.slice(from, i) + JSON.stringify(JSON.parse(token));
        from = end + 1;
      }
      i = end;
    } else if (unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09) {
      out += text.slice(from, i);
      from = i + 1;
    }
  }
  return from === 0 ? text : out + text.slice(from);
}

/** As {@link compactJson}, with the members of every object sorted by name: `normalize=true`. */
export function sortedJson(text: string): string {
  return writeSorted(parseWithNumbers(text));
}

/** One text per value: sorted members, no whitespace. For comparing values that have been parsed. */
export function textOf(value: JsonValue): string {
  return writeSorted(value);
}

/** A number as it was spelled. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Spelled = JsonValue | NumberText | Spelled[] | { [name: string]: Spelled };

function parseWithNumbers(text: string): Spelled {
  const keepNumber = (_name: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined ? new NumberText(context.source) : value;
  return JSON.parse(text, keepNumber as (name: string, value: unknown) => unknown) as Spelled;
}

function writeSorted(value: Spelled): string {
  if (value instanceof NumberText) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeSorted).join(',')}]`;
  const object = value as { [name: string]: Spelled };
  const members = Object.keys(object).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${writeSorted(object[name]!)}`).join(',')}}`;
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The position of the quote that ends the string that starts at `start`; the text's end when it never ends. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}
