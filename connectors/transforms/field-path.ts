/**
 * Dotted paths of KIP-821: `a.b`, with backticks around a name that has dots (`` `a.b`.c ``). A backtick that stands
 * before a dot inside such a name is escaped with a backslash.
 */
import { ConfigError } from '../api/index.ts';

export function fieldPath(text: string): readonly string[] {
  const names: string[] = [];
  let at = 0;
  while (at >= 0) {
    const isQuoted = text[at] === '`';
    const end = isQuoted ? closingBacktick(text, at + 1) : text.indexOf('.', at);
    if (isQuoted && end < 0)
      throw new ConfigError(`The backtick at character ${at + 1} of the field path "${text}" has no end.`);
    const name = end < 0 ? text.slice(at) : text.slice(isQuoted ? at + 1 : at, end);
    names.push(isQuoted ? name.replaceAll('\\`.', '`.') : name);
    // Behind the dot; a closing backtick at the end of the text has none.
    const next = isQuoted ? end + 2 : end + 1;
    at = end < 0 || (isQuoted && end + 1 === text.length) ? -1 : next;
  }
  return names;
}

/** The backtick that ends a name: before a dot that is not escaped, or at the end. */
function closingBacktick(text: string, from: number): number {
  for (let at = text.indexOf('`', from); at >= 0; at = text.indexOf('`', at + 1)) {
    if (at + 1 === text.length) return at;
    if (text[at + 1] === '.' && text[at - 1] !== '\\') return at;
  }
  return -1;
}
