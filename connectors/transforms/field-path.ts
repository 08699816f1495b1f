/** Dotted paths of KIP-821: `a.b`, with backticks around a name that has dots (`` `a.b`.c ``). */
import { ConfigError } from '../api/index.ts';

export function fieldPath(text: string): readonly string[] {
  const names: string[] = [];
  const part = /`((?:[^`\\]|\\.)*)`(?=\.|$)|([^.`]+)(?=\.|$)/y;
  for (let at = 0; at < text.length; ) {
    part.lastIndex = at;
    const match = part.exec(text);
    if (match === null) throw new ConfigError(`"${text}" is no field path: something is wrong at character ${at + 1}.`);
    names.push((match[1] ?? match[2]!).replace(/\\`/g, '`'));
    at = part.lastIndex + 1;
  }
  return names;
}
